"""Measures how long a decoder is active: it computes or is blocked. Waiting for a processor and being paused don't count.

So a limit on active time means the same on an idle host and on a busy one.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

CLOCK_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
MOST_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class CpuTimes:
    """Seconds for which processes used a processor, and for which they were ready to run and waited for one."""

    used_s: float
    waited_s: float


class ActiveTime:
    """Active, waiting and paused seconds of a decoder since this object was created, as of the last `update`.

    Linux keeps a process's waiting time only while it runs. Frequent updates include most of the waiting time of
    children that have ended. Without /proc/<pid>/schedstat all time counts as active.
    """

    def __init__(self, reaper_pid: int) -> None:
        self._reaper_pid = reaper_pid
        self._last, self._last_at = decoder_cpu_times(reaper_pid), time.monotonic()
        self.active_s = self.waiting_s = self.paused_s = 0.0

    def update(self, *, was_paused: bool = False) -> None:
        """Count the time since the last update. `was_paused`: the decoder was paused in this time."""
        current, now = decoder_cpu_times(self._reaper_pid), time.monotonic()
        elapsed_s = now - self._last_at
        used_s = current.used_s - self._last.used_s
        waited_s = max(0.0, current.waited_s - self._last.waited_s)
        active_s = min(elapsed_s, max(used_s, 0.0 if was_paused else elapsed_s - waited_s))
        self.active_s += active_s
        if was_paused:
            self.paused_s += elapsed_s - active_s
        else:
            self.waiting_s += elapsed_s - active_s
        self._last, self._last_at = current, now


def decoder_cpu_times(reaper_pid: int) -> CpuTimes:
    """The times of the decoder under this reaper and of its running children, since each of them started."""
    try:
        times = [_cpu_times(pid) for pid in decoder_pids(reaper_pid)]
        return CpuTimes(sum(process.used_s for process in times), sum(process.waited_s for process in times))
    except (OSError, IndexError, ValueError):
        return CpuTimes(0.0, 0.0)  # it has ended, or the kernel does not count this


def decoder_pids(reaper_pid: int) -> list[int]:
    """The decoder under this reaper, then the decoder's children. Empty if it has ended."""
    try:
        (decoder,) = _children(reaper_pid)[:1]
        return [decoder, *_children(decoder)]
    except (OSError, ValueError):
        return []


def _cpu_times(pid: int) -> CpuTimes:
    """A process's own times, and the processor time of its ended children."""
    used_ns, waited_ns = _read(f"/proc/{pid}/schedstat").split()[:2]
    fields = _read(f"/proc/{pid}/stat").rsplit(b")", 1)[1].split()
    ended_children_s = (int(fields[13]) + int(fields[14])) / CLOCK_TICKS_PER_S
    return CpuTimes(int(used_ns) / 1e9 + ended_children_s, int(waited_ns) / 1e9)


def _children(pid: int) -> list[int]:
    return [int(child) for child in _read(f"/proc/{pid}/task/{pid}/children").split()]


def _read(path: str) -> bytes:
    """A short file of /proc; three of them are read for each call of a decoder, and `Path.read_text` costs three times as
    much."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, MOST_BYTES)
    finally:
        os.close(descriptor)
