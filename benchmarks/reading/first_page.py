"""The first page after a start: how long a new process takes to read it, and the memory that it has used afterwards."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from statistics import median

from benchmarks.reading.truth import Receipt

STARTS = 3
# Prints the wall and CPU seconds from its start to the read page, and the most memory in MB that the process has used.
BY_A_NEW_PROCESS = """
import resource, sys, time
from benchmarks.reading.engines import read
from pathlib import Path
read(sys.argv[1], Path(sys.argv[2]), "image/jpeg", 1)
used = resource.getrusage(resource.RUSAGE_SELF)
began = float(open("/proc/self/stat").read().rpartition(")")[2].split()[19]) / 100
now = float(open("/proc/uptime").read().split()[0])
# ru_maxrss would also count what the parent had used when it forked.
most_kb = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(now - began, used.ru_utime + used.ru_stime, most_kb / 1024)
"""


def first_pages(readers: Sequence[str], scans: Sequence[Receipt]) -> dict[str, dict[str, float]]:
    """By reader, the median of three new processes, each for another scan."""
    rows = {}
    for name in readers:
        runs = [_first_page(name, scan) for scan in scans[:STARTS]]
        wall_s, cpu_s, memory_mb = (median(values) for values in zip(*runs, strict=True))
        rows[name] = {"seconds": round(wall_s, 2), "CPU seconds": round(cpu_s, 2), "memory, MB": round(memory_mb)}
    return rows


def _first_page(name: str, scan: Receipt) -> tuple[float, ...]:
    command = [sys.executable, "-c", BY_A_NEW_PROCESS, name, str(scan.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return tuple(map(float, done.stdout.split()[-3:]))
