"""Reads the tables of a document line by line: headers, items, lines of text that belong to an item, and sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from layers.domain.extraction.lines import Line, Lines
from layers.domain.extraction.sums import HALF_A_CENT
from layers.domain.extraction.tables.cells import Cell, cells_of, separator_of
from layers.domain.extraction.tables.columns import Column, Header, Kind, header_of, headers_in
from layers.domain.extraction.tables.rows import Row, is_between_pages, is_subtotal, is_sum, names_a_sum, row_of

MOST_TEXT_LINES = 4  # of an item
LEAST_LETTERS = 2
MOST_GAP = 1.5  # in heights of a line, between lines of one item


@dataclass(slots=True)
class Item:
    """An item as it is read: its row, and the lines of text that belong to it."""

    row: Row
    columns: Sequence[Column]
    texts: list[Row] = field(default_factory=list)


def _amount_of(item: Item) -> float | None:
    cells = [item.row.number(at) for at, column in enumerate(item.columns) if column.kind == "amount"]
    return next((cell.number for cell in reversed(cells) if cell), None)


@dataclass(slots=True)
class Table:
    """The items below headers with the same columns. `behind` has lines of text below the last item of a part of the table,
    by the number of items before them; `end` is the index of the line below the last item, `total` the sum of their amounts."""

    items: list[Item] = field(default_factory=list)
    behind: dict[int, list[Row]] = field(default_factory=dict)
    end: int = 0
    total: float = 0.0

    @property
    def worth(self) -> tuple[int, int]:
        """How likely this is the table of items: by its columns, then by its length."""
        kinds = {column.kind for item in self.items[:1] for column in item.columns}
        return len(kinds & {"description", "quantity", "price", "amount"}), len(self.items)


class TableReader:
    """Reads the tables of a document line by line."""

    def __init__(self, lines: Lines, own: Mapping[str, Sequence[str]]) -> None:
        self._tables: dict[tuple[Kind, ...], Table] = {}
        self._table = Table()
        self._columns: list[Column] = []
        self._separator: str | None = None
        self._waiting: list[Row] = []  # lines of text above the next item
        self._rests = False
        self._known = headers_in(lines.lowered.vocabulary, own)
        for index, line in enumerate(lines):
            self._read(index, line, lines.lowered.line(index))
        self._leave()
        self.table = max(self._tables.values(), key=lambda table: table.worth, default=self._table)

    def _read(self, index: int, line: Line, lowered: str) -> None:
        mark = None if line.words else separator_of(line.text)
        if header := _header(line, lowered, mark, self._known):
            self._leave()
            self._columns, self._separator = header, mark
            self._table = self._tables.setdefault(tuple(column.kind for column in header), Table())
        elif not self._columns or (self._separator and mark != self._separator) or is_between_pages(lowered):
            return
        elif is_sum(line, lowered) or self._is_total(line, lowered):
            self._leave(rests=is_subtotal(lowered))
        else:
            row = row_of(line, cells_of(line, self._separator), self._columns)
            if not self._rests or _is_full(row, self._columns):
                self._rests = False
                self._add(row, index)

    def _is_total(self, line: Line, lowered: str) -> bool:
        """Whether a line names a sum, with other words, and has that of the items above."""
        if not self._table.items or not names_a_sum(lowered):
            return False
        return any(abs(amount.value - self._table.total) < HALF_A_CENT for _, amount in line.money)

    def _add(self, row: Row, index: int) -> None:
        if _is_item(row, self._columns):
            item = Item(row, self._columns, self._waiting)
            self._table.items.append(item)
            self._table.total += _amount_of(item) or 0.0
            self._waiting, self._table.end = [], index + 1
        elif _is_text(row, self._columns):
            self._waiting = [*self._waiting[1 - MOST_TEXT_LINES :], row]

    def _leave(self, rests: bool = False) -> None:
        """The table ends. It may go on below a subtotal, with rows that fill most of its columns."""
        if self._columns and self._waiting:
            self._table.behind.setdefault(len(self._table.items), self._waiting)
        self._columns, self._waiting, self._rests = self._columns if rests else [], [], rests


def _header(line: Line, lowered: str, separator: str | None, known: Sequence[Header]) -> list[Column]:
    if line.money:
        return []
    return header_of(cells_of(line, separator), lowered, known)


def _is_item(row: Row, columns: Sequence[Column]) -> bool:
    """Whether a row has an amount, or where the table has none a price or quantity."""
    kinds: Sequence[Kind] = ("amount",) if any(column.kind == "amount" for column in columns) else ("price", "quantity")
    cells = [row.number(at) for at, column in enumerate(columns) if column.kind in kinds]
    return any(cell is not None and cell.number is not None for cell in cells)


def _is_full(row: Row, columns: Sequence[Column]) -> bool:
    """Whether a row has all the numbers that a row of items has, and at least two."""
    numbers = [row.number(at) for at, column in enumerate(columns) if column.kind in ("quantity", "price", "amount")]
    return len(numbers) > 1 and None not in numbers


def _is_text(row: Row, columns: Sequence[Column]) -> bool:
    filled = {columns[at].kind for at in row.cells}
    return not filled & {"amount"} and any(map(str.isalpha, row.line.text))


def with_texts(items: Sequence[Item], behind: Mapping[int, list[Row]]) -> list[Item]:
    """The items, each with the lines of text that belong to it: the one above its row if that has no text, and those that
    continue its text below."""
    are_below = _stand_below(items)
    kept: list[Item] = []
    for number, item in enumerate(items):
        above = item.texts
        own = [] if are_below or text_of(item) else above[-1:]
        if kept:
            kept[-1].texts += _texts_below(kept[-1], behind.get(number, above[: len(above) - len(own)]), are_below)
        kept.append(replace(item, texts=own))
    if kept:
        kept[-1].texts += _texts_below(kept[-1], behind.get(len(items), []), are_below)
    return kept


def _texts_below(item: Item, texts: Sequence[Row], are_below: bool) -> list[Row]:
    """The lines of text below an item that belong to it."""
    return list(texts[:1]) if are_below else _near(item, texts) if text_of(item) else []


def _stand_below(items: Sequence[Item]) -> bool:
    """Whether the texts of items stand below their numbers: the first row of the table has neither text nor any above."""
    bare = [item for item in items if text_of(item) is None]
    return bool(bare) and items[0] in bare and not items[0].texts and len(bare) > len(items) / 2


def _near(item: Item, texts: Sequence[Row]) -> list[Row]:
    """The lines of text directly below an item, on its page and within its description."""
    at = next((at for at, column in enumerate(item.columns) if column.kind == "description"), None)
    near = []
    last = item.row.line
    for row in texts:
        if not _is_directly_below(last, row.line):
            break
        last = row.line
        if row.line.page != item.row.line.page or at is None or set(row.cells) != {at}:
            break
        near.append(row)
    return near


def _is_directly_below(line: Line, below: Line) -> bool:
    """Whether the distance of two lines is at most two usual ones."""
    if not line.words or not below.words:
        return line.page == below.page
    height = max(word.y1 - word.y0 for word in line.words)
    return line.page == below.page and below.words[0].y0 - line.words[0].y1 < MOST_GAP * height


def text_of(item: Item) -> Cell | None:
    """The description in the row of an item itself."""
    for at, column in enumerate(item.columns):
        cell = item.row.cell(at) if column.kind == "description" else None
        if cell and sum(map(str.isalpha, cell.text)) >= LEAST_LETTERS:
            return cell
    return None
