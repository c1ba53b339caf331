"""How much a fleet of workers gets done, and how many workers one PostgreSQL can serve.

    python -m benchmarks.cluster --simulate 200 [--slots 4] [--work 2]   a fleet of that size and smaller ones, as threads
    python -m benchmarks.cluster --idle 50                               workers that have nothing to do, as threads
    python -m benchmarks.cluster --linear                                1, 2, 4 and 8 processes on Kafka, 20 slots each
    python -m benchmarks.cluster --elastic                               8, then 2, then 8 processes on Kafka under load
    python -m benchmarks.cluster --outage                                Kafka is away for a minute under load
    python -m benchmarks.cluster --texts 200                             real files: Kafka and the embedded topics in pairs
    python -m benchmarks.cluster --alone 40                              real files one by one, from PUT to record

Prints tables, and stores them in build/bench/cluster-<name>.json. In all but the last two, the work of a part is a
sleep, but the store, the dispatcher and the workers' registrations are real. A simulated fleet runs as threads of one
process, so the table shows the CPU time of that client beside the server's: together they may reach the limit of the
machine before the server reaches its own.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.cluster import end_to_end, processes, simulation
from benchmarks.servers import Servers, running_servers
from benchmarks.starting import keep_table


def on_kafka(servers: Servers, options: argparse.Namespace) -> None:
    """The measurements with worker processes on a real broker."""
    with processes.broker(servers) as running:
        if options.linear:
            rows = [processes.linear(servers, running, size, options.process_slots) for size in options.processes]
            keep_table("cluster-linear", list(rows[0]), rows)
        if options.elastic:
            rows = processes.elastic(servers, running)
            keep_table("cluster-elastic", [*rows[0], *rows[-1]], rows)
        if options.outage:
            row = processes.outage(servers, running)
            keep_table("cluster-outage", list(row), [row])


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--simulate", type=int, help="the largest number of hosts")
    arguments.add_argument("--slots", type=int, default=4)
    arguments.add_argument("--work", type=float, default=2.0, help="seconds a part")
    arguments.add_argument("--idle", type=int, help="the number of idle workers")
    arguments.add_argument("--linear", action="store_true")
    arguments.add_argument("--processes", type=int, nargs="*", default=[1, 2, 4, 8])
    arguments.add_argument("--process-slots", type=int, default=processes.SLOTS)
    arguments.add_argument("--elastic", action="store_true")
    arguments.add_argument("--outage", action="store_true")
    arguments.add_argument("--texts", type=int, help="the number of texts in a batch")
    arguments.add_argument("--pairs", type=int, default=3)
    arguments.add_argument("--alone", type=int, help="the number of files that are sent one by one")
    options = arguments.parse_args()
    sys.stderr = open("/dev/null", "w")  # the log of the attempts
    with tempfile.TemporaryDirectory(prefix="fairway-bench-") as folder, running_servers(Path(folder)) as servers:
        if options.simulate:
            sizes = sorted({max(1, options.simulate // part) for part in (20, 4, 2, 1)})
            rows = [simulation.measure(servers, size, options.slots, options.work) for size in sizes]
            keep_table(f"cluster-simulate-{options.work:g}s", list(rows[0]), rows)
        if options.idle is not None:
            row = simulation.idle(servers, options.idle)
            keep_table("cluster-idle", list(row), [row])
        if options.linear or options.elastic or options.outage:
            on_kafka(servers, options)
    if options.texts:
        rows = end_to_end.throughput(options.pairs, options.texts)
        keep_table("cluster-texts", list(rows[0]), rows)
    if options.alone:
        row = end_to_end.alone(options.alone)
        keep_table("cluster-alone", list(row), [row])


if __name__ == "__main__":
    main()
