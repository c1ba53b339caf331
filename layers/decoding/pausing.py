"""Gives light decoder calls precedence: pauses the decoder of a heavy call while enough lighter calls run here.

Without this, a burst of hostile files shares the processors equally with a small file that arrives at the same time.
Pausing needs no privilege, and does not lower a decoder's share relative to other programs as niceness does.
docs/sandbox.md has figures.
"""

from __future__ import annotations

import itertools
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

LIGHT_S = 0.1  # a call is light below this active time, unless its caller sets another
HEAVY_S = 1.0  # and heavy above this active time, or above twice its own light time
MAX_PAUSED_S = 60.0  # of one call, which is then not paused again
LIGHT, MEDIUM, HEAVY, LONG = range(4)

Rank = tuple[int, int]


def has_idle_processor() -> bool:
    """Whether fewer threads of this host are running or ready to run than it has processors, not counting this thread."""
    try:
        running = int(Path("/proc/loadavg").read_text().split()[3].split("/")[0])
    except (OSError, ValueError, IndexError):
        return False
    return running - 1 < (os.cpu_count() or 1)


class RunningCalls:
    """The decoder calls of one process. As many run as its share of the processors; while no processor is idle, the
    others are paused unless they are light."""

    def __init__(self, processors: int, has_idle_processor: Callable[[], bool] = has_idle_processor) -> None:
        self._processors = processors
        self._has_idle_processor = has_idle_processor
        self._ranks: dict[int, Rank] = {}
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    def start(self, *, is_long: bool) -> int:
        """Register a call. Returns its number."""
        with self._lock:
            number = next(self._numbers)
            self._ranks[number] = (LONG if is_long else LIGHT, number)
            return number

    def must_pause(self, number: int, level: int) -> bool:
        """Whether a call of this level has to wait for calls of a lower level, or for earlier ones of the same level,
        because no processor is idle."""
        with self._lock:
            own = self._ranks[number] = (level, number)
            is_behind = level > LIGHT and sum(rank < own for rank in self._ranks.values()) >= self._processors
        return is_behind and not self._has_idle_processor()

    def end(self, number: int) -> None:
        with self._lock:
            del self._ranks[number]

    def share_processors(self, processes: int) -> None:
        """Divide the processors of this host by the number of Fairway processes on it that start decoders."""
        self._processors = max(1, len(os.sched_getaffinity(0)) // processes)


RUNNING_CALLS = RunningCalls(len(os.sched_getaffinity(0)))


class PausableCall:
    """One decoder call. `pids` lists the decoder and its children, the decoder first."""

    def __init__(
        self,
        pids: Callable[[], list[int]],
        *,
        is_long: bool,
        light_s: float = LIGHT_S,
        calls: RunningCalls = RUNNING_CALLS,
    ) -> None:
        self._pids, self._is_long, self._light_s, self._calls = pids, is_long, light_s, calls
        self._number = calls.start(is_long=is_long)
        self.is_paused = False

    def update(self, active_s: float, paused_s: float) -> None:
        """Pause or continue the decoder, depending on how long its call has been active and paused so far."""
        pause = self._calls.must_pause(self._number, self._level(active_s)) and paused_s < MAX_PAUSED_S
        if pause != self.is_paused:
            self.is_paused = pause
            self._signal(signal.SIGSTOP if pause else signal.SIGCONT)

    def end(self) -> None:
        self._calls.end(self._number)

    def _level(self, active_s: float) -> int:
        if self._is_long:
            return LONG
        return (active_s >= self._light_s) + (active_s >= max(HEAVY_S, 2 * self._light_s))

    def _signal(self, number: signal.Signals) -> None:
        signalled: set[int] = set()
        while pids := [
            pid for pid in self._pids() if pid not in signalled
        ]:  # repeated, because it may have started another one
            for pid in pids:
                signalled.add(pid)
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass
