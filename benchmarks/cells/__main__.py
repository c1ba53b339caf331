"""The nine cells of hardbyte/postgresql-job-queue-benchmarking, for Fairway's store, runner and worker.

    python -m benchmarks.cells [--repeats 2] [--short] [NAME ...]

As in the original, a load at a fixed rate continues during a stress phase and after it. A stopped server or a killed
worker is down for half of the stress phase, a repeatedly killed worker for a second each time, and busy backends are
terminated twice a second.

Differences from the original: each run is compared with an undisturbed run of the same length next to it; a chaos cell
compares the recovery phase, a pressure cell the stress phase. Rates are means, so that they include every stall, and
recovery begins when the stress ends. Phases are shorter: 16 seconds of stress and 15 of recovery, three kills in 33
seconds, and 130 seconds for a forgotten transaction. Bursts alternate with pauses. The load is half of what the system
can sustain with a backlog; for `over_capacity` it is nine tenths, and 1.5 times that under stress.

`--short` only checks that the benchmark works; its rates mean nothing.

Prints a table and writes it to build/bench/cells.json, which keeps the results of cells that did not run. Exits with 1
if a run loses or doubles anything, or if a worker does not stop by itself.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.cells import disturbances
from benchmarks.cells.cell_run import BURST_OF, BURST_S, CellRun, Servers, servers
from benchmarks.cells.worker import WORKERS
from benchmarks.starting import ROOT, keep

Disturbance = Callable[[CellRun, float], AbstractContextManager[None]]
CHAOS: dict[str, Disturbance] = {
    "postgres_restart": disturbances.postgres_restart,
    "backends_terminated": disturbances.backends_terminated,
    "idle_connections": disturbances.idle_connections,
    "crash": disturbances.crash,
    "repeated_kills": disturbances.repeated_kills,
}
PRESSURE: dict[str, Disturbance] = {
    "idle_transaction": disturbances.idle_transaction,
    "over_capacity": disturbances.over_capacity,
    "analytic_readers": disturbances.analytic_readers,
    "bursts": disturbances.bursts,
}
TARGETS = dict.fromkeys(CHAOS, 0.95) | dict.fromkeys(PRESSURE, 0.9)
DRAIN_S = 90.0
BURST_PERIOD_S = BURST_S * BURST_OF
LOAD, LOAD_NEAR_CAPACITY = 0.5, 0.9  # relative to the capacity
KILLS = 3


@dataclass(frozen=True)
class Durations:
    """The lengths of the phases of a run."""

    warmup_s: float
    stress_s: float
    recovery_s: float
    transaction_s: float
    kill_every_s: float

    def stress_of(self, cell: str) -> float:
        if cell == "bursts":  # whole periods
            return math.ceil(self.stress_s / BURST_PERIOD_S) * BURST_PERIOD_S
        if cell == "repeated_kills":
            return KILLS * (self.kill_every_s + 3.0)
        return self.transaction_s if cell == "idle_transaction" else self.stress_s


LONG = Durations(warmup_s=5, stress_s=16, recovery_s=15, transaction_s=130, kill_every_s=8)
SHORT = Durations(warmup_s=1, stress_s=4, recovery_s=2, transaction_s=4, kill_every_s=2)


@dataclass(frozen=True)
class CellResult:
    """Files done per second, seconds from the end of the load until all files were done, and seconds until all workers
    had stopped."""

    rate: float
    drained_s: float
    stopped_s: float
    faults: list[str]


def capacity(servers: Servers, durations: Durations) -> float:
    """The files per second that the system can sustain with a constant backlog."""
    with _running(CellRun(servers, None)) as run:
        time.sleep(durations.warmup_s)
        return rate_for(run, durations.stress_s / 2)


def rate_for(run: CellRun, seconds: float) -> float:
    """Files done per second during the next seconds."""
    began = run.now()
    time.sleep(seconds)
    return run.rate_between(began, run.now())


def run_cell(servers: Servers, rate: float, durations: Durations, name: str, disturbance: Disturbance) -> CellResult:
    stress_s = durations.stress_of(name)
    with _running(CellRun(servers, rate, durations.kill_every_s)) as run:
        time.sleep(durations.warmup_s)
        with disturbance(run, stress_s):
            rate = rate_for(run, stress_s)
        if name in CHAOS:
            rate = rate_for(run, durations.recovery_s)
        run.stop_load()
        drained_s = drain(run)
        return CellResult(rate, drained_s, run.stop(), run.faults())


@contextmanager
def _running(run: CellRun) -> Iterator[CellRun]:
    """Start the workers and the load of a run."""
    try:
        for number in range(WORKERS):
            run.start(number)
        run.start_load()
        yield run
    finally:
        run.close()


def drain(run: CellRun) -> float:
    """Wait until all files are done. Returns the seconds that it took. Raises SystemExit after DRAIN_S."""
    began = time.monotonic()
    while (left := run.left()) and time.monotonic() - began < DRAIN_S:
        time.sleep(0.1)
    if left:
        raise SystemExit(f"{left} files were not done {DRAIN_S:.0f} s after the end of the load")
    return time.monotonic() - began


def measure(
    servers: Servers, name: str, durations: Durations, repeats: int, capacity: float, results: dict[str, Any]
) -> list[str]:
    """Run a cell and add its figures to the results. Returns its faults."""
    disturbance = (CHAOS | PRESSURE)[name]
    rate = capacity * (LOAD_NEAR_CAPACITY if name == "over_capacity" else LOAD)
    ratios, faults, drained_s, stopped_s = [], [], 0.0, 0.0
    for _ in range(repeats):
        undisturbed = run_cell(servers, rate, durations, name, disturbances.nothing)
        disturbed = run_cell(servers, rate, durations, name, disturbance)
        ratios.append(disturbed.rate / undisturbed.rate)
        print(f"{name}: {ratios[-1]:.2f} of {undisturbed.rate:.0f} files/s", flush=True)
        faults += [f"{name}: {fault}" for fault in (*undisturbed.faults, *disturbed.faults)]
        drained_s, stopped_s = max(drained_s, disturbed.drained_s), max(stopped_s, disturbed.stopped_s)
    results[f"{name}: rate relative to the undisturbed run"] = round(statistics.mean(ratios), 3)
    results[f"{name}: relative rate of each pair"] = " ".join(f"{ratio:.2f}" for ratio in ratios)
    results[f"{name}: seconds to drain, to stop"] = f"{drained_s:.1f}, {stopped_s:.1f}"
    results[f"{name}: inconsistencies"] = len(faults)
    return faults


def cell(name: str) -> str:
    if name not in TARGETS:
        raise argparse.ArgumentTypeError(f"there is no cell {name}; the cells are {', '.join(TARGETS)}")
    return name


def parse_arguments(argv: Sequence[str]) -> argparse.Namespace:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("names", nargs="*", type=cell, metavar="NAME", default=list(TARGETS))
    arguments.add_argument("--repeats", type=int, default=2)
    arguments.add_argument("--short", action="store_true")
    return arguments.parse_args(argv)


def main() -> None:
    options = parse_arguments(sys.argv[1:])
    durations = SHORT if options.short else LONG
    results: dict[str, Any] = {}
    with suppress(FileNotFoundError):
        results = json.loads((ROOT / "build" / "bench" / "cells.json").read_text())
    faults: list[str] = []
    with tempfile.TemporaryDirectory(prefix="fairway-cells-") as folder, servers(Path(folder)) as running:
        capacity(running, SHORT)  # a warm-up: the first run is slow
        sustained = capacity(running, durations)
        results["capacity, files/s of three steps each"] = round(sustained)
        for name in options.names:
            faults += measure(running, name, durations, options.repeats, sustained, results)
    targets = {f"{name}: rate relative to the undisturbed run": f"{target:.2f}" for name, target in TARGETS.items()}
    keep("cells", results, targets)
    if faults:
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    main()
