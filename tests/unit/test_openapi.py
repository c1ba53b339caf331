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
from functions.api.entry import contract
from functions.api.requests import PUBLIC, ROLES
from functions.api.routes import ROUTES, Route

WRITTEN = Path(__file__).parent.parent.parent / "schema/openapi.json"


@pytest.fixture(scope="module")
def routes() -> dict[tuple[str, str], Route]:
    """The route behind every (path, method) that Chalice knows, as its view answers it."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app.app, "current_request", None, raising=False)
        patch.setattr(app, "respond", lambda route, _request, _ids: (route, {}, 200))
        for path, methods in app.app.routes.items():
            ids = dict.fromkeys(re.findall(r"{(\w+)}", path), "")
            for method, entry in methods.items():
                found[path, method.lower()] = entry.view_function(**ids).body
    return found


def operations() -> dict[tuple[str, str], dict[str, Any]]:
    return {(path, method): one for path, methods in contract()["paths"].items() for method, one in methods.items()}


def every(part: Any, key: str) -> Iterator[Any]:
    """All values of a key, at any depth."""
    if isinstance(part, dict):
        yield from [part[key]] if key in part else []
        part = list(part.values())
    for inner in part if isinstance(part, list) else []:
        yield from every(inner, key)


def test_it_is_written_down() -> None:
    same = json.loads(WRITTEN.read_text()) == contract()
    assert same, "renew it: python -m functions.api.reference openapi > schema/openapi.json"


def test_it_is_valid() -> None:
    schemathesis.openapi.from_dict(contract()).validate()
    for schema in contract()["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema | {"$schema": "https://json-schema.org/draft/2020-12/schema"})


def test_every_reference_leads_somewhere_and_every_part_is_referred_to() -> None:
    components = contract()["components"]
    there = {f"#/components/{kind}/{name}" for kind in ("schemas", "responses", "headers") for name in components[kind]}
    assert set(every(contract(), "$ref")) == there


def test_every_route_and_method_is_in_it_and_nothing_else(routes: dict[tuple[str, str], Route]) -> None:
    assert set(operations()) == set(routes)
    assert len(ROUTES) == len(routes)
    for (path, method), route in routes.items():
        assert (route.path, route.method.lower()) == (path, method)


def test_every_role_is_stated(routes: dict[tuple[str, str], Route]) -> None:
    for place, operation in operations().items():
        role = routes[place].role
        assert operation["security"] == ([] if role == PUBLIC else [{"key": [role]}]), place
        assert f"role {role}" in operation["description"] or role == PUBLIC, place
        assert ("401" in operation["responses"]) == (role != PUBLIC), place
        assert ("403" in operation["responses"]) == (role in ROLES[1:]), place


def test_safe_retries_are_stated_where_they_are_kept(routes: dict[tuple[str, str], Route]) -> None:
    for place, operation in operations().items():
        stated = "Idempotency-Key" in [parameter["name"] for parameter in operation["parameters"]]
        assert stated == (routes[place].repeat is not None), place


def test_every_id_of_a_path_is_a_parameter() -> None:
    for (path, _), operation in operations().items():
        named = [parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"]
        assert named == re.findall(r"{(\w+)}", path)


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for operation in operations().values()]
    assert len(names) == len(set(names))


def test_examples_fit_their_schemas() -> None:
    components = contract()["components"]
    shown = {name: schema for name, schema in components["schemas"].items() if "examples" in schema}
    assert {"NewDataset", "NewBatch", "Dataset", "BatchUploads", "File"} <= set(shown)
    for name, schema in shown.items():
        validator = jsonschema_rs.validator_for({"$ref": f"#/components/schemas/{name}", "components": components})
        for example in schema["examples"]:
            validator.validate(example)
