"""The subset of JSON Schema that datasets support. Any other keyword is an error that names it and its position."""

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
MOST_PROBLEMS = 100
TYPES = ("string", "number", "integer", "boolean", "array", "object")
FORMATS = ("date",)
WITH_REFERENCE = {"$ref", "title", "description", "x-labels", "x-evidence", "x-barcode"}
ANYWHERE = WITH_REFERENCE | {"type", "enum"}
BY_TYPE = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "minItems", "maxItems"},
    "string": {"format", "minLength", "maxLength"},
    "number": {"minimum", "maximum"},
    "integer": {"minimum", "maximum"},
    "boolean": set(),
}
AT_ROOT = {"$defs", "$schema", "$id"}


@dataclass(frozen=True, slots=True)
class SchemaProblem:
    """A part of a schema that is not supported: its JSON pointer, and what is wrong."""

    pointer: str
    detail: str


def check(schema: Any) -> list[SchemaProblem]:
    """The problems of a schema, at most MOST_PROBLEMS; an empty list for a supported schema."""
    if not isinstance(schema, dict) or schema.get("type") != "object":
        return [SchemaProblem("/type", "the schema must be an object with `type: object`")]
    try:
        size_bytes, properties = len(json.dumps(schema)), _count_properties(schema)
    except RecursionError:
        return [SchemaProblem("", f"schemas may be nested at most {MOST_DEPTH} levels deep")]
    if size_bytes > MOST_BYTES:
        return [SchemaProblem("", f"the schema has more than {MOST_BYTES} bytes")]
    if not isinstance(schema.get("properties"), dict) or not schema["properties"]:
        return [SchemaProblem("/properties", "the schema must have at least one property")]
    if properties > MOST_PROPERTIES:
        return [SchemaProblem("/properties", f"there are more than {MOST_PROPERTIES} properties")]
    if not isinstance(schema.get("$defs", {}), dict):
        return [SchemaProblem("/$defs", "must be an object whose values are schemas")]
    return list(islice(_check(schema, "", 1, schema, set()), MOST_PROBLEMS))


def follow_reference(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """A property's schema with the definition that its local reference names. Its own keywords take precedence."""
    name = str(schema.get("$ref", "")).removeprefix("#/$defs/")
    return {**root.get("$defs", {}).get(name, {}), **schema} if "$ref" in schema else schema


def _check(schema: Any, pointer: str, depth: int, root: dict[str, Any], visited: set[Any]) -> Iterator[SchemaProblem]:
    if not isinstance(schema, dict):
        yield SchemaProblem(pointer, "a schema must be an object")
        return
    if depth > MOST_DEPTH:
        yield SchemaProblem(pointer, f"schemas may be nested at most {MOST_DEPTH} levels deep")
        return
    if "$ref" in schema:
        for keyword in [name for name in schema if name not in WITH_REFERENCE]:
            yield SchemaProblem(f"{pointer}/{_escape(keyword)}", f"`{keyword}` is not supported next to a reference")
        yield from _check_keywords(schema, pointer)
        yield from _check_reference(schema["$ref"], pointer, depth, root, visited)
        return
    kind = schema.get("type")
    if kind not in TYPES:
        yield SchemaProblem(f"{pointer}/type", f"the type must be one of {', '.join(TYPES)}")
        return
    for keyword in schema:
        if keyword not in ANYWHERE | BY_TYPE[kind] | (AT_ROOT if schema is root else set()):
            yield SchemaProblem(f"{pointer}/{_escape(keyword)}", f"`{keyword}` is not supported for the type {kind}")
    yield from _check_keywords(schema, pointer)
    for name, inner in _children(schema, root is schema):
        yield from _check(inner, f"{pointer}/{name}", depth + 1, root, visited)


def _check_reference(
    reference: Any, pointer: str, depth: int, root: dict[str, Any], visited: set[Any]
) -> Iterator[SchemaProblem]:
    """`visited` has the names of the definitions that are being checked, and (name, depth) of all checked before."""
    name = reference.removeprefix("#/$defs/") if isinstance(reference, str) else ""
    if not isinstance(reference, str) or not reference.startswith("#/$defs/") or name not in root.get("$defs", {}):
        yield SchemaProblem(
            f"{pointer}/$ref", "only references to definitions of this schema, `#/$defs/NAME`, are supported"
        )
    elif name in visited:
        yield SchemaProblem(f"{pointer}/$ref", "a definition must not refer to itself")
    elif (name, depth) not in visited:  # checking it again at each use could take exponential time
        visited |= {name, (name, depth)}
        yield from _check(root["$defs"][name], pointer, depth, root, visited)
        visited.remove(name)


def _check_keywords(schema: dict[str, Any], pointer: str) -> Iterator[SchemaProblem]:
    if schema.get("format", "date") not in FORMATS:
        yield SchemaProblem(f"{pointer}/format", "the only supported format is date")
    labels = schema.get("x-labels", [])
    if not isinstance(labels, list) or len(labels) > MOST_LABELS or not all(_is_label(label) for label in labels):
        yield SchemaProblem(
            f"{pointer}/x-labels", f"must be a list of at most {MOST_LABELS} texts of 1 to 100 characters"
        )
    if not isinstance(schema.get("x-evidence", True), bool):
        yield SchemaProblem(f"{pointer}/x-evidence", "must be true or false")
    if (wanted := schema.get("x-barcode", False)) is not False:
        if not isinstance(wanted, bool) and not _is_label(wanted):
            detail = "must be true, false or the text with which the barcode begins, of 1 to 100 characters"
            yield SchemaProblem(f"{pointer}/x-barcode", detail)
        if schema.get("type", "string") not in ("string", "integer") or not _is_of_root(pointer):
            detail = "only strings and integers that are properties of the record itself can have a barcode's value"
            yield SchemaProblem(f"{pointer}/x-barcode", detail)
    if "enum" in schema and not (isinstance(schema["enum"], list) and 0 < len(schema["enum"]) <= 200):
        yield SchemaProblem(f"{pointer}/enum", "must be a list of 1 to 200 values")
    required, properties = schema.get("required", []), schema.get("properties")
    names = list(properties) if isinstance(properties, dict) else []
    if not isinstance(required, list) or not all(name in names for name in required):
        yield SchemaProblem(f"{pointer}/required", "must be a list of names of this schema's properties")
    if not isinstance(schema.get("additionalProperties", True), bool):
        yield SchemaProblem(f"{pointer}/additionalProperties", "must be true or false")
    for bound in ("minimum", "maximum"):
        if not _is_number(schema.get(bound, 0), (int, float)):
            yield SchemaProblem(f"{pointer}/{bound}", "must be a number")
    for bound in ("minLength", "maxLength", "minItems", "maxItems"):
        if not _is_number(schema.get(bound, 0), (int,)) or schema.get(bound, 0) < 0:
            yield SchemaProblem(f"{pointer}/{bound}", "must be a whole number, 0 or more")
    if schema.get("type") == "array" and "items" not in schema:
        yield SchemaProblem(f"{pointer}/items", "an array must have `items`")


def _is_of_root(pointer: str) -> bool:
    """Whether it points to a property of the root."""
    return pointer.startswith("/properties/") and pointer.count("/") == 2


def _is_number(value: Any, kinds: tuple[type, ...]) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)


def _is_label(label: Any) -> bool:
    return isinstance(label, str) and 0 < len(label.strip()) <= 100


def _children(schema: dict[str, Any], is_root: bool) -> Iterator[tuple[str, Any]]:
    for group in ("properties", "$defs") if is_root else ("properties",):
        inner = schema.get(group)
        if isinstance(inner, dict):
            for name, child in inner.items():
                yield f"{group}/{_escape(name)}", child
        elif inner is not None:
            yield group, inner
    if "items" in schema:
        yield "items", schema["items"]


def _count_properties(schema: Any) -> int:
    if isinstance(schema, dict):
        own_count = len(schema["properties"]) if isinstance(schema.get("properties"), dict) else 0
        return own_count + sum(_count_properties(inner) for inner in schema.values())
    return sum(_count_properties(inner) for inner in schema) if isinstance(schema, list) else 0


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
