"""Measures the API with a million files: listings, counts, changes, batches, removal.

    python -m benchmarks.api [--files 1000000]

It starts an embedded Fairway with a temporary home, fills it, and measures over HTTP on the loopback address. The table,
which also has the CPU time of the API process, is printed and written to build/bench/api.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
from fairway_client import Client

from benchmarks.starting import ROOT, children_of, cpu_s, keep, start, stop
from layers.adapters.postgres.database import Database
from layers.adapters.postgres.store import PostgresStore
from layers.adapters.redis.change_notifications import RedisChangeNotifications
from layers.domain.message import Arrival
from layers.domain.page import Identity
from layers.domain.step import Done
from layers.ports import FilePlan

TARGETS = {
    "batch of 1,000 with URLs, p95 ms": "400",
    "GET /datasets/{id}, p95 ms": "10",
    "changes after a commit, p95 ms": "150",
    "200 open changes and 50 requests/s, errors": "0",
    "200 open changes and 50 requests/s, p95 ms": "100",
    "removal of 10,000: gone, s": "1",
    "removal of 10,000: erased, s": "60",
}
PAGES: dict[str, dict[str, Any]] = {
    "no filter": {},
    "state": {"state": "failed"},
    "batch": {"batch": True},
    "name, common": {"name": "receipt"},
    "name, rare": {"name": "77777"},
}
STEPS = ("intake", "text", "ocr", "textract", "extraction", "preview", "thumbnail")
OPEN, RATE_A_S, LOAD_S = 200, 50, 20
REQUESTS_A_S = 10_000  # the quota of the one key that all requests have
REMOVED, STORED = 10_000, 1_000

FILL = """
WITH created AS (
    INSERT INTO files (tenant_id, dataset_id, batch_id, name, declared_size_bytes, size_bytes, media_type, page_count,
                       sha256, object_key, version_id, state, uploaded_at, upload_until)
    SELECT %(tenant)s, %(dataset)s, %(batch)s, 'receipt ' || n || '.jpg', 1000, 1000, 'image/jpeg', 1,
           encode(sha256(n::text::bytea), 'hex'), 'originals/' || n, 'v', CASE WHEN n %% 50 = 0 THEN 'failed' ELSE 'done' END,
           now(), now()
      FROM generate_series(%(first)s::bigint, %(last)s::bigint) n
    RETURNING file_id, substring(name FROM '[0-9]+')::bigint AS n),
stepped AS (
    INSERT INTO steps (file_id, step, tenant_id, batch_id, state, attempt, started_at, ended_at)
    SELECT file_id, step, %(tenant)s, %(batch)s, 'done', 1, now(), now() FROM created, unnest(%(steps)s::text[]) step),
pictured AS (
    INSERT INTO artifacts (file_id, kind, tenant_id, object_key, media_type, size_bytes)
    SELECT file_id, kind, %(tenant)s, 'artifacts/' || file_id, 'image/webp', 1
      FROM created, unnest('{text,preview,thumbnail}'::text[]) kind)
INSERT INTO records (file_id, tenant_id, dataset_id, schema_version, fields, missing, evidence, complete)
SELECT file_id, %(tenant)s, %(dataset)s, 1,
       jsonb_build_object('title', 'ACME ' || n %% 5000, 'total', n %% 9973 / 7.0, 'currency', 'EUR'), '[]', '{}', true
  FROM created
"""


class Measured:
    """A running API, its client, and the CPU time of its process."""

    def __init__(self, endpoint: dict[str, Any]) -> None:
        self.endpoint = endpoint
        self.client = Client(endpoint["api_url"], endpoint["api_key"])
        self.http = httpx.Client(
            base_url=endpoint["api_url"], headers={"Authorization": f"Bearer {endpoint['api_key']}"}, trust_env=False
        )
        self.results: dict[str, Any] = {}
        self.server_ms = 0.0  # time in the server for the last response

    def time(self, what: str, turns: int, act: Callable[[int], Any], *, warm: int = 3) -> None:
        """Make calls one after the other; record their p50 and p95 in milliseconds, and the CPU time of the API."""
        for index in range(warm):
            act(index)
        before, times, inside, self.server_ms = self.cpu(), [], [], 0.0
        for index in range(turns):
            began = time.perf_counter()
            act(index)
            times.append((time.perf_counter() - began) * 1000)
            inside.append(self.server_ms)
        if any(inside):
            self.results[f"{what}, in the server, p95 ms"] = round(quantile(inside, 0.95), 1)
        self.results[f"{what}, p50 ms"] = round(statistics.median(times), 1)
        self.results[f"{what}, p95 ms"] = round(quantile(times, 0.95), 1)
        self.results[f"{what}, API's CPU ms each"] = round((self.cpu() - before) * 1000 / turns, 1)

    def cpu(self) -> float:
        parent = self.endpoint["processes"]["api"]
        return cpu_s({parent, *children_of(parent)})

    def get(self, path: str, **query: Any) -> Any:
        answer = self.http.get(path, params=query).raise_for_status()
        self.server_ms = float(answer.headers["Server-Timing"].rpartition("=")[2])
        return answer.json()


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def fill(measured: Measured, dataset_id: str, files: int) -> str:
    """Fill a dataset with settled files, their steps, artifacts and records. Returns the id of one of its batches."""
    with psycopg.connect(measured.endpoint["database_url"], autocommit=True) as connection:
        row = connection.execute("SELECT tenant_id FROM datasets WHERE dataset_id = %s", [dataset_id]).fetchone()
        assert row
        parameters = {"tenant": row[0], "dataset": dataset_id, "steps": list(STEPS)}
        connection.execute("SET synchronous_commit = off")
        batch_id = ""
        for first in range(1, files + 1, 10_000):
            created = connection.execute(
                "INSERT INTO batches (tenant_id, dataset_id) VALUES (%(tenant)s, %(dataset)s) RETURNING batch_id",
                parameters,
            ).fetchone()
            assert created
            batch_id = str(created[0])
            last = min(first + 9_999, files)
            connection.execute(FILL, {**parameters, "batch": batch_id, "first": first, "last": last}, prepare=False)
        connection.execute("VACUUM ANALYZE")
    return batch_id


def listings(measured: Measured, dataset_id: str, batch_id: str) -> None:
    path = f"/datasets/{dataset_id}/files"
    for name, filters in PAGES.items():
        query = {"limit": 50, **filters} | ({"batch": batch_id} if "batch" in filters else {})
        measured.time(f"page of 50, {name}", 60, lambda _, query=query: measured.get(path, **query))  # type: ignore[misc]
        TARGETS[f"page of 50, {name}, in the server, p95 ms"] = "20"
        cursor = None
        for _ in range(99):
            page = measured.get(path, **query, **({"cursor": cursor} if cursor else {}))
            cursor = page["next_cursor"] or cursor
        if cursor:
            query |= {"cursor": cursor}
            measured.time(f"page 100 of 50, {name}", 60, lambda _, query=query: measured.get(path, **query))  # type: ignore[misc]
            TARGETS[f"page 100 of 50, {name}, in the server, p95 ms"] = "20"


def batches(measured: Measured) -> None:
    dataset_id = measured.client.dataset("batches")["id"]
    body = {
        "files": [
            {"name": f"receipt {index}.jpg", "size_bytes": 1000, "sha256": f"{index:064x}"} for index in range(1000)
        ]
    }
    path = f"/datasets/{dataset_id}/batches"
    measured.time("batch of 1,000 with URLs", 20, lambda _: measured.http.post(path, json=body).raise_for_status())


def waiting_call(measured: Measured, dataset_id: str, cursor: str) -> tuple[Any, float]:
    """The response to a call that waits for a change, and the time of the response."""
    return measured.get(f"/datasets/{dataset_id}/changes", after=cursor, wait_s=20), time.perf_counter()


def woken(measured: Measured) -> None:
    """Measure from the commit of an outcome to the response to a call that waits for it."""
    dataset_id = measured.client.dataset("changes")["id"]
    store = PostgresStore(Database(measured.endpoint["database_url"]))
    news = RedisChangeNotifications(measured.endpoint["redis_url"])
    cursor = measured.get(f"/datasets/{dataset_id}/files")["changes_cursor"]
    times = []
    for index in range(30):
        body = {"files": [{"name": f"{index}.txt", "size_bytes": 1}]}
        (file,) = measured.http.post(f"/datasets/{dataset_id}/batches", json=body).json()["files"]
        store.arrive([Arrival(httpx.URL(file["upload"]["url"]).path.split("/", 2)[2])])
        (wake_up,) = store.dispatch({"intake": 1000})
        claim = store.claim(wake_up, "bench", 60, durably=False)
        assert claim
        while (found := measured.get(f"/datasets/{dataset_id}/changes", after=cursor))["files"]:
            cursor = found["cursor"]
        with ThreadPoolExecutor(1) as pool:
            call = pool.submit(waiting_call, measured, dataset_id, cursor)
            time.sleep(0.2)
            outcome = Done(identity=Identity("text/plain", None), size_bytes=1)
            store.record(claim, outcome, lambda _: FilePlan((), "done"), cost_s=0, host="bench")
            committed = time.perf_counter()
            news.publish([dataset_id])
            found, answered = call.result()
        assert found["files"], "the waiting call was answered without a change"
        cursor = found["cursor"]
        times.append((answered - committed) * 1000)
    measured.results["changes after a commit, p50 ms"] = round(statistics.median(times), 1)
    measured.results["changes after a commit, p95 ms"] = round(quantile(times, 0.95), 1)


def under_watchers(measured: Measured, dataset_id: str, batch_id: str) -> None:
    """Request pages of 50, datasets, files and batches at a steady rate, while many calls wait for changes."""
    stopping = threading.Event()
    errors: list[str] = []
    times: list[float] = []
    limits = httpx.Limits(max_connections=OPEN + 60)
    http = httpx.Client(
        base_url=measured.endpoint["api_url"], headers=measured.http.headers, limits=limits, timeout=60, trust_env=False
    )
    cursor = measured.get(f"/datasets/{dataset_id}/files")["changes_cursor"]

    def watch() -> None:
        while not stopping.is_set():
            answer = http.get(f"/datasets/{dataset_id}/changes", params={"after": cursor, "wait_s": 20})
            if answer.status_code != 200:
                errors.append(answer.text[:200])

    file_id = measured.get(f"/datasets/{dataset_id}/files", limit=1)["files"][0]["id"]
    paths = (
        f"/datasets/{dataset_id}/files?limit=50",
        f"/datasets/{dataset_id}",
        f"/files/{file_id}",
        f"/batches/{batch_id}",
    )

    def ask(index: int) -> None:
        began = time.perf_counter()
        try:
            http.get(paths[index % len(paths)]).raise_for_status()
        except httpx.HTTPError as error:
            errors.append(str(error))
        times.append((time.perf_counter() - began) * 1000)

    with ThreadPoolExecutor(OPEN + 60) as pool:
        watching = [pool.submit(watch) for _ in range(OPEN)]
        time.sleep(3)
        before, began = measured.cpu(), time.perf_counter()
        requests = []
        for index in range(RATE_A_S * LOAD_S):
            time.sleep(max(0.0, began + index / RATE_A_S - time.perf_counter()))
            requests.append(pool.submit(ask, index))
        for request in requests:
            request.result()
        spent, took = measured.cpu() - before, time.perf_counter() - began
        stopping.set()
        for future in watching:
            future.result()
    what = f"{OPEN} open changes and {RATE_A_S} requests/s"
    measured.results[f"{what}, errors"] = len(errors)
    measured.results[f"{what}, p50 ms"] = round(statistics.median(times), 1)
    measured.results[f"{what}, p95 ms"] = round(quantile(times, 0.95), 1)
    measured.results[f"{what}, API's CPU, % of a core"] = round(spent / took * 100)


def removal(measured: Measured) -> None:
    dataset_id = measured.client.dataset("removal")["id"]
    batch: dict[str, Any] = {}
    uploads = []
    for _ in range(REMOVED // 1000):
        body = {"files": [{"name": f"{index}.txt", "size_bytes": 8} for index in range(1000)]}
        where = f"/batches/{batch['id']}/files" if batch else f"/datasets/{dataset_id}/batches"
        created = measured.http.post(where, json=body, timeout=60).raise_for_status().json()
        batch = batch or created
        uploads += [file["upload"] for file in created["files"]]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda upload: measured.client.put(upload, b"12345678"), uploads[:STORED]))
    began = time.perf_counter()
    removal = {"batch_id": batch["id"], "undo_window_s": 0}
    created = measured.http.post(f"/datasets/{dataset_id}/removals", json=removal, timeout=60).raise_for_status().json()
    assert measured.get(f"/datasets/{dataset_id}/files")["files"] == []
    measured.results["removal of 10,000: gone, s"] = round(time.perf_counter() - began, 2)
    while measured.get(f"/removals/{created['id']}")["erased_at"] is None and time.perf_counter() - began < 600:
        time.sleep(0.2)
    measured.results["removal of 10,000: erased, s"] = round(time.perf_counter() - began, 1)


@contextmanager
def embedded() -> Iterator[Measured]:
    """An embedded start with a temporary home, whose quota admits all requests of a benchmark."""
    with tempfile.TemporaryDirectory(prefix="fairway-bench-") as folder:
        home = Path(folder) / "home"
        process, _ = start([sys.executable, "-m", "infra.local"], ROOT, home)
        try:
            measured = Measured(json.loads((home / "endpoint.json").read_text()))
            (tenant,) = measured.get("/operations/tenants")["tenants"]
            quota = {"quota": {"requests_per_s": REQUESTS_A_S}}
            measured.http.put(f"/operations/tenants/{tenant['id']}", json=quota).raise_for_status()
            yield measured
        finally:
            stop(process)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--files", type=int, default=1_000_000)
    files = arguments.parse_args().files
    with embedded() as measured:
        batches(measured)
        removal(measured)
        dataset_id = measured.client.dataset("large")["id"]
        began = time.perf_counter()
        batch_id = fill(measured, dataset_id, files)
        measured.results[f"filling {files:,} files, s"] = round(time.perf_counter() - began)
        woken(measured)
        measured.time("GET /datasets/{id}", 100, lambda _: measured.get(f"/datasets/{dataset_id}"))
        listings(measured, dataset_id, batch_id)
        under_watchers(measured, dataset_id, batch_id)
    keep("api", measured.results, TARGETS)


if __name__ == "__main__":
    main()
