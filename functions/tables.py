"""Tables: records as CSV, JSON lines, an Excel workbook or Parquet, written to a file in parts."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple, TextIO
from uuid import UUID

from functions.api.records import ALL_COLUMNS, BYTE_ORDER_MARK, MEDIA_TYPES, as_lines, cell, records_of
from functions.arrow_columns import ArrowColumns
from functions.typed_values import OTHER, as_json, kind_of, typed
from layers.domain.extraction.schemas import resolve_references
from layers.ports.exports import ExportedRow
from layers.ports.rows import RecordRow

Record = dict[str, Any]
Pages = Iterable[Sequence[Record]]
MOST_SHEET_ROWS = 1_048_575  # of Excel, without the header
LONGEST_CELL = 32_767  # of Excel
from_json = json.JSONDecoder().raw_decode  # of text without blanks around it, as PostgreSQL writes
GROUP_ROWS = 100_000  # a group of rows of Parquet is in memory, compressed, until it is written


class TooManyRows(Exception):
    """The format can't hold as many rows."""


class Writer(NamedTuple):
    """A format. `write` writes pages of records to a new file; it takes the schema of the dataset, whose properties are
    columns."""

    media_type: str
    write: Callable[[Path, Mapping[str, Any], Pages], None]


def records_of_export(row: ExportedRow) -> list[Record]:
    """The records of a file, one for each of its documents."""
    fields, _ = from_json(row.fields)
    missing = json.loads(row.missing) if row.missing else []
    doubtful = json.loads(row.doubtful) if row.doubtful else []
    notes = json.loads(row.notes) if row.notes else []
    if row.further is None and row.set_values is None:
        return [
            {
                "id": row.record_id,
                "file_id": row.file_id,
                "file_name": row.file_name,
                "schema_version": row.schema_version,
                "complete": row.complete,
                "missing": missing,
                "doubtful": doubtful,
                "notes": notes,
                "fields": fields,
                "review": row.review,
            }
        ]
    several = RecordRow(
        record_id=UUID(row.record_id),
        file_id=UUID(row.file_id),
        file_name=row.file_name,
        schema_version=row.schema_version,
        fields=fields,
        missing=missing,
        doubtful=doubtful,
        notes=notes,
        complete=row.complete,
        further=json.loads(row.further or "[]"),
        found_by="",
        remembered=[],
        lost=row.lost,
        set_values=json.loads(row.set_values or "{}"),
        review=row.review,
    )
    return records_of(several, ())


def write_csv(path: Path, schema: Mapping[str, Any], pages: Pages) -> None:
    """CSV for Excel: with a byte order mark, and with an apostrophe before what could start a formula."""
    with path.open("w", encoding="utf-8", newline="", errors="replace") as stream:
        table = CsvTable(stream, list(properties_of(schema)))
        table.begin()
        for records in pages:
            for record in records:
                table.add(record)


class CsvTable:
    """Writes records as rows of CSV. `first`: the names of columns before those of the record; `properties`: those of its
    values."""

    def __init__(self, stream: TextIO, properties: Sequence[str], first: Sequence[str] = ()) -> None:
        self._stream, self._writer = stream, csv.writer(stream, quoting=csv.QUOTE_ALL)
        self._first, self._properties = first, properties

    def begin(self) -> None:
        """Write the header."""
        self._stream.write(BYTE_ORDER_MARK)
        self._writer.writerow([cell(name) for name in (*self._first, *ALL_COLUMNS, *self._properties)])

    def add(self, record: Record, first: Sequence[Any] = ()) -> None:
        value_of = record["fields"].get
        row = [cell(value) for value in first] + [cell(record[name]) for name in ALL_COLUMNS]
        self._writer.writerow(row + [cell(value_of(name)) for name in self._properties])


def write_json_lines(path: Path, schema: Mapping[str, Any], pages: Pages) -> None:
    properties = list(properties_of(schema))
    with path.open("w", encoding="utf-8", errors="replace") as stream:
        for records in pages:
            stream.write(as_lines(records, properties, ALL_COLUMNS))


def write_workbook(path: Path, schema: Mapping[str, Any], pages: Pages) -> None:
    """A sheet with typed cells and a frozen header. Texts are never formulas or links."""
    import xlsxwriter  # at first use: only exports need it

    # `constant_memory` writes each row to a temporary file as soon as the next one begins.
    with xlsxwriter.Workbook(str(path), {"constant_memory": True, "tmpdir": str(path.parent)}) as book:
        sheet = _Sheet(book, schema)
        for records in pages:
            for record in records:
                sheet.add(record)


class _Sheet:
    """The sheet of a workbook, to which records are added row by row."""

    def __init__(self, book: Any, schema: Mapping[str, Any]) -> None:
        self._kinds = {name: kind_of(each) for name, each in properties_of(schema).items()}
        self._sheet = book.add_worksheet("Records")
        self._date = book.add_format({"num_format": "yyyy-mm-dd"})
        self._sheet.freeze_panes(1, 0)
        bold = book.add_format({"bold": True})
        for column, name in enumerate((*ALL_COLUMNS, *self._kinds, OTHER)):
            self._sheet.write_string(0, column, name[:LONGEST_CELL], bold)
        self._rows = 0

    def add(self, record: Record) -> None:
        self._rows += 1
        if self._rows > MOST_SHEET_ROWS:
            raise TooManyRows(f"a sheet of Excel has at most {MOST_SHEET_ROWS} rows; export as csv, or fewer rows")
        values, other = typed(record["fields"], self._kinds)
        cells = (*(record[name] for name in ALL_COLUMNS), *(values.get(name) for name in self._kinds), other)
        for column, value in enumerate(cells):
            self._put(column, value)

    def _put(self, column: int, value: Any) -> None:
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
            text = value if isinstance(value, str) else as_json(value)
            self._sheet.write_string(self._rows, column, text[:LONGEST_CELL])


def write_parquet(path: Path, schema: Mapping[str, Any], pages: Pages) -> None:
    """Typed columns, compressed; a list or an object is JSON text."""
    from arro3.core import RecordBatchReader
    from arro3.io import write_parquet as write

    columns = ArrowColumns(ALL_COLUMNS, schema)
    errors: list[BaseException] = []

    def batches() -> Iterator[Any]:
        try:
            for records in pages:
                yield columns.batch(records)
        except BaseException as error:  # the library raises one of its own that has only the text
            errors.append(error)
            raise

    try:
        reader = RecordBatchReader.from_batches(columns.schema, batches())
        write(reader, path, compression="zstd(1)", max_row_group_size=GROUP_ROWS)
    except Exception:
        if errors:
            raise errors[0] from None
        raise


WRITERS = {
    "csv": Writer(MEDIA_TYPES["csv"], write_csv),
    "jsonl": Writer(MEDIA_TYPES["jsonl"], write_json_lines),
    "xlsx": Writer("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", write_workbook),
    "parquet": Writer("application/vnd.apache.parquet", write_parquet),
}


def properties_of(schema: Mapping[str, Any]) -> dict[str, Any]:
    return resolve_references(schema).get("properties") or {}
