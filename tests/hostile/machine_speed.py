"""Measures the speed of this machine by a fixed computation, so that time limits mean the same on each machine."""

from __future__ import annotations

import time
import zlib
from concurrent.futures import ProcessPoolExecutor

PROCESSES = 2  # at once, as many as the processors of the machine that the limits are for
TIMES = 3
REFERENCE_S = 0.214  # what `computation_s` is on that machine


def computation_s() -> float:
    """The seconds that two processes take for a fixed mix of interpreted and compiled work, the median of three times."""
    with ProcessPoolExecutor(PROCESSES) as pool:
        list(pool.map(_compute, [1] * PROCESSES))  # starts the processes
        seconds = []
        for _ in range(TIMES):
            began = time.perf_counter()
            list(pool.map(_compute, [20] * PROCESSES))
            seconds.append(time.perf_counter() - began)
    return sorted(seconds)[TIMES // 2]


def _compute(rounds: int) -> int:
    result = 0
    for number in range(rounds):
        content = bytes((number * 7 + index * index) & 0xFF for index in range(100_000))
        result ^= zlib.crc32(zlib.compress(content * 4, 6))
    return result


def slower_by() -> float:
    """How many times as long as the reference machine this one takes; 1 on a faster one."""
    return max(1.0, computation_s() / REFERENCE_S)
