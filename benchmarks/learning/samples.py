"""Labelled scans as they are read once and kept, with the values that the rules find and a memory that learns from labels."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageFilter

from benchmarks.reading.truth import Receipt, are_right
from layers.decoders import ocr
from layers.decoders.gray_pages import gray_page
from layers.domain.extraction.rules import extract
from layers.domain.learning.memory import Example, Recall, recall
from layers.domain.learning.properties import sender_values
from layers.domain.learning.sender_keys import keys_of, keys_of_values
from layers.domain.page import Extraction, Page, pages_as_read

FIELDS = ("company", "date", "address", "total")
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": list(FIELDS),
    "properties": {
        "company": {"type": "string"},
        "date": {"type": "string", "format": "date"},
        "address": {"type": "string"},
        "total": {"type": "number"},
    },
}


@dataclass(frozen=True)
class Sample:
    """A scan as it was read, and its true values."""

    receipt: Receipt
    page: Page

    @property
    def truth(self) -> dict[str, Any]:
        return {name: self.receipt.fields[name] for name in FIELDS}

    @cached_property
    def keys(self) -> frozenset[str]:
        return keys_of([self.page])

    @cached_property
    def found(self) -> Extraction:
        return extract([self.page], SCHEMA)

    def right(self, found: Extraction) -> dict[str, bool]:
        return are_right(found.fields, self.truth)


class Memory:
    """The memory of a dataset whose records were corrected to the true values of these samples."""

    def __init__(self, taught: Iterable[Sample]) -> None:
        self._values: list[dict[str, str]] = []
        self._by_key: dict[str, list[int]] = {}
        for number, sample in enumerate(taught):
            values = sender_values(sample.truth, SCHEMA)
            self._values.append(values)
            for key in sample.keys | keys_of_values(values):
                self._by_key.setdefault(key, []).append(number)

    def examples(self, keys: frozenset[str]) -> list[Example]:
        shared: dict[int, set[str]] = {}
        for key in keys:
            for number in self._by_key.get(key, ()):
                shared.setdefault(number, set()).add(key)
        return [Example(self._values[number], frozenset(found)) for number, found in shared.items()]

    def recall(self, sample: Sample) -> Recall:
        return recall(sample.found, [sample.page], SCHEMA, self.examples(sample.keys))


def samples(receipts: Sequence[Receipt], level: str, folder: Path) -> list[Sample]:
    """The scans as this level reads them. What was read is kept in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    return [
        Sample(receipt, _page(folder / f"{receipt.path.stem}.{level}.json", partial(_read, receipt.path, level)))
        for receipt in receipts
    ]


def damaged_samples(receipts: Sequence[Receipt], folder: Path) -> list[Sample]:
    """The scans as other levels and Tesseract read them, and damaged copies of them: values are wrong more often, so that more
    can be learnt from them about errors. What was read is kept in a folder."""
    found = [sample for level in ("fast", "balanced") for sample in samples(receipts, level, folder)]
    for receipt in receipts:
        kept = folder / f"{receipt.path.stem}.tesseract.json"
        found.append(Sample(receipt, _page(kept, partial(_read, receipt.path, "fast", "tesseract"))))
        for damage in DAMAGES:
            for level in ("fast", "accurate"):
                kept = folder / f"{receipt.path.stem}.{damage}.{level}.json"
                found.append(Sample(receipt, _page(kept, partial(_read_damaged, receipt.path, damage, level))))
    return found


def _page(kept: Path, read: Callable[[], list[dict[str, Any]]]) -> Page:
    if not kept.exists():
        kept.write_text(json.dumps(read()))
    return pages_as_read(json.loads(kept.read_text()))[0]


def _read(path: Path, level: str, engine: str = "auto") -> list[dict[str, Any]]:
    return ocr.read_pages(str(path), "image/jpeg", [1], ["eng"], level, SCHEMA, engine)  # type: ignore[arg-type]


def _read_damaged(path: Path, damage: str, level: str) -> list[dict[str, Any]]:
    image = DAMAGES[damage](gray_page(str(path), "image/jpeg", 1).convert("L"), random.Random(f"{path.stem} {damage}"))
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        image.save(file.name)
        return ocr.read_pages(file.name, "image/png", [1], ["eng"], level, SCHEMA)  # type: ignore[arg-type]


def _coarse(image: Any, chance: random.Random) -> Any:
    """As sent by a messenger: few pixels."""
    scale = min(0.62, chance.uniform(0.45, 0.6) * 1000 / image.width)
    small = image.resize((int(image.width * scale), int(image.height * scale)), Image.Resampling.BILINEAR)
    return small.filter(ImageFilter.GaussianBlur(0.5))


def _faded(image: Any, chance: random.Random) -> Any:
    """As an old thermal print, photographed in poor light: faint, grainy, blurred and tilted."""
    share = chance.uniform(0.45, 0.65)
    faint = image.point(lambda value: round(255 - (255 - value) * share))
    grain = Image.effect_noise(image.size, chance.uniform(12, 22))
    grainy = ImageChops.add(faint, grain, offset=-128)
    blurred = grainy.filter(ImageFilter.GaussianBlur(chance.uniform(0.8, 1.3)))
    return blurred.rotate(chance.uniform(-1.5, 1.5), Image.Resampling.BILINEAR, fillcolor=225)


DAMAGES: dict[str, Callable[[Any, random.Random], Any]] = {"coarse": _coarse, "faded": _faded}
