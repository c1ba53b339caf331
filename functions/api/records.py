"""Records: the rows of a dataset's table, in pages, as JSON, JSON lines, CSV or an Arrow stream."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from functions.api import datasets
from functions.api.accepting import chosen
from functions.api.artifacts import documents_of, further_id
from functions.api.problems import Problem
from functions.api.requests import Request, Response, bad_parameter
from functions.arrow_columns import ArrowColumns
from functions.typed_values import as_json
from layers.domain.corrections import Document, sources
from layers.ports.rows import RecordRow

Shown = dict[str, Any]
FORMATS = ("json", "jsonl", "csv", "arrow")
EXCEL = ("0", "1")
BYTE_ORDER_MARK = "\ufeff"  # without it, Excel takes UTF-8 for the system's old encoding
MEDIA_TYPES = {
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8; header=present",
    "arrow": "application/vnd.apache.arrow.stream",
}
OWN_COLUMNS = ("id", "file_id", "file_name", "schema_version", "complete", "missing", "doubtful", "notes")
ALL_COLUMNS = (*OWN_COLUMNS, "review")
# Characters that start a formula, also in their full-width and small forms, and control characters that can do so.
FORMULA_STARTS = "=+-@"
CONTROL_STARTS = ("\t", "\r", "\n")
# A spreadsheet that expects another separator than a comma does not recognise our quotes: there, a cell begins after
# each of these.
CELL_ENDS = re.compile(r"([;|\t\r\n])")
# Texts that need no closer look, as almost all: they begin with a letter or a digit, and have one part.
is_harmless = re.compile(r"[0-9A-Za-z][^;|\t\r\n\x00]*").fullmatch
# Invisible characters of visible categories, and the quote, which a spreadsheet takes for the start of a quoted cell.
BLANKS = frozenset('\u115f\u1160\u3164\uffa0\u2800"')
INVISIBLE_CATEGORIES = ("Z", "C", "M")  # separators, controls and formats, marks


def show(request: Request, dataset_id: str) -> Response:
    form = _format(request)
    dataset = datasets.existing(request, dataset_id)
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
    headers = {"X-Schema-Version": str(version)}
    if following:
        excel = {"excel": "1"} if for_excel else {}
        query = urlencode({"format": form, **excel, "limit": limit, "cursor": following})
        headers["Link"] = f'</datasets/{dataset_id}/records?{query}>; rel="next"'
    if form == "arrow":
        content = ArrowColumns(ALL_COLUMNS, dataset.schema).stream(records)
        return Response(200, content=content, media_type=MEDIA_TYPES[form], headers=headers)
    text = _as_csv(records, columns) if form == "csv" else as_lines(records, columns)
    if for_excel:
        text = BYTE_ORDER_MARK + text
    return Response(200, text=text, media_type=MEDIA_TYPES[form], headers=headers)


def _format(request: Request) -> str:
    """The format that `format` names; without it, the one that the header Accept prefers."""
    offered = {form: MEDIA_TYPES[form] for form in FORMATS if form != "arrow" or not request.ports.settings.on_lambda}
    form = request.one_of("format", FORMATS) or chosen(request.headers.get("accept", ""), offered)
    if form not in offered:
        detail = f"records are available here as {', '.join(offered.values())}"
        raise Problem("not_acceptable", detail)
    return form


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
    lines = []
    for record in records:
        line = {name: record[name] for name in own}
        value_of = record["fields"].get
        line["fields"] = {name: value_of(name) for name in columns}
        lines.append(as_json(line))
    return "\n".join([*lines, ""])


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
    if value == []:
        return "[]"
    text = value if isinstance(value, str) else as_json(value)
    return text if is_harmless(text) else _without_formulas(text.replace("\x00", ""))


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
