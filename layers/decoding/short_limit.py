"""Limits how long a decoder call may be active while its attempt holds a slot for short parts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_limit_s: ContextVar[float] = ContextVar("short_limit_s", default=math.inf)


@contextmanager
def short_limit(seconds: float) -> Iterator[None]:
    """Limit each decoder call inside the block. A call that is active for longer raises TakesLong."""
    token = _limit_s.set(seconds)
    try:
        yield
    finally:
        _limit_s.reset(token)


def current_limit_s() -> float:
    """The limit of the attempt that this thread runs; infinite outside of one and for long parts."""
    return _limit_s.get()
