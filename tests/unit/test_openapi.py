"""The OpenAPI document is valid, is up to date in the repository, and agrees with the routes of the app."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema_rs
import pytest
import schemathesis

import app
from functions.api.entry import contract
from functions.api.reference import page_text
from functions.api.requests import PUBLIC, ROLES, SCHEDULER
from functions.api.routes import ROUTES, Route
from layers.version import VERSION

ROOT = Path(__file__).parent.parent.parent
TAKES_SECRET = {("/sessions/exchange", "post")}  # public, but it refuses an unknown code
FORBIDS = {("/sessions", "post")}  # a session can't create another one, nor one with more rights


@pytest.fixture(scope="module")
def routes() -> dict[tuple[str, str], Route]:
    """The route of every (path, method) of Chalice, as returned by its view."""
    found, known = {}, app.app.routes
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app, "app", SimpleNamespace(current_request=None))
        patch.setattr(app, "respond", lambda route, _request, _ids: (route, {}, 200))
        for path, methods in known.items():
            ids = dict.fromkeys(re.findall(r"{(\w+)}", path), "")
            for method, entry in methods.items():
                found[path, method.lower()] = entry.view_function(**ids).body
    return found


def operations() -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (path, method): operation
        for path, methods in contract()["paths"].items()
        for method, operation in methods.items()
    }


def every(part: Any, key: str) -> Iterator[Any]:
    """All values of a key, at any depth."""
    if isinstance(part, dict):
        yield from [part[key]] if key in part else []
        part = list(part.values())
    for inner in part if isinstance(part, list) else []:
        yield from every(inner, key)


def test_the_stored_document_is_current() -> None:
    same = json.loads((ROOT / "schema/openapi.json").read_text()) == contract()
    assert same, "renew it: python -m functions.api.reference openapi > schema/openapi.json"


def test_the_page_for_people_is_current() -> None:
    same = (ROOT / "docs/api.md").read_text() == page_text()
    assert same, "renew it: python -m functions.api.reference > docs/api.md"


def test_the_document_and_the_packages_have_one_version() -> None:
    for path in ("pyproject.toml", "clients/python/pyproject.toml"):
        assert tomllib.loads((ROOT / path).read_text())["project"]["version"] == VERSION, path
    assert contract()["info"]["version"] == VERSION


def test_the_document_is_valid() -> None:
    schemathesis.openapi.from_dict(contract()).validate()
    for schema in contract()["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema | {"$schema": "https://json-schema.org/draft/2020-12/schema"})


def test_every_reference_has_a_target_and_every_component_is_referenced() -> None:
    components = contract()["components"]
    defined = {
        f"#/components/{kind}/{name}" for kind in ("schemas", "responses", "headers") for name in components[kind]
    }
    assert set(every(contract(), "$ref")) == defined


def test_the_document_has_exactly_the_routes_of_the_app(routes: dict[tuple[str, str], Route]) -> None:
    assert set(operations()) == set(routes)
    assert len(ROUTES) == len(routes)
    for (path, method), route in routes.items():
        assert (route.path, route.method.lower()) == (path, method)


def test_each_operation_states_its_role(routes: dict[tuple[str, str], Route]) -> None:
    for which, operation in operations().items():
        role = routes[which].role
        roles = [role, SCHEDULER] if routes[which].is_for_scheduler else [role]
        assert operation["security"] == ([] if role == PUBLIC else [{"key": [role]} for role in roles]), which
        assert f"role {' or '.join(roles)}" in operation["description"] or role == PUBLIC, which
        assert ("401" in operation["responses"]) == (role != PUBLIC or which in TAKES_SECRET), which
        assert ("403" in operation["responses"]) == (role in ROLES[1:] or which in FORBIDS), which


def test_an_idempotency_key_is_a_parameter_exactly_where_a_route_takes_it(routes: dict[tuple[str, str], Route]) -> None:
    for which, operation in operations().items():
        is_parameter = "Idempotency-Key" in [parameter["name"] for parameter in operation["parameters"]]
        assert is_parameter == (routes[which].repeat is not None), which


def test_each_id_in_a_path_is_a_parameter() -> None:
    for (path, _), operation in operations().items():
        named = [parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"]
        assert named == re.findall(r"{(\w+)}", path)


def test_operation_ids_are_unique() -> None:
    names = [operation["operationId"] for operation in operations().values()]
    assert len(names) == len(set(names))


def test_examples_match_their_schemas() -> None:
    components = contract()["components"]
    shown = {name: schema for name, schema in components["schemas"].items() if "examples" in schema}
    assert {"NewDataset", "NewBatch", "Dataset", "BatchUploads", "File"} <= set(shown)
    for name, schema in shown.items():
        validator = jsonschema_rs.validator_for({"$ref": f"#/components/schemas/{name}", "components": components})
        for example in schema["examples"]:
            validator.validate(example)
