"""Records: the rows of a dataset's table, in pages, as JSON, JSON lines or CSV."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from functions.api import datasets
from functions.api.artifacts import documents_of, further_id
from functions.api.requests import Request, Response, bad_parameter
from layers.domain.corrections import Document, sources
from layers.ports.rows import RecordRow

Shown = dict[str, Any]
FORMATS = ("json", "jsonl", "csv")
EXCEL = ("0", "1")
BYTE_ORDER_MARK = "\ufeff"  # without it, Excel takes UTF-8 for the system's old encoding
MEDIA_TYPES = {"jsonl": "application/x-ndjson", "csv": "text/csv; charset=utf-8; header=present"}
OWN_COLUMNS = ("id", "file_id", "file_name", "schema_version", "complete", "missing", "doubtful", "notes")
# Characters that start a formula, also in their full-width and small forms, and control characters that can do so.
FORMULA_STARTS = "=+-@"
CONTROL_STARTS = ("\t", "\r", "\n")
# A spreadsheet that expects another separator than a comma does not recognise our quotes: there, a cell begins after
# each of these.
CELL_ENDS = re.compile(r"([;|\t\r\n])")
# Invisible characters of visible categories, and the quote, which a spreadsheet takes for the start of a quoted cell.
BLANKS = frozenset('\u115f\u1160\u3164\uffa0\u2800"')
INVISIBLE_CATEGORIES = ("Z", "C", "M")  # separators, controls and formats, marks


def show(request: Request, dataset_id: str) -> Response:
    dataset = datasets.existing(request, dataset_id)
    form = request.one_of("format", FORMATS) or "json"
    for_excel = request.one_of("excel", EXCEL) == "1"
    if for_excel and form != "csv":
        raise bad_parameter("excel", "needs format=csv")
    limit = request.whole_number("limit", 1000, 1, 1000)
    position = request.position(f"records {dataset_id}")
    rows = request.catalog.records(dataset_id, position[0] if position else None, limit + 1)
    columns = list(dataset.schema.get("properties", {}))
    records = [record for row in rows[:limit] for record in records_of(row, columns)]
    following = None
    if len(rows) > limit:
        following = request.cursor(f"records {dataset_id}", [str(rows[limit - 1].record_id)])
    version = dataset.schema_version
    if form == "json":
        return Response(200, {"schema_version": version, "records": records, "next_cursor": following})
    text = _as_csv(records, columns) if form == "csv" else as_lines(records, columns)
    if for_excel:
        text = BYTE_ORDER_MARK + text
    headers = {"X-Schema-Version": str(version)}
    if following:
        excel = {"excel": "1"} if for_excel else {}
        query = urlencode({"format": form, **excel, "limit": limit, "cursor": following})
        headers["Link"] = f'</datasets/{dataset_id}/records?{query}>; rel="next"'
    return Response(200, text=text, media_type=MEDIA_TYPES[form], headers=headers)


def records_of(row: RecordRow, columns: Sequence[str]) -> list[Shown]:
    """The records of a file, one for each of its documents."""
    return [_record(row, document, number, columns) for number, document in enumerate(documents_of(row), 1)]


def _ordered(fields: Mapping[str, Any], columns: Sequence[str]) -> Shown:
    """The fields in the order of the current schema, followed by those of older schemas."""
    return {name: fields[name] for name in columns if name in fields} | dict(fields)


def _record(row: RecordRow, document: Document, number: int, columns: Sequence[str]) -> Shown:
    return {
        "id": str(row.record_id) if number == 1 else further_id(row.record_id, number),
        "file_id": str(row.file_id),
        "file_name": row.file_name,
        "schema_version": row.schema_version,
        "complete": document.complete,
        "missing": document.missing,
        "doubtful": document.doubtful,
        "notes": document.notes,
        "fields": _ordered(document.fields, columns),
        "by": sources(document, row.set_values.get(str(number), {}), row.found_by),
        "review": row.review,
    }


def as_lines(records: Sequence[Shown], columns: Sequence[str], own: Sequence[str] = OWN_COLUMNS) -> str:
    """One record on each line, with every field of the current schema; a field that was not found is null."""
    lines = [
        {**{name: record[name] for name in own}, "fields": {c: record["fields"].get(c) for c in columns}}
        for record in records
    ]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def _as_csv(records: Sequence[Shown], columns: Sequence[str]) -> str:
    """RFC 4180, with a header on every page. Every cell is quoted, and what could start a formula is escaped."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, quoting=csv.QUOTE_ALL)
    writer.writerow([cell(name) for name in (*OWN_COLUMNS, *columns)])
    for record in records:
        own = [record[name] for name in OWN_COLUMNS]
        writer.writerow([cell(value) for value in (*own, *(record["fields"].get(name) for name in columns))])
    return stream.getvalue()


def cell(value: Any) -> Any:
    """A value as a cell of CSV, in which nothing can start a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return _without_formulas(text.replace("\x00", ""))


def _without_formulas(text: str) -> str:
    """The text with an apostrophe before everything that a spreadsheet could take for a formula."""
    first, *others = CELL_ENDS.split(text)
    # `others` includes the separators: they can't start a formula themselves.
    parts = [first, *(f"'{part}" if _starts_formula(part) else part for part in others)]
    starts = _starts_formula(text) or text.startswith(CONTROL_STARTS)
    return ("'" if starts else "") + "".join(parts)


def _starts_formula(text: str) -> bool:
    """Whether the first visible character starts a formula."""
    first = next((character for character in text if _is_visible(character)), "")
    return first != "" and unicodedata.normalize("NFKC", first)[0] in FORMULA_STARTS


def _is_visible(character: str) -> bool:
    return not (character in BLANKS or unicodedata.category(character).startswith(INVISIBLE_CATEGORIES))
