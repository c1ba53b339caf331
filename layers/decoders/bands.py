"""Cuts tall pages, such as long receipts, into bands that OCR reads at their full width, and joins the results."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

TALL_ASPECT = 3.2  # height by width, beyond any sheet of paper
BAND_ASPECT = 2.0
MAX_BANDS = 16
OVERLAP = 0.12  # of the width, on each side of a cut: more than a line of large print
SEARCHED = 0.25  # of the height of a band, around its end, for the row with the least ink
LEAST_WIDTH_PX = 700
PAGE_PIXELS = 3_740_000  # A4 at 200 dots an inch
MAX_TALL_PIXELS = 16_000_000


def scale_for_ocr(width: float, height: float) -> float:
    """The scale at which a page should be read: a fixed area, but never too narrow to recognise letters."""
    area = max(1e-6, width * height)
    least = LEAST_WIDTH_PX / max(1e-6, min(width, height))
    return min(max(math.sqrt(PAGE_PIXELS / area), least), math.sqrt(MAX_TALL_PIXELS / area))


def is_tall(width: float, height: float) -> bool:
    return height > TALL_ASPECT * width


def cuts(image: Any) -> list[tuple[int, int]]:
    """The first and last row (exclusive) of each band of a tall gray image, without overlap. Cuts are where there is least
    ink."""
    count = min(MAX_BANDS, max(1, math.ceil(image.height / (BAND_ASPECT * image.width))))
    size = image.height / count
    ink = _ink_of_rows(image)
    ends = [0]
    for number in range(1, count):
        middle, reach = round(number * size), max(1, round(size * SEARCHED / 2))
        rows = range(max(ends[-1] + 1, middle - reach), min(image.height - 1, middle + reach))
        ends.append(min(rows, key=lambda row: (ink[row], abs(row - middle)), default=middle))
    return list(zip(ends, [*ends[1:], image.height], strict=True))


def _ink_of_rows(image: Any) -> bytes:
    """The ink around each row: the mean darkness of its neighbourhood."""
    from PIL import Image, ImageOps

    rows = ImageOps.invert(image).resize((1, image.height), Image.Resampling.BOX)
    return bytes(rows.resize((1, image.height), Image.Resampling.BOX).tobytes())


def with_overlap(band: tuple[int, int], image: Any) -> tuple[int, int]:
    overlap = round(OVERLAP * image.width)
    return max(0, band[0] - overlap), min(image.height, band[1] + overlap)


def words_of_band(
    words: Sequence[Sequence[Any]], band: tuple[int, int], shown: tuple[int, int], height: int
) -> list[list[Any]]:
    """The words whose middle is in the band, in fractions of the whole image. `shown` are the rows that were read."""
    kept = []
    for text, x0, y0, x1, y1, *rest in words:
        top, bottom = (shown[0] + y * (shown[1] - shown[0]) for y in (y0, y1))
        if band[0] <= (top + bottom) / 2 < band[1]:
            kept.append([text, x0, top / height, x1, bottom / height, *rest])
    return kept
