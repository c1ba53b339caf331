"""The order in which the lines of a page are read: column by column, and in each row from left to right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from layers.domain.page import Box

LEAST_LINES = 4  # of a column
WIDE = 8.0  # in heights of lines: narrower lines are cells of a table, which are read row by row
GUTTER = 0.7  # in heights of lines
SAME_ROW = 0.5  # lines whose middles differ by less than this, in heights of lines, are in one row


def rows_in_order(boxes: Sequence[Box]) -> list[list[int]]:
    """The rows of a page in reading order, each with the indexes of its lines from left to right."""
    if not boxes:
        return []
    height = median(box[3] - box[1] for box in boxes)
    rows: list[list[int]] = []
    waiting = [list(range(len(boxes)))]
    while waiting:
        region = waiting.pop()
        parts = _parts(region, boxes, height)
        if parts:
            waiting += reversed(parts)
        else:
            rows += _rows(region, boxes)
    return rows


def _parts(region: list[int], boxes: Sequence[Box], height: float) -> list[list[int]]:
    """The two columns of a region, or its parts above and below the widest gap; nothing if it has no columns."""
    if not _has_columns(region, boxes, height):
        return []
    columns = _split(region, boxes, 0, GUTTER * height)
    if columns and all(_is_column(column, boxes, height) for column in columns):
        return columns
    return _split(region, boxes, 1, 0.0)


def _has_columns(region: list[int], boxes: Sequence[Box], height: float) -> bool:
    """Whether wide lines are side by side in several rows."""
    wide = [index for index in region if boxes[index][2] - boxes[index][0] > WIDE * height]
    return sum(len(row) > 1 for row in _rows(wide, boxes)) >= LEAST_LINES


def _is_column(region: list[int], boxes: Sequence[Box], height: float) -> bool:
    widths = [boxes[index][2] - boxes[index][0] for index in region]
    return len(region) >= LEAST_LINES and median(widths) > WIDE * height


def _split(region: list[int], boxes: Sequence[Box], axis: int, least: float) -> list[list[int]]:
    """The lines before and after the widest gap along an axis (0: x, 1: y); nothing if no gap is wider than `least`."""
    extents = sorted((boxes[index][axis], boxes[index][axis + 2]) for index in region)
    end, widest, at = extents[0][1], least, 0.0
    for start, following_end in extents[1:]:
        if start - end > widest:
            widest, at = start - end, (start + end) / 2
        end = max(end, following_end)
    if widest <= least:
        return []
    is_before: Callable[[int], bool] = lambda index: boxes[index][axis] + boxes[index][axis + 2] < 2 * at  # noqa: E731
    return [[index for index in region if is_before(index)], [index for index in region if not is_before(index)]]


def _rows(region: list[int], boxes: Sequence[Box]) -> list[list[int]]:
    rows: list[list[int]] = []
    for index in sorted(region, key=lambda index: boxes[index][1] + boxes[index][3]):
        if rows and _same_row(boxes[rows[-1][-1]], boxes[index]):
            rows[-1].append(index)
        else:
            rows.append([index])
    return [sorted(row, key=lambda index: boxes[index][0]) for row in rows]


def _same_row(last: Box, box: Box) -> bool:
    apart = (box[1] + box[3] - last[1] - last[3]) / 2
    return apart < SAME_ROW * min(box[3] - box[1], last[3] - last[1])
