"""Measures batch separation on made scans: how many marks are found, and how long a page takes.

python -m benchmarks.separation
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from layers.decoders.page_marks import MOST_INK, barcodes_on, ink_of
from tests import scans

PAGES = 12
TILTS, NOISES = (0.0, 2.0, 5.0), (0.0, 8.0, 16.0)
Maker = Callable[[Any], Any]
SEPARATORS: dict[str, Maker] = {
    "Code 128": lambda page: scans.with_barcode(page, "PATCHT", "Code128", (350, 500), 5),
    "Code 39": lambda page: scans.with_barcode(page, "PATCHT", "Code39", (350, 500), 4),
    "QR": lambda page: scans.with_barcode(page, "PATCHT", "QRCode", (600, 500), 8),
    "patch T": lambda page: scans.with_patch(page),
}


def main() -> None:
    chance = random.Random(5)
    print(f"Of {PAGES} pages each, at tilts of {TILTS} degrees and grain of {NOISES}:")
    for name, make in SEPARATORS.items():
        found = 0
        for number in range(PAGES):
            page = make(scans.with_text(scans.sheet()))
            page = scans.scanned(page, chance.choice((-1, 1)) * TILTS[number % 3], NOISES[number // 3 % 3])
            found += "PATCHT" in [barcode[2] for barcode in barcodes_on(page, 1)]
        print(f"  {name}: {found} separators found")
    text = [scans.scanned(scans.with_text(scans.sheet(), lines=30), noise=noise) for noise in NOISES for _ in range(4)]
    began = time.process_time()
    wrong = sum(bool(barcodes_on(page, 1)) for page in text)
    print(f"  text: {wrong} separators found, {(time.process_time() - began) / len(text) * 1000:.0f} ms a page")
    blank = [scans.scanned(scans.sheet(), noise=noise) for noise in NOISES for _ in range(4)]
    began = time.process_time()
    clean = sum(is_clean and ink <= MOST_INK for ink, is_clean in map(ink_of, blank))
    took_ms = (time.process_time() - began) / len(blank) * 1000
    print(f"  blank: {clean} found blank, {took_ms:.0f} ms a page")
    digits = [scans.with_text(scans.sheet(), str(n), 1, (chance.randint(50, 1500), chance.randint(50, 2200))) for n in range(10)]  # fmt: skip
    lost = sum(is_clean and ink <= MOST_INK for ink, is_clean in map(ink_of, digits))
    print(f"  pages with a single digit: {lost} of {len(digits)} found blank")


if __name__ == "__main__":
    main()
