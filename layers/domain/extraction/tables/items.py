"""Items of a document: the rows of its tables as objects of the schema, each value with its evidence."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from layers.domain.extraction import labels
from layers.domain.extraction.amounts import Amount
from layers.domain.extraction.boxes import enclosing_box
from layers.domain.extraction.dates import WrittenDate, dates
from layers.domain.extraction.lines import Line, Lines
from layers.domain.extraction.sums import HALF_A_CENT
from layers.domain.extraction.tables.cells import Cell
from layers.domain.extraction.tables.columns import NUMBERS, Kind, kind_of_property
from layers.domain.extraction.tables.reader import Item, Table, TableReader, text_of, with_texts
from layers.domain.extraction.tables.rows import Row, is_sum
from layers.domain.page import Evidence

MOST_ITEMS = 5_000


@dataclass(frozen=True, slots=True)
class Items:
    """The items of a document: their values, their evidence by index and property, and whether no sum confirms them."""

    values: tuple[dict[str, Any], ...]
    evidence: Mapping[tuple[int, str], Evidence]
    doubtful: bool


class _Numbers(NamedTuple):
    """The numbers of an item, where its row has them."""

    quantity: float | None
    price: float | None
    amount: float | None

    @property
    def contradicts_itself(self) -> bool:
        """Whether quantity times price is not the amount, as far as the price may be rounded."""
        if self.quantity is None or self.price is None or self.amount is None:
            return False
        return abs(self.quantity * self.price - self.amount) > HALF_A_CENT * (abs(self.quantity) + 1) + 1e-9


def items_in(lines: Lines, schema: Mapping[str, Any]) -> Items | None:
    """The items that the tables of a document show for a list of objects; None without any."""
    properties: Mapping[str, Mapping[str, Any]] = schema["items"]["properties"]
    kinds = {name: kind_of_property(name, inner) for name, inner in properties.items()}
    own = {name: _own_labels(name, properties[name]) for name, kind in kinds.items() if kind == "own"}
    own |= {name: _x_labels(inner) for name, inner in properties.items() if kinds[name] != "own" and _x_labels(inner)}
    table = TableReader(lines, own).table
    items = with_texts(table.items, table.behind)
    values: list[dict[str, Any]] = []
    evidence: dict[tuple[int, str], Evidence] = {}
    rows: list[_Numbers] = []
    for item in items[:MOST_ITEMS]:
        cells = _cells_by_kind(item)
        found = {name: _value(item, kinds[name], name, properties[name], cells) for name in properties}
        value = {name: pair[0] for name, pair in found.items() if pair}
        if value:
            evidence |= {(len(values), name): pair[1] for name, pair in found.items() if pair}
            values.append(value)
            numbers = (cells[kind].number if kind in cells else None for kind in ("quantity", "price", "amount"))
            rows.append(_Numbers(*numbers))
    if not values:
        return None
    return Items(tuple(values), evidence, not _are_confirmed(rows, table, lines))


def _own_labels(name: str, schema: Mapping[str, Any]) -> tuple[str, ...]:
    return (*_x_labels(schema), labels.words_of(name))


def _x_labels(schema: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(label).lower() for label in schema.get("x-labels") or ())


def _cells_by_kind(item: Item) -> dict[str, Cell]:
    """The cell of each kind of column, or of each property with a column of its own. Where several columns have the same
    kind, the price is the one that makes the amount; else the last one counts."""
    found: dict[str, list[Cell]] = {}
    for at, column in enumerate(item.columns):
        if cell := item.row.number(at) if column.kind in NUMBERS else item.row.cell(at):
            found.setdefault(_key(column.kind, column.name), []).append(cell)
    chosen = {name: cells[-1] for name, cells in found.items()}
    amount, quantity = (chosen[kind].number if kind in chosen else None for kind in ("amount", "quantity"))
    if amount is not None and quantity:
        for price in found.get("price", ()):
            if price.number is not None and math.isclose(price.number * quantity, amount, abs_tol=0.01 * abs(quantity)):
                chosen["price"] = price
    return chosen


def _key(kind: Kind, name: str | None) -> str:
    """The key of a kind of column, or of the column of a property, whose name may be that of a kind."""
    return f"property {name}" if name else kind


def _value(
    item: Item, kind: Kind, name: str, schema: Mapping[str, Any], cells: Mapping[str, Cell]
) -> tuple[Any, Evidence] | None:
    """The value of a property of an item, with its evidence."""
    cell = cells.get(_key("own", name))
    if kind == "description" and cell is None:
        return _description(item)
    cell = cell or cells.get(kind)
    if cell is None or not cell.text:
        return None
    value = _parsed(cell, schema, kind)
    return None if value is None else (value, item.row.line.evidence(cell.start, cell.end))


def _parsed(cell: Cell, schema: Mapping[str, Any], kind: Kind) -> Any:
    if schema.get("type") in ("number", "integer"):
        number = cell.number
        if number is None or (schema["type"] == "integer" and number != int(number)):
            return None
        return int(number) if schema["type"] == "integer" else number
    if schema.get("format") == "date":
        found = [each.value.value for each in dates(cell.text) if isinstance(each.value, WrittenDate)]
        return found[0].isoformat() if found else None
    if "enum" in schema:
        return cell.text if cell.text in schema["enum"] else None
    return cell.text if schema.get("type", "string") == "string" and kind not in NUMBERS else None


def _description(item: Item) -> tuple[str, Evidence] | None:
    """The text of an item, over all its lines."""
    parts: list[tuple[Line, Cell]] = []
    own = text_of(item)
    if own:
        parts.append((item.row.line, own))
    for row in item.texts:
        cell = _text_cell(row)
        if cell:
            parts.append((row.line, cell))
    if not parts:
        return None
    proofs = [line.evidence(cell.start, cell.end) for line, cell in parts]
    text = " ".join(cell.text for _, cell in parts)
    box = enclosing_box([proof.box for proof in proofs if proof.box])
    return text, Evidence(proofs[0].page, " ".join(proof.text for proof in proofs), box)


def _text_cell(row: Row) -> Cell | None:
    """All cells of a line of text as one."""
    cells = [cell for at in sorted(row.cells) for cell in row.cells[at]]
    if not cells:
        return None
    start, end = cells[0].start, cells[-1].end
    return Cell(row.line.text[start:end].strip(' "'), start, end, cells[0].x0, cells[-1].x1)


def _are_confirmed(rows: Sequence[_Numbers], table: Table, lines: Lines) -> bool:
    """Whether each price makes its amount, and the document shows the sum of all amounts below the items. The sum of a
    single item proves nothing."""
    kinds = {column.kind for item in table.items for column in item.columns}
    if not kinds & {"tax", "discount"} and any(row.contradicts_itself for row in rows):
        return False
    if any(row.amount is None for row in rows) or (len(rows) == 1 and (None in rows[0] or rows[0].contradicts_itself)):
        return False
    total = math.fsum(row.amount for row in rows if row.amount is not None)
    return total > 0 and any(abs(shown - total) < HALF_A_CENT for shown in _shown_below(lines, table.end))


def _shown_below(lines: Lines, end: int) -> Iterator[float]:
    """The amounts below the items: those with cents or a currency, and all in the lines of sums."""
    for index in range(end, len(lines)):
        line = lines[index]
        if is_sum(line, lines.lowered.line(index)):
            yield from (found.value.value for found in line.amounts if isinstance(found.value, Amount))
        else:
            yield from (amount.value for _, amount in line.money)
