"""The nine cells of hardbyte/postgresql-job-queue-benchmarking, rebuilt for Fairway's store and runner.

    python -m benchmarks.cells [--repeats 2] [--warmup 3] [--stress 10] [--recovery 8] [--held 60] [--only NAME...]

Each cell is run in pairs with an undisturbed run of the same length and offered load: of a chaos cell the rate of the
recovery is held against it, of a pressure cell that under stress. The load is half of what was measured to be possible
(of `over_capacity`, one and a half times three quarters of that). Prints a table, and keeps it in
build/bench/cells.json; ends with 1 where a run loses or doubles anything, or a worker does not stop by itself.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.cells import disturbances
from benchmarks.cells.world import BURST_OF, BURST_S, WORKERS, Servers, World, servers
from benchmarks.starting import keep

Disturbance = Callable[[World], AbstractContextManager[None]]
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
PROBE_FILES = 1500
DRAIN_S = 90.0
BURSTS_EACH_S = BURST_S * BURST_OF
SHARE, SHARE_NEAR = 0.5, 0.75


@dataclass(frozen=True)
class Times:
    warmup_s: float
    stress_s: float
    recovery_s: float
    held_s: float

    def stress_of(self, name: str) -> float:
        if name == "bursts":  # whole rounds of them
            return math.ceil(self.stress_s / BURSTS_EACH_S) * BURSTS_EACH_S
        return self.held_s if name == "idle_transaction" else self.stress_s


@dataclass(frozen=True)
class Run:
    """Files done a second under stress and in recovery, seconds until all was done and until all had stopped."""

    stress: float
    recovery: float
    drained_s: float
    stopped_s: float
    faults: list[str]


def capacity(on: Servers) -> float:
    """Files a second out of a backlog."""
    world = World(on, 0)
    try:
        for _ in range(PROBE_FILES // 500):
            world.announce(500)
        for place in range(WORKERS):
            world.start(place)
        began = time.monotonic()
        while world.left():
            time.sleep(0.05)
        took_s = time.monotonic() - began
        world.stop()
        return PROBE_FILES / took_s
    finally:
        world.close()


def run(on: Servers, rate: float, times: Times, name: str, disturbance: Disturbance) -> Run:
    world = World(on, rate)
    stop = threading.Event()
    producer = threading.Thread(target=world.offer, args=(stop,), daemon=True)
    try:
        for place in range(WORKERS):
            world.start(place)
        producer.start()
        time.sleep(times.warmup_s)
        began = world.now()
        with disturbance(world):
            time.sleep(times.stress_of(name))
            ended = world.now()
        time.sleep(1.0)
        recovering = world.now()
        time.sleep(times.recovery_s)
        recovered = world.now()
        stop.set()
        producer.join(60)
        drained_s = drain(world)
        stopped_s = world.stop()
        rates = world.rate_between(began, ended), world.rate_between(recovering, recovered)
        return Run(*rates, drained_s, stopped_s, world.faults())
    finally:
        stop.set()
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
        ratios.append(disturbed.recovery / calm.recovery if name in CHAOS else disturbed.stress / calm.stress)
        faults += [f"{name}: {fault}" for fault in (*calm.faults, *disturbed.faults)]
        drained, stopped = max(drained, disturbed.drained_s), max(stopped, disturbed.stopped_s)
    results[f"{name}: rate against the undisturbed run"] = round(statistics.mean(ratios), 3)
    results[f"{name}: each pair"] = " ".join(f"{ratio:.2f}" for ratio in ratios)
    results[f"{name}: drained in, stopped in, s"] = f"{drained:.1f}, {stopped:.1f}"
    return faults


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--repeats", type=int, default=2)
    arguments.add_argument("--only", nargs="*", choices=[*CHAOS, *PRESSURE], default=[*CHAOS, *PRESSURE])
    for what, seconds in (("warmup", 3.0), ("stress", 10.0), ("recovery", 8.0), ("held", 60.0)):
        arguments.add_argument(f"--{what}", type=float, default=seconds)
    given = arguments.parse_args()
    times = Times(given.warmup, given.stress, given.recovery, given.held)
    results: dict[str, Any] = {}
    faults: list[str] = []
    with tempfile.TemporaryDirectory(prefix="fairway-cells-") as folder, servers(Path(folder)) as on:
        capacity(on)  # what is first is slow
        possible = capacity(on)
        results["files of three steps a second, out of a backlog"] = round(possible)
        for name in given.only:
            faults += measure(on, name, times, given.repeats, possible, results)
    results["lost, doubled or contradictory"] = len(faults)
    keep(
        "cells", results, {f"{name}: rate against the undisturbed run": f"{reach:.2f}" for name, reach in REACH.items()}
    )
    if faults:
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    main()
