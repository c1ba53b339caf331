"""Checks lists of items against the sums of their record, after windows of a text were merged."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from layers.domain.extraction import labels
from layers.domain.extraction.schemas import resolve_references
from layers.domain.extraction.sums import HALF_A_CENT
from layers.domain.extraction.tables.columns import is_list_of_items, kind_of_property
from layers.domain.page import Extraction

LEAST_ITEMS = 2


def with_checked_sums(found: Extraction, schema: Mapping[str, Any]) -> Extraction:
    """The extraction, in which a list of items is doubtful if its amounts make none of the record's sums: neither the
    total, nor the subtotal, nor the total less tax. Nothing changes where the record has no such sum.

    Used for the answers of models. The built-in rules compare with all sums that the text shows.
    """
    properties: Mapping[str, Any] = resolve_references(schema).get("properties") or {}
    lists = [name for name, inner in properties.items() if is_list_of_items(name, inner) and name in found.fields]
    sums = list(_sums(found.fields, properties)) if lists else []
    wrong = [name for name in lists if sums and not _agrees(found.fields[name], properties[name], sums)]
    return replace(found, doubtful=tuple(dict.fromkeys((*found.doubtful, *wrong)))) if wrong else found


def _sums(fields: Mapping[str, Any], properties: Mapping[str, Any]) -> Iterator[float]:
    by_meaning: dict[str, float] = {}
    for name, value in fields.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            by_meaning.setdefault(labels.meaning_of(name, properties.get(name)), float(value))
    yield from (by_meaning[meaning] for meaning in ("total", "subtotal") if meaning in by_meaning)
    if "total" in by_meaning and "tax" in by_meaning:
        yield by_meaning["total"] - by_meaning["tax"]


def _agrees(items: Any, schema: Mapping[str, Any], sums: Sequence[float]) -> bool:
    """Whether the amounts of all items make one of the sums. Lists without amounts, or of a single item, are not judged."""
    properties = schema["items"]["properties"]
    name = next((name for name, inner in properties.items() if kind_of_property(name, inner) == "amount"), None)
    if name is None or not isinstance(items, list) or len(items) < LEAST_ITEMS:
        return True
    amounts: list[Any] = [item.get(name) if isinstance(item, dict) else None for item in items]
    if any(not isinstance(amount, int | float) for amount in amounts):
        return True
    total = math.fsum(amounts)
    return any(abs(total - each) < HALF_A_CENT for each in sums)
