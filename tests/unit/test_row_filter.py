"""Filters and orders of rows are checked against the schema before they reach the database."""

from __future__ import annotations

from typing import Any

import pytest

from layers.domain.row_filter import MOST_CONDITIONS, Order, Refused, conditions, order

SCHEMA = {
    "type": "object",
    "$defs": {"money": {"type": "number"}},
    "properties": {
        "total": {"$ref": "#/$defs/money"},
        "company": {"type": "string"},
        "date": {"type": "string", "format": "date"},
        "paid": {"type": "boolean"},
        "items": {"type": "array", "items": {"type": "string"}},
    },
}


@pytest.mark.parametrize(
    ("entry", "checked"),
    [
        ({"field": "total", "op": "ge", "value": 3}, {"field": "total", "op": "ge", "number": 3.0}),
        ({"field": "paid", "op": "eq", "value": True}, {"field": "paid", "op": "eq", "number": 1.0}),
        ({"field": "company", "op": "eq", "value": "ACME"}, {"field": "company", "op": "eq", "words": "acme"}),
        ({"field": "company", "op": "lt", "value": "x" * 300}, {"field": "company", "op": "lt", "words": "x" * 200}),
        ({"field": "items", "op": "missing", "value": 1}, {"field": "items", "op": "missing"}),
        ({"field": "total", "op": "doubtful"}, {"field": "total", "op": "doubtful"}),
        ({"field": "@state", "op": "ne", "value": "done"}, {"field": "@state", "op": "ne", "words": "done"}),
        ({"field": "@name", "op": "contains", "value": "A"}, {"field": "@name", "op": "contains", "words": "a"}),
    ],
)
def test_a_condition_is_prepared_for_its_type(entry: dict[str, Any], checked: dict[str, Any]) -> None:
    assert conditions([entry], SCHEMA) == [checked]


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"field": "other", "op": "eq", "value": 1},
        {"field": "total", "op": "like", "value": 1},
        {"field": "total", "op": "eq", "value": "1"},
        {"field": "total", "op": "eq", "value": None},
        {"field": "total", "op": "eq", "value": float("nan")},
        {"field": "total", "op": "contains", "value": "1"},
        {"field": "company", "op": "eq", "value": 1},
        {"field": "company", "op": "eq", "value": ""},
        {"field": "company", "op": "eq", "value": "a\x00"},
        {"field": "paid", "op": "gt", "value": True},
        {"field": "paid", "op": "eq", "value": 1},
        {"field": "items", "op": "eq", "value": "a"},
        {"field": "@state", "op": "eq", "value": "removed"},
        {"field": "@state", "op": "lt", "value": "done"},
        {"field": "@review", "op": "eq", "value": "unknown"},
        {"field": "@other", "op": "eq", "value": "a"},
    ],
)
def test_an_invalid_condition_is_refused_by_its_index(entry: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        conditions([{"field": "total", "op": "missing"}, entry], SCHEMA)
    assert refused.value.index == 1


def test_the_number_of_conditions_is_limited() -> None:
    with pytest.raises(Refused):
        conditions([{"field": "total", "op": "missing"}] * (MOST_CONDITIONS + 1), SCHEMA)


def test_an_order_names_a_single_value() -> None:
    assert order("total", SCHEMA) == Order("total", "number", descending=False)
    assert order("-date", SCHEMA) == Order("date", "words", descending=True)
    for wrong in ("items", "other", "", "--total"):
        with pytest.raises(Refused):
            order(wrong, SCHEMA)
