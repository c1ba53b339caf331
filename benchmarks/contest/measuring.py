"""Measures a tree of processes while it works: CPU seconds, and the peak of its memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from benchmarks.starting import cpu_s, family, memory_mib

SAMPLE_S = 1.0


class Measured:
    """Samples the processes under `roots()` in a thread, as a context. CPU seconds and MiB of memory (shared pages count
    once) are from the start of the context on; `wall_s` is its length."""

    def __init__(self, roots: Callable[[], set[int]]) -> None:
        self._roots = roots
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._seen: dict[int, float] = {}
        self._ended_s = 0.0
        self.peak_mib = 0.0
        self.wall_s = 0.0

    def __enter__(self) -> Measured:
        self._began = time.monotonic()
        self._cpu_before_s = self._cpu_s()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall_s = time.monotonic() - self._began
        self._stop.set()
        self._thread.join()
        self.cpu_s = self._cpu_s() - self._cpu_before_s

    def _sample(self) -> None:
        while not self._stop.wait(SAMPLE_S):
            self._cpu_s()
            self.peak_mib = max(self.peak_mib, memory_mib(self._members())[1])

    def _members(self) -> set[int]:
        return set().union(*(family(root) for root in self._roots()))

    def _cpu_s(self) -> float:
        """CPU seconds of the roots' families. A root that was killed counts with what it had at the last sample."""
        roots = self._roots()
        for root in self._seen.keys() - roots:
            self._ended_s += self._seen.pop(root)
        for root in roots:
            self._seen[root] = max(self._seen.get(root, 0.0), cpu_s(family(root)))
        return self._ended_s + sum(self._seen.values())
