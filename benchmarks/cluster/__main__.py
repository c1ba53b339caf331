"""How many workers one PostgreSQL carries: hosts whose work is a sleep drive the real store and dispatcher.

    python -m benchmarks.cluster --simulate 200 [--slots 4] [--work 2]   one fleet of that size, and smaller ones
    python -m benchmarks.cluster --linear                                1, 2, 4 and 8 workers with 20 slots each
    python -m benchmarks.cluster --elastic                               8, then 2, then 8 workers under load
    python -m benchmarks.cluster --idle 50                               workers that have nothing to do

Starts a PostgreSQL of its own, prints a table, and keeps it in build/bench/cluster-<name>.json. All hosts are threads of
one process, so that the CPU time of the client is beside the server's: where both together fill the machine, the table
shows the machine's limit and not the server's.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.cluster.hosts import READER, Host, SharedTopic
from benchmarks.dispatch import TENANTS, fill
from benchmarks.parts import Parts, one, parts
from benchmarks.starting import keep_table
from layers.adapters.postgres.database import Database

SETTLES_S = 6.0  # until all hosts have registered and work
MEASURED_S = 20.0
QUIET_SHARE = 2.0  # the quiet tenant asks for half of what its share of the fleet would be
PAGE_S = 2.0
QUIET = """
WITH made AS (
    INSERT INTO files (tenant_id, dataset_id, batch_id, name, declared_size_bytes, object_key, state, upload_until)
    SELECT b.tenant_id, b.dataset_id, b.batch_id, 'quiet.jpg', 10, 'quiet-' || gen_random_uuid(), 'processing', now()
      FROM batches b JOIN tenants t USING (tenant_id) WHERE t.name = 'quiet'
    RETURNING file_id, tenant_id, batch_id),
readied AS (
    INSERT INTO steps (file_id, step, tenant_id, batch_id, state, cost_estimate_s, ready_at)
    SELECT file_id, %(step)s, tenant_id, batch_id, 'ready', %(work_s)s, clock_timestamp() FROM made
    RETURNING tenant_id, batch_id)
SELECT activate_lane(%(step)s, tenant_id, batch_id)::text FROM readied
"""
WAIT = """
SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM s.started_at - s.ready_at))::float8 AS p95
  FROM steps s JOIN tenants t USING (tenant_id) WHERE t.name = 'quiet' AND s.started_at IS NOT NULL
"""
DONE_SINCE = "SELECT count(*) FROM attempts WHERE outcome = 'done' AND ended_at > clock_timestamp() - make_interval(secs => %(s)s)"
BY_OUTCOME = "SELECT outcome, count(*) AS attempts FROM attempts GROUP BY 1 ORDER BY 1"
CONNECTIONS = 48


@dataclass
class Fleet:
    """Hosts at work, with the owner's and the workers' database and their topic."""

    owner: Database
    database: Database
    topic: SharedTopic
    hosts: list[Host]


@contextmanager
def fleet(found: Parts, hosts: int, slots: int, work_s: float, backlog: int) -> Iterator[Fleet]:
    """A backlog of equal parts of twenty tenants, one tenant more, and so many hosts at work on them."""
    owner, database = Database(found.owner_url), Database(found.worker_url, max_connections=CONNECTIONS)
    fill(owner, backlog)
    owner.run("TRUNCATE workers, duties")
    owner.run("UPDATE steps SET cost_estimate_s = %(work_s)s", work_s=work_s)
    owner.run("INSERT INTO tenants (name) VALUES ('quiet')")
    owner.run("INSERT INTO datasets (tenant_id, name) SELECT tenant_id, 'd' FROM tenants WHERE name = 'quiet'")
    owner.run(
        "INSERT INTO batches (tenant_id, dataset_id) SELECT tenant_id, dataset_id FROM datasets JOIN tenants t"
        " USING (tenant_id) WHERE t.name = 'quiet'"
    )
    owner.run(
        "INSERT INTO schema_versions (dataset_id, version, tenant_id, schema) SELECT dataset_id, 1, tenant_id, '{}' FROM datasets"
    )
    topic = SharedTopic()
    running = [Host(f"host-{number}", database, topic, slots, work_s) for number in range(hosts)]
    for host in running:
        host.start()
    try:
        yield Fleet(owner, database, topic, running)
    finally:
        for host in running:
            host.leave()
        for host in running:
            host.join()
        database.close()
        owner.close()


def measured(found: Parts, hosts: int, slots: int, work_s: float) -> dict[str, Any]:
    """One fleet under full load, with a quiet tenant whose files come one by one."""
    offered = hosts * slots / work_s
    with fleet(found, hosts, slots, work_s, int(offered * (SETTLES_S + MEASURED_S) * 1.5) + 500) as running:
        owner = running.owner
        time.sleep(SETTLES_S + work_s)
        server_s, client_s, began = found.postgres_cpu_s(), time.process_time(), time.monotonic()
        while time.monotonic() - began < MEASURED_S:
            owner.rows(QUIET, step=READER, work_s=work_s)
            time.sleep(max(0.2, QUIET_SHARE * (TENANTS + 1) / offered))
        took_s = time.monotonic() - began
        server_s, client_s = found.postgres_cpu_s() - server_s, time.process_time() - client_s
        done = one(owner, DONE_SINCE, s=took_s)
        quiet_s = one(owner, WAIT)
    return {
        "hosts": hosts,
        "slots": hosts * slots,
        "seconds a part": work_s,
        "offered/s": round(offered, 1),
        "done/s": round(done / took_s, 1),
        "reached": f"{done / took_s / offered:.1%}",
        "PostgreSQL CPU ms a step": round(1000 * server_s / max(1, done), 2),
        "PostgreSQL cores": round(server_s / took_s, 2),
        "client cores": round(client_s / took_s, 2),
        "quiet p95 s": round(quiet_s or 0.0, 2),
    }


def elastic(found: Parts) -> list[dict[str, Any]]:
    """8, then 2, then 8 workers; how fast the rate follows, and whether an attempt was spent."""
    slots, phases = 20, []
    with fleet(found, 8, slots, PAGE_S, 6000) as running:
        owner, database, topic, hosts = running.owner, running.database, running.topic, running.hosts
        time.sleep(SETTLES_S)
        for count in (8, 2, 8):
            for host in hosts[count:]:
                host.leave()
            gone = hosts[count:]
            del hosts[count:]
            changed = time.monotonic()
            while len(hosts) < count:
                number = f"again-{len(hosts)}"
                hosts.append(Host(number, database, topic, slots, PAGE_S))
                hosts[-1].start()
            expected, follows_s = count * slots / PAGE_S, None
            while time.monotonic() - changed < 15:
                time.sleep(1)
                if follows_s is None and abs(one(owner, DONE_SINCE, s=2.0) / 2.0 / expected - 1) < 0.1:
                    follows_s = time.monotonic() - changed
            rate = one(owner, DONE_SINCE, s=6.0) / 6.0
            for host in gone:
                host.join()
            phases.append({
                "workers": count, "expected/s": expected, "done/s": round(rate, 1),
                "rate follows after s": None if follows_s is None else round(follows_s, 1),
            })  # fmt: skip
        outcomes = {row["outcome"]: row["attempts"] for row in owner.rows(BY_OUTCOME)}
    return [*phases, {"outcomes": outcomes}]


def idle(found: Parts, hosts: int) -> dict[str, Any]:
    """Hosts that have nothing to do: what their beats, pulses and upkeep cost."""
    with fleet(found, hosts, 1, 1.0, 0):
        time.sleep(SETTLES_S + 10)
        before, began = found.postgres_cpu_s(), time.monotonic()
        time.sleep(60)
        share = (found.postgres_cpu_s() - before) / (time.monotonic() - began)
    return {"idle workers": hosts, "share of a PostgreSQL core": f"{share:.2%}"}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--simulate", type=int, help="the largest number of hosts")
    arguments.add_argument("--slots", type=int, default=4)
    arguments.add_argument("--work", type=float, default=PAGE_S, help="seconds a part")
    arguments.add_argument("--linear", action="store_true")
    arguments.add_argument("--elastic", action="store_true")
    arguments.add_argument("--idle", type=int, help="the number of idle workers")
    options = arguments.parse_args()
    sys.stderr = open("/dev/null", "w")  # the log of the attempts
    with tempfile.TemporaryDirectory(prefix="fairway-bench-") as folder, parts(Path(folder)) as found:
        if options.simulate:
            sizes = sorted({max(1, options.simulate // part) for part in (20, 4, 2, 1)})
            rows = [measured(found, size, options.slots, options.work) for size in sizes]
            keep_table(f"cluster-simulate-{options.work:g}s", list(rows[0]), rows)
        if options.linear:
            rows = [measured(found, size, 20, PAGE_S) for size in (1, 2, 4, 8)]
            keep_table("cluster-linear", list(rows[0]), rows)
        if options.elastic:
            rows = elastic(found)
            columns = ["workers", "expected/s", "done/s", "rate follows after s", "outcomes"]
            keep_table("cluster-elastic", columns, rows)
        if options.idle is not None:
            row = idle(found, options.idle)
            keep_table("cluster-idle", list(row), [row])


if __name__ == "__main__":
    main()
