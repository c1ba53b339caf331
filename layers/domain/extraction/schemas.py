"""A dataset's schema as extraction uses it: references followed, its leaves named, what it requires."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from layers.domain.extraction.schema_subset import follow_reference

Schema = Mapping[str, Any]
# Where a value stands in a record: names of properties and places in lists.
Path = tuple[str | int, ...]


def resolve_references(schema: Schema) -> dict[str, Any]:
    """The schema with every local reference followed, so that each part can be looked at by itself."""
    return _plain(dict(schema), dict(schema))


def _plain(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    found = {
        name: one
        for name, one in follow_reference(schema, root).items()
        if name not in ("$ref", "$defs", "$id", "$schema")
    }
    if isinstance(found.get("properties"), dict):
        found["properties"] = {name: _plain(one, root) for name, one in found["properties"].items()}
    if isinstance(found.get("items"), dict):
        found["items"] = _plain(found["items"], root)
    return found


def without_required(schema: Schema) -> dict[str, Any]:
    """A plain schema that takes what is there: what is not there is told otherwise than by refusing the rest."""
    kept = {name: one for name, one in schema.items() if name != "required"}
    if "properties" in kept:
        kept["properties"] = {name: without_required(one) for name, one in kept["properties"].items()}
    if "items" in kept:
        kept["items"] = without_required(kept["items"])
    return kept


def missing_paths(schema: Schema, value: Any, path: Path = ()) -> Iterator[Path]:
    """What a plain schema requires and a value does not have."""
    if isinstance(value, dict):
        yield from ((*path, name) for name in schema.get("required") or () if name not in value)
        for name, one in (schema.get("properties") or {}).items():
            if name in value:
                yield from missing_paths(one, value[name], (*path, name))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from missing_paths(schema.get("items") or {}, item, (*path, place))


def needs_evidence(schema: Schema) -> bool:
    """Whether the text must show a value of this plain schema."""
    return schema.get("x-evidence") is not False and schema.get("type") != "boolean" and "enum" not in schema


def format_path(path: Sequence[str | int]) -> str:
    """A place in a record as people write it: `items[0].amount`."""
    words = "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in path)
    return words.removeprefix(".")
