"""A candidate for a property's value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from layers.domain.page import Evidence


@dataclass(frozen=True, slots=True)
class Choice:
    """A candidate: its value, what makes its evidence, and how well it is supported; the highest wins."""

    value: Any
    proof: Callable[[], Evidence]
    score: float
