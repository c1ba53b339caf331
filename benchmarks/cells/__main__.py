"""The nine cells of hardbyte/postgresql-job-queue-benchmarking, rebuilt for Fairway's store, runner and worker.

    python -m benchmarks.cells [--repeats 2] [--short] [NAME ...]

As there: a load that is offered at a fixed rate, some time of stress, and the same load after it; a server is away for
half of the stress, a killed worker too, or a second each time where it is killed repeatedly; backends that are at work
are ended twice a second. Otherwise than there: each run is held against an undisturbed one of the same length beside
it, of a chaos cell the recovery, of a pressure cell the stress itself; rates are means, so that no stall is left out,
and recovery begins the moment that the stress ends. Phases are shorter: 16 seconds of stress and 15 of recovery, three
kills in 33 seconds, and 130 for a forgotten transaction. Bursts come and go. The load is half of what was kept up with
a backlog (of `over_capacity` nine tenths, and half as much again under stress). `--short` says nothing of rates: it
is for seeing that all of it works.

Prints a table, and keeps it in build/bench/cells.json, beside what it says of other cells; ends with 1 where a run
loses or doubles anything, or a worker does not stop by itself.
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
from benchmarks.cells.worker import WORKERS
from benchmarks.cells.world import BURST_OF, BURST_S, Servers, World, servers
from benchmarks.starting import ROOT, keep

Disturbance = Callable[[World, float], AbstractContextManager[None]]
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
REACH = dict.fromkeys(CHAOS, 0.95) | dict.fromkeys(PRESSURE, 0.9)
DRAIN_S = 90.0
BURSTS_EACH_S = BURST_S * BURST_OF
SHARE, SHARE_NEAR = 0.5, 0.9
KILLS = 3


@dataclass(frozen=True)
class Times:
    warmup_s: float
    stress_s: float
    recovery_s: float
    held_s: float
    killed_each_s: float

    def stress_of(self, name: str) -> float:
        if name == "bursts":  # whole rounds of them
            return math.ceil(self.stress_s / BURSTS_EACH_S) * BURSTS_EACH_S
        if name == "repeated_kills":
            return KILLS * (self.killed_each_s + 3.0)
        return self.held_s if name == "idle_transaction" else self.stress_s


LONG = Times(warmup_s=5, stress_s=16, recovery_s=15, held_s=130, killed_each_s=8)
SHORT = Times(warmup_s=1, stress_s=4, recovery_s=2, held_s=4, killed_each_s=2)


@dataclass(frozen=True)
class Run:
    """Files done a second, seconds from the end of the load until all was done, and until all had stopped."""

    rate: float
    drained_s: float
    stopped_s: float
    faults: list[str]


def capacity(on: Servers, times: Times) -> float:
    """Files a second, while as many come as are done."""
    with _at_work(World(on, None)) as world:
        time.sleep(times.warmup_s)
        return rate_for(world, times.stress_s / 2)


def rate_for(world: World, seconds: float) -> float:
    began = world.now()
    time.sleep(seconds)
    return world.rate_between(began, world.now())


def run(on: Servers, rate: float, times: Times, name: str, disturbance: Disturbance) -> Run:
    stress_s = times.stress_of(name)
    with _at_work(World(on, rate, times.killed_each_s)) as world:
        time.sleep(times.warmup_s)
        with disturbance(world, stress_s):
            rate = rate_for(world, stress_s)
        if name in CHAOS:
            rate = rate_for(world, times.recovery_s)
        world.stop_offering()
        drained_s = drain(world)
        return Run(rate, drained_s, world.stop(), world.faults())


@contextmanager
def _at_work(world: World) -> Iterator[World]:
    """Workers, and load that comes until it is told to stop."""
    try:
        for place in range(WORKERS):
            world.start(place)
        world.start_offering()
        yield world
    finally:
        world.close()


def drain(world: World) -> float:
    began = time.monotonic()
    while (left := world.left()) and time.monotonic() - began < DRAIN_S:
        time.sleep(0.1)
    if left:
        raise SystemExit(f"{left} files were not done {DRAIN_S:.0f} s after the last came")
    return time.monotonic() - began


def measure(on: Servers, name: str, times: Times, repeats: int, possible: float, results: dict[str, Any]) -> list[str]:
    disturbance = (CHAOS | PRESSURE)[name]
    rate = possible * (SHARE_NEAR if name == "over_capacity" else SHARE)
    ratios, faults, drained, stopped = [], [], 0.0, 0.0
    for _ in range(repeats):
        calm = run(on, rate, times, name, disturbances.nothing)
        disturbed = run(on, rate, times, name, disturbance)
        ratios.append(disturbed.rate / calm.rate)
        print(f"{name}: {ratios[-1]:.2f} of {calm.rate:.0f} files a second", flush=True)
        faults += [f"{name}: {fault}" for fault in (*calm.faults, *disturbed.faults)]
        drained, stopped = max(drained, disturbed.drained_s), max(stopped, disturbed.stopped_s)
    results[f"{name}: rate against the undisturbed run"] = round(statistics.mean(ratios), 3)
    results[f"{name}: each pair"] = " ".join(f"{ratio:.2f}" for ratio in ratios)
    results[f"{name}: drained in, stopped in, s"] = f"{drained:.1f}, {stopped:.1f}"
    results[f"{name}: lost, doubled or contradictory"] = len(faults)
    return faults


def cell(name: str) -> str:
    if name not in REACH:
        raise argparse.ArgumentTypeError(f"there is no {name}, but {', '.join(REACH)}")
    return name


def asked(argv: Sequence[str]) -> argparse.Namespace:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("names", nargs="*", type=cell, metavar="NAME", default=list(REACH))
    arguments.add_argument("--repeats", type=int, default=2)
    arguments.add_argument("--short", action="store_true")
    return arguments.parse_args(argv)


def main() -> None:
    given = asked(sys.argv[1:])
    times = SHORT if given.short else LONG
    results: dict[str, Any] = {}
    with suppress(FileNotFoundError):
        results = json.loads((ROOT / "build" / "bench" / "cells.json").read_text())
    faults: list[str] = []
    with tempfile.TemporaryDirectory(prefix="fairway-cells-") as folder, servers(Path(folder)) as on:
        capacity(on, SHORT)  # what is first is slow
        possible = capacity(on, times)
        results["files of three steps a second, kept up"] = round(possible)
        for name in given.names:
            faults += measure(on, name, times, given.repeats, possible, results)
    keep(
        "cells", results, {f"{name}: rate against the undisturbed run": f"{reach:.2f}" for name, reach in REACH.items()}
    )
    if faults:
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    main()
