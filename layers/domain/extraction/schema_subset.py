"""The part of JSON Schema that a dataset may use: anything else is refused by name, with its place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

MOST_BYTES = 64 * 1024
MOST_DEPTH = 5
MOST_PROPERTIES = 200
MOST_LABELS = 50
TYPES = ("string", "number", "integer", "boolean", "array", "object")
FORMATS = ("date",)
BESIDE_A_REFERENCE = {"$ref", "title", "description", "x-labels", "x-evidence"}
ANYWHERE = BESIDE_A_REFERENCE | {"type", "enum"}
BY_TYPE = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "minItems", "maxItems"},
    "string": {"format", "minLength", "maxLength"},
    "number": {"minimum", "maximum"},
    "integer": {"minimum", "maximum"},
    "boolean": set(),
}
OF_THE_ROOT = {"$defs", "$schema", "$id"}


@dataclass(frozen=True, slots=True)
class SchemaProblem:
    """A part of a schema that is not taken: its JSON pointer, and why."""

    pointer: str
    detail: str


def check(schema: Any) -> list[SchemaProblem]:
    """What of a schema can't be taken; an empty list for one that can."""
    if not isinstance(schema, dict) or schema.get("type") != "object":
        return [SchemaProblem("/type", "the schema must be an object of `type: object`")]
    try:
        size_bytes, properties = len(json.dumps(schema)), _count(schema)
    except RecursionError:
        return [SchemaProblem("", f"schemas are taken to a depth of {MOST_DEPTH}")]
    if size_bytes > MOST_BYTES:
        return [SchemaProblem("", f"the schema has more than {MOST_BYTES} bytes")]
    if not isinstance(schema.get("properties"), dict) or not schema["properties"]:
        return [SchemaProblem("/properties", "the schema must name at least one property")]
    if properties > MOST_PROPERTIES:
        return [SchemaProblem("/properties", f"there are more than {MOST_PROPERTIES} properties")]
    if not isinstance(schema.get("$defs", {}), dict):
        return [SchemaProblem("/$defs", "must be an object of schemas")]
    return list(islice(_check(schema, "", 1, schema, set()), 100))


def follow_reference(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """A property's schema with its local reference followed."""
    name = str(schema.get("$ref", "")).removeprefix("#/$defs/")
    return {**root.get("$defs", {}).get(name, {}), **schema} if "$ref" in schema else schema


def _check(schema: Any, at: str, depth: int, root: dict[str, Any], seen: set[Any]) -> Iterator[SchemaProblem]:
    if not isinstance(schema, dict):
        yield SchemaProblem(at, "a schema must be an object")
        return
    if depth > MOST_DEPTH:
        yield SchemaProblem(at, f"schemas are taken to a depth of {MOST_DEPTH}")
        return
    if "$ref" in schema:
        for keyword in [one for one in schema if one not in BESIDE_A_REFERENCE]:
            yield SchemaProblem(f"{at}/{_escaped(keyword)}", f"`{keyword}` is not taken beside a reference")
        yield from _check_values(schema, at)
        yield from _check_reference(schema["$ref"], at, depth, root, seen)
        return
    kind = schema.get("type")
    if kind not in TYPES:
        yield SchemaProblem(f"{at}/type", f"the type must be one of {', '.join(TYPES)}")
        return
    for keyword in schema:
        if keyword not in ANYWHERE | BY_TYPE[kind] | (OF_THE_ROOT if schema is root else set()):
            yield SchemaProblem(f"{at}/{_escaped(keyword)}", f"`{keyword}` is not taken for the type {kind}")
    yield from _check_values(schema, at)
    for name, inner in _children(schema, root is schema):
        yield from _check(inner, f"{at}/{name}", depth + 1, root, seen)


def _check_reference(
    reference: Any, at: str, depth: int, root: dict[str, Any], seen: set[Any]
) -> Iterator[SchemaProblem]:
    """`seen` holds the names that the check is within, and (name, depth) of all it has been through."""
    name = reference.removeprefix("#/$defs/") if isinstance(reference, str) else ""
    if not isinstance(reference, str) or not reference.startswith("#/$defs/") or name not in root.get("$defs", {}):
        yield SchemaProblem(f"{at}/$ref", "only references to this schema's own `#/$defs/` are followed")
    elif name in seen:
        yield SchemaProblem(f"{at}/$ref", "a reference must not lead back to itself")
    elif (name, depth) not in seen:  # followed again wherever it is named, definitions would multiply
        seen |= {name, (name, depth)}
        yield from _check(root["$defs"][name], at, depth, root, seen)
        seen.remove(name)


def _check_values(schema: dict[str, Any], at: str) -> Iterator[SchemaProblem]:
    if schema.get("format", "date") not in FORMATS:
        yield SchemaProblem(f"{at}/format", "the only format that is taken is date")
    labels = schema.get("x-labels", [])
    if not isinstance(labels, list) or len(labels) > MOST_LABELS or not all(_is_label(one) for one in labels):
        yield SchemaProblem(
            f"{at}/x-labels", f"labels are a list of at most {MOST_LABELS} texts of 1 to 100 characters"
        )
    if not isinstance(schema.get("x-evidence", True), bool):
        yield SchemaProblem(f"{at}/x-evidence", "must be true or false")
    if "enum" in schema and not (isinstance(schema["enum"], list) and 0 < len(schema["enum"]) <= 200):
        yield SchemaProblem(f"{at}/enum", "must be a list of 1 to 200 values")
    required, properties = schema.get("required", []), schema.get("properties")
    names = list(properties) if isinstance(properties, dict) else []
    if not isinstance(required, list) or not all(one in names for one in required):
        yield SchemaProblem(f"{at}/required", "must be a list of the schema's own properties")
    if not isinstance(schema.get("additionalProperties", True), bool):
        yield SchemaProblem(f"{at}/additionalProperties", "must be true or false")
    for bound in ("minimum", "maximum"):
        if not _is_number(schema.get(bound, 0), (int, float)):
            yield SchemaProblem(f"{at}/{bound}", "must be a number")
    for bound in ("minLength", "maxLength", "minItems", "maxItems"):
        if not _is_number(schema.get(bound, 0), (int,)) or schema.get(bound, 0) < 0:
            yield SchemaProblem(f"{at}/{bound}", "must be a whole number, 0 or more")
    if schema.get("type") == "array" and "items" not in schema:
        yield SchemaProblem(f"{at}/items", "an array must say what its items are")


def _is_number(value: Any, kinds: tuple[type, ...]) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)


def _is_label(label: Any) -> bool:
    return isinstance(label, str) and 0 < len(label.strip()) <= 100


def _children(schema: dict[str, Any], is_root: bool) -> Iterator[tuple[str, Any]]:
    for group in ("properties", "$defs") if is_root else ("properties",):
        inner = schema.get(group)
        if isinstance(inner, dict):
            for name, one in inner.items():
                yield f"{group}/{_escaped(name)}", one
        elif inner is not None:
            yield group, inner
    if "items" in schema:
        yield "items", schema["items"]


def _count(schema: Any) -> int:
    if isinstance(schema, dict):
        own = len(schema["properties"]) if isinstance(schema.get("properties"), dict) else 0
        return own + sum(_count(one) for one in schema.values())
    return sum(_count(one) for one in schema) if isinstance(schema, list) else 0


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
