"""Measuring the contenders of the overhead benchmark: worker processes, run time, and CPU of workers and servers."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.starting import ROOT, cpu_s, family

WORKERS = 2
STEPS_EACH = 3
LONGEST_S = 900
CHECK_S = 0.5
RECOVERED_WITHIN_S = 60.0  # files that are left after that count as stuck

Clock = Callable[[], float]


@dataclass
class ChainRun:
    """The seconds of one run, and its CPU seconds by process group (workers, PostgreSQL, ...)."""

    steps: int
    took_s: float
    cpu_s: dict[str, float] = field(default_factory=dict)

    def cpu_ms_per_step(self, *groups: str) -> float:
        """CPU milliseconds per step of these process groups, or of all."""
        return sum(s for name, s in self.cpu_s.items() if not groups or name in groups) * 1000 / self.steps

    @property
    def steps_per_s(self) -> float:
        return self.steps / self.took_s


class WorkerProcess:
    """A worker process, ended by SIGKILL. With `prints_ready` the constructor waits until it prints "ready"."""

    def __init__(
        self, argv: Sequence[str], environment: Mapping[str, str], prints_ready: bool = True, cwd: Path = ROOT
    ) -> None:
        self.process = subprocess.Popen(
            argv,
            cwd=cwd,
            env=dict(environment),
            stdout=subprocess.PIPE if prints_ready else subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        if prints_ready:
            assert self.process.stdout
            if self.process.stdout.readline().strip() != b"ready":
                raise SystemExit(f"{argv} did not become ready")

    @property
    def pids(self) -> set[int]:
        return family(self.process.pid)

    def await_idleness(self) -> None:
        """Wait until the process uses almost no CPU: it has started, and has nothing to do."""
        spent = -1.0
        deadline = time.monotonic() + 60
        while (now := cpu_s(self.pids)) - spent > 0.03 or now < 0.2:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{self.process.args!r} did not become ready")
            spent = now
            time.sleep(1.0)

    def kill(self) -> None:
        for pid in self.pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(10)


def measure(
    workers: Sequence[WorkerProcess],
    clocks: Mapping[str, Clock],
    files: int,
    send: Callable[[], None],
    left: Callable[[], int],
) -> ChainRun:
    """Measure a run from sending until nothing is left. The CPU of the sending process is not counted."""
    all_clocks: dict[str, Clock] = {
        "workers": lambda: cpu_s({pid for worker in workers for pid in worker.pids}),
        **clocks,
    }
    before = {name: clock() for name, clock in all_clocks.items()}
    began = time.monotonic()
    send()
    while left():
        if time.monotonic() - began > LONGEST_S:
            raise SystemExit(f"{left()} files were left after {LONGEST_S} s")
        time.sleep(CHECK_S)
    took_s = time.monotonic() - began
    return ChainRun(files * STEPS_EACH, took_s, {name: clock() - before[name] for name, clock in all_clocks.items()})


def measure_with_kills(
    start: Callable[[str], WorkerProcess],
    files: int,
    send: Callable[[], None],
    ran: Callable[[], int],
    left: Callable[[], int],
) -> tuple[float, int]:
    """Kill one of two workers three times during the run, and restart it at once each time.

    Returns the seconds from the last restart until all files are done, and how many are left if that takes longer than
    RECOVERED_WITHIN_S. `ran` returns how many steps have run so far.
    """
    workers = {name: start(name) for name in ("w0", "w1")}
    try:
        send()
        for part in (0.25, 0.5, 0.75):
            while ran() < files * STEPS_EACH * part:
                time.sleep(0.01)
            workers["w1"].kill()
            workers["w1"] = start("w1")
        since = time.monotonic()
        while left() and time.monotonic() - since < RECOVERED_WITHIN_S:
            time.sleep(0.1)
        return time.monotonic() - since, left()
    finally:
        for worker in workers.values():
            worker.kill()
