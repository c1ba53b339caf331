"""Typed values: which values of a record fit the types of a table's columns, for formats that have types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Any

OTHER = "other_values"  # JSON of the values that have no column, or not its type
LARGEST_INTEGER = 2**63
LARGEST_NUMBER = 1e300
as_json = json.JSONEncoder(ensure_ascii=False).encode


def kind_of(schema: Mapping[str, Any]) -> str:
    """The type of a property's column: `date`, or its type in JSON Schema."""
    return "date" if schema.get("format") == "date" else str(schema.get("type"))


def typed(fields: Mapping[str, Any], kinds: Mapping[str, str]) -> tuple[dict[str, Any], str | None]:
    """The values with the types of their columns, and the others as JSON. `kinds`: those of all columns by name."""
    fitting_values, other = {}, {}
    for name, value in fields.items():
        value_of_type = fitting(value, kinds[name]) if name in kinds else None
        if value_of_type is not None:
            fitting_values[name] = value_of_type
        elif value is not None:
            other[name] = value
    return fitting_values, as_json(other) if other else None


def fitting(value: Any, kind: str) -> Any:
    """The value as its column's type; None if it is of another type, as it can be in a record of an older schema."""
    if kind in ("array", "object"):
        return value if isinstance(value, list | dict) else None
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    if kind in ("number", "integer"):
        if not isinstance(value, int | float) or isinstance(value, bool):
            return None
        if kind == "number":
            return float(value) if abs(value) < LARGEST_NUMBER else None
        return int(value) if value == int(value) and abs(value) < LARGEST_INTEGER else None
    if not isinstance(value, str):
        return None
    return _as_date(value) if kind == "date" else value


@lru_cache(maxsize=4096)  # dates repeat, and to parse one takes longer than to look it up
def _as_date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
