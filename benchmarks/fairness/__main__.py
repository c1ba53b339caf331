"""The fairness laboratory: how long tenants wait for each other, compared with first come first served and round robin.

    python -m benchmarks.fairness [--page-s 0.2] [--short]

A simulated reader takes `--page-s` seconds for a page, twenty at a time, on the real store, runner and dispatcher. All
times are in seconds of a reader that takes 2 s. Prints a table and saves it in build/bench/fairness.json.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.fairness import scenes
from benchmarks.fairness.figures import (
    Read,
    by_tenant,
    costs,
    jain_by_cost,
    percentile,
    turnaround_s,
    waits,
    while_all_wait,
    worst_window,
)
from benchmarks.fairness.forecasts import ForecastSampler, held
from benchmarks.fairness.laboratory import ORDERS, Laboratory
from benchmarks.fairness.scenes import NOISY, Scene
from benchmarks.servers import running_servers
from benchmarks.starting import keep_table

COLUMNS = ("what", *ORDERS, "to reach")
Rows = dict[str, dict[str, object]]


def of_quiet(reads: Sequence[Read]) -> list[float]:
    return waits(read for read in reads if read.tenant != NOISY)


def tens(reads: Sequence[Read]) -> list[float]:
    """Seconds from arrival to the last read for each of the noisy tenant's batches of ten files."""
    batches: dict[str, list[Read]] = {}
    for read in reads:
        if read.tenant == NOISY:
            batches.setdefault(read.batch, []).append(read)
    return [turnaround_s(batch) for batch in batches.values() if len(batch) == 10]


def as_shares(spent: Mapping[str, float], weights: Mapping[str, float]) -> str:
    """Each tenant's share of the cost, in the order of the weights and in their units."""
    unit = sum(spent.values()) / sum(weights.values())
    return " : ".join(f"{spent.get(tenant, 0.0) / unit:.2f}" for tenant in weights)


def settled_at(reads: Sequence[Read], scale: float) -> dict[str, float]:
    """By file, the time on the clock when its last part had been read."""
    ends: dict[str, float] = {}
    for read in reads:
        ends[read.file_id] = max(ends.get(read.file_id, 0.0), read.ended_at * scale)
    return ends


class Report:
    """Plays scenes in several orders and collects the rows of the table."""

    def __init__(self, laboratory: Laboratory) -> None:
        self.laboratory = laboratory
        self.rows: Rows = {}
        self.held: list[bool] = []  # for each forecast

    def play(self, scene: Scene, orders: Sequence[str], samples_forecasts: bool = False) -> dict[str, list[Read]]:
        played = {}
        for order in orders:
            began = time.monotonic()
            sampler = (
                ForecastSampler(self.laboratory.owner_url, self.laboratory.api_url)
                if samples_forecasts and order == "fair"
                else None
            )
            played[order] = self.laboratory.play(scene, order, sampler)
            if sampler:
                self.held += held(sampler.forecasts, settled_at(played[order], self.laboratory.scale))
            print(f"{scene.name}, {order}: {len(played[order])} parts in {time.monotonic() - began:.0f} s", flush=True)
        return played

    def add(self, what: str, to_reach: str, **by_order: object) -> None:
        self.rows[what] = {"what": what, **{name.replace("_", " "): str(v) for name, v in by_order.items()},
                           "to reach": to_reach}  # fmt: skip

    def add_each(self, what: str, to_reach: str, values: Mapping[str, float], digits: int = 1) -> None:
        self.rows[what] = {"what": what, **{o: f"{v:.{digits}f}" for o, v in values.items()}, "to reach": to_reach}

    def add_throughput(self, what: str, played: Mapping[str, Sequence[Read]]) -> None:
        took = {order: turnaround_s(reads) for order, reads in played.items()}
        self.add_each(what, "≥ 95", {o: 100 * took["first come"] / s for o, s in took.items()})

    # --- the scenes ----------------------------------------------------------------------------------

    def noisy(self, files: int, orders: Sequence[str]) -> None:
        played = self.play(scenes.noisy(files), orders, samples_forecasts=True)
        backlog = f"with {files:,} files of one tenant waiting"
        quiet = {order: of_quiet(reads) for order, reads in played.items()}
        self.add_each(
            f"quiet tenants' wait {backlog}, p95, s", "≤ 1.0", {o: percentile(w, 0.95) for o, w in quiet.items()}, 2
        )
        self.add_each(
            "… worst 100 neighbours, p95, s", "≤ 2.2", {o: worst_window(w, 0.95) for o, w in quiet.items()}, 2
        )
        self.add_each(
            f"ten files of the same tenant behind its {files:,}, slowest of four, s",
            "≤ 6",
            {order: max(tens(reads)) for order, reads in played.items()},
        )
        self.add_throughput("throughput, many tenants, % of first come", played)

    def exact(self, files: int) -> None:
        quiet = of_quiet(self.play(scenes.noisy(files, spread=0.0), ["fair"])["fair"])
        what = "the same where each page takes exactly 2 s, p95; worst 100, s"
        self.add(what, "", fair=f"{percentile(quiet, 0.95):.2f}; {worst_window(quiet, 0.95):.2f}")

    def scans(self, files: int, orders: Sequence[str]) -> None:
        played = self.play(scenes.scans(files), orders, samples_forecasts=True)
        quiet = {order: of_quiet(reads) for order, reads in played.items()}
        self.add_each(
            "quiet tenants' wait with scans of 300 pages waiting, p95, s",
            "≤ 10",
            {o: percentile(w, 0.95) for o, w in quiet.items()},
        )
        self.add_each("… longest, s", "≤ 10", {o: max(w) for o, w in quiet.items()})

    def weights(self, files: int, orders: Sequence[str]) -> None:
        scene = scenes.weights(files)
        among = {order: while_all_wait(reads) for order, reads in self.play(scene, orders).items()}
        ratios = {order: as_shares(costs(reads), scene.weights) for order, reads in among.items()}
        self.rows["shares"] = {"what": "cost by tenant at weights 4 : 2 : 1", **ratios, "to reach": "4 : 2 : 1"}
        values = {order: jain_by_cost(reads, scene.weights) for order, reads in among.items()}
        self.add_each("Jain's index by cost per weight", "≥ 0.99", values, 3)

    def misjudged(self, files: int) -> None:
        scene = scenes.misjudged(files)
        among = while_all_wait(self.play(scene, ["fair"])["fair"])
        index = jain_by_cost(among, dict.fromkeys(by_tenant(among), 1.0))
        self.add("Jain's index where one tenant's estimates are a tenth of its costs", "≥ 0.99", fair=f"{index:.3f}")

    def forecasts(self) -> None:
        share = f"{100 * sum(self.held) / len(self.held):.0f}"
        self.add(f"files that settled within their forecast, % of {len(self.held):,}", "≥ 80", fair=share)

    def thousand(self, tenants: int) -> None:
        played = self.play(scenes.thousand(tenants), ["fair", "first come"])
        self.add_throughput(f"throughput, {tenants:,} tenants of one file, % of first come", played)

    def alone(self, files: int) -> None:
        played = self.play(scenes.alone(files), ["fair", "first come"])
        self.add_throughput("throughput, one tenant alone, % of first come", played)


def full(report: Report) -> None:
    everyone = list(ORDERS)
    report.noisy(5000, everyone)
    report.exact(1500)
    report.scans(6, everyone)
    report.weights(800, everyone)
    report.misjudged(400)
    report.forecasts()
    report.thousand(1000)
    report.alone(1000)


def short(report: Report) -> None:
    everyone = list(ORDERS)
    report.noisy(400, everyone)
    report.scans(1, everyone)
    report.weights(100, everyone)
    report.misjudged(50)
    report.forecasts()
    report.thousand(100)
    report.alone(100)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--page-s", type=float, default=0.2)
    arguments.add_argument("--short", action="store_true")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="fairway-bench-") as folder, running_servers(Path(folder)) as servers:
        report = Report(Laboratory.on(servers, options.page_s))
        sys.stderr, errors = open(os.devnull, "w"), sys.stderr  # it would have a line for each of thousands of attempts
        try:
            (short if options.short else full)(report)
        finally:
            sys.stderr = errors
            keep_table("fairness", COLUMNS, list(report.rows.values()))


if __name__ == "__main__":
    main()
