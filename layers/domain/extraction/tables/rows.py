"""Rows of a table: puts the cells of a line into the columns of the header."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from layers.domain.extraction import labels
from layers.domain.extraction.label_words import CONTINUATION, MARKED
from layers.domain.extraction.lines import Line
from layers.domain.extraction.sums import CHANGE, PAID, ROUNDING
from layers.domain.extraction.tables.cells import Cell
from layers.domain.extraction.tables.columns import NUMBERS, Column

NUMBER_IN_TEXT, TEXT_IN_NUMBER, SECOND_NUMBER = 0.02, 0.6, 0.8
TEXT_REACHES_TO = 0.98  # of the way to the next column
LEAST_LETTERS = 3
# Words beside the label of a sum that leave it one: "Total sales (inclusive of GST)".
BESIDE_A_SUM = re.compile(
    r"\b(?:sub|grand|net|nett|gross|sales?|incl\w*|excl\w*|of|the|for|in|gst|vat|sst|tax|taxes|taxable|amount|amt|due|payable|sum|qty|"
    r"quantity|items?|rate|code|rm|eur|usd|gbp|chf|rounded|rounding|adj\w*|discount|total|totals?|ht|ttc|tva|mwst|ust|zzgl|inkl|netto|brutto|"
    r"iva|btw|moms|invoice|bill|before|after|with|page|savings?|und|et|de|la|le|à|payer|zu|zahlen|s\.?r|z\.?r|zrl)\b"
)
NAMES_A_SUM = re.compile(
    r"\b(?:total|totals?|net|nett|gross|tax|gst|vat|sst|amount due|rounding|discount|mwst|tva|iva|btw|moms|netto|brutto)\b"
)
SUMS = ("total", "subtotal", "tax")


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table: the cells of each column, by its place in the header."""

    line: Line
    cells: Mapping[int, list[Cell]] = field(default_factory=dict)

    def cell(self, column: int) -> Cell | None:
        """The cells of a column as one."""
        inside = self.cells.get(column)
        return self._joined(inside) if inside else None

    def number(self, column: int) -> Cell | None:
        """The last cell of a column that is a number: codes of taxes and units may stand beside it."""
        return next((cell for cell in reversed(self.cells.get(column, [])) if cell.is_number), None)

    def _joined(self, inside: Sequence[Cell]) -> Cell:
        first, last = inside[0], inside[-1]
        return Cell(self.line.text[first.start : last.end].strip(' "'), first.start, last.end, first.x0, last.x1)


def row_of(line: Line, cells: Sequence[Cell], columns: Sequence[Column]) -> Row:
    """The row that a line makes: cells and columns have the same order, and each cell goes to the nearest column.

    Only texts may share a column. The assignment with the least sum of distances is found cell by cell.
    """
    best: list[list[float]] = []
    came_from: list[list[int]] = []
    for cell in cells:
        costs: list[float] = []
        sources: list[int] = []
        for at, column in enumerate(columns):
            before, source = (0.0, -1) if not best else _cheapest(best[-1], at, column, cell)
            costs.append(before + _distance(cell, columns, at))
            sources.append(source)
        best.append(costs)
        came_from.append(sources)
    placed: dict[int, list[Cell]] = {}
    if best:
        at = min(range(len(columns)), key=lambda index: best[-1][index])
        for number in range(len(cells) - 1, -1, -1):
            placed.setdefault(at, []).insert(0, cells[number])
            at = came_from[number][at]
    return Row(line, placed)


def _cheapest(before: Sequence[float], at: int, column: Column, cell: Cell) -> tuple[float, int]:
    """The least cost of the cells before, if the last of them is in this column or left of it."""
    shared = SECOND_NUMBER if column.kind in NUMBERS else 0.0
    options = [(cost, index) for index, cost in enumerate(before[:at])]
    return min([*options, (before[at] + shared, at)])


def _distance(cell: Cell, columns: Sequence[Column], at: int) -> float:
    """How far a cell is from a column, and whether it is what the column has."""
    column = columns[at]
    left, right = column.x0, column.x1
    unit = _width(columns)
    if column.kind not in NUMBERS:
        following = columns[at + 1].x0 if at + 1 < len(columns) else max(right, cell.x1)
        right = max(right, left + TEXT_REACHES_TO * (following - left))
    apart = max(0.0, left - cell.x1, cell.x0 - right)
    # Cells that overlap two columns belong to the one whose edge or middle they share.
    edges = min(abs(cell.x0 - column.x0), abs(cell.x1 - column.x1), abs(cell.x0 + cell.x1 - column.x0 - column.x1) / 2)
    cost = (apart + 0.1 * edges) / unit
    if column.kind in NUMBERS:
        return cost + (0.0 if cell.is_number else TEXT_IN_NUMBER)
    return cost + (NUMBER_IN_TEXT if cell.is_number else 0.0)


def _width(columns: Sequence[Column]) -> float:
    """The width of the table."""
    return max(columns[-1].x1 - columns[0].x0, 1e-6)


def is_sum(line: Line, lowered: str) -> bool:
    """Whether a line is a sum below a table, a payment or the like, and no item."""
    if not line.amounts:
        return False
    head = re.sub(r"^[\W\d_]+", "", lowered)
    if any(wording.pattern.match(head) for wording in (PAID, CHANGE, ROUNDING)):
        return True
    if names_a_sum(head) and _has_no_other_words(head):
        return True
    for label in _sum_labels().get(head[:2], ()):
        if (span := labels.find_label(head, label)) and span[0] == 0:
            return _has_no_other_words(head[span[1] :])
    return False


def names_a_sum(lowered: str) -> bool:
    return NAMES_A_SUM.search(lowered) is not None


def is_subtotal(lowered: str) -> bool:
    return any(labels.find_label(lowered, label.words) for label in labels.labels_of("subtotal", {}))


def _has_no_other_words(text: str) -> bool:
    return sum(map(str.isalpha, BESIDE_A_SUM.sub(" ", text))) < LEAST_LETTERS


def is_between_pages(lowered: str) -> bool:
    """Whether a line has the number of its page, or carries a sum from one page to the next."""
    return CONTINUATION.search(lowered) is not None or MARKED.search(lowered) is not None


@cache
def _sum_labels() -> dict[str, list[str]]:
    """The labels of sums by their first two letters, the longest first."""
    found = {label.words for meaning in SUMS for label in labels.labels_of(meaning, {})}
    by_start: dict[str, list[str]] = {}
    for label in sorted(found, key=len, reverse=True):
        by_start.setdefault(label[:2], []).append(label)
    return by_start
