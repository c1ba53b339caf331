"""The cost of the audit at a million files: a round of its walk, early and late, and the whole audit on request.

    python -m benchmarks.audit [--files 1000000]

Starts a separate PostgreSQL, fills it, prints a table, and saves it in build/bench/audit.json.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from psycopg.types.json import Jsonb

from benchmarks.servers import running_servers
from benchmarks.starting import keep
from functions.audit import FILES_AT_ONCE
from functions.pipelines import MAIN_STEPS, SIDE_ARTIFACTS
from layers.adapters.postgres.database import Database
from layers.adapters.postgres.store import PostgresStore

STEPS = ("intake", "text", "ocr", "textract", "extraction", "preview", "thumbnail")
FILES_A_BATCH = 1000
FILLED_AT_ONCE = 20_000
ROUNDS = 5
TARGETS = {"a round late in the walk against one early in it": "1.5"}

FILL = """
WITH b AS (INSERT INTO batches (tenant_id, dataset_id)
           SELECT tenant_id, dataset_id FROM datasets, generate_series(1, %(batches)s::integer)
           RETURNING batch_id, tenant_id, dataset_id),
f AS (INSERT INTO files (tenant_id, dataset_id, batch_id, name, declared_size_bytes, object_key, state, upload_until)
      SELECT tenant_id, dataset_id, batch_id, n || '.pdf', 10, batch_id || '-' || n, 'done', now()
        FROM b, generate_series(1, %(each)s::integer) n RETURNING *),
s AS (INSERT INTO steps (file_id, step, tenant_id, batch_id, state, attempt)
      SELECT f.file_id, step, f.tenant_id, f.batch_id, 'done', 1 FROM f, unnest(%(steps)s::text[]) step),
a AS (INSERT INTO attempts (file_id, step, part, attempt, tenant_id, outcome, started_at, ended_at)
      SELECT f.file_id, step, 0, 1, f.tenant_id, 'done', now(), now() FROM f, unnest(%(steps)s::text[]) step),
k AS (INSERT INTO artifacts (file_id, kind, tenant_id, object_key, media_type, size_bytes)
      SELECT f.file_id, kind, f.tenant_id, 'artifacts/' || f.tenant_id || '/' || f.file_id || '/' || kind, 'image/webp', 1
        FROM f, unnest(ARRAY['preview', 'thumbnail']) kind)
INSERT INTO records (file_id, tenant_id, dataset_id, schema_version, fields, missing, evidence, complete)
SELECT file_id, tenant_id, dataset_id, 1, '{}', '[]', '{}', true FROM f
"""


def fill(database: Database, count: int) -> None:
    database.run("INSERT INTO tenants (name) VALUES ('t')")
    database.run("INSERT INTO datasets (tenant_id, name) SELECT tenant_id, 'd' FROM tenants")
    for _ in range(0, count, FILLED_AT_ONCE):
        parameters = {"batches": FILLED_AT_ONCE // FILES_A_BATCH, "each": FILES_A_BATCH, "steps": list(STEPS)}
        database.run(FILL, **parameters)
    with database.connection() as connection:
        connection.execute("VACUUM ANALYZE")


def rounds(store: PostgresStore) -> float:
    """Milliseconds per round of the walk."""
    began = time.monotonic()
    for _ in range(ROUNDS):
        assert store.audit_rows(0, FILES_AT_ONCE, MAIN_STEPS, SIDE_ARTIFACTS) == {}, "the audit finds nothing"
    return (time.monotonic() - began) * 1000 / ROUNDS


def took_s(database: Database, query: str, **parameters: Any) -> float:
    began = time.monotonic()
    database.rows(query, **parameters)
    return round(time.monotonic() - began, 2)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--files", type=int, default=1_000_000)
    files = arguments.parse_args().files
    results: dict[str, Any] = {"files": files}
    with tempfile.TemporaryDirectory(prefix="fairway-bench-") as folder, running_servers(Path(folder)) as servers:
        owner, store = Database(servers.owner_url), PostgresStore(Database(servers.worker_url))
        fill(owner, files)
        rounds(store)
        early = rounds(store)
        at = owner.row("SELECT file_id FROM files ORDER BY file_id OFFSET %(n)s LIMIT 1", n=files * 8 // 10)
        assert at
        owner.run("UPDATE audit_walks SET reached = %(at)s WHERE walk = 'rows'", at=str(at["file_id"]))
        late = rounds(store)
        results[f"a round of {FILES_AT_ONCE:,} files early in the walk, ms"] = round(early)
        results[f"a round of {FILES_AT_ONCE:,} files late in the walk, ms"] = round(late)
        results["a round late in the walk against one early in it"] = round(late / early, 2)
        results["the end of a walk: counters against rows, s"] = took_s(
            owner, "SELECT * FROM audit_balance(NULL), audit_batches(NULL)"
        )
        results["all of it on request, s"] = sum(
            took_s(
                owner,
                f"SELECT * FROM {function}(NULL, %(main_steps)s, %(side_artifacts)s)",
                main_steps=list(MAIN_STEPS),
                side_artifacts=Jsonb(SIDE_ARTIFACTS),
            )
            for function in ("audit", "audit_findings")
        )
    keep("audit", results, TARGETS)


if __name__ == "__main__":
    main()
