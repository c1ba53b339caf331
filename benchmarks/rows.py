"""Measures rows of a large dataset: pages of 200, sorts and filters by value, exports, and many readers at once.

    python -m benchmarks.rows [--files 1000000]

It starts an embedded Fairway with a temporary home and fills it as `benchmarks.api` does. The table, which also has the CPU
time of the processes of the API, is printed and written to build/bench/rows.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from benchmarks.api import Measured, embedded, fill, quantile
from benchmarks.starting import keep, memory_mib

TARGETS = {
    "page of 200 rows, API's CPU ms each": "6",
    "200 watchers and 200 row pages/s, errors": "0",
    "200 watchers and 200 row pages/s, p95 ms": "100",
    "export of all as parquet, s": "60",
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


def many_readers(measured: Measured, dataset_id: str) -> None:
    """Request pages of 200 rows at a steady rate, while many calls wait for changes."""
    stopping, errors, times = threading.Event(), [], []  # type: ignore[var-annotated]
    limits = httpx.Limits(max_connections=WATCHERS + 100, max_keepalive_connections=WATCHERS + 100)
    http = httpx.Client(
        base_url=measured.endpoint["api_url"], headers=measured.http.headers, limits=limits, timeout=60, trust_env=False
    )
    first = measured.get(f"/datasets/{dataset_id}/files", view="row", limit=200)
    query = {"view": "row", "limit": 200, "cursor": first["next_cursor"]}

    def watch() -> None:
        while not stopping.is_set():
            after = {"after": first["changes_cursor"], "wait_s": 20, "view": "row"}
            answer = http.get(f"/datasets/{dataset_id}/changes", params=after)
            if answer.status_code != 200:
                errors.append(answer.text[:200])

    def ask() -> None:
        began = time.perf_counter()
        try:
            http.get(f"/datasets/{dataset_id}/files", params=query).raise_for_status()
        except httpx.HTTPError as error:
            errors.append(str(error))
        times.append((time.perf_counter() - began) * 1000)

    with ThreadPoolExecutor(WATCHERS + 100) as pool:
        watching = [pool.submit(watch) for _ in range(WATCHERS)]
        time.sleep(3)
        before, began = measured.cpu(), time.perf_counter()
        requests = []
        for index in range(PAGES_A_S * LOAD_S):
            time.sleep(max(0.0, began + index / PAGES_A_S - time.perf_counter()))
            requests.append(pool.submit(ask))
        for request in requests:
            request.result()
        spent, took = measured.cpu() - before, time.perf_counter() - began
        stopping.set()
        for future in watching:
            future.result()
    what = f"{WATCHERS} watchers and {PAGES_A_S} row pages/s"
    measured.results[f"{what}, errors"] = len(errors)
    measured.results[f"{what}, pages/s in fact"] = round(len(times) / took)
    measured.results[f"{what}, p50 ms"] = round(statistics.median(times), 1)
    measured.results[f"{what}, p95 ms"] = round(quantile(times, 0.95), 1)
    measured.results[f"{what}, API's CPU, % of a core"] = round(spent / took * 100)


def exports(measured: Measured, dataset_id: str) -> None:
    workers = {pid for name, pid in measured.endpoint["processes"].items() if name.startswith("worker")}
    for form in ("parquet", "csv", "jsonl"):
        before = max(memory_mib({pid})[0] for pid in workers)
        began, peak = time.perf_counter(), 0.0
        export = measured.http.post(f"/datasets/{dataset_id}/exports", json={"format": form}).raise_for_status().json()
        while export["state"] not in ("done", "failed") and time.perf_counter() - began < 1200:
            time.sleep(0.5)
            peak = max(peak, *(memory_mib({pid})[0] for pid in workers))
            export = measured.get(f"/exports/{export['id']}")
        measured.results[f"export of all as {form}, s"] = round(time.perf_counter() - began, 1)
        measured.results[f"export of all as {form}, rows"] = export["rows"]
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
    files = arguments.parse_args().files
    with embedded() as measured:
        dataset_id = measured.client.dataset("large")["id"]
        began = time.perf_counter()
        fill(measured, dataset_id, files)
        measured.results[f"filling {files:,} files, s"] = round(time.perf_counter() - began)
        path = f"/datasets/{dataset_id}/files"
        measured.time("page of 200 rows", 60, lambda _: measured.get(path, view="row", limit=200))
        measured.time("page of 50 files", 60, lambda _: measured.get(path, limit=50))
        sizes(measured, dataset_id)
        searches(measured, dataset_id)
        many_readers(measured, dataset_id)
        exports(measured, dataset_id)
    keep("rows", measured.results, TARGETS)


if __name__ == "__main__":
    main()
