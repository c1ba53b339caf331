"""Chaos at length: files through real topics and workers that die, and the life of a step at random.

    python -m tests.chaos [--files 5000] [--workers 4] [--lives 2000]

Prints what happened and what came of each file, keeps that in build/chaos/chaos.json, and ends with 1 where any
effect came otherwise than once, or anything else is not as it should be.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.parts import parts
from layers.attempts import recording
from tests.chaos.harness import ROOT, Books, Chaos, Plan
from tests.chaos.lines import Deaths, die_at_each_line
from tests.contract.test_life import live
from tests.contract.worlds import MemoryWorld, PostgresWorld
from tests.making import Urls
from tests.parts import store_parts

OUT = ROOT / "build" / "chaos" / "chaos.json"
ONCE = (1.0, 1.0, 1.0)
# Calls come by the hundred a second: by these chances a worker dies of itself, or is slow, each few seconds.
AT_LENGTH = {"death": 1 / 4000, "slow": 1 / 400, "clock_every_s": 15.0, "longest_s": 1800.0}


def show(books: Books, deaths: Deaths | None) -> None:
    table = Table("what happened", "times")
    for what, times in books.counts.items():
        table.add_row(what, f"{times:,}")
    effects = Table("effect", "least a file", "mean", "most")
    for name, figures in books.effects.items():
        effects.add_row(name, *(f"{one:.2f}" for one in figures))
    console = Console(width=100)
    console.print(table, effects)
    if deaths:
        console.print(f"a crash at each of {deaths.lines} lines between claim and commit: {len(deaths.faults)} faults")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--files", type=int, default=5000)
    arguments.add_argument("--workers", type=int, default=4)
    arguments.add_argument("--lives", type=int, default=2000)
    given = arguments.parse_args()
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fairway-chaos-")))
        (home / "parts").mkdir()
        found = stack.enter_context(parts(home / "parts"))
        urls = Urls(found.owner_url, found.worker_url, found.api_url)
        deaths = die_at_each_line(urls) if given.lives else None
        (home / "store").mkdir()
        store = stack.enter_context(store_parts(home / "store"))
        plan = Plan(given.files, given.workers, **AT_LENGTH)
        books = Chaos(urls, store, plan, home).run()
        faults = [*books.faults, *(deaths.faults if deaths else ())]
        faults += [f"{name} came otherwise than once: {many}" for name, many in books.effects.items() if many != ONCE]
        if given.lives:
            recording.log = lambda *_, **__: None
            live(MemoryWorld, given.lives, 60, derandomize=False)
            live(lambda: PostgresWorld(urls), max(10, given.lives // 20), 60, derandomize=False)
            books.counts["lives of a step in the model"] = given.lives + max(10, given.lives // 20)
    show(books, deaths)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({"counts": books.counts, "effects": books.effects, "faults": faults}, indent=1))
    if faults:
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    main()
