"""Filters and orders of rows: checked against the dataset's schema, for `schema/functions/find_rows.sql`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from layers.domain.extraction.schemas import resolve_references
from layers.domain.kinds.rules import Kind

By = Literal["number", "words"]
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
OPERATORS = (*COMPARISONS, "contains", "missing", "doubtful")
MOST_CONDITIONS = 8
COMPARED_CHARACTERS = 200
# Fields of the file instead of the record: the operators and the values that each takes (None: any text).
OF_FILES: dict[str, tuple[tuple[str, ...], tuple[str, ...] | None]] = {
    "@state": (
        ("eq", "ne"),
        ("uploading", "upload_missing", "processing", "done", "partial", "failed", "cancelled"),
    ),
    "@review": (("eq", "ne"), ("open", "needed", "approved", "rejected")),
    "@name": (("contains",), None),
    "@batch": (("eq", "ne"), None),
    "@label": (("eq", "ne"), None),
    "@kind": (("eq", "ne"), get_args(Kind)),
}
# The probability that all values of a record are right, which is stored like a value.
PROBABILITY = "@probability"
KINDS: dict[str, By] = {"string": "words", "number": "number", "integer": "number", "boolean": "number"}


class Refused(ValueError):
    """A filter or an order that is not valid. `index` is that of the condition."""

    def __init__(self, index: int, detail: str) -> None:
        super().__init__(detail)
        self.index = index


@dataclass(frozen=True, slots=True)
class Order:
    """The order of rows by a value; rows without it come last, newest first."""

    field: str
    by: By
    descending: bool


def conditions(where: Sequence[Mapping[str, Any]], schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The conditions in the form that `find_rows` takes. Raises Refused."""
    if len(where) > MOST_CONDITIONS:
        raise Refused(MOST_CONDITIONS, f"there may be at most {MOST_CONDITIONS} conditions")
    properties = resolve_references(schema).get("properties") or {}
    return [_condition(index, entry, properties) for index, entry in enumerate(where)]


def order(sort: str, schema: Mapping[str, Any]) -> Order:
    """The order that `field` or `-field` names. Raises Refused."""
    field = sort.removeprefix("-")
    properties = resolve_references(schema).get("properties") or {}
    if field == PROBABILITY:
        return Order(field, "number", sort.startswith("-"))
    kind = KINDS.get((properties.get(field) or {}).get("type", ""))
    if kind is None:
        known = ", ".join([*(name for name, each in properties.items() if each.get("type") in KINDS), PROBABILITY])
        raise Refused(0, f"rows can be sorted by one of {known}")
    return Order(field, kind, sort.startswith("-"))


def _condition(index: int, entry: Mapping[str, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    field, op, value = str(entry.get("field")), str(entry.get("op")), entry.get("value")
    if op not in OPERATORS:
        raise Refused(index, f"`op` must be one of {', '.join(OPERATORS)}")
    if field in OF_FILES:
        return _of_file(index, field, op, value)
    if field == PROBABILITY and op in COMPARISONS:
        return {"field": field, "op": op, "number": _number(index, value)}
    if field not in properties:
        known = ", ".join([*OF_FILES, PROBABILITY])
        raise Refused(index, f"`{field[:100]}` is not a property of the schema, nor one of {known}")
    if op in ("missing", "doubtful"):
        return {"field": field, "op": op}
    kind = properties[field].get("type")
    if kind not in KINDS:
        raise Refused(index, f"`{field}` is a list or an object; it takes only `missing` and `doubtful`")
    if kind == "boolean" and (op not in ("eq", "ne") or not isinstance(value, bool)):
        raise Refused(index, f"`{field}` takes `eq` and `ne`, with true or false")
    if op == "contains" and kind != "string":
        raise Refused(index, f"`{field}` is not a text, so it can't contain one")
    if KINDS[kind] == "number":
        return {"field": field, "op": op, "number": _number(index, value)}
    return {"field": field, "op": op, "words": _words(index, value)}


def _of_file(index: int, field: str, op: str, value: Any) -> dict[str, Any]:
    operators, values = OF_FILES[field]
    if op not in operators:
        raise Refused(index, f"`{field}` takes {' and '.join(operators)}")
    text = _words(index, value)
    if values is not None and value not in values:
        raise Refused(index, f"`{field}` must be one of {', '.join(values)}")
    return {"field": field, "op": op, "words": text if field == "@name" else value}


def _number(index: int, value: Any) -> float:
    if not isinstance(value, bool | int | float) or not math.isfinite(value) or abs(value) > 1e300:
        raise Refused(index, "`value` must be a number")
    return float(value)


def _words(index: int, value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 1000 or "\x00" in value:
        raise Refused(index, "`value` must be a text of 1 to 1,000 characters")
    return value.lower()[:COMPARED_CHARACTERS]
