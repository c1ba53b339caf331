"""Conformity: checks a value that a person set against its property's schema."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from layers.domain.extraction.schemas import Schema

LONGEST_TEXT = 10_000
MOST_ITEMS = 5_000
LARGEST_NUMBER = 1e18  # larger numbers are no longer exact in most clients
KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


def faults(value: Any, schema: Schema, pointer: str = "") -> Iterator[tuple[str, str]]:
    """The JSON pointer and the description of each part of a value that does not conform to a resolved schema."""
    kind = schema.get("type", "")
    is_of_kind = isinstance(value, KINDS[kind]) and isinstance(value, bool) == (kind == "boolean")
    if not is_of_kind:
        yield pointer, f"must be of the type {kind}"
    elif "enum" in schema and value not in schema["enum"]:
        yield pointer, f"must be one of {', '.join(map(str, schema['enum']))}"
    elif kind == "object":
        yield from _faults_of_object(value, schema, pointer)
    elif kind == "array":
        yield from _faults_of_list(value, schema, pointer)
    elif kind == "string":
        yield from _faults_of_text(value, schema, pointer)
    elif kind in ("number", "integer"):
        yield from _faults_of_number(value, schema, pointer)


def _faults_of_object(value: dict[str, Any], schema: Schema, pointer: str) -> Iterator[tuple[str, str]]:
    properties = schema.get("properties") or {}
    for name in schema.get("required") or ():
        if value.get(name) is None:
            yield f"{pointer}/{name}", "is required"
    for name, inner in value.items():
        if name not in properties:
            yield f"{pointer}/{name}", "is not a property of the schema"
        elif inner is not None:
            yield from faults(inner, properties[name], f"{pointer}/{name}")


def _faults_of_list(value: list[Any], schema: Schema, pointer: str) -> Iterator[tuple[str, str]]:
    least, most = schema.get("minItems", 0), min(schema.get("maxItems", MOST_ITEMS), MOST_ITEMS)
    if not least <= len(value) <= most:
        yield pointer, f"must have {least} to {most} items"
        return
    for index, item in enumerate(value):
        yield from faults(item, schema.get("items") or {}, f"{pointer}/{index}")


def _faults_of_text(value: str, schema: Schema, pointer: str) -> Iterator[tuple[str, str]]:
    least, most = schema.get("minLength", 0), min(schema.get("maxLength", LONGEST_TEXT), LONGEST_TEXT)
    if not least <= len(value) <= most:
        yield pointer, f"must have {least} to {most} characters"
    if schema.get("format") == "date" and not _is_date(value):
        yield pointer, "must be a date as YYYY-MM-DD"


def _faults_of_number(value: float, schema: Schema, pointer: str) -> Iterator[tuple[str, str]]:
    least, most = schema.get("minimum", -LARGEST_NUMBER), schema.get("maximum", LARGEST_NUMBER)
    if not (least <= value <= most and abs(value) <= LARGEST_NUMBER):
        yield pointer, f"must be a number from {least:g} to {most:g}"


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
