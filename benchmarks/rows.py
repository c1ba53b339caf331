"""Measures rows of a large dataset: pages of 200, sorts and filters by value, exports, and many readers at once.

    python -m benchmarks.rows [--files 1000000] [--readers]

It starts an embedded Fairway with a temporary home and fills it as `benchmarks.api` does. The table, which also has the CPU
time of the processes of the API, is printed and written to build/bench/rows.json. With `--readers` it measures only pages and
many readers at once.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.api import Measured, embedded, fill, quantile
from benchmarks.starting import cpu_s, family, keep, memory_mib
from benchmarks.steady_readers import read_steadily, with_query

TARGETS = {
    "page of 200 rows, API's CPU ms each": "6",
    "another page of 200 rows each time, API's CPU ms each": "6",
    "200 watchers and 200 row pages/s, errors": "0",
    "200 watchers and 200 row pages/s, p95 ms": "100",
    "export of all as parquet, s": "60",
    "export of all as parquet, CPU us a row, workers and PostgreSQL": "50 in all",
    "export of all as parquet, memory of the worker, MiB": "300",
}
SEARCHES: dict[str, dict[str, Any]] = {
    "by value, ascending": {"sort": "total"},
    "by value, descending": {"sort": "-title"},
    "few match": {"where": [{"field": "total", "op": "eq", "value": 77.0}]},
    "few match, sorted": {"where": [{"field": "total", "op": "eq", "value": 77.0}], "sort": "title"},
    "half match, sorted by another": {"where": [{"field": "total", "op": "ge", "value": 700}], "sort": "title"},
    "none match, no index": {"where": [{"field": "title", "op": "contains", "value": "nothing like it"}]},
}
WATCHERS, PAGES_A_S, LOAD_S = 200, 200, 15


def searches(measured: Measured, dataset_id: str) -> None:
    path = f"/datasets/{dataset_id}/rows"
    for name, search in SEARCHES.items():
        query = {**search, "limit": 50} | ({"where": json.dumps(search["where"])} if "where" in search else {})
        measured.time(f"50 rows, {name}, first page with total", 20, lambda _, query=query: measured.get(path, **query))  # type: ignore[misc]
        cursor = measured.get(path, **query)["next_cursor"]
        if cursor:
            further = query | {"cursor": cursor}
            measured.time(f"50 rows, {name}, next page", 20, lambda _, query=further: measured.get(path, **query))  # type: ignore[misc]


def iter_pages(measured: Measured, path: str) -> Iterator[dict[str, Any]]:
    """The pages of 200 rows of a listing, one after the other."""
    page = measured.get(path, view="row", limit=200)
    while page["next_cursor"]:
        yield page
        page = measured.get(path, view="row", limit=200, cursor=page["next_cursor"])


def many_readers(measured: Measured, dataset_id: str) -> None:
    """Request pages of 200 rows at a steady rate, while many calls wait for changes."""
    first = measured.get(f"/datasets/{dataset_id}/files", view="row", limit=200)
    page = with_query(f"/datasets/{dataset_id}/files", view="row", limit=200, cursor=first["next_cursor"])
    watched = with_query(f"/datasets/{dataset_id}/changes", after=first["changes_cursor"], wait_s=20, view="row")
    endpoint, before = measured.endpoint, []
    read = read_steadily(
        endpoint["api_url"],
        endpoint["api_key"],
        page=page,
        a_second=PAGES_A_S,
        for_s=LOAD_S,
        watched=watched,
        watchers=WATCHERS,
        started=lambda: before.append((measured.cpu(), cpu_s({os.getpid()}))),
    )
    (api_s, own_s) = before[0]
    what = f"{WATCHERS} watchers and {PAGES_A_S} row pages/s"
    measured.results[f"{what}, errors"] = len(read.errors)
    measured.results[f"{what}, pages/s in fact"] = round(len(read.times_ms) / read.took_s)
    measured.results[f"{what}, p50 ms"] = round(statistics.median(read.times_ms), 1)
    measured.results[f"{what}, p95 ms"] = round(quantile(read.times_ms, 0.95), 1)
    measured.results[f"{what}, API's CPU, % of a core"] = round((measured.cpu() - api_s) / read.took_s * 100)
    measured.results[f"{what}, the readers' own CPU, % of a core"] = round(
        (cpu_s({os.getpid()}) - own_s) / read.took_s * 100
    )
    if read.errors:
        print(f"The first of {len(read.errors)} errors: {read.errors[0]}")


def exports(measured: Measured, dataset_id: str) -> None:
    processes = measured.endpoint["processes"]
    workers = {pid for name, pid in processes.items() if name.startswith("worker")}
    for form in ("parquet", "csv", "jsonl"):
        before = max(memory_mib({pid})[0] for pid in workers)
        workers_s, database_s = cpu_s(workers), cpu_s(family(processes["postgres"]))
        began, peak = time.perf_counter(), 0.0
        export = measured.http.post(f"/datasets/{dataset_id}/exports", json={"format": form}).raise_for_status().json()
        while export["state"] not in ("done", "failed") and time.perf_counter() - began < 1200:
            time.sleep(0.5)
            peak = max(peak, *(memory_mib({pid})[0] for pid in workers))
            export = measured.get(f"/exports/{export['id']}")
        measured.results[f"export of all as {form}, s"] = round(time.perf_counter() - began, 1)
        measured.results[f"export of all as {form}, rows"] = rows = export["rows"]
        workers_us, database_us = (
            round((now_s - then_s) * 1e6 / max(1, rows), 1)
            for now_s, then_s in (
                (cpu_s(workers), workers_s),
                (cpu_s(family(processes["postgres"])), database_s),
            )
        )
        measured.results[f"export of all as {form}, CPU us a row, workers and PostgreSQL"] = (
            f"{workers_us}, {database_us}"
        )
        measured.results[f"export of all as {form}, MiB"] = round((export["size_bytes"] or 0) / 2**20, 1)
        measured.results[f"export of all as {form}, memory of the worker, MiB"] = round(peak)
        measured.results[f"export of all as {form}, memory of the worker before, MiB"] = round(before)


def sizes(measured: Measured, dataset_id: str) -> None:
    """The bytes of a page of 200 rows, as they are sent."""
    for view in ("row", "file"):
        for encoding in ("identity", "gzip"):
            query = {"view": view, "limit": 200}
            with measured.http.stream(
                "GET", f"/datasets/{dataset_id}/files", params=query, headers={"Accept-Encoding": encoding}
            ) as answer:
                sent = sum(len(chunk) for chunk in answer.iter_raw())
            measured.results[f"page of 200, view={view}, {encoding}, kB"] = round(sent / 1000, 1)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--files", type=int, default=1_000_000)
    arguments.add_argument("--readers", action="store_true", help="measure only pages and many readers at once")
    options = arguments.parse_args()
    files = options.files
    with embedded() as measured:
        dataset_id = measured.client.dataset("large")["id"]
        began = time.perf_counter()
        fill(measured, dataset_id, files)
        measured.results[f"filling {files:,} files, s"] = round(time.perf_counter() - began)
        path = f"/datasets/{dataset_id}/files"
        measured.time("page of 200 rows", 60, lambda _: measured.get(path, view="row", limit=200))
        further = iter_pages(measured, path)
        measured.time("another page of 200 rows each time", 60, lambda _: next(further))
        measured.time("page of 50 files", 60, lambda _: measured.get(path, limit=50))
        many_readers(measured, dataset_id)
        if not options.readers:
            sizes(measured, dataset_id)
            searches(measured, dataset_id)
            exports(measured, dataset_id)
    keep("rows-readers" if options.readers else "rows", measured.results, TARGETS)


if __name__ == "__main__":
    main()
