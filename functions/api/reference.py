"""Writes the API's contract as an OpenAPI document, or as a Markdown page.

python -m functions.api.reference openapi > schema/openapi.json
python -m functions.api.reference > docs/api.md
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from functions.api.bodies import Quota
from functions.api.entry import contract
from functions.api.examples import BATCH, FILE, LATER, MOMENT, URL

Schema = dict[str, Any]
INTRODUCTION = """# HTTP API

This page is generated from the OpenAPI document, which a running Fairway serves at `GET /openapi.json` and which is kept
in [schema/openapi.json](../schema/openapi.json). `python -m functions.api.reference` generates both.

{about}

Send a key with each request, as `Authorization: Bearer <key>`. {roles}

Listings come in pages: pass `next_cursor` of a page as `cursor` to get the next one; it is null on the last page.

Requests that create something may carry an `Idempotency-Key`. {idempotency}

A tenant's `quota` limits what it may have. A request beyond a limit gets 429, with the seconds to wait in
`Retry-After`. Limits of files and bytes apply only if they are set.

| limit | counts |
|---|---|
{quotas}

Errors are problem details (RFC 9457, `application/problem+json`). `code` is stable; `detail` explains what is wrong.

| status | `code` | title |
|---|---|---|
{problems}
"""
# Example values for properties of these names, if their schema has no example.
VALUES: dict[str, Any] = {
    "id": FILE,
    "batch_id": BATCH,
    "name": "receipts",
    "cursor": "cFJx0tW1Zl2sWyJdXQ",
    "next_cursor": None,
    "step": "text",
    "role": "viewer",
    "api_key": "fw_...",
    "detail": None,
    "error": None,
    "host": "worker-1",
    "undone_at": None,
    "revoked_at": None,
    "erased_at": LATER,
    "swept_at": None,
    "quota": {},
    "code": "timeout",
    "outcome": "done",
}


def openapi_text() -> str:
    return json.dumps(contract(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def page_text() -> str:
    """The Markdown page."""
    document = contract()
    components = document["components"]
    key = next(
        parameter
        for methods in document["paths"].values()
        for operation in methods.values()
        for parameter in operation["parameters"]
        if parameter["name"] == "Idempotency-Key"
    )
    problems = [
        (str(example["status"]), example["code"], example["title"])
        for response in components["responses"].values()
        for content in response["content"].values()
        for example in [content["example"]]
    ]
    lines = [
        INTRODUCTION.format(
            about=document["info"]["description"],
            roles=components["securitySchemes"]["key"]["description"],
            idempotency=key["description"],
            quotas="\n".join(f"| `{name}` | {field.description} |" for name, field in Quota.model_fields.items()),
            problems="\n".join(f"| {status} | `{code}` | {title} |" for status, code, title in sorted(problems)),
        )
    ]
    by_tag: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            section = by_tag.setdefault(operation["tags"][0], [])
            section += _operation(document, f"{method.upper()} {path}", operation)
    for tag, section in by_tag.items():
        lines += [f"## {tag.replace('_', ' ').capitalize()}\n", *section]
    return "\n".join(lines)


def _operation(document: Schema, name: str, operation: Schema) -> Iterator[str]:
    yield f"### `{name}`\n"
    yield f"{operation['summary']} {operation['description']}\n"
    parameters = [parameter for parameter in operation["parameters"] if parameter["in"] != "path"]
    if parameters:
        yield "| parameter | values | meaning |"
        yield "|---|---|---|"
        yield from map(_parameter, parameters)
        yield ""
    if "requestBody" in operation:
        yield from _request_bodies(document, operation["requestBody"]["content"])
    for status, response in operation["responses"].items():
        content = response.get("content", {})
        schema = content.get("application/json", {}).get("schema")
        other_types = [f"`{media_type}`" for media_type in content if media_type != "application/json"]
        if schema and int(status) < 300:
            example = "an OpenAPI document" if schema == {"$ref": "#/components/schemas/Contract"} else None
            text = example or f"\n\n```json\n{_compact(_example(document, schema))}\n```"
            yield f"Response {status}: {text}\n" if example else f"Response {status}:{text}\n"
        if other_types:
            yield f"Response {status} {'also ' if schema else ''}as {', '.join(other_types)}.\n"
    codes = [ref["$ref"].rpartition("/")[2] for ref in operation["responses"].values() if "$ref" in ref]
    yield f"Problems: {', '.join(f'`{code}`' for code in codes)}.\n"


def _request_bodies(document: Schema, content: Schema) -> Iterator[str]:
    for media_type, body in content.items():
        if media_type == "application/json":
            yield f"Request:\n\n```json\n{_compact(_example(document, body['schema']))}\n```\n"
        else:
            yield f"Request, as `{media_type}`: {body['schema']['description']}\n\n```\n{body['example']}```\n"


def _parameter(parameter: Schema) -> str:
    schema = parameter["schema"]
    if "enum" in schema:
        values = ", ".join(f"`{value}`" for value in schema["enum"])
    elif "minimum" in schema:
        values = f"{schema['minimum']} to {schema['maximum']}"
    else:
        values = schema.get("format", schema["type"])
    default = f"; default {schema['default']}" if "default" in schema else ""
    required = "; required" if parameter["required"] else ""
    location = " (header)" if parameter["in"] == "header" else ""
    return f"| `{parameter['name']}`{location} | {values}{default}{required} | {parameter['description']} |"


def _compact(example: Any) -> str:
    return json.dumps(example, ensure_ascii=False, separators=(", ", ": "))


def _example(document: Schema, schema: Schema, name: str = "") -> Any:
    """The example of a schema; made from its properties if it has none."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "examples" in schema:
        return schema["examples"][0]
    if name in VALUES:
        return VALUES[name]
    if name.endswith("_id"):
        return FILE
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return _example(document, schema[choice][0])
    kind = schema["type"][0] if isinstance(schema["type"], list) else schema["type"]
    if kind == "object":
        if "additionalProperties" in schema and isinstance(schema["additionalProperties"], dict):
            key = schema.get("propertyNames", {}).get("enum", ["name"])[0]
            return {key: _example(document, schema["additionalProperties"])}
        return {key: _example(document, value, key) for key, value in schema.get("properties", {}).items()}
    if kind == "array":
        return [_example(document, schema["items"]) for _ in range(schema.get("minItems", 1))]
    return _scalar(kind, schema)


def _scalar(kind: str, schema: Schema) -> Any:
    if "enum" in schema:
        return schema["enum"][0]
    strings = {"date-time": MOMENT, "uri": URL}
    if kind == "string":
        return FILE if schema.get("description") == "opaque" else strings.get(schema.get("format", ""), "text")
    return {"integer": max(1, schema.get("minimum", 1)), "number": 1.5, "boolean": True}[kind]


if __name__ == "__main__":
    sys.stdout.write(openapi_text() if sys.argv[1:] == ["openapi"] else page_text())
