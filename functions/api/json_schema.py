"""Short forms of JSON Schema, for the response shapes of the API."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
ID: Schema = {"type": "string", "description": "opaque"}
URL: Schema = {"type": "string", "format": "uri", "description": "presigned and short-lived"}
TIME: Schema = {"type": "string", "format": "date-time", "description": "RFC 3339, in UTC"}
COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": "number"}
BOOLEAN: Schema = {"type": "boolean"}
OBJECT: Schema = {"type": "object"}
ANYTHING: Schema = {}
CURSOR: Schema = {"type": "string", "description": "the position where the listing continues; opaque"}
SHA256: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def one_of(*words: str) -> Schema:
    return {"type": "string", "enum": list(words)}


def each(schema: Schema, **limits: int) -> Schema:
    return {"type": "array", "items": schema, **limits}


def or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]} if "$ref" in schema or "enum" in schema else _typed_or_null(schema)


def object_of(optional: Schema | None = None, /, **required: Schema) -> Schema:
    """The schema of an object. Keywords are its required properties; `optional` has the others."""
    return {"type": "object", "properties": {**required, **(optional or {})}, "required": list(required)}


def by_name(schema: Schema, names: Schema | None = None) -> Schema:
    return {"type": "object", "additionalProperties": schema, **({"propertyNames": names} if names else {})}


def _typed_or_null(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}
