"""Near-duplicates: precision and recall on receipts that are saved, scanned and photographed again.

`python -m benchmarks.near_duplicates FOLDER [--most 20]` reads each JPEG of a folder and three variants of it by OCR and the
rules, as a worker does, and compares all pairs. Two files are the same document if they were made of one original.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from layers.decoders import ocr
from layers.decoders.page_hash import page_hash
from layers.domain.extraction.rules import DEFAULT_SCHEMA, extract
from layers.domain.page import pages_as_read
from layers.domain.similar import Seen, likeness
from tests.unit.test_similar import VARIANTS

LONGEST_EDGE_PX = 1600


class Copy(NamedTuple):
    """A picture of a document: which document, how it was made, and what is compared of it."""

    document: str
    variant: str
    seen: Seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--most", type=int, default=20, help="how many originals")
    options = parser.parse_args()
    copies = []
    with tempfile.TemporaryDirectory() as scratch:
        for path in sorted(options.folder.glob("*.jpg"))[: options.most]:
            copies += _copies(path, Path(scratch))
    pairs = [(one, other, likeness(one.seen, other.seen)) for one, other in combinations(copies, 2)]
    flagged = [(one, other) for one, other, alike in pairs if alike]
    right = [pair for pair in flagged if pair[0].document == pair[1].document]
    for one, other in flagged:
        if one.document != other.document:
            print(f"wrong: {one.document} {one.variant} and {other.document} {other.variant}")
    print(f"{len(copies)} files, {len(flagged)} pairs flagged, {len(right)} of them right")
    print(f"precision {len(right) / max(1, len(flagged)):.3f}")
    for variant in VARIANTS:
        found = [
            alike is not None
            for one, other, alike in pairs
            if one.document == other.document and (one.variant, other.variant) == ("original", variant.__name__)
        ]
        print(f"recall, {variant.__name__}: {sum(found)} of {len(found)}")


def _copies(path: Path, scratch: Path) -> list[Copy]:
    with Image.open(path) as opened:
        original = opened.convert("RGB")
    original.thumbnail((LONGEST_EDGE_PX, LONGEST_EDGE_PX))
    chance = random.Random(path.name)
    made = {"original": original} | {variant.__name__: variant(original, chance) for variant in VARIANTS}
    copies = []
    for name, image in made.items():
        copy = scratch / f"{name}.jpg"
        image.convert("RGB").save(copy, quality=90)
        pages = pages_as_read(ocr.read_pages(str(copy), "image/jpeg", [1], ["eng"], "balanced", DEFAULT_SCHEMA))
        values = extract(pages, DEFAULT_SCHEMA, date.today(), "auto").fields
        copies.append(Copy(path.name, name, Seen(page_hash(image), values, 1, bool(pages[0].text))))
    return copies


if __name__ == "__main__":
    main()
