"""The API's contract, as an OpenAPI document."""

from __future__ import annotations

from typing import Any

from functions.api.requests import Request


def show(request: Request) -> tuple[int, Any]:
    return 200, request.ports.contract()
