"""Tables: records as CSV, JSON lines, an Excel workbook or Parquet, written to a file in parts."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Protocol, Self

from functions.api.records import (
    BYTE_ORDER_MARK,
    MEDIA_TYPES,
    OWN_COLUMNS,
    as_lines,
    cell,
    records_of,
)
from layers.domain.extraction.schemas import resolve_references
from layers.ports.rows import RecordRow

Record = dict[str, Any]
COLUMNS = (*OWN_COLUMNS, "review")
OTHER = "other_values"  # JSON of the values that have no column, or not its type
MOST_SHEET_ROWS = 1_048_575  # of Excel, without the header
LONGEST_CELL = 32_767  # of Excel
LARGEST_INTEGER = 2**63
GROUP_ROWS = 20_000


class TooManyRows(Exception):
    """The format can't hold as many rows."""


class Table(Protocol):
    """A file to which records are written, in parts."""

    media_type: ClassVar[str]

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def write(self, rows: Sequence[RecordRow]) -> int:
        """Write the records of these files, one row for each document. Returns the number of rows."""


class _Table:
    """The columns of a table: Fairway's own, and those of the dataset's schema in its order."""

    def __init__(self, path: Path, schema: Mapping[str, Any]) -> None:
        self.path = path
        self.properties: dict[str, Any] = resolve_references(schema).get("properties") or {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Finish the file."""

    def records(self, rows: Sequence[RecordRow]) -> list[Record]:
        return [record for row in rows for record in records_of(row, list(self.properties))]


class CsvTable(_Table):
    """CSV for Excel: with a byte order mark, and with an apostrophe before what could start a formula."""

    media_type: ClassVar[str] = MEDIA_TYPES["csv"]

    def __init__(self, path: Path, schema: Mapping[str, Any]) -> None:
        super().__init__(path, schema)
        self._stream = path.open("w", encoding="utf-8", newline="", errors="replace")
        self._stream.write(BYTE_ORDER_MARK)
        self._writer = csv.writer(self._stream, quoting=csv.QUOTE_ALL)
        self._writer.writerow([cell(name) for name in (*COLUMNS, *self.properties)])

    def write(self, rows: Sequence[RecordRow]) -> int:
        records = self.records(rows)
        for record in records:
            values = (*(record[name] for name in COLUMNS), *(record["fields"].get(name) for name in self.properties))
            self._writer.writerow([cell(value) for value in values])
        return len(records)

    def close(self) -> None:
        self._stream.close()


class JsonLines(_Table):
    media_type: ClassVar[str] = MEDIA_TYPES["jsonl"]

    def __init__(self, path: Path, schema: Mapping[str, Any]) -> None:
        super().__init__(path, schema)
        self._stream: io.TextIOWrapper = path.open("w", encoding="utf-8", errors="replace")

    def write(self, rows: Sequence[RecordRow]) -> int:
        records = self.records(rows)
        self._stream.write(as_lines(records, list(self.properties), COLUMNS))
        return len(records)

    def close(self) -> None:
        self._stream.close()


class Workbook(_Table):
    """A sheet with typed cells and a frozen header. Texts are never formulas or links."""

    media_type: ClassVar[str] = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

    def __init__(self, path: Path, schema: Mapping[str, Any]) -> None:
        import xlsxwriter  # at first use: only exports need it

        super().__init__(path, schema)
        # `constant_memory` writes each row to a temporary file as soon as the next one begins.
        self._book = xlsxwriter.Workbook(str(path), {"constant_memory": True, "tmpdir": str(path.parent)})
        self._sheet = self._book.add_worksheet("Records")
        self._date = self._book.add_format({"num_format": "yyyy-mm-dd"})
        self._sheet.freeze_panes(1, 0)
        bold = self._book.add_format({"bold": True})
        for column, name in enumerate((*COLUMNS, *self.properties, OTHER)):
            self._sheet.write_string(0, column, name[:LONGEST_CELL], bold)
        self._rows = 0

    def write(self, rows: Sequence[RecordRow]) -> int:
        records = self.records(rows)
        for record in records:
            self._rows += 1
            if self._rows > MOST_SHEET_ROWS:
                raise TooManyRows(f"a sheet of Excel has at most {MOST_SHEET_ROWS} rows; export as csv, or fewer rows")
            for column, name in enumerate(COLUMNS):
                self._put(column, record[name], {})
            typed, other = _typed(record["fields"], self.properties)
            for column, (name, schema) in enumerate(self.properties.items(), len(COLUMNS)):
                self._put(column, typed.get(name), schema)
            self._put(len(COLUMNS) + len(self.properties), other, {})
        return len(records)

    def _put(self, column: int, value: Any, schema: Mapping[str, Any]) -> None:
        if value is None or value == []:
            return
        if isinstance(value, bool):
            self._sheet.write_boolean(self._rows, column, value)
        elif isinstance(value, int | float):
            self._sheet.write_number(self._rows, column, value)
        elif isinstance(value, date):
            if value.year >= 1900:
                self._sheet.write_datetime(self._rows, column, datetime(value.year, value.month, value.day), self._date)
            else:  # Excel has no dates before 1900
                self._sheet.write_string(self._rows, column, value.isoformat())
        else:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            self._sheet.write_string(self._rows, column, text[:LONGEST_CELL])

    def close(self) -> None:
        self._book.close()


class Parquet(_Table):
    """Typed columns, compressed; a list or an object is JSON text."""

    media_type: ClassVar[str] = "application/vnd.apache.parquet"

    def __init__(self, path: Path, schema: Mapping[str, Any]) -> None:
        import pyarrow
        import pyarrow.parquet

        super().__init__(path, schema)
        own = {
            **dict.fromkeys(COLUMNS, pyarrow.string()),
            "schema_version": pyarrow.int32(),
            "complete": pyarrow.bool_(),
            **dict.fromkeys(("missing", "doubtful", "notes"), pyarrow.list_(pyarrow.string())),
        }
        types = {
            "number": pyarrow.float64(),
            "integer": pyarrow.int64(),
            "boolean": pyarrow.bool_(),
            "date": pyarrow.date32(),
        }
        self._names = {name: _unique(name, {*COLUMNS, OTHER}) for name in self.properties}
        columns = [
            *own.items(),
            *((self._names[name], types.get(_kind(kind), pyarrow.string())) for name, kind in self.properties.items()),
            (OTHER, pyarrow.string()),
        ]
        self._schema = pyarrow.schema(columns)
        self._writer = pyarrow.parquet.ParquetWriter(str(path), self._schema, compression="zstd")
        self._make: Callable[..., Any] = pyarrow.Table.from_pylist
        self._held: list[Record] = []

    def write(self, rows: Sequence[RecordRow]) -> int:
        records = self.records(rows)
        self._held += map(self._row, records)
        if len(self._held) >= GROUP_ROWS:
            self._flush()
        return len(records)

    def _row(self, record: Record) -> Record:
        typed, other = _typed(record["fields"], self.properties)
        texts = {
            self._names[name]: json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
            for name, value in typed.items()
        }
        return {**{name: record[name] for name in COLUMNS}, **texts, OTHER: other}

    def _flush(self) -> None:
        if self._held:
            self._writer.write_table(self._make(self._held, schema=self._schema))
            self._held = []

    def close(self) -> None:
        self._flush()
        self._writer.close()


WRITERS: dict[str, Callable[[Path, Mapping[str, Any]], Table]] = {
    "csv": CsvTable,
    "jsonl": JsonLines,
    "xlsx": Workbook,
    "parquet": Parquet,
}


def _kind(schema: Mapping[str, Any]) -> str:
    return "date" if schema.get("format") == "date" else str(schema.get("type"))


def _typed(fields: Mapping[str, Any], properties: Mapping[str, Any]) -> tuple[Record, str | None]:
    """The values with the types of their columns, and the others as JSON."""
    typed, other = {}, {}
    for name, value in fields.items():
        fitting = _fitting(value, _kind(properties[name])) if name in properties else None
        if fitting is not None:
            typed[name] = fitting
        elif value is not None:
            other[name] = value
    return typed, json.dumps(other, ensure_ascii=False) if other else None


def _fitting(value: Any, kind: str) -> Any:
    """The value as its column's type; None if it is of another type, as it can be in a record of an older schema."""
    if kind in ("array", "object"):
        return value if isinstance(value, list | dict) else None
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    if kind in ("number", "integer"):
        if not isinstance(value, int | float) or isinstance(value, bool):
            return None
        if kind == "number":
            return float(value) if abs(value) < 1e300 else None
        return int(value) if value == int(value) and abs(value) < LARGEST_INTEGER else None
    if not isinstance(value, str):
        return None
    return _as_date(value) if kind == "date" else value


def _as_date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _unique(name: str, taken: set[str]) -> str:
    return f"fields.{name}" if name in taken else name
