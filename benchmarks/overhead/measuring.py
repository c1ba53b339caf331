"""What every contender of the overhead benchmark is measured by: workers as processes, their CPU, the server's."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.parts import Parts
from benchmarks.starting import ROOT, cpu_s, family

WORKERS = 2
STEPS_EACH = 3
LONGEST_S = 900


@dataclass
class Run:
    """What one run took, in seconds of CPU of the workers, PostgreSQL and Valkey, and in all."""

    steps: int
    took_s: float
    cpu_s: dict[str, float] = field(default_factory=dict)

    @property
    def cpu_ms_a_step(self) -> float:
        return sum(self.cpu_s.values()) * 1000 / self.steps

    def as_results(self, name: str) -> dict[str, float]:
        each = {f"{name}: {what}, CPU ms a step": round(s * 1000 / self.steps, 3) for what, s in self.cpu_s.items()}
        return {
            f"{name}: CPU ms a step": round(self.cpu_ms_a_step, 2),
            **each,
            f"{name}: steps/s": round(self.steps / self.took_s),
        }


class Worker:
    """A worker process that says `ready`, ended by SIGKILL."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str], says_ready: bool = True) -> None:
        self.process = subprocess.Popen(
            argv,
            cwd=ROOT,
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

    def kill(self) -> None:
        for pid in self.pids:
            try:
                Path(f"/proc/{pid}").exists() and __import__("os").kill(pid, 9)
            except ProcessLookupError:
                continue
        self.process.wait(10)


def measured(
    parts: Parts,
    workers: Sequence[Worker],
    files: int,
    done: Callable[[], int],
    sources: Mapping[str, Callable[[], float]] | None = None,
) -> Run:
    """From now until all files are done; `sources` are further CPU clocks by name."""
    clocks: dict[str, Callable[[], float]] = {
        "workers": lambda: cpu_s({pid for worker in workers for pid in worker.pids}),
        "PostgreSQL": parts.postgres_cpu_s,
        "Valkey": parts.valkey_cpu_s,
        **(sources or {}),
    }
    before = {name: clock() for name, clock in clocks.items()}
    began = time.monotonic()
    while done() < files:
        if time.monotonic() - began > LONGEST_S:
            raise SystemExit(f"{done()} of {files} files were done in {LONGEST_S} s")
        time.sleep(0.25)
    took_s = time.monotonic() - began
    return Run(files * STEPS_EACH, took_s, {name: clock() - before[name] for name, clock in clocks.items()})
