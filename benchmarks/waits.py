"""Measures what it costs to explain why files wait: the check of all lanes, and one page of 50 waiting files.

    python -m benchmarks.waits [--most 1000000]

For comparison, the same run ranks every waiting part of each lane with a window function, which is what exact positions
would cost. It starts a separate PostgreSQL and saves its table in build/bench/waits.json.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.dispatch import fill
from benchmarks.servers import Servers, running_servers
from benchmarks.starting import keep
from functions.api import waits
from functions.api.entry import ports
from layers import bootstrap
from layers.adapters.postgres.catalog import PostgresCatalog
from layers.adapters.postgres.database import Database
from layers.adapters.postgres.store import PostgresStore
from layers.attempts.dispatching import BACKLOG_SAMPLE_EVERY_S
from layers.ports.rows import StepPart

ROUNDS = 15
PAGE = 50
TARGETS = {"a page compared to ranking": "0.1", "share of the time that the largest check takes": "0.05"}
RANK = """
SELECT max(position) FROM (
    SELECT row_number() OVER (PARTITION BY step, tenant_id, batch_id ORDER BY ready_at, file_id, part) AS position,
           sum(cost_estimate_s) OVER (PARTITION BY step, tenant_id, batch_id ORDER BY ready_at, file_id, part) AS cost_s
      FROM steps WHERE state = 'ready') r
"""


def median_ms(act: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        act()
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def check(database: Database, store: PostgresStore) -> None:
    database.run("UPDATE backlog_looks SET looked_at = '-infinity', took_s = 0")
    if store.measure_backlogs(0) is None:
        raise RuntimeError("another process was checking")


def page(catalog: PostgresCatalog, tenant_id: str, files: list[dict[str, Any]]) -> list[Any]:
    """The work of explaining in a listing why its files wait, including the query for their steps."""
    with catalog.transaction() as transaction:
        transaction.act_as(tenant_id)
        parts_of: dict[Any, list[StepPart]] = {}
        for part in transaction.steps_of([file["file_id"] for file in files]):
            parts_of.setdefault(part.file_id, []).append(part)
        view = waits.view(ports(), transaction, {file["batch_id"] for file in files})
        return [
            waits.waiting(view, file["state"], file["batch_id"], {"ocr": parts_of[file["file_id"]]}) for file in files
        ]


def measure(servers: Servers, most: int, results: dict[str, Any]) -> None:
    database = Database(servers.owner_url)
    store, catalog = PostgresStore(Database(servers.worker_url)), PostgresCatalog(Database(servers.api_url))
    size = 1_000
    while size <= most:
        fill(database, size)
        check_ms, rank_ms = median_ms(lambda: check(database, store)), median_ms(lambda: database.rows(RANK))
        results[f"check of {size:,}, ms"], results[f"ranking {size:,}, ms"] = round(check_ms, 1), round(rank_ms, 1)
        rows = database.rows(
            "SELECT * FROM files WHERE tenant_id = (SELECT min(tenant_id::text)::uuid FROM tenants) LIMIT 50"
        )
        tenant_id = str(uuid.UUID(str(rows[0]["tenant_id"])))
        if not all(page(catalog, tenant_id, rows)):
            raise RuntimeError("a waiting file has no reason")
        cpu_s = time.process_time()
        page_ms = median_ms(lambda tenant_id=tenant_id, rows=rows: page(catalog, tenant_id, rows))  # type: ignore[misc]
        results[f"page of {PAGE} of {size:,}, ms"] = round(page_ms, 2)
        results[f"page of {PAGE} of {size:,}, our CPU ms"] = round((time.process_time() - cpu_s) / ROUNDS * 1000, 2)
        results["a page compared to ranking"] = round(page_ms / rank_ms, 3)
        rests_s = max(BACKLOG_SAMPLE_EVERY_S, 20 * check_ms / 1000)
        results["share of the time that the largest check takes"] = round(check_ms / 1000 / rests_s, 3)
        size *= 10


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--most", type=int, default=1_000_000)
    most = arguments.parse_args().most
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="fairway-bench-") as folder, running_servers(Path(folder)) as servers:
        bootstrap.forget()
        measure(servers, most, results)
    keep("waits", results, TARGETS)


if __name__ == "__main__":
    main()
