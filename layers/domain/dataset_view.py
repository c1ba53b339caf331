"""Views of datasets for tools that read PostgreSQL directly: how views and their columns are called, and their types."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, NamedTuple

from layers.domain.extraction.schemas import resolve_references

# Of PostgreSQL, in bytes. A longer one would be cut without an error.
LONGEST_NAME = 63
BEFORE = "dataset_"
OWN_COLUMNS = (
    "file_id",
    "document",
    "file_name",
    "file_state",
    "file_created_at",
    "schema_version",
    "review",
    "needs_review",
)
LAST_COLUMNS = ("unparsed_values", "other_values")
KINDS = ("number", "integer", "boolean")


class Column(NamedTuple):
    """A column of a view: its name, the property that it shows, and its kind: `text`, `number`, `integer`, `boolean`,
    `date` or `json`."""

    column: str
    property: str
    kind: str


def view_names(dataset_name: str, dataset_id: str) -> tuple[str, str]:
    """The name of a dataset's view, without its schema, and the one that it has if another dataset has the first.

    The second ends with the last characters of the dataset's id, so it is unique.
    """
    words = re.sub(r"\W+", "_", unicodedata.normalize("NFKC", dataset_name).casefold()).strip("_")
    name, suffix = BEFORE + (words or "unnamed"), "_" + dataset_id[-12:]
    return _cut(name), _cut(name, LONGEST_NAME - len(suffix)) + suffix


def columns_of(schema: Mapping[str, Any]) -> list[Column]:
    """A column for each property of a schema, in its order. A name that is taken or too long gets another one."""
    taken, columns = {*OWN_COLUMNS, *LAST_COLUMNS}, []
    for name, property_schema in (resolve_references(schema).get("properties") or {}).items():
        if "\0" in name:
            continue  # PostgreSQL stores no such value
        column = _free(_cut(name or "unnamed"), taken)
        taken.add(column)
        columns.append(Column(column, name, _kind(property_schema)))
    return columns


def _kind(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if kind in KINDS:
        return str(kind)
    if kind in ("array", "object"):
        return "json"
    return "date" if schema.get("format") == "date" else "text"


def _free(name: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    name, number = f"fields.{name}", 1
    free = _cut(name)
    while free in taken:
        number += 1
        suffix = f"_{number}"
        free = _cut(name, LONGEST_NAME - len(suffix)) + suffix
    return free


def _cut(name: str, most_bytes: int = LONGEST_NAME) -> str:
    return name.encode()[:most_bytes].decode(errors="ignore")
