"""Waiting for what other processes and threads do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

CHECK_S = 0.05


def eventually(holds: Callable[[], Any], within_s: float) -> Any:
    """The first true result, or the last one once the time is over; assert it."""
    deadline = time.monotonic() + within_s
    while not (result := holds()) and time.monotonic() < deadline:
        time.sleep(CHECK_S)
    return result
