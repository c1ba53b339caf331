"""The contract as it is shown, put together when it is asked for: no other call needs what makes it."""

from __future__ import annotations

from typing import Any


def show(_request: Any = None) -> tuple[int, Any]:
    from functions.api.openapi import document

    return 200, document()
