"""Which schemas are accepted; the others are refused, with the keyword and its path."""

from __future__ import annotations

import json
from typing import Any

import pytest

from layers.domain.extraction.rules import DEFAULT_SCHEMA
from layers.domain.extraction.schema_subset import MOST_DEPTH, check, follow_reference


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
    "a label next to a reference": {
        **of(a={"$ref": "#/$defs/m", "x-labels": ["Due"]}),
        "$defs": {"m": {"type": "number"}},
    },
    "a definition named twice": {
        **of(a={"$ref": "#/$defs/m"}, b=of(c={"$ref": "#/$defs/m"})),
        "$defs": {"m": of(n={"type": "number"})},
    },
    "a closed object": {**of(a={"type": "string"}), "additionalProperties": False},
    "a name with slashes": of(**{"a/b~c": {"type": "string"}}),
}


@pytest.mark.parametrize("name", TAKEN)
def test_schemas_of_tables_are_accepted(name: str) -> None:
    assert check(TAKEN[name]) == []


REFUSED: list[tuple[Any, str]] = [
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
    ({**of(a={"$ref": "#/$defs/b"}), "$defs": {"b": of(c={"$ref": "#/$defs/b"})}}, "/properties/a/properties/c/$ref"),
    ({**of(a={"$ref": "#/$defs/b", "pattern": "(a+)+"}), "$defs": {"b": {"type": "string"}}}, "/properties/a/pattern"),
    ({**of(a={"$ref": "#/$defs/b", "type": "x"}), "$defs": {"b": {"type": "string"}}}, "/properties/a/type"),
    ({**of(a={"$ref": "#/$defs/b", "x-labels": 7}), "$defs": {"b": {"type": "string"}}}, "/properties/a/x-labels"),
    ({**of(a={"type": "null"}), "$ref": "#/$defs/b", "$defs": {"b": {"type": "string"}}}, "/properties"),
    ({**of(a={"$ref": "#/$defs/b"}), "$defs": {"b": {"type": "string", "pattern": "x"}}}, "/$defs/b/pattern"),
    ({**of(a={"$ref": "#/$defs/b"}), "$defs": 5}, "/$defs"),
    ({**of(a={"$ref": "#/$defs/b"}), "$defs": ["b"]}, "/$defs"),
    ({**of(a={"$ref": "#/$defs/b"}), "$defs": None}, "/$defs"),
    ({**of(a={"type": "string"}), "required": [["a"]]}, "/required"),
    (of(a={"type": "object", "properties": 5, "required": ["b"]}), "/properties/a/properties"),
    ({**of(a={"type": "string"}), "additionalProperties": {"pattern": "(a+)+"}}, "/additionalProperties"),
    (of(a={"type": "string", "minLength": "x"}), "/properties/a/minLength"),
    (of(a={"type": "string", "maxLength": -1}), "/properties/a/maxLength"),
    (of(a={"type": "number", "minimum": True}), "/properties/a/minimum"),
    (of(a={**of(b={"type": "string"}), "$defs": {}}), "/properties/a/$defs"),
    ({**of(a={"type": "string"}), "required": ["b"]}, "/required"),
    ({**of(a={"type": "string"}), "required": "a"}, "/required"),
    ({**of(a={"type": "string"}), "patternProperties": {}}, "/patternProperties"),
    ({**of(a={"type": "string"}), "$dynamicRef": "#x"}, "/$dynamicRef"),
    (of(**{"a/b": {"type": "string", "pattern": "x"}}), "/properties/a~1b/pattern"),
    (of(**{f"p{index}": {"type": "string"} for index in range(201)}), "/properties"),
]


@pytest.mark.parametrize(("schema", "pointer"), REFUSED, ids=[json.dumps(schema)[:60] for schema, _ in REFUSED])
def test_a_schema_outside_of_the_subset_is_refused_with_the_place(schema: Any, pointer: str) -> None:
    assert pointer in [problem.pointer for problem in check(schema)]
    assert all(problem.detail for problem in check(schema))


# Keywords of JSON Schema that the subset does not have.
OTHER_KEYWORDS = [
    "$anchor", "$comment", "$dynamicAnchor", "$dynamicRef", "$recursiveRef", "$vocabulary", "allOf", "anyOf",
    "const", "contains", "contentEncoding", "contentMediaType", "contentSchema", "default", "definitions",
    "dependencies", "dependentRequired", "dependentSchemas", "deprecated", "else", "examples", "exclusiveMaximum",
    "exclusiveMinimum", "if", "maxContains", "maxProperties", "minContains", "minProperties", "multipleOf", "not",
    "oneOf", "pattern", "patternProperties", "prefixItems", "propertyNames", "readOnly", "then", "unevaluatedItems",
    "unevaluatedProperties", "uniqueItems", "writeOnly",
]  # fmt: skip
OF_EACH_TYPE: list[dict[str, Any]] = [
    {"type": "string"},
    {"type": "number"},
    {"type": "integer"},
    {"type": "boolean"},
    {"type": "array", "items": {"type": "string"}},
    of(b={"type": "string"}),
]


@pytest.mark.parametrize("keyword", OTHER_KEYWORDS)
def test_every_other_keyword_is_refused_for_every_type(keyword: str) -> None:
    for schema in OF_EACH_TYPE:
        assert check(of(a=schema)) == []
        (problem,) = check(of(a={**schema, keyword: True}))
        assert problem.pointer == f"/properties/a/{keyword}" and f"`{keyword}`" in problem.detail


@pytest.mark.parametrize("levels", [10, 400, 5000])
def test_deeply_nested_json_is_checked_without_an_error(levels: int) -> None:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    schema = of(a={"type": "string", "enum": [value]})
    assert all(problem.pointer == "" for problem in check(schema))
    assert check(of(a={"type": "array", "items": value}))


def test_the_list_of_faults_is_bounded() -> None:
    assert len(check(of(a={"type": "string", **{f"k{index}": 1 for index in range(500)}}))) == 100


def test_depth_and_size_of_a_schema_are_bounded() -> None:
    assert check(nested(MOST_DEPTH - 1)) == []
    assert check(nested(MOST_DEPTH + 1))
    assert check(of(a={"type": "string", "description": "x" * 70_000}))


def test_references_that_multiply_are_refused_quickly() -> None:
    # Each level refers to the next one ten times: a billion schemas if all were followed.
    defs: dict[str, Any] = {
        f"l{level}": of(**{f"p{index}": {"$ref": f"#/$defs/l{level + 1}"} for index in range(10)}) for level in range(9)
    }
    defs["l9"] = {"type": "string"}
    assert check({**of(a={"$ref": "#/$defs/l0"}), "$defs": defs})


def test_references_that_multiply_within_the_depth_are_followed_once() -> None:
    # 48 properties at each of four levels: five million schemas if all were followed.
    defs: dict[str, Any] = {
        f"l{level}": of(**{f"p{index}": {"$ref": f"#/$defs/l{level + 1}"} for index in range(48)}) for level in range(3)
    }
    defs["l3"] = {"type": "string"}
    assert check({**of(**{f"p{index}": {"$ref": "#/$defs/l0"} for index in range(48)}), "$defs": defs}) == []


def test_keywords_next_to_a_reference_override_the_referenced_schema() -> None:
    root = {"$defs": {"money": {"type": "number", "x-labels": ["Amount"]}}}
    assert follow_reference({"$ref": "#/$defs/money", "x-labels": ["Total"]}, root)["x-labels"] == ["Total"]
    assert follow_reference({"$ref": "#/$defs/money"}, root)["type"] == "number"
