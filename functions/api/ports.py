"""What the API's handlers may use; the host builds it once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ApiPorts:
    """`contract` makes the OpenAPI document of all routes."""

    contract: Callable[[], dict[str, Any]]
