"""Dataset schemas as extraction uses them: resolving references, finding missing properties, naming paths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from layers.domain.extraction.schema_subset import follow_reference

Schema = Mapping[str, Any]
# The path of a value in a record: names of properties and indexes in lists.
Path = tuple[str | int, ...]


def resolve_references(schema: Schema) -> dict[str, Any]:
    """The resolved schema: every local reference is replaced by its definition, so that each part is complete by
    itself."""
    return _resolve(dict(schema), dict(schema))


def _resolve(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    found = {
        name: value
        for name, value in follow_reference(schema, root).items()
        if name not in ("$ref", "$defs", "$id", "$schema")
    }
    if isinstance(found.get("properties"), dict):
        found["properties"] = {
            name: _resolve(property_schema, root) for name, property_schema in found["properties"].items()
        }
    if isinstance(found.get("items"), dict):
        found["items"] = _resolve(found["items"], root)
    return found


def without_required(schema: Schema) -> dict[str, Any]:
    """A resolved schema that requires nothing. Missing properties are reported separately, and do not make the values
    that are present invalid."""
    kept = {name: value for name, value in schema.items() if name != "required"}
    if "properties" in kept:
        kept["properties"] = {
            name: without_required(property_schema) for name, property_schema in kept["properties"].items()
        }
    if "items" in kept:
        kept["items"] = without_required(kept["items"])
    return kept


def missing_paths(schema: Schema, value: Any, path: Path = ()) -> Iterator[Path]:
    """The paths of the properties that a resolved schema requires and a value does not have."""
    if isinstance(value, dict):
        yield from ((*path, name) for name in schema.get("required") or () if name not in value)
        for name, property_schema in (schema.get("properties") or {}).items():
            if name in value:
                yield from missing_paths(property_schema, value[name], (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from missing_paths(schema.get("items") or {}, item, (*path, index))


def needs_evidence(schema: Schema) -> bool:
    """Whether a value of this resolved schema is valid only if the text shows it."""
    return schema.get("x-evidence") is not False and schema.get("type") != "boolean" and "enum" not in schema


def format_path(path: Sequence[str | int]) -> str:
    """A path as text: `items[0].amount`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
