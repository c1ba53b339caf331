"""Compares this host's clock with those of the servers."""

from __future__ import annotations

import time
from collections.abc import Callable

from infra.setup.results import Result, ok, warning, wrong

APART_S, FAR_APART_S = 2.0, 60.0


def compare(server: str, read: Callable[[], float], resolution_s: float = 0.0) -> Result:
    """Compare a server's clock with this host's. `read` returns the server's time in seconds since 1970.

    Half of the time that `read` takes, and half of the resolution of the server's time, are subtracted as uncertainty.
    """
    before = time.time()
    server_time = read()
    after = time.time()
    ahead_s = server_time + resolution_s / 2 - (before + after) / 2
    least_s = max(0.0, abs(ahead_s) - (after - before) / 2 - resolution_s / 2)
    if least_s <= APART_S:
        return ok(f"the clock of {server} agrees with this host's")
    text = (
        f"The clock of {server} is {abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} this host's: "
        "synchronise both with NTP"
    )
    if least_s <= FAR_APART_S:
        return warning(text)
    return wrong(text + "; upload URLs expire at the wrong time, and signed requests may be refused")
