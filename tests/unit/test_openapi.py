"""The contract as OpenAPI: valid, written down, and true to the app's routes, roles and safe retries."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import schemathesis

import app
from functions.api.answering import PUBLIC
from functions.api.openapi import document
from functions.api.requests import ROLES

WRITTEN = Path(__file__).parent.parent.parent / "schema/openapi.json"
Handlers = dict[tuple[str, str], Any]


@pytest.fixture(scope="module")
def handlers() -> Handlers:
    """The handler of every (path, method) of the app, as its routes name them."""
    found: Handlers = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app, "reply", lambda on, **_ids: on)
        for path, methods in app.app.routes.items():
            ids = dict.fromkeys(re.findall(r"{(\w+)}", path), "")
            for method, entry in methods.items():
                found[path, method.lower()] = entry.view_function(**ids)[method]
    return found


def operations() -> dict[tuple[str, str], dict[str, Any]]:
    return {(path, method): one for path, methods in document()["paths"].items() for method, one in methods.items()}


def every(part: Any, key: str) -> Iterator[Any]:
    """All values of a key, at any depth."""
    if isinstance(part, dict):
        yield from [part[key]] if key in part else []
        part = list(part.values())
    for inner in part if isinstance(part, list) else []:
        yield from every(inner, key)


def test_it_is_written_down() -> None:
    same = json.loads(WRITTEN.read_text()) == document()
    assert same, "write it anew: python -m functions.api.openapi > schema/openapi.json"


def test_it_is_valid() -> None:
    schemathesis.openapi.from_dict(document()).validate()
    for schema in document()["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema | {"$schema": "https://json-schema.org/draft/2020-12/schema"})


def test_every_reference_leads_somewhere_and_every_part_is_referred_to() -> None:
    components = document()["components"]
    there = {f"#/components/{kind}/{name}" for kind in ("schemas", "responses", "headers") for name in components[kind]}
    assert set(every(document(), "$ref")) == there


def test_every_route_and_method_is_in_it_and_nothing_else(handlers: Handlers) -> None:
    assert set(operations()) == set(handlers)


def test_every_role_is_stated(handlers: Handlers) -> None:
    for place, operation in operations().items():
        role = getattr(handlers[place], "needs", PUBLIC)
        assert operation["security"] == ([] if role == PUBLIC else [{"key": [role]}]), place
        assert f"role {role}" in operation["description"] or role == PUBLIC, place
        assert ("401" in operation["responses"]) == (role != PUBLIC), place
        assert ("403" in operation["responses"]) == (role in ROLES[1:]), place


def test_safe_retries_are_stated_where_they_are_kept(handlers: Handlers) -> None:
    for place, operation in operations().items():
        stated = "Idempotency-Key" in [parameter["name"] for parameter in operation["parameters"]]
        assert stated == hasattr(handlers[place], "again"), place


def test_every_id_of_a_path_is_a_parameter() -> None:
    for (path, _), operation in operations().items():
        named = [parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"]
        assert named == re.findall(r"{(\w+)}", path)


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for operation in operations().values()]
    assert len(names) == len(set(names))


def test_examples_fit_their_schemas() -> None:
    components = document()["components"]
    shown = {name: schema for name, schema in components["schemas"].items() if "examples" in schema}
    assert {"NewDataset", "NewBatch", "Dataset", "BatchUploads", "File"} <= set(shown)
    for name, schema in shown.items():
        validator = jsonschema_rs.validator_for({"$ref": f"#/components/schemas/{name}", "components": components})
        for example in schema["examples"]:
            validator.validate(example)
