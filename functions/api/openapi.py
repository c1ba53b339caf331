"""The API's contract as OpenAPI 3.1, derived from the routes, their descriptions and the models of request bodies."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from functions.api import problems
from functions.api.descriptions import DESCRIPTIONS, Description
from functions.api.examples import EXAMPLES
from functions.api.json_schema import TEXT, Schema, ref
from functions.api.requests import LONGEST_KEY, ROLES, SCHEDULER
from functions.api.routes import Route
from functions.api.shapes import SHAPES
from layers.version import VERSION

ABOUT = """Batches of uploaded files become records of a dataset; each file also gets a preview and a thumbnail.

Times are RFC 3339 in UTC; sizes are bytes; durations end in `_s`; ids are opaque. An id that belongs to another tenant
gets 404, like an id that does not exist. Responses may get new members: ignore those that you do not know."""
ABOUT_ROLES = (
    f"A key belongs to one tenant and has a role: {', '.join(ROLES)}, each with the rights of those before it."
    f" The role {SCHEDULER} is not one of them: it calls the operations that name it, and no others."
    " Each operation names the least role that may call it."
)
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY},
    "description": "A repeated request with the same key within 24 h creates nothing new and gets the same response, with new"
    " URLs and without secrets.",
}
IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": LONGEST_KEY},
    "description": "the version of the record, as its `ETag` shows it; `*`: any. Needed to change values.",
}
RETRYABLE = ("quota_exceeded", "rate_limited", "unavailable")
HEADERS: dict[str, Schema] = {
    "Retry-After": {"required": True, "schema": {"type": "integer", "minimum": 1}, "description": "in seconds"},
    "WWW-Authenticate": {"required": True, "schema": TEXT},
    "Link": {"schema": TEXT, "description": 'the next page, as rel="next", of jsonl, csv and arrow'},
    "ETag": {"schema": TEXT, "description": "the version of the record, for `If-Match`"},
    "X-Schema-Version": {
        "schema": {"type": "integer"},
        "description": "of the current schema, with jsonl, csv and arrow",
    },
}


class _Untitled(GenerateJsonSchema):
    """Leaves out the titles, which only repeat the names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


@cache
def document(routes: tuple[Route, ...]) -> Schema:
    """The contract as an OpenAPI 3.1 document. It is cached: callers must not change it. Raises KeyError for a route
    without a description."""
    paths: dict[str, Schema] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Fairway", "version": VERSION, "description": ABOUT},
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": ABOUT_ROLES}},
            "schemas": _schemas(routes),
            "responses": {code: _problem(code) for code in problems.TITLES if code != "method_not_allowed"},
            "headers": HEADERS,
        },
    }


def _operation(route: Route) -> Schema:
    described = DESCRIPTIONS[route.name]
    keys = ([] if route.repeat is None else [IDEMPOTENCY_KEY]) + ([IF_MATCH] if described.if_match else [])
    operation: Schema = {
        "operationId": described.name,
        "summary": described.summary,
        "tags": [_tag(route, described)],
        "description": "Needs no key." if route.is_public else f"Needs the role {' or '.join(_roles(route))}.",
        "security": [] if route.is_public else [{"key": [role]} for role in _roles(route)],
        "parameters": [*map(_path_parameter, route.ids), *described.query, *keys],
        "responses": {str(status): _answer(described, shape) for status, shape in described.answers.items()},
    }
    if described.body:
        is_required = any(field.is_required() for field in described.body.model_fields.values())
        content = {"application/json": {"schema": ref(described.body.__name__)}}
        operation["requestBody"] = {"required": is_required, "content": content}
    if described.lines:
        operation["requestBody"] = {"required": True, "content": {"application/x-ndjson": _lines(described.lines)}}
    for code in _problems(route, described):
        status = str(problems.TITLES[code][0])
        operation["responses"].setdefault(status, {"$ref": f"#/components/responses/{code}"})
    return operation


def _lines(model: type) -> Schema:
    """JSON lines of this model."""
    description = f"a {model.__name__} on each line, at most 10 MB in all; it may have the Content-Encoding gzip"
    example = "".join(json.dumps(line) + "\n" for line in EXAMPLES[f"{model.__name__}s"])
    return {"schema": TEXT | {"description": description}, "x-line": ref(model.__name__), "example": example}


def _roles(route: Route) -> list[str]:
    """The least role that may call a route, and the scheduler if it may."""
    return [route.role, SCHEDULER] if route.is_for_scheduler else [route.role]


def _tag(route: Route, described: Description) -> str:
    return (
        "operations"
        if route.is_public and not described.tag
        else described.tag or route.handler.__module__.rpartition(".")[2]
    )


def _problems(route: Route, described: Description) -> list[str]:
    """The codes of the problems that a route may return."""
    has_key = not route.is_public
    takes_idempotency_key = route.repeat is not None
    possible = {
        "invalid_request": described.body or described.lines or described.query or takes_idempotency_key,
        "unauthorized": has_key or described.takes_secret,
        "forbidden": (has_key and route.role != ROLES[0]) or described.forbids,
        "not_found": route.ids,
        "not_acceptable": described.negotiates,
        "conflict": described.conflicts or takes_idempotency_key,
        "precondition_failed": described.if_match,
        "precondition_required": described.if_match,
        "too_large": described.body or described.lines,
        "quota_exceeded": described.quotas,
        "rate_limited": has_key or described.takes_secret,
        "internal_error": True,
        "unavailable": has_key or described.takes_secret,
    }
    return [code for code, is_possible in possible.items() if is_possible]


def _path_parameter(name: str) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _answer(described: Description, shape: str) -> Schema:
    content = {**({"application/json": {"schema": ref(shape)}} if shape else {}), **described.also_as}
    answer = {"description": described.summary, "content": content}
    return answer | ({"headers": _headers(*described.headers)} if described.headers else {})


def _problem(code: str) -> Schema:
    body = problems.Problem(code, "one sentence that says what is wrong, and where").body()
    content = {problems.MEDIA_TYPE: {"schema": ref("Problem"), "example": body}}
    headers = {"unauthorized": ("WWW-Authenticate",)} | dict.fromkeys(RETRYABLE, ("Retry-After",))
    answer = {"description": body["title"], "content": content}
    return answer | ({"headers": _headers(*headers[code])} if code in headers else {})


def _headers(*names: str) -> Schema:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _schemas(routes: Sequence[Route]) -> dict[str, Schema]:
    _, read = TypeAdapter.json_schemas(
        [
            (route.name, "validation", TypeAdapter(body))
            for route in routes
            if (body := DESCRIPTIONS[route.name].body or DESCRIPTIONS[route.name].lines)
        ],
        ref_template="#/components/schemas/{model}",
        schema_generator=_Untitled,
    )
    schemas = {**read["$defs"], **SHAPES}
    return {
        name: {**schema, **({"examples": [EXAMPLES[name]]} if name in EXAMPLES else {})}
        for name, schema in schemas.items()
    }
