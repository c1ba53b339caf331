"""The overhead of a durable step: a chain of three steps that do nothing, on Fairway and three peers.

    python -m benchmarks.overhead [--files 10000] [--only NAME]

Creates a virtual environment for the peers (.venv-bench), prints a table, and writes it to build/bench/overhead.json.
CPU is that of workers, PostgreSQL, Valkey and topics during the run. Each contender has two workers, each peer has its
own database, and Celery's Valkey writes its append-only file every second.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.fairness.figures import percentile
from benchmarks.overhead.contenders import Contender, FairwayContender, PeerContender, running_workers
from benchmarks.overhead.fairway_chain import TOPICS
from benchmarks.overhead.installed_peers import PEERS, Peer, install
from benchmarks.overhead.measuring import WORKERS, ChainRun, measure, measure_with_kills
from benchmarks.servers import Servers, running_servers, running_store
from benchmarks.starting import keep_table

FILES_FOR_LATENCY = 30
FILES_FOR_KILLS = 600
COLUMNS = ("system", "CPU ms/step", "workers", "PostgreSQL", "Valkey", "topics", "steps/s", "latency, p50 ms",
           "recovery after kills, s", "stuck", "run twice")  # fmt: skip
TARGETS = {"system": "target", "CPU ms/step": "≤ 1.5; ≤ 3.0 with topics", "latency, p50 ms": "≤ 60",
           "recovery after kills, s": "≤ 15", "stuck": "0", "run twice": "0"}  # fmt: skip


@contextmanager
def contenders(servers: Servers, only: str) -> Iterator[dict[str, Callable[[int, bool], Contender]]]:
    """By name, a function that creates a new contender for a number of files. Its second argument: whether the contender
    records every step that it runs; Fairway always does."""

    def fairway(files: int, topics: bool) -> Contender:
        contender = FairwayContender(servers, store if topics else None)
        contender.announce(files)
        return contender

    def peer_factory(peer: Peer) -> Callable[[int, bool], Contender]:
        return lambda files, records_runs: PeerContender(peer, servers, records_runs)

    with ExitStack() as stack:
        store = stack.enter_context(running_store(servers, TOPICS)) if only in "Fairway" else None
        factories: dict[str, Callable[[int, bool], Contender]] = {
            "Fairway, without topics": lambda files, _: fairway(files, topics=False),
            "Fairway": lambda files, _: fairway(files, topics=True),
            **{peer.name: peer_factory(peer) for peer in PEERS},
        }
        yield {name: make for name, make in factories.items() if only in name}


def row_of(make: Callable[[int, bool], Contender], files: int) -> dict[str, str]:
    contender = make(files, False)
    prints_ready = isinstance(contender, FairwayContender)
    with running_workers(contender, WORKERS, prints_ready) as workers:
        run = measure(workers, contender.clocks(), files, lambda: contender.send(files), contender.left)
    return {"system": contender.name, **_as_cells(run), **_latency(make, prints_ready), **_recovery(make)}


def _as_cells(run: ChainRun) -> dict[str, str]:
    each = {name: f"{run.cpu_ms_per_step(name):.2f}" for name in run.cpu_s}
    return {"CPU ms/step": f"{run.cpu_ms_per_step():.2f}", **each, "steps/s": f"{run.steps_per_s:.0f}"}


def _latency(make: Callable[[int, bool], Contender], prints_ready: bool) -> dict[str, str]:
    contender = make(FILES_FOR_LATENCY, True)
    with running_workers(contender, WORKERS, prints_ready):
        latencies_ms = contender.latencies_ms(FILES_FOR_LATENCY)
    return {"latency, p50 ms": f"{percentile(latencies_ms, 0.5):.0f}"}


def _recovery(make: Callable[[int, bool], Contender]) -> dict[str, str]:
    contender = make(FILES_FOR_KILLS, True)
    took_s, stuck = measure_with_kills(
        contender.start, FILES_FOR_KILLS, lambda: contender.send(FILES_FOR_KILLS), contender.ran, contender.left
    )
    recovery_s = f"{took_s:.1f}" if not stuck else f"> {took_s:.0f}"
    return {"recovery after kills, s": recovery_s, "stuck": str(stuck), "run twice": str(contender.twice())}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--files", type=int, default=10_000)
    arguments.add_argument("--only", default="", help="only contenders whose name contains this text")
    options = arguments.parse_args()
    if any(options.only in peer.name for peer in PEERS):
        install()
    rows = []
    with (
        tempfile.TemporaryDirectory(prefix="fairway-bench-") as folder,
        running_servers(Path(folder)) as servers,
        contenders(servers, options.only) as factories,
    ):
        for name, make in factories.items():
            rows.append(row_of(make, options.files))
            print(name, rows[-1], flush=True)
    keep_table("overhead", COLUMNS, [*rows, TARGETS])


if __name__ == "__main__":
    main()
