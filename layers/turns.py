"""How long the attempt that this thread runs may decode before it makes way for shorter ones."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# Seconds that each call of a decoder may take. Endless for what is known to be long: it gives way in another
# manner, behind all others. None where nobody waits for a turn.
_most_s: ContextVar[float | None] = ContextVar("most_s", default=None)


@contextmanager
def turn_of(most_s: float) -> Iterator[None]:
    """A turn of so many seconds a call."""
    before = _most_s.set(most_s)
    try:
        yield
    finally:
        _most_s.reset(before)


def most_s() -> float:
    """How long a decoder may take now."""
    found = _most_s.get()
    return math.inf if found is None else found


def gives_way_at_once() -> bool:
    """Whether this is one of those that are known to take long."""
    return _most_s.get() == math.inf
