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


def test_of_stop_signals_that_come_at_once_only_the_first_is_raised() -> None:
    now = [100.0]
    handler = StopHandler(lambda: now[0])
    raised = [_raises(handler), _raises(handler)]
    now[0] += 2
    assert [*raised, _raises(handler)] == [True, False, True]


def _raises(handler: StopHandler) -> bool:
    try:
        handler(signal.SIGINT, None)
    except Stop:
        return True
    return False
