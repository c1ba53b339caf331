"""What every contender of the overhead benchmark is measured by: workers as processes, their CPU, the server's."""

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
LOOK_S = 0.5
RESCUED_WITHIN_S = 60.0  # who has not come back by then counts as stuck

Clock = Callable[[], float]


@dataclass
class Run:
    """What one run took: seconds, and seconds of CPU by whose they were."""

    steps: int
    took_s: float
    cpu_s: dict[str, float] = field(default_factory=dict)

    def cpu_ms_a_step(self, *whose: str) -> float:
        """Of these, or of all."""
        return sum(s for name, s in self.cpu_s.items() if not whose or name in whose) * 1000 / self.steps

    @property
    def steps_a_s(self) -> float:
        return self.steps / self.took_s


class Worker:
    """A worker process, ended by SIGKILL. One that says `ready` is waited for, the others until they idle."""

    def __init__(
        self, argv: Sequence[str], environment: Mapping[str, str], says_ready: bool = True, cwd: Path = ROOT
    ) -> None:
        self.process = subprocess.Popen(
            argv,
            cwd=cwd,
            env=dict(environment),
            stdout=subprocess.PIPE if says_ready else subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        if says_ready:
            assert self.process.stdout
            if self.process.stdout.readline().strip() != b"ready":
                raise SystemExit(f"{argv} did not get ready")

    @property
    def pids(self) -> set[int]:
        return family(self.process.pid)

    def await_idleness(self) -> None:
        """Until it spends next to no CPU time, as it does when it has started and has nothing to do."""
        spent = -1.0
        deadline = time.monotonic() + 60
        while (now := cpu_s(self.pids)) - spent > 0.03 or now < 0.2:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{self.process.args!r} did not get ready")
            spent = now
            time.sleep(1.0)

    def kill(self) -> None:
        for pid in self.pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(10)


def measured(
    workers: Sequence[Worker],
    clocks: Mapping[str, Clock],
    files: int,
    send: Callable[[], None],
    left: Callable[[], int],
) -> Run:
    """From sending until nothing is left. What the sender itself spends is not counted."""
    every: dict[str, Clock] = {"workers": lambda: cpu_s({pid for worker in workers for pid in worker.pids}), **clocks}
    before = {name: clock() for name, clock in every.items()}
    began = time.monotonic()
    send()
    while left():
        if time.monotonic() - began > LONGEST_S:
            raise SystemExit(f"{left()} were left after {LONGEST_S} s")
        time.sleep(LOOK_S)
    took_s = time.monotonic() - began
    return Run(files * STEPS_EACH, took_s, {name: clock() - before[name] for name, clock in every.items()})


def killed(
    start: Callable[[str], Worker],
    files: int,
    send: Callable[[], None],
    ran: Callable[[], int],
    left: Callable[[], int],
) -> tuple[float, int]:
    """Kill one of two workers three times on the way, start it anew at once; seconds from then until nothing is left,
    and how much is left when that takes too long. `ran` says how many steps have run so far."""
    workers = {name: start(name) for name in ("w0", "w1")}
    try:
        send()
        for part in (0.25, 0.5, 0.75):
            while ran() < files * STEPS_EACH * part:
                time.sleep(0.01)
            workers["w1"].kill()
            workers["w1"] = start("w1")
        since = time.monotonic()
        while left() and time.monotonic() - since < RESCUED_WITHIN_S:
            time.sleep(0.1)
        return time.monotonic() - since, left()
    finally:
        for worker in workers.values():
            worker.kill()
