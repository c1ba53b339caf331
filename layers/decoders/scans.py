"""What a scan looks like before it is read: evenly lit, its layout and the size of its print, from pixels alone."""

from __future__ import annotations

from itertools import groupby
from typing import Any, Literal

Layout = Literal["columns", "block"]

# Ink fainter than this is the paper's grain; of the rest, so large a share is made fully black.
FAINTEST_INK = 24
LEAST_CONTRAST = 40
BLACK_FROM = 0.7

SLIP_ASPECT = 1.65  # a receipt or ticket, longer than any sheet
GRID_COLUMNS = 96
LEAST_ROWS_OF_TEXT = 20
GUTTER_NEAR = 7  # columns of the grid within which print stands beside a gutter
LEAST_GUTTER = 0.13  # pages of one column have at most .09, those of two .17 and more


def evenly_lit(image: Any) -> Any:
    """A gray image without its shadows and its paper's color: ink from white to black, however faint it was."""
    from PIL import Image, ImageChops, ImageFilter

    small = image.resize((max(1, image.width // 16), max(1, image.height // 16)), Image.Resampling.BOX)
    paper = small.filter(ImageFilter.MaxFilter(5)).filter(ImageFilter.BoxBlur(2))
    ink = ImageChops.subtract(paper.resize(image.size, Image.Resampling.BILINEAR), image)
    black = max(LEAST_CONTRAST, _quantile(ink.histogram(), FAINTEST_INK, BLACK_FROM))
    return ink.point([255 - min(255, round(value * 255 / black)) for value in range(256)])


def _quantile(histogram: list[int], start: int, share: float) -> int:
    wanted, counted = sum(histogram[start:]) * share, 0
    for value in range(start, 256):
        counted += histogram[value]
        if counted and counted >= wanted:
            return value
    return 255


def text_height_px(image: Any) -> int:
    """The height of most lines of print in an evenly lit image, from where ink begins and ends in eight strips; 0 unknown."""
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
    # The median over inked rows, so that specks count for little.
    seen, half = 0, sum(heights) / 2
    for height in sorted(heights):
        seen += height
        if seen >= half:
            return height
    return 0


def layout_of(image: Any) -> Layout:
    """Columns where a gutter runs between print on both its sides; else one block of lines, as on a receipt or form."""
    if image.height >= SLIP_ASPECT * image.width:
        return "block"
    rows = [row for row in _grid(image) if sum(row) >= 6]
    if len(rows) < LEAST_ROWS_OF_TEXT:
        return "block"
    places = range(GRID_COLUMNS // 5, GRID_COLUMNS - GRID_COLUMNS // 5)
    return "columns" if max(_gutter(rows, place) for place in places) > LEAST_GUTTER else "block"


def _grid(image: Any) -> list[list[bool]]:
    """The page in cells that are inked or not, four rows for each column's width."""
    from PIL import Image

    height = min(700, max(60, round(image.height / image.width * GRID_COLUMNS * 4)))
    cells = image.resize((GRID_COLUMNS, height), Image.Resampling.BOX).tobytes()
    rows = (cells[at : at + GRID_COLUMNS] for at in range(0, len(cells), GRID_COLUMNS))
    return [[value < 255 - FAINTEST_INK for value in row] for row in rows]


def _gutter(rows: list[list[bool]], place: int) -> float:
    """The share of rows with print left and right of a blank place, less twice the share that has print in it."""
    beside = sum(
        1
        for row in rows
        if not row[place]
        and any(row[max(0, place - GUTTER_NEAR) : place])
        and any(row[place + 1 : place + 1 + GUTTER_NEAR])
    )
    return (beside - 2 * sum(1 for row in rows if row[place])) / len(rows)
