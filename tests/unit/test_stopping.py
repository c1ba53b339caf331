"""Stop signals of the embedded start."""

from __future__ import annotations

import signal
from contextlib import suppress

from infra.local.__main__ import Stop, StopHandler


def test_a_stop_signal_is_remembered_if_its_exception_is_swallowed() -> None:
    handler = StopHandler()
    with suppress(Stop):
        handler(signal.SIGTERM, None)
    assert handler.was_called
