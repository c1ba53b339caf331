"""What a durable step that does nothing costs: a chain of three over 10,000 files, beside three peers.

    python -m benchmarks.overhead [--files 10000] [--only NAME]

Makes an environment for the peers (.venv-bench), prints a table, and keeps it in build/bench/overhead.json. CPU is that
of workers, PostgreSQL, Valkey and the topic while the files go through; each peer has a database of its own, and Celery
a Valkey that appends to its file each second. Two workers each.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.fairness.figures import percentile
from benchmarks.overhead.contenders import Contender, Other, Ours, at_work
from benchmarks.overhead.measuring import WORKERS, Run, killed, measured
from benchmarks.overhead.others import PEERS, Peer, install
from benchmarks.overhead.ours import TOPICS
from benchmarks.parts import Parts, parts, store_parts
from benchmarks.starting import keep_table

FILES_ALONE = 30
FILES_KILLED = 600
COLUMNS = ("what", "CPU ms a step", "workers", "PostgreSQL", "Valkey", "topic", "steps/s", "alone, p50 ms",
           "killed: all ran after s", "stuck", "twice")  # fmt: skip
TO_REACH = {"what": "to reach", "CPU ms a step": "≤ 1.5; ≤ 3.0 with topics", "alone, p50 ms": "≤ 60",
            "killed: all ran after s": "≤ 15", "stuck": "0", "twice": "0"}  # fmt: skip


@contextmanager
def contenders(found: Parts, only: str) -> Iterator[dict[str, Callable[[int, bool], Contender]]]:
    """By name, how to make each anew for so many files, with or without a note of every step that runs."""

    def ours(files: int, notes: bool, topics: bool) -> Contender:
        made = Ours(found, store if topics else None)
        made.announce(files)
        return made

    def other(peer: Peer) -> Callable[[int, bool], Contender]:
        return lambda files, notes: Other(peer, found, notes)

    with ExitStack() as stack:
        store = stack.enter_context(store_parts(found, TOPICS)) if only in "Fairway" else None
        every: dict[str, Callable[[int, bool], Contender]] = {
            "Fairway, without its topic": lambda files, notes: ours(files, notes, False),
            "Fairway": lambda files, notes: ours(files, notes, True),
            **{peer.name: other(peer) for peer in PEERS},
        }
        yield {name: make for name, make in every.items() if only in name}


def row_of(make: Callable[[int, bool], Contender], files: int) -> dict[str, str]:
    contender = make(files, False)
    says_ready = isinstance(contender, Ours)
    with at_work(contender, WORKERS, says_ready) as workers:
        run = measured(workers, contender.clocks(), files, lambda: contender.send(files), contender.left)
    return {"what": contender.name, **_as_cells(run), **_alone(make, says_ready), **_killed(make)}


def _as_cells(run: Run) -> dict[str, str]:
    each = {name: f"{run.cpu_ms_a_step(name):.2f}" for name in run.cpu_s}
    return {"CPU ms a step": f"{run.cpu_ms_a_step():.2f}", **each, "steps/s": f"{run.steps_a_s:.0f}"}


def _alone(make: Callable[[int, bool], Contender], says_ready: bool) -> dict[str, str]:
    contender = make(FILES_ALONE, True)
    with at_work(contender, WORKERS, says_ready):
        took_ms = contender.alone(FILES_ALONE)
    return {"alone, p50 ms": f"{percentile(took_ms, 0.5):.0f}"}


def _killed(make: Callable[[int, bool], Contender]) -> dict[str, str]:
    contender = make(FILES_KILLED, True)
    took_s, stuck = killed(
        contender.start, FILES_KILLED, lambda: contender.send(FILES_KILLED), contender.ran, contender.left
    )
    after = f"{took_s:.1f}" if not stuck else f"> {took_s:.0f}"
    return {"killed: all ran after s": after, "stuck": str(stuck), "twice": str(contender.twice())}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--files", type=int, default=10_000)
    arguments.add_argument("--only", default="", help="only contenders whose name has this in it")
    given = arguments.parse_args()
    if any(given.only in peer.name for peer in PEERS):
        install()
    rows = []
    with (
        tempfile.TemporaryDirectory(prefix="fairway-bench-") as folder,
        parts(Path(folder)) as found,
        contenders(found, given.only) as every,
    ):
        for name, make in every.items():
            rows.append(row_of(make, given.files))
            print(name, rows[-1], flush=True)
    keep_table("overhead", COLUMNS, [*rows, TO_REACH])


if __name__ == "__main__":
    main()
