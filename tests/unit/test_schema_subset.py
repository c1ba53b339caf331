"""Which schemas are taken, and how the others are refused: by name, with the place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from layers.domain.extraction.rules import DEFAULT_SCHEMA
from layers.domain.extraction.schema_subset import MOST_DEPTH, check, resolved


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(depth):
        schema = of(a=schema)
    return schema


TAKEN = {
    "the default": DEFAULT_SCHEMA,
    "every type": of(
        a={"type": "string", "maxLength": 10},
        b={"type": "number", "minimum": 0},
        c={"type": "integer", "maximum": 9},
        d={"type": "boolean"},
        e={"type": "string", "format": "date"},
        f={"type": "string", "enum": ["x", "y"]},
    ),
    "labels": of(total={"type": "number", "x-labels": ["Total", "Amount due"], "x-evidence": False}),
    "line items": of(items={"type": "array", "items": of(price={"type": "number"})}),
    "a local reference": {**of(a={"$ref": "#/$defs/m"}), "$defs": {"m": {"type": "number"}}},
    "a name with slashes": of(**{"a/b~c": {"type": "string"}}),
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_a_table_needs_is_taken(name: str) -> None:
    assert check(TAKEN[name]) == []


REFUSED = [
    (None, "/type"),
    ([], "/type"),
    ({"type": "array"}, "/type"),
    ({"type": "object"}, "/properties"),
    (of(), "/properties"),
    (of(a={"type": "string", "pattern": "^(a+)+$"}), "/properties/a/pattern"),
    (of(a={"type": "string", "format": "regex"}), "/properties/a/format"),
    (of(a={"type": "null"}), "/properties/a/type"),
    (of(a={"type": ["string", "null"]}), "/properties/a/type"),
    (of(a={}), "/properties/a/type"),
    (of(a=True), "/properties/a"),
    (of(a={"anyOf": [{"type": "string"}]}), "/properties/a/type"),
    (of(a={"type": "string", "minimum": 3}), "/properties/a/minimum"),
    (of(a={"type": "array"}), "/properties/a/items"),
    (of(a={"type": "string", "enum": []}), "/properties/a/enum"),
    (of(a={"type": "string", "x-labels": "Total"}), "/properties/a/x-labels"),
    (of(a={"type": "string", "x-labels": [""]}), "/properties/a/x-labels"),
    (of(a={"type": "string", "x-evidence": "no"}), "/properties/a/x-evidence"),
    (of(a={"$ref": "https://example.com/schema.json"}), "/properties/a/$ref"),
    (of(a={"$ref": "#/$defs/none"}), "/properties/a/$ref"),
    (of(a={"$ref": "#/properties/a"}), "/properties/a/$ref"),
    (of(a={"$ref": 7}), "/properties/a/$ref"),
    ({**of(a={"$ref": "#/$defs/b"}), "$defs": {"b": {"$ref": "#/$defs/b"}}}, "/properties/a/$ref"),
    ({**of(a={"type": "string"}), "required": ["b"]}, "/required"),
    ({**of(a={"type": "string"}), "required": "a"}, "/required"),
    ({**of(a={"type": "string"}), "patternProperties": {}}, "/patternProperties"),
    ({**of(a={"type": "string"}), "$dynamicRef": "#x"}, "/$dynamicRef"),
    (of(**{"a/b": {"type": "string", "pattern": "x"}}), "/properties/a~1b/pattern"),
    (of(**{f"p{place}": {"type": "string"} for place in range(201)}), "/properties"),
]


@pytest.mark.parametrize(("schema", "pointer"), REFUSED, ids=[json.dumps(one)[:60] for one, _ in REFUSED])
def test_what_is_outside_is_refused_at_its_place(schema: Any, pointer: str) -> None:
    assert pointer in [problem.pointer for problem in check(schema)]
    assert all(problem.detail for problem in check(schema))


def test_depth_and_size_are_bounded() -> None:
    assert check(nested(MOST_DEPTH - 1)) == []
    assert check(nested(MOST_DEPTH + 1))
    assert check(of(a={"type": "string", "description": "x" * 70_000}))


def test_references_that_multiply_are_refused_in_time() -> None:
    # Each level refers to the next one ten times: a billion schemas, were they all followed.
    defs: dict[str, Any] = {
        f"l{level}": of(**{f"p{place}": {"$ref": f"#/$defs/l{level + 1}"} for place in range(10)}) for level in range(9)
    }
    defs["l9"] = {"type": "string"}
    assert check({**of(a={"$ref": "#/$defs/l0"}), "$defs": defs})


def test_a_reference_is_followed_and_what_stands_beside_it_wins() -> None:
    root = {"$defs": {"money": {"type": "number", "x-labels": ["Amount"]}}}
    assert resolved({"$ref": "#/$defs/money", "x-labels": ["Total"]}, root)["x-labels"] == ["Total"]
    assert resolved({"$ref": "#/$defs/money"}, root)["type"] == "number"
