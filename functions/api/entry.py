"""The API behind `app.py`: builds what the handlers use, at the first request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.api.answering import answer, encode
from functions.api.ports import ApiPorts
from functions.api.routes import ROUTES, Route
from layers import bootstrap


@bootstrap.once
def ports() -> ApiPorts:
    return ApiPorts(contract=contract)


def respond(route: Route, http_request: Any, ids: Mapping[str, str]) -> tuple[str, dict[str, str], int]:
    """The text, headers and status that answer one of Chalice's requests."""
    response = answer(route, http_request, ids, ports)
    return encode(response, http_request.headers.get("origin", ""))


def contract() -> dict[str, Any]:
    """The OpenAPI document of all routes."""
    # Imported at its first use: no other route needs it, and it takes long.
    from functions.api.openapi import document

    return document(ROUTES)
