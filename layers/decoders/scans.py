"""Prepares scans for OCR: removes shadows, and finds the layout and the print size."""

from __future__ import annotations

from itertools import groupby
from typing import Any, Literal

Layout = Literal["columns", "block"]

# Fainter pixels are paper grain. Of the others, those above this quantile of darkness become fully black.
FAINTEST_INK = 24
MIN_CONTRAST = 40
BLACK_FROM = 0.7

SLIP_ASPECT = 1.65  # height by width of receipts and tickets, which are longer than any sheet
GRID_COLUMNS = 96
MIN_ROWS_OF_TEXT = 20
GUTTER_NEAR = 7  # grid columns on each side of a gutter in which print must be
MIN_GUTTER = 0.13  # pages of one column have at most .09, those of two .17 and more


def evenly_lit(image: Any) -> Any:
    """A gray image without shadows and paper color, with ink stretched to the full range from white to black."""
    from PIL import Image, ImageChops, ImageFilter

    small = image.resize((max(1, image.width // 16), max(1, image.height // 16)), Image.Resampling.BOX)
    paper = small.filter(ImageFilter.MaxFilter(5)).filter(ImageFilter.BoxBlur(2))
    ink = ImageChops.subtract(paper.resize(image.size, Image.Resampling.BILINEAR), image)
    black = max(MIN_CONTRAST, _quantile(ink.histogram(), FAINTEST_INK, BLACK_FROM))
    return ink.point([255 - min(255, round(value * 255 / black)) for value in range(256)])


def _quantile(histogram: list[int], start: int, share: float) -> int:
    target, counted = sum(histogram[start:]) * share, 0
    for value in range(start, 256):
        counted += histogram[value]
        if counted and counted >= target:
            return value
    return 255


def text_height_px(image: Any) -> int:
    """The median height of print lines in an evenly lit image, measured in eight vertical strips; 0 if unknown."""
    from PIL import Image

    strips = 8
    means = image.resize((strips, image.height), Image.Resampling.BOX).tobytes()
    heights: list[int] = []
    for strip in range(strips):
        ink = [255 - value for value in means[strip::strips]]
        in_order = sorted(ink)
        least, most = in_order[len(ink) // 10], in_order[int(len(ink) * 0.95)]
        if most - least >= 6:
            threshold = least + (most - least) * 0.3
            runs = ((inked, len(list(run))) for inked, run in groupby(value > threshold for value in ink))
            heights += [length for inked, length in runs if inked and length >= 4]
    # The median over inked rows, so that specks have little weight.
    counted, half = 0, sum(heights) / 2
    for height in sorted(heights):
        counted += height
        if counted >= half:
            return height
    return 0


def layout_of(image: Any) -> Layout:
    """`columns` if a gutter runs between print on both sides, else `block`: one block of lines, as on a receipt or
    form."""
    if image.height >= SLIP_ASPECT * image.width:
        return "block"
    rows = [row for row in _grid(image) if sum(row) >= 6]
    if len(rows) < MIN_ROWS_OF_TEXT:
        return "block"
    columns = range(GRID_COLUMNS // 5, GRID_COLUMNS - GRID_COLUMNS // 5)
    return "columns" if max(_gutter(rows, column) for column in columns) > MIN_GUTTER else "block"


def _grid(image: Any) -> list[list[bool]]:
    """The page as a grid of inked and blank cells; a cell is four times as wide as high."""
    from PIL import Image

    height = min(700, max(60, round(image.height / image.width * GRID_COLUMNS * 4)))
    cells = image.resize((GRID_COLUMNS, height), Image.Resampling.BOX).tobytes()
    rows = (cells[at : at + GRID_COLUMNS] for at in range(0, len(cells), GRID_COLUMNS))
    return [[value < 255 - FAINTEST_INK for value in row] for row in rows]


def _gutter(rows: list[list[bool]], column: int) -> float:
    """The share of rows with print left and right of a blank cell in this column, less twice the share with print in
    it."""
    between_print = sum(
        1
        for row in rows
        if not row[column]
        and any(row[max(0, column - GUTTER_NEAR) : column])
        and any(row[column + 1 : column + 1 + GUTTER_NEAR])
    )
    return (between_print - 2 * sum(1 for row in rows if row[column])) / len(rows)
