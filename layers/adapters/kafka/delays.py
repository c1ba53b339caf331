"""Calls that are due later, for brokers that can't delay a message."""

from __future__ import annotations

import heapq
import math
import threading
import time
from collections.abc import Callable

GRAIN_S = 0.1


class Delays:
    """Calls `do` after each requested delay; requests that are due together share a call.

    Nothing is lost if the process ends: PostgreSQL records what is due, and each worker's pulse checks it.
    """

    def __init__(self, do: Callable[[], object], clock: Callable[[], float] = time.monotonic) -> None:
        self._do = do
        self._clock = clock
        self._due: list[float] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def after(self, delay_s: float) -> None:
        """Call `do` in `delay_s` seconds, in a separate thread."""
        due = math.ceil((self._clock() + delay_s) / GRAIN_S) * GRAIN_S
        with self._changed:
            if due not in self._due:
                heapq.heappush(self._due, due)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="delays", daemon=True)
                self._thread.start()
            self._changed.notify()

    def take_due(self) -> float | None:
        """Drop the requests that are due. Returns 0 if there were any, else the seconds until the next, or None."""
        now, was_due = self._clock(), False
        while self._due and self._due[0] <= now:
            heapq.heappop(self._due)
            was_due = True
        if was_due:
            return 0
        return self._due[0] - now if self._due else None

    def _run(self) -> None:
        while True:
            with self._changed:
                wait_s = self.take_due()
                if wait_s != 0:
                    self._changed.wait(wait_s)
                    continue
            self._do()
