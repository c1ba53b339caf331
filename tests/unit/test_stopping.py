"""The embedded start is told to stop."""

from __future__ import annotations

import signal
from contextlib import suppress

from infra.local.__main__ import Stop, Stops


def test_a_signal_is_kept_where_what_it_interrupted_swallows_it() -> None:
    stops = Stops()
    with suppress(Stop):
        stops(signal.SIGTERM, None)
    assert stops.came
