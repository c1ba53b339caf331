"""Finds the hidden sheets, rows and columns of a workbook."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element

from layers.decoders import containers
from layers.decoders.containers import ZIP_MARKS, opened_zip, part_of, targets_of, xml_of

ROW = re.compile(rb"<(?:\w+:)?row(\s[^>]*)>")
COLUMN = re.compile(rb"<(?:\w+:)?col(\s[^>]*)>")
ATTRIBUTE = re.compile(rb"""\s(r|min|max|hidden)\s*=\s*["']([^"']*)["']""")
SHEET = "sheet"
TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
MAX_REPEATED = 1_000_000
MAX_COLUMNS = 20_000


@dataclass(slots=True)
class Hidden:
    """The hidden rows and columns of a sheet, counted from 0."""

    rows: set[int] = field(default_factory=set)
    columns: set[int] = field(default_factory=set)


def hidden_sheets(book: Any) -> set[str]:
    """The names of the hidden sheets of a workbook that calamine has opened."""
    return {sheet.name for sheet in book.sheets_metadata if str(sheet.visible).rpartition(".")[2] != "Visible"}


def hidden_cells(path: str) -> dict[str, Hidden]:
    """The hidden rows and columns by the sheet's name. Only formats in zips are searched."""
    with open(path, "rb") as stream:
        if stream.read(4) not in ZIP_MARKS:
            return {}
    with opened_zip(path) as archive:
        if (content := xml_of(archive, "content.xml")) is not None:
            return {table.get(f"{TABLE}name", ""): _of_table(table) for table in content.iter(f"{TABLE}table")}
        return dict(_of_sheets(archive))


def _of_sheets(archive: Any) -> Iterator[tuple[str, Hidden]]:
    workbook = containers.WORKBOOK
    tree, targets = xml_of(archive, workbook), targets_of(archive, workbook)
    for sheet in tree.iter() if tree is not None else ():
        if sheet.tag.rpartition("}")[2] != SHEET:
            continue
        relation = next((value for name, value in sheet.attrib.items() if name.endswith("}id")), "")
        if relation in targets:
            yield sheet.get("name", ""), _of_sheet(part_of(archive, targets[relation][1]))


def _of_sheet(content: bytes) -> Hidden:
    hidden = Hidden()
    if b"hidden" not in content:
        return hidden
    number = 0
    for row in ROW.finditer(content):
        attributes = dict(ATTRIBUTE.findall(row[1]))
        number = _number(attributes.get(b"r"), number + 1)
        if attributes.get(b"hidden") in (b"1", b"true"):
            hidden.rows.add(number - 1)
    for column in COLUMN.finditer(content):
        attributes = dict(ATTRIBUTE.findall(column[1]))
        if attributes.get(b"hidden") in (b"1", b"true"):
            first = _number(attributes.get(b"min"), 1)
            last = min(_number(attributes.get(b"max"), first), MAX_COLUMNS)
            hidden.columns.update(range(first - 1, last))
    return hidden


def _number(text: bytes | None, default: int) -> int:
    return int(text) if text and text.isdigit() and len(text) < 9 else default


def _of_table(table: Element) -> Hidden:
    hidden = Hidden()
    for tag, found in ((f"{TABLE}table-row", hidden.rows), (f"{TABLE}table-column", hidden.columns)):
        at = 0
        for element in table.iter(tag):
            repeated = element.get(
                f"{tag.replace('table-row', 'number-rows').replace('table-column', 'number-columns')}-repeated", "1"
            )
            count = int(repeated) if repeated.isdigit() and len(repeated) < 9 else 1
            if element.get(f"{TABLE}visibility", "visible") != "visible":
                found.update(range(at, at + min(count, MAX_REPEATED)))
            at += count
    return hidden
