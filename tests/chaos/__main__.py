"""The chaos test at full length: files go through real topics while workers crash.

    python -m tests.chaos [--files 5000] [--workers 4] [--lives 2000]

Prints the events and the effects for each file, saves them in build/chaos/chaos.json, and exits with 1 if an effect did
not happen exactly once or anything else is wrong. `--lives` is how many random sequences of events in the life of a step
are run on the in-memory store; fewer run on PostgreSQL. With 0, neither they nor the crashes at each line run.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest.mock import patch

from rich.console import Console
from rich.table import Table

from benchmarks.servers import running_servers
from layers.attempts import recording
from tests.chaos.crash_points import CrashResults, crash_at_each_line
from tests.chaos.harness import ROOT, Chaos, ChaosPlan, Results
from tests.chaos.webhook_crash_points import WebhookCrashResults, crash_webhooks_at_each_line
from tests.contract.test_life import live
from tests.contract.worlds import MemoryWorld, PostgresWorld
from tests.making import Urls
from tests.store_server import running_store

OUT = ROOT / "build" / "chaos" / "chaos.json"
ONCE = (1.0, 1.0, 1.0)
# There are hundreds of calls a second: at these chances a worker crashes, or is slow, every few seconds.
FULL_LENGTH = {"crash_chance": 1 / 4000, "slow_chance": 1 / 400, "clock_every_s": 15.0, "timeout_s": 1800.0}


def show(results: Results, crashes: CrashResults | None) -> None:
    table = Table("event", "count")
    for event, times in results.counts.items():
        table.add_row(event, f"{times:,}")
    effects = Table("effect", "minimum per file", "mean", "maximum")
    for name, figures in results.effects.items():
        effects.add_row(name, *(f"{figure:.2f}" for figure in figures))
    console = Console(width=100)
    console.print(table, effects)
    if crashes:
        console.print(f"crashes at {crashes.lines} lines between claim and commit: {len(crashes.faults)} faults")


@contextmanager
def database(folder: Path) -> Iterator[Urls]:
    """The URLs of an empty database."""
    folder.mkdir()
    with running_servers(folder) as servers:
        yield Urls(servers.owner_url, servers.worker_url, servers.api_url)


def on_postgres(lives: int) -> int:
    return max(10, lives // 20)


def random_lives(urls: Urls, lives: int) -> None:
    """Run this many random sequences of events. Raises AssertionError, and prints the shortest one, if an invariant is
    violated."""
    with patch.object(recording, "log", lambda *_, **__: None):
        live(MemoryWorld, lives, 60, derandomize=False)
        live(lambda: PostgresWorld(urls), on_postgres(lives), 60, derandomize=False)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--files", type=int, default=5000)
    arguments.add_argument("--workers", type=int, default=4)
    arguments.add_argument("--lives", type=int, default=2000)
    options = arguments.parse_args()
    crashes: CrashResults | None = None
    deliveries: WebhookCrashResults | None = None
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fairway-chaos-")))
        if options.lives:
            with database(home / "random lives") as urls:
                random_lives(urls, options.lives)
            with database(home / "crashes") as urls:  # its files have no objects, which an audit would report
                crashes = crash_at_each_line(urls)
                deliveries = crash_webhooks_at_each_line(urls)
        urls = stack.enter_context(database(home / "files"))
        (home / "store").mkdir()
        store = stack.enter_context(running_store(home / "store"))
        plan = ChaosPlan(options.files, options.workers, **FULL_LENGTH)
        results = Chaos(urls, store, plan, home).run()
        faults = [*results.faults, *(crashes.faults if crashes else ()), *(deliveries.faults if deliveries else ())]
        if deliveries:
            results.counts["crashes while events were delivered"] = deliveries.lines
            results.counts["events delivered again"] = deliveries.repeated
        faults += [
            f"{name} did not happen exactly once: {figures}"
            for name, figures in results.effects.items()
            if figures != ONCE
        ]
        if options.lives:
            results.counts["random lives of a step"] = options.lives + on_postgres(options.lives)
    show(results, crashes)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({"counts": results.counts, "effects": results.effects, "faults": faults}, indent=1))
    if faults:
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    main()
