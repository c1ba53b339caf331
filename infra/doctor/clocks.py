"""Compares this host's clock with those of the servers."""

from __future__ import annotations

import time
from collections.abc import Callable

from infra.setup.results import Result, ok, warning, wrong

APART_S, FAR_APART_S = 2.0, 60.0


def compare(server: str, read: Callable[[], float], resolution_s: float = 0.0) -> Result:
    """How far a server's clock is from this host's. `read` asks it for its time in seconds since 1970.

    Half of the time that the answer takes, and the resolution of the server's time, are not counted.
    """
    before = time.time()
    there = read()
    after = time.time()
    ahead_s = there + resolution_s / 2 - (before + after) / 2
    surely_s = max(0.0, abs(ahead_s) - (after - before) / 2 - resolution_s / 2)
    if surely_s <= APART_S:
        return ok(f"the clock of {server} agrees with this host's")
    text = (
        f"The clock of {server} is {abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} this host's: "
        "synchronise both with NTP"
    )
    if surely_s <= FAR_APART_S:
        return warning(text)
    return wrong(text + "; upload URLs expire at the wrong time, and signed requests may be refused")
