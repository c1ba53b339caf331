"""Counts the formulas of a workbook whose values are not in the file: programs that only write workbooks leave them out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from layers.decoders import containers
from layers.decoders.containers import ZIP_MARKS, opened_zip, part_of, targets_of, xml_of

SHEET = "sheet"
CELL = re.compile(
    rb"<(?:\w+:)?c\b([^<>]*)>\s*<(?:\w+:)?f\b[^<>]*(?:/>|>[^<]*</(?:\w+:)?f\s*>)\s*"
    rb"(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v\s*>\s*</(?:\w+:)?v\s*>)?\s*</(?:\w+:)?c\s*>"
)
IS_TEXT = re.compile(rb"""\st\s*=\s*["']str["']""")  # whose value may well be empty
TABLE, OFFICE, TEXT = (f"{{urn:oasis:names:tc:opendocument:xmlns:{name}:1.0}}" for name in ("table", "office", "text"))


def count_without_values(path: str) -> dict[str, int]:
    """How many such formulas each sheet has, by its name; sheets without any are left out."""
    with open(path, "rb") as stream:
        if stream.read(4) not in ZIP_MARKS:
            return {}
    with opened_zip(path) as archive:
        content = xml_of(archive, "content.xml")
        counted = _of_tables(content) if content is not None else _of_sheets(archive)
        return {name: count for name, count in counted if count}


def _of_sheets(archive: Any) -> Iterator[tuple[str, int]]:
    tree, targets = xml_of(archive, containers.WORKBOOK), targets_of(archive, containers.WORKBOOK)
    for sheet in tree.iter() if tree is not None else ():
        relation = next((value for name, value in sheet.attrib.items() if name.endswith("}id")), "")
        if sheet.tag.rpartition("}")[2] == SHEET and relation in targets:
            cells = CELL.finditer(part_of(archive, targets[relation][1]))
            yield sheet.get("name", ""), sum(1 for cell in cells if not IS_TEXT.search(cell[1]))


def _of_tables(content: Any) -> Iterator[tuple[str, int]]:
    for table in content.iter(f"{TABLE}table"):
        cells = (cell for cell in table.iter(f"{TABLE}table-cell") if cell.get(f"{TABLE}formula"))
        empty = sum(1 for cell in cells if not cell.get(f"{OFFICE}value-type") and cell.find(f"{TEXT}p") is None)
        yield table.get(f"{TABLE}name", ""), empty
