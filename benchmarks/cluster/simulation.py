"""Hundreds of worker hosts as threads of one process, on the real store: how many hosts one PostgreSQL can serve."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.cluster.hosts import Host, SharedTopic
from benchmarks.cluster.workload import DONE_SINCE, WAIT, QuietTenant, prepare
from benchmarks.servers import Servers, value_of
from layers.adapters.postgres.database import Database

SETTLES_S = 6.0  # until all hosts have registered and work
MEASURED_S = 20.0
CONNECTIONS = 48


@contextmanager
def fleet(servers: Servers, hosts: int, slots: int, work_s: float, backlog: int) -> Iterator[Database]:
    """Fill the database, and run `hosts` hosts during the block. Yields the owner's database."""
    owner, database = Database(servers.owner_url), Database(servers.worker_url, max_connections=CONNECTIONS)
    prepare(owner, backlog, work_s)
    topic = SharedTopic()
    running = [Host(f"host-{number}", database, topic, slots, work_s) for number in range(hosts)]
    for host in running:
        host.start()
    try:
        yield owner
    finally:
        for host in running:
            host.leave()
        for host in running:
            host.join()
        database.close()
        owner.close()


def measure(servers: Servers, hosts: int, slots: int, work_s: float) -> dict[str, Any]:
    """One fleet under full load, with a quiet tenant whose files arrive one by one."""
    offered = hosts * slots / work_s
    with fleet(servers, hosts, slots, work_s, int(offered * (SETTLES_S + MEASURED_S) * 1.5) + 500) as owner:
        time.sleep(SETTLES_S + work_s)
        server_s, client_s, began = servers.postgres_cpu_s(), time.process_time(), time.monotonic()
        quiet = QuietTenant(owner, work_s, offered)
        while time.monotonic() - began < MEASURED_S:
            quiet.upload()
        took_s = time.monotonic() - began
        server_s, client_s = servers.postgres_cpu_s() - server_s, time.process_time() - client_s
        done = value_of(owner, DONE_SINCE, s=took_s)
        quiet_s = value_of(owner, WAIT)
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


def idle(servers: Servers, hosts: int) -> dict[str, Any]:
    """The cost of hosts without work: their beats, pulses and upkeep."""
    with fleet(servers, hosts, 1, 1.0, 0):
        time.sleep(SETTLES_S + 10)
        before, began = servers.postgres_cpu_s(), time.monotonic()
        time.sleep(60)
        share = (servers.postgres_cpu_s() - before) / (time.monotonic() - began)
    return {"idle workers": hosts, "share of a PostgreSQL core": f"{share:.2%}"}
