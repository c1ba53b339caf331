"""Records what came of attempts, and keeps at it while the status store is away: what was done, and paid for, is not
to be done again because its end could not be told."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from layers.domain.errors import StoreUnreachable
from layers.ports import Finished, Recorded, Store
from layers.telemetry.log import log

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 2.0


def record_all(
    store: Store, finished: Sequence[Finished], host: str, *, until: float, chance: Callable[[], float]
) -> list[Recorded]:
    """The verdicts on these outcomes. Raises StoreUnreachable where the store is still away at `until`, a moment of
    the monotonic clock: the leases have ended by then, and others may hold the steps."""
    is_unsure = False
    longest_s = FIRST_PAUSE_S  # it may be one connection that was ended, and no more
    while True:
        try:
            recorded = store.record_all(finished, host=host)
        except StoreUnreachable as error:
            pause_s = longest_s * chance()
            longest_s = min(LONGEST_PAUSE_S, 2 * longest_s)
            if time.monotonic() + pause_s >= until:
                raise
            if not is_unsure:
                log("record_waits", step=finished[0].claim.step, detail=str(error))
            is_unsure = True
            time.sleep(pause_s)
        else:
            return [replace(one, unsure=is_unsure and one.fenced) for one in recorded]
