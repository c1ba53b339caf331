"""The cost of a dispatch in PostgreSQL: at backlogs of all sizes, and while an open transaction holds back vacuum.

    python -m benchmarks.dispatch [--most 1000000]

Starts a separate PostgreSQL, prints a table, and saves it in build/bench/dispatch.json.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.servers import Servers, running_servers, value_of
from benchmarks.starting import keep
from layers.adapters.postgres.database import Database
from layers.adapters.postgres.store import PostgresStore

TURNS = 2000
HELD_TURNS = 5000
TENANTS, BATCHES_EACH = 20, 2
TARGETS = {"largest backlog against smallest": "1.3", "last thousand against first, transaction held": "3"}

FILL = """
WITH places AS (
    SELECT row_number() OVER () - 1 AS place, b.tenant_id, b.dataset_id, b.batch_id, count(*) OVER () AS of_all
      FROM batches b),
made AS (
    INSERT INTO files (tenant_id, dataset_id, batch_id, name, declared_size_bytes, object_key, state, upload_until)
    SELECT p.tenant_id, p.dataset_id, p.batch_id, n || '.jpg', 10, %(key)s || n, 'processing', now()
      FROM generate_series(1, %(count)s) n JOIN places p ON p.place = n %% p.of_all
    RETURNING file_id, tenant_id, batch_id)
INSERT INTO steps (file_id, step, tenant_id, batch_id, state, cost_estimate_s, ready_at)
SELECT file_id, 'ocr', tenant_id, batch_id, 'ready', 1, clock_timestamp() FROM made
"""


def fill(database: Database, count: int) -> None:
    """Create tenants, batches, and `count` files whose OCR is ready."""
    database.run("TRUNCATE tenants, file_changes, file_counts, count_deltas, lane_clocks CASCADE")
    database.run("INSERT INTO tenants (name) SELECT 't' || n FROM generate_series(1, %(n)s::integer) n", n=TENANTS)
    database.run("INSERT INTO datasets (tenant_id, name) SELECT tenant_id, 'd' FROM tenants")
    database.run(
        "INSERT INTO batches (tenant_id, dataset_id) SELECT tenant_id, dataset_id FROM datasets, generate_series(1, %(n)s::integer)",
        n=BATCHES_EACH,
    )
    database.run("ALTER TABLE files DISABLE TRIGGER USER")
    for first in range(0, count, 50_000):
        database.run(FILL, count=min(50_000, count - first), key=f"{first}-")
    database.run("ALTER TABLE files ENABLE TRIGGER USER")
    database.rows("SELECT activate_lane('ocr', tenant_id, batch_id) FROM batches")
    with database.connection() as connection:
        connection.execute("VACUUM ANALYZE steps, lanes, batch_lanes, lane_clocks, files")


def turn(store: PostgresStore, worker: Database) -> None:
    """Dispatch one part, mark it as running and as done."""
    (wake_up,) = store.dispatch({"ocr": 1})
    for state in ("running", "done"):
        worker.run(
            "UPDATE steps SET state = %(state)s, lease_id = CASE WHEN %(state)s = 'running' THEN gen_random_uuid() END"
            " WHERE (file_id, step, part) = (%(file_id)s, 'ocr', 0)",
            state=state,
            file_id=wake_up.file_id,
        )


def spent(database: Database) -> tuple[int, float]:
    """The number of calls of dispatch_steps and their milliseconds, so far."""
    row = database.row(
        "SELECT calls, total_time FROM pg_stat_user_functions WHERE funcname = 'dispatch_steps' AND schemaname = 'public'"
    )
    return (row["calls"], row["total_time"]) if row else (0, 0.0)


def measure(servers: Servers, turns: int) -> float:
    """Milliseconds in dispatch_steps per dispatched part."""
    database = Database(servers.owner_url)
    worker = Database(servers.worker_url)
    owner = Database(f"{servers.owner_url}?options=-c%20track_functions%3Dall")
    store = PostgresStore(owner)  # only the owner may track functions
    for _ in range(100):
        turn(store, worker)
    value_of(owner, "SELECT pg_stat_force_next_flush()::text")
    before = spent(database)
    for _ in range(turns):
        turn(store, worker)
    value_of(owner, "SELECT pg_stat_force_next_flush()::text")
    after = spent(database)
    for each in (database, worker, owner):
        each.close()
    return (after[1] - before[1]) / max(1, after[0] - before[0])


def backlogs(servers: Servers, most: int, results: dict[str, Any]) -> None:
    database = Database(servers.owner_url)
    size = 1_000
    times = []
    while size <= most:
        fill(database, size + TURNS + 200)
        times.append(measure(servers, TURNS))
        results[f"one of {size:,} waiting, ms"] = round(times[-1], 3)
        size *= 10
    results["largest backlog against smallest"] = round(times[-1] / times[0], 2)


def held(servers: Servers, results: dict[str, Any]) -> None:
    """The same while an open transaction keeps every dead row and index entry."""
    fill(Database(servers.owner_url), HELD_TURNS + 2000)
    with psycopg.connect(servers.owner_url) as forgotten:
        forgotten.execute("SET idle_in_transaction_session_timeout = 0")
        forgotten.commit()
        forgotten.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        forgotten.execute("SELECT count(*) FROM lanes")
        times = [measure(servers, 1000 - 100) for _ in range(HELD_TURNS // 1000)]
    for place, time_ms in enumerate(times):
        results[f"one, transaction held, after {place * 1000:,}, ms"] = round(time_ms, 3)
    results["last thousand against first, transaction held"] = round(times[-1] / times[0], 2)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--most", type=int, default=1_000_000)
    most = arguments.parse_args().most
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="fairway-bench-") as folder, running_servers(Path(folder)) as servers:
        held(servers, results)
        backlogs(servers, most, results)
    keep("dispatch", results, TARGETS)


if __name__ == "__main__":
    main()
