"""What a durable step that does nothing costs: a chain of three over 10,000 files.

    python -m benchmarks.overhead [--files 10000]

Prints a table and keeps it in build/bench/overhead.json.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Any

from benchmarks.overhead.measuring import WORKERS, Worker, measured
from benchmarks.parts import Parts, one, parts
from benchmarks.starting import keep
from layers.adapters.postgres_catalog import PostgresCatalog
from layers.adapters.postgres_store import PostgresStore
from layers.database import Database
from layers.domain.message import Arrival

TARGETS = {"ours, without a topic: CPU ms a step": "1.5"}


def announce(found: Parts, files: int) -> list[str]:
    """A tenant's batch of files; their object keys."""
    owner = Database(found.owner_url)
    tenant_id = str(
        one(owner, "INSERT INTO tenants (name) VALUES (%(name)s) RETURNING tenant_id", name=uuid.uuid4().hex)
    )
    with PostgresCatalog(Database(found.api_url)).transaction() as catalog:
        catalog.be(tenant_id)
        dataset = catalog.create_dataset("d", {"type": "object", "properties": {}})
        batch = catalog.row(
            "create_batch",
            dataset_id=dataset["dataset_id"],
            allow_duplicates=True,
            expand_archives=False,
            priority="normal",
        )
        assert batch
        described = [{"name": f"{place}.txt", "size_bytes": 1} for place in range(files)]
        return [row["object_key"] for row in catalog.create_files(batch, described, 3600)]


def arrive(found: Parts, keys: list[str]) -> None:
    store = PostgresStore(Database(found.worker_url))
    for start in range(0, len(keys), 500):
        store.arrive([Arrival(key) for key in keys[start : start + 500]])


def ours(found: Parts, files: int) -> dict[str, Any]:
    keys = announce(found, files)
    database = Database(found.owner_url)
    database.run("DELETE FROM file_counts")
    environment = {**os.environ, "FAIRWAY_DATABASE_URL": found.worker_url}
    arrive(found, keys)
    workers = [Worker([sys.executable, "-m", "benchmarks.overhead.ours", f"w{n}"], environment) for n in range(WORKERS)]
    try:
        run = measured(found, workers, files, lambda: one(database, "SELECT count(*) FROM files WHERE state = 'done'"))
    finally:
        for worker in workers:
            worker.kill()
    return run.as_results("ours, without a topic")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--files", type=int, default=10_000)
    files = arguments.parse_args().files
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="fairway-bench-") as folder, parts(Path(folder)) as found:
        results |= ours(found, files)
    keep("overhead", results, TARGETS)


if __name__ == "__main__":
    main()
