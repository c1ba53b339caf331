"""Finds the stripes of a patch T, by which document scanners recognise separator sheets.

A patch code has four bars with narrow spaces between them. Narrow bars and spaces are 0.08 inches wide and wide bars 0.2
inches; the bars are at least 0.75 inches long. Patch T is narrow, wide, narrow, wide, from the top or the left of the sheet;
patch 3 is its mirror image. Source: Kodak, Patch Code Information for Kodak Scanners, A-61599, 2006.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

FORMAT, TEXT = "Patch code", "PATCHT"
CELL_PX = 4
BLACK_BELOW = 128
# A narrow bar, in shares of the longer edge of a sheet: of A3 to A5.
NARROW = (1 / 260, 1 / 90)
SAME = (0.55, 1.6)  # of the mean of the narrow parts: what a narrow part may have
WIDE = (1.8, 3.4)  # the same for a wide bar
QUIET = 1.5  # narrow bars of white on both sides
LEAST_LENGTH = 8  # narrow bars; on a page with grain the ends of the bars may be missed
STRIPES = re.compile(rb"(?=(?<=\0)(\1+)(\0+)(\1+)(\0+)(\1+)(\0+)(\1+)(?=\0))".replace(rb"\1", b"\x01"))


def patch_t_on(image: Any) -> list[float] | None:
    """The box [x0, y0, x1, y1], in fractions, of the first patch T on a gray page; None if there is none."""
    from PIL import Image

    cells = image.reduce(CELL_PX) if min(image.size) >= CELL_PX else image
    black = cells.point([value < BLACK_BELOW for value in range(256)])
    if (across := _found(black, max(black.size))) is not None:
        x0, y0, x1, y1 = across
    elif (down := _found(black.transpose(Image.Transpose.TRANSPOSE), max(black.size))) is not None:
        y0, x0, y1, x1 = down
    else:
        return None
    return [round(value, 4) for value in (x0 / black.width, y0 / black.height, x1 / black.width, y1 / black.height)]


def _found(black: Any, edge: int) -> tuple[int, int, int, int] | None:
    """The box in cells of four bars that lie across the page."""
    from PIL import Image

    columns = black.transpose(Image.Transpose.TRANSPOSE).tobytes()
    open_runs: list[tuple[int, int, int, int]] = []  # first column, start and end in the last column, narrow cells
    for x in range(black.width):
        column = columns[x * black.height : (x + 1) * black.height]
        following = []
        for start, end, narrow in _codes(column, edge):
            known = next((run for run in open_runs if abs(run[1] - start) <= 2 and abs(run[2] - end) <= 2), None)
            first = known[0] if known else x
            if x - first >= LEAST_LENGTH * narrow:
                return first, start, x, end
            following.append((first, start, end, narrow))
        open_runs = following
    return None


def _codes(column: bytes, edge: int) -> Iterator[tuple[int, int, int]]:
    """The start, the end and the narrow width of each patch T that a line across the bars shows."""
    if column.count(1) < 4 * edge * NARROW[0]:
        return
    for found in STRIPES.finditer(column):
        lengths = [len(part) for part in found.groups()]
        narrow_parts = [*lengths[1::2], lengths[0], lengths[4]]
        narrow = sum(narrow_parts) / len(narrow_parts)
        if not NARROW[0] * edge <= narrow <= NARROW[1] * edge:
            continue
        if not all(SAME[0] * narrow <= part <= SAME[1] * narrow for part in narrow_parts):
            continue
        if not all(WIDE[0] * narrow <= part <= WIDE[1] * narrow for part in (lengths[2], lengths[6])):
            continue
        start, end, quiet = found.start(1), found.end(7), round(QUIET * narrow)
        if 1 not in column[max(0, start - quiet) : start] and 1 not in column[end : end + quiet]:
            yield start, end, round(narrow)
