"""Every query runs on 100,000 files, and the indexes that it reads are checked, also inside SQL functions.

`auto_explain` reports the plan of each statement that ran. Every query runs in a transaction that is rolled back.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg.types.json import Json, Jsonb

from layers.adapters.postgres import dataset_views, exports, jobs, store, tenant_data, transaction, webhooks
from layers.adapters.postgres.database import load_queries

FILES = 100_000
BIG = {
    "files",
    "steps",
    "attempts",
    "pages",
    "artifacts",
    "records",
    "tombstones",
    "file_changes",
    "row_values",
    "sender_keys",
    "similar_keys",
}
BIG |= {"webhook_events", "webhook_deliveries", "webhook_attempts"}
READS_ALL = {"audit", "audit_balance", "audit_findings", "audit_rows"}  # an audit reads the tables themselves
TENANTS, DATASETS_EACH, BATCHES_EACH = 4, 5, 10

FILL = f"""
INSERT INTO tenants (name) SELECT 't' || n FROM generate_series(1, {TENANTS}) n;
INSERT INTO datasets (tenant_id, name) SELECT tenant_id, 'd' || n FROM tenants, generate_series(1, {DATASETS_EACH}) n;
INSERT INTO schema_versions (dataset_id, version, tenant_id, schema) SELECT dataset_id, 1, tenant_id, '{{}}' FROM datasets;
INSERT INTO batches (tenant_id, dataset_id) SELECT tenant_id, dataset_id FROM datasets, generate_series(1, {BATCHES_EACH});
CREATE TEMP TABLE places AS SELECT row_number() OVER () - 1 AS place, * FROM batches;
INSERT INTO removals (tenant_id, dataset_id, erase_after)
SELECT tenant_id, dataset_id, now() - interval '1 day' FROM datasets LIMIT 3;
INSERT INTO removals (tenant_id, dataset_id, erase_after, erased_at, sweep_after, swept_at)
SELECT tenant_id, dataset_id, now(), now(), now(), CASE WHEN n > 1 THEN now() END FROM datasets, generate_series(1, 10) n;
INSERT INTO files (tenant_id, dataset_id, batch_id, name, declared_size_bytes, sha256, object_key, state,
                   created_at, upload_until, removal_id, removed_at)
SELECT p.tenant_id, p.dataset_id, p.batch_id, 'receipt ' || n || '.jpg', 10,
       encode(sha256(n::text::bytea), 'hex'), 'key ' || n,
       CASE WHEN n % 500 = 0 THEN 'failed' WHEN n % 300 = 0 THEN 'uploading' WHEN n % 50 = 0 THEN 'processing'
            ELSE 'done' END,
       now() - interval '1 hour', now() - interval '1 minute',
       CASE WHEN n % 1000 = 7 THEN (SELECT min(removal_id::text)::uuid FROM removals) END,
       CASE WHEN n % 1000 = 7 THEN now() END
  FROM generate_series(1, {FILES}) n JOIN places p ON p.place = n % {TENANTS * DATASETS_EACH * BATCHES_EACH};
INSERT INTO manifests (tenant_id, dataset_id, batch_id, line_count, upload_until)
SELECT tenant_id, dataset_id, batch_id, {FILES}, now() FROM places WHERE place > 0;
UPDATE files SET manifest_line = l.line
  FROM (SELECT file_id, row_number() OVER (ORDER BY file_id) AS line FROM files) l WHERE l.file_id = files.file_id;
INSERT INTO steps (file_id, step, tenant_id, batch_id, state, ready_at, queued_at, due_at, lease_id, lease_owner,
                   lease_expires_at, started_at)
SELECT file_id, 'ocr', tenant_id, batch_id, s, now(), now() - interval '1 hour',
       CASE WHEN s = 'retrying' THEN now() - interval '1 minute' END,
       CASE WHEN s = 'running' THEN gen_random_uuid() END, CASE WHEN s = 'running' THEN 'worker ' || n % 5 END,
       CASE WHEN s = 'running' THEN now() - interval '1 minute' END, now()
  FROM (SELECT *, CASE WHEN n % 100 = 0 THEN 'ready' WHEN n % 1000 = 1 THEN 'queued' WHEN n % 1000 = 2 THEN 'running'
                       WHEN n % 1000 = 3 THEN 'retrying' ELSE 'done' END AS s
          FROM (SELECT *, row_number() OVER () AS n FROM files) f) f;
INSERT INTO attempts (file_id, step, part, attempt, tenant_id, outcome, started_at, ended_at)
SELECT file_id, 'ocr', 0, 1, tenant_id, 'done', now() - interval '1 day', now() - ({FILES} - n) * interval '0.1 s'
  FROM (SELECT *, row_number() OVER (ORDER BY file_id) AS n FROM files) f;
UPDATE attempt_folds SET folded_until = now() - interval '2 minutes';
INSERT INTO pages (file_id, page_number, tenant_id) SELECT file_id, 1, tenant_id FROM files;
INSERT INTO artifacts (file_id, kind, tenant_id, object_key, media_type, size_bytes)
SELECT file_id, 'thumbnail', tenant_id, 'a', 'image/webp', 1 FROM files;
ALTER TABLE records DISABLE TRIGGER USER; -- one by one they would take longer
INSERT INTO records (file_id, tenant_id, dataset_id, schema_version, fields, missing, evidence, complete, has_row_values)
SELECT file_id, tenant_id, dataset_id, 1, jsonb_build_object('total', length(name)), '[]', '{{}}', true, true FROM files;
ALTER TABLE records ENABLE TRIGGER USER;
INSERT INTO row_values (file_id, field, tenant_id, dataset_id, number, doubtful)
SELECT file_id, 'total', tenant_id, dataset_id, length(name), false FROM files;
INSERT INTO sender_keys (dataset_id, key, file_id, document, tenant_id, of_text)
SELECT dataset_id, k.key, file_id, 1, tenant_id, true FROM files, unnest(ARRAY['w:acme', 'n:' || file_id]) k(key)
 WHERE object_key LIKE '%7';
INSERT INTO similar_keys (dataset_id, key, file_id, tenant_id)
SELECT dataset_id, k.key, file_id, tenant_id FROM files, unnest(ARRAY['p0:ffff', 'v:' || file_id]) k(key);
INSERT INTO tombstones (file_id, tenant_id, removal_id)
SELECT gen_random_uuid(), tenant_id, removal_id FROM removals, generate_series(1, {FILES // 200}) WHERE erased_at IS NOT NULL;
INSERT INTO webhook_endpoints (tenant_id, url, event_types, secret)
SELECT tenant_id, 'https://hooks.example/', ARRAY['file.done'], 'secret' FROM tenants;
INSERT INTO webhook_events (tenant_id, event_type, dataset_id, subject_id, data, occurred_at)
SELECT tenant_id, 'file.done', dataset_id, file_id, '{{}}', now() - interval '8 days' FROM files;
INSERT INTO webhook_deliveries (endpoint_id, event_seq, tenant_id, subject_id, state, ended_at)
SELECT e.endpoint_id, v.event_seq, v.tenant_id, v.subject_id, s.state, CASE WHEN s.state <> 'waiting' THEN now() END
  FROM webhook_events v JOIN webhook_endpoints e USING (tenant_id),
       LATERAL (SELECT CASE WHEN v.event_seq % 100 = 0 THEN 'waiting' WHEN v.event_seq % 1000 = 1 THEN 'failed' ELSE 'delivered' END) s(state);
INSERT INTO webhook_attempts (endpoint_id, event_seq, attempt, tenant_id, sent_at, took_s, status)
SELECT endpoint_id, event_seq, 1, tenant_id, now(), 0.1, 200 FROM webhook_deliveries WHERE state = 'delivered';
INSERT INTO lanes (step, tenant_id, pass, active) SELECT 'ocr', tenant_id, 0, true FROM tenants;
INSERT INTO batch_lanes (step, tenant_id, batch_id, pass, active)
SELECT 'ocr', tenant_id, batch_id, 0, true FROM batches;
"""
# As it is after its files were erased; and deleting batches, datasets and removals checks what refers to them.
OUTLIVING = """
WITH t AS (INSERT INTO tenants (name) VALUES ('erased ' || gen_random_uuid()) RETURNING tenant_id),
     d AS (INSERT INTO datasets (tenant_id, name, removed_at) SELECT tenant_id, 'd' || n, now() FROM t, generate_series(1, 3) n
           RETURNING tenant_id, dataset_id),
     b AS (INSERT INTO batches (tenant_id, dataset_id) SELECT tenant_id, dataset_id FROM d RETURNING *),
     l AS (INSERT INTO batch_lanes (step, tenant_id, batch_id, pass, active) SELECT 'ocr', tenant_id, batch_id, 0, false FROM b),
     r AS (INSERT INTO removals (tenant_id, dataset_id, file_count, erase_after, erased_at, sweep_after, swept_at)
           SELECT tenant_id, dataset_id, 10, now(), now(), now(), now() FROM d RETURNING *),
     s AS (INSERT INTO tombstones (file_id, tenant_id, removal_id)
           SELECT gen_random_uuid(), tenant_id, removal_id FROM r, generate_series(1, 10)),
     c AS (INSERT INTO file_changes (file_id, tenant_id, dataset_id, changed_xid, removed)
           SELECT gen_random_uuid(), tenant_id, dataset_id, 1, true FROM d, generate_series(1, 10)),
     n AS (INSERT INTO count_deltas (owner_id, state, tenant_id, delta) SELECT batch_id, 'removed', tenant_id, 10 FROM b),
     k AS (INSERT INTO api_keys (tenant_id, key_hash, role) SELECT tenant_id, tenant_id::text::bytea, 'viewer' FROM t)
SELECT tenant_id FROM t
"""
EXPLAIN = """
LOAD 'auto_explain';
SET auto_explain.log_min_duration = 0;
SET auto_explain.log_nested_statements = on;
SET auto_explain.log_format = json;
SET auto_explain.log_level = notice;
"""


@pytest.fixture(scope="module")
def connection(database_url: str) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    with psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as connection:
        connection.execute(FILL)
        connection.execute("VACUUM ANALYZE")
        connection.execute(EXPLAIN)
        yield connection


@pytest.fixture(scope="module")
def stored_values(connection: psycopg.Connection[dict[str, Any]]) -> dict[str, Any]:
    """Parameters by name, from one running step and its file."""
    found = connection.execute(
        """SELECT f.*, s.lease_id, s.step, s.part, s.attempt, s.lease_owner AS owner FROM files f JOIN steps s USING (file_id)
            WHERE s.state = 'running' AND f.removed_at IS NULL LIMIT 1"""
    ).fetchone()
    removal = connection.execute("SELECT removal_id FROM files WHERE removal_id IS NOT NULL LIMIT 1").fetchone()
    endpoint = connection.execute("SELECT endpoint_id FROM webhook_endpoints LIMIT 1").fetchone()
    assert found and removal and endpoint
    return {
        **found,
        "removal_id": removal["removal_id"],
        "file_ids": [found["file_id"]],
        "arrivals": Jsonb([{"file_id": str(found["file_id"]), "object_key": found["object_key"]}]),
        "made": Jsonb({}),
        "then": None,
        "counts": Jsonb({}),
        "wake_ups": Jsonb([{"file_id": str(found["file_id"]), "part": 0, "attempt": 1}]),
        "held": Jsonb([{"file_id": str(found["file_id"]), "part": 0, "lease_id": str(found["lease_id"])}]),
        "outcomes": Jsonb(
            [
                {
                    "file_id": str(found["file_id"]),
                    "step": "ocr",
                    "part": 0,
                    "lease_id": str(found["lease_id"]),
                    "outcome": "done",
                    "state": "done",
                    "counts": {},
                    "cost_s": 1,
                    "host": "h",
                    "made": {},
                    "then": None,
                }
            ]
        ),
        "planned": Jsonb([{"step": "extraction", "state": "ready", "parts": [{"pages": [], "cost_s": 1}]}]),
        "limits": Jsonb({"ocr": {"cap": 1000, "most": 1000, "bundle": 3, "long_slots": 250}}),
        "policy": store.DISPATCH_POLICY,
        "key_hash": "00",
        "code_hash": "00",
        "lifetime_s": 60,
        "where": Jsonb(
            [{"field": "total", "op": "ge", "number": 1.0}, {"field": "@state", "op": "eq", "words": "done"}]
        ),
        "sort": "total",
        "by": "number",
        "field": "total",
        "descending": False,
        "without_value": False,
        "few": 100,
        **dict.fromkeys(("after_number", "after_words"), None),
        "export_id": uuid.uuid4(),
        "export_ids": [uuid.uuid4()],
        "rows_written": 1,
        "given_back": 0,
        "size_bytes": 1,
        "progress": Jsonb({}),
        "conditions": Jsonb([]),
        "sorted_by": None,
        "format": "csv",
        "kept_s": 60,
        "kinds": ["page_1"],
        "document": 1,
        "first": 1,
        "set_values": Jsonb({"1": {"total": {"value": 1}}}),
        "changes": Jsonb([{"action": "set", "field": "total", "before": None, "after": 1}]),
        "person": None,
        "settings": Jsonb({}),
        "by_key": 50,
        "wanted": Jsonb([{"file_id": str(found["file_id"]), "page": 1}]),
        "taught": Jsonb(
            [{"file_id": str(found["file_id"]), "document": 1, "text_keys": ["w:acme"], "value_keys": ["w:acme"]}]
        ),
        "review": "approved",
        "sure_from": 0,
        "key_id": uuid.uuid4(),
        "request_id": uuid.uuid4(),
        "key": "k",
        "digest": b"",
        "status": 201,
        "body": Jsonb({}),
        "role": "viewer",
        "system": "on",
        "of_tenant_id": found["tenant_id"],
        "weight": 1.0,
        "quota": Jsonb({}),
        "owner_ids": [found["dataset_id"]],
        "after_xid": 0,
        "after_id": uuid.UUID(int=0),
        "schema": Json({}),
        "sha256s": [found["sha256"]],
        "names": ["a"],
        "sizes": [1],
        "media_types": [None],
        "steps": ["ocr"],
        "state": "failed",
        "after": None,
        "batch_id": None,
        "name": None,
        "code": None,
        "outcome": "done",
        "most": 100,
        "limit": 50,
        **dict.fromkeys(("error_step", "error_code", "error_detail", "reason", "delay_s"), None),
        "lease_s": 60,
        "durably": False,
        "owner": found["owner"],
        "slice_s": 10.0,
        "places": 2,
        "long_s": 30.0,
        "bytes_a_s": 20e6,
        "first_step": "intake",
        "difference_s": 1.0,
        "cost_s": 1.0,
        "host": "h",
        "objects_erased": 0,
        "older_than_s": 30,
        "but_of": ["text"],
        "undo_s": 0,
        "upload_s": 60,
        "besides": [1],
        "is_main": True,
        "earlier": ["intake", "text"],
        "forgotten_sources": ["ocr"],
        "allow_duplicates": False,
        "priority": "normal",
        "when_textract_is_down": "wait",
        "date_order": "day_first",
        "several": "records",
        "reading": "balanced",
        "side_steps": ["preview", "thumbnail"],
        **dict.fromkeys(("since", "until", "after_at", "after_file", "after_step", "after_kind"), None),
        "main_steps": ["intake", "ocr"],
        "side_artifacts": Jsonb({"thumbnail": ["thumbnail"]}),
        "kind": "objects",
        "walk": "objects",
        "start": "",
        "reached": "a",
        "checked": 1,
        "findings": Jsonb({}),
        "ended": True,
        "keys": [found["object_key"], "artifacts/a/b/c"],
        "upload_ids": ["a", "b"],
        "every_s": 3600,
        "duty": "pulse",
        "worker": "w",
        "version": "1",
        "slots": Jsonb({"ocr": 2}),
        "draining": False,
        "silent_s": 15.0,
        "forgotten_s": 3600.0,
        "least_s": 0,
        "batch_ids": [],
        "within_s": 300,
        "languages": ["eng"],
        "expand_archives": False,
        "separation": None,
        "labels": [],
        "label": None,
        "job_id": uuid.uuid4(),
        "parameters": Jsonb({}),
        "position": Jsonb({}),
        "result": Jsonb({}),
        "done": 1,
        "total": None,
        "failures": 0,
        "error": None,
        "due_at": "2026-01-15T00:00:00Z",
        "is_open": None,
        "plan_id": uuid.UUID(int=0),
        "shard": 0,
        "shards": 1,
        "shard_name": "0",
        "chosen": Jsonb({}),
        "from_step": "extraction",
        "sample": 10,
        "found": Jsonb({}),
        "so_far": Jsonb({}),
        "source_key": "scans/a.txt",
        "import_sources": [],
        "sha256": "0" * 64,
        "day": "2026-01-15",
        "first_id": uuid.UUID(int=0),
        "before": uuid.UUID(int=1),
        "kept_days": 400,
        "objects": 1,
        "after_tenant": None,
        "after_dataset": None,
        "retention": Jsonb({}),
        "with_system": False,
        "action": "DELETE /files/{file_id}",
        "entry": "{}",
        "first_number": 1,
        "endpoint_id": endpoint["endpoint_id"],
        "event_id": uuid.uuid4(),
        "event_seq": 1,
        "event_type": "endpoint.test",
        "event_types": ["file.done"],
        "url": "https://hooks.example/",
        "description": None,
        "secret": b"secret",
        "enabled": True,
        "former_s": 60,
        "most_of_tenant": 80,
        "sent": Jsonb({"status": 500, "took_s": 1}),
        "verdict": Jsonb({"state": "waiting", "delay_s": 1}),
        "give_up_s": 86400,
        "claimed": Jsonb([]),
        **dict.fromkeys(("old", "new", "problem", "view_name")),
        "columns": Jsonb([]),
        "of_key": 20,
        "routing": None,
        "target": uuid.uuid4(),
        "home": uuid.uuid4(),
        "move_id": uuid.uuid4(),
        "most_lessons": 200,
        "most_undisputed": 100,
        "characters": 8000,
        "exports": True,
        "erases": False,
        "receipt_id": uuid.UUID(int=0),
        "table": "files",
        "exported": Jsonb({}),
        "verified": Jsonb({}),
        "schema_version": 1,
        "members": Jsonb([{"place": 0, "name": "a", "size_bytes": 1, "sha256": "0" * 64}]),
    }


# The index that a query must use, if it is not obvious.
INDEXES = {
    "arrive": {"files_pkey"},
    "measure_backlogs": {"steps_ready"},
    "claim": {"steps_pkey", "files_pkey"},
    "record_outcome": {"files_pkey", "steps_pkey"},
    "record_outcomes": {"files_pkey", "steps_pkey"},
    "dispatch": {"steps_ready", "steps_in_flight"},
    "expired_claims": {"steps_leased"},
    "wake_due": {"steps_due"},
    "wake_parked": {"steps_parked"},
    "backlog": {"steps_ready", "steps_parked"},
    "dead_letters": {"steps_given_up"},
    "object_verdicts": {"files_pkey"},
    "recorded_objects": {"files_pkey", "artifacts_pkey"},
    "uploads_of_removal": {"files_to_erase"},
    "unclaimed": {"steps_unheard"},
    "unclaimed_steps": {"steps_unheard"},
    "repair_lanes": {"steps_ready"},
    "miss_uploads": {"files_awaited"},
    "awaited": {"files_awaited"},
    "awaited_lines": {"files_of_manifest"},
    "renew_uploads": {"files_pkey"},
    "awaited_files": {"files_pkey"},
    "removals_due": {"files_to_erase"},
    "sweeps_due": {"tombstones_of_removal"},
    "changes": {"file_changes_in_order"},
    "files_by_id": {"files_pkey"},
    "add_members": {"files_pkey", "files_of_archive"},
    "parts_of": {"files_of_archive"},
    "erase": {"files_to_erase"},
    "failed_files": {"files_listed_by_state"},
    "files": {"files_listed_by_state"},
    "records_page": {"records_of_dataset"},
    "duplicates": {"files_by_content"},
    "cancel_batch": {"files_listed_by_batch"},
    "remove_files": {"files_pkey"},
    "known_senders": {"sender_keys_pkey"},
    "file_facts": {"sender_keys_pkey"},
    "page_texts": {"pages_pkey"},
    "similar_files": {"similar_keys_of_file", "similar_keys_pkey"},
    "claim_deliveries": {"webhook_deliveries_waiting", "webhook_deliveries_in_order"},
    "deliveries": {"webhook_deliveries_pkey"},
    "delivery": {"webhook_events_by_id"},
}


WORKER_QUERIES = (
    store.QUERIES,
    jobs.QUERIES,
    exports.QUERIES,
    webhooks.QUERIES,
    dataset_views.QUERIES,
    tenant_data.QUERIES,
)


def named_queries() -> dict[str, tuple[str, str]]:
    """Every query by name, with the role that runs it."""
    return {
        **{
            name: (query, "fairway_worker")
            for path in WORKER_QUERIES
            for name, query in load_queries(Path(path)).items()
        },
        **{
            name: (query, "fairway_api")
            for path in transaction.API_QUERIES
            for name, query in load_queries(path).items()
        },
    }


def scans(
    connection: psycopg.Connection[Any], query: str, parameters: dict[str, Any], role: str = "fairway_worker"
) -> set[tuple[str, str]]:
    """(table, index or kind of scan) of every scan of a large table in a query that a role runs."""
    found: set[tuple[str, str]] = set()

    def look(node: dict[str, Any], table: str = "") -> None:
        table = node.get("Relation Name", table)
        if node["Node Type"] == "Bitmap Heap Scan":
            table = node["Relation Name"]
        elif "Index Name" in node:
            found.add((table, node["Index Name"]))
        elif "Relation Name" in node and node["Node Type"] == "Seq Scan":
            found.add((table, "Seq Scan"))
        for child in node.get("Plans", ()):
            look(child, table)

    def on_notice(notice: Any) -> None:
        text = notice.message_primary or ""
        if "plan:" in text:
            look(json.loads(text.split("plan:", 1)[1])["Plan"])

    connection.add_notice_handler(on_notice)
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(f"SET LOCAL ROLE {role}")
            connection.execute(
                "SELECT set_config('fairway.tenant_id', %s, true), set_config('fairway.system', 'on', true)",
                [str(parameters.get("tenant_id", ""))],
            )
            connection.execute(query, parameters, prepare=False)
    finally:
        connection.remove_notice_handler(on_notice)
    return {(table, index) for table, index in found if table in BIG}


@pytest.mark.parametrize("name", sorted(set(named_queries()) - READS_ALL))
def test_a_query_reads_large_tables_by_index(
    connection: psycopg.Connection[dict[str, Any]], stored_values: dict[str, Any], name: str
) -> None:
    parameters = {**stored_values, "tenant_id": str(stored_values["tenant_id"])}
    if name != "files":
        parameters["name"] = "an unused name"
    if name == "make_report":
        parameters["until"] = uuid.UUID(int=1)
    if name in ("batch", "cancel_batch", "create_files", "import_file", "uploads_of_batch"):
        row = connection.execute("SELECT batch_id, tenant_id, dataset_id FROM batches LIMIT 1").fetchone()
        assert row
        parameters |= {**row, "tenant_id": str(row["tenant_id"])}
    if name == "process_again":  # a file that has settled would need a plan
        row = connection.execute("SELECT file_id FROM files WHERE state = 'processing' LIMIT 1").fetchone()
        assert row
        parameters |= row
    query, role = named_queries()[name]
    if query in load_queries(transaction.MANIFEST_QUERIES).values():
        parameters |= of_manifest(connection, is_new=name == "create_manifest")
    used = scans(connection, query, parameters, role)
    assert {table for table, how in used if how == "Seq Scan"} == set()
    assert INDEXES.get(name, set()) <= {index for _, index in used}


@pytest.fixture
def tenant_without_files(connection: psycopg.Connection[dict[str, Any]]) -> str:
    """A tenant whose files are erased, with the rows that outlive them."""
    row = connection.execute(OUTLIVING).fetchone()
    assert row
    return str(row["tenant_id"])


def test_the_rows_that_outlive_files_are_erased_by_index_also_where_foreign_keys_are_checked(
    connection: psycopg.Connection[dict[str, Any]], tenant_without_files: str
) -> None:
    parameters = {"tenant_id": tenant_without_files, "receipt_id": uuid.UUID(int=0), "limit": 1_000}
    query, role = named_queries()["erase_tenant_rows"]
    used = set()
    while left_of(connection, tenant_without_files):
        used |= scans(connection, query, parameters, role)
        with connection.transaction():
            connection.execute(f"SET LOCAL ROLE {role}")
            assert connection.execute(query, parameters).fetchone()["erased"]  # type: ignore[index]
    assert {table for table, _ in used} >= {"files", "tombstones", "file_changes"}
    assert {table for table, how in used if how == "Seq Scan"} == set()


def left_of(connection: psycopg.Connection[dict[str, Any]], tenant_id: str) -> list[str]:
    query, role = named_queries()["count_tenant_rows"]
    with connection.transaction():
        connection.execute(f"SET LOCAL ROLE {role}")
        found = connection.execute(query, {"tenant_id": tenant_id, "receipt_id": uuid.UUID(int=0)}).fetchall()
    return [row["table_name"] for row in found]


def tables_of_tenants(connection: psycopg.Connection[dict[str, Any]]) -> list[str]:
    found = connection.execute("SELECT t FROM tables_of_tenants() t UNION SELECT 'tenants'").fetchall()
    return [row["t"] for row in found]


def test_the_rows_of_a_tenant_are_found_in_each_table_by_an_index(
    connection: psycopg.Connection[dict[str, Any]], stored_values: dict[str, Any]
) -> None:
    tenant_id = stored_values["tenant_id"]
    for table in tables_of_tenants(connection):
        row = connection.execute("SELECT rows_of_tenant(%s) AS query", [table]).fetchone()
        assert row
        query = row["query"].replace("$1", f"'{tenant_id}'::uuid").replace("$2", "NULL::uuid")
        of_tenant = f"SELECT ctid FROM {table} WHERE tenant_id = '{tenant_id}'"
        with connection.transaction(force_rollback=True):
            connection.execute("SET LOCAL ROLE fairway_worker")
            both = "(TABLE x EXCEPT TABLE y) UNION ALL (TABLE y EXCEPT TABLE x)"
            assert connection.execute(f"WITH x AS ({query}), y AS ({of_tenant}) {both}").fetchall() == [], table
            connection.execute("SET LOCAL enable_seqscan = off")
            plan = connection.execute(f"EXPLAIN (FORMAT JSON, COSTS OFF) {query} LIMIT 50").fetchall()
        assert whole_reads(plan[0]["QUERY PLAN"][0]["Plan"]) == [], table


def whole_reads(node: dict[str, Any], parent: str = "") -> list[str]:
    """The scans of a plan that read a whole table or index; one that ends after a row is none."""
    kind, is_first = node["Node Type"], parent == "Limit"
    reads = kind == "Seq Scan" or ("Index Name" in node and "Index Cond" not in node and not is_first)
    found = [f"{kind} on {node.get('Relation Name')}"] if reads else []
    return found + [each for child in node.get("Plans", ()) for each in whole_reads(child, kind)]


def of_manifest(connection: psycopg.Connection[dict[str, Any]], *, is_new: bool) -> dict[str, Any]:
    """Parameters of a manifest, or of a batch that has none yet."""
    row = connection.execute(
        "SELECT b.batch_id, b.tenant_id, b.dataset_id, m.manifest_id FROM batches b LEFT JOIN manifests m USING (batch_id)"
        " WHERE (m.manifest_id IS NULL) = %s LIMIT 1",
        [is_new],
    ).fetchone()
    assert row
    lines = {"line_count": 1, "lines": [1], "modified": [None], "files": 1, "duplicates": 0, "line": 1, "after": -1}
    return {**row, **lines, "tenant_id": str(row["tenant_id"])}


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({"state": None}, "files_listed"),
        ({"state": "failed"}, "files_listed_by_state"),
        ({"state": None, "batch": True}, "files_listed_by_batch"),
        ({"state": None, "after": uuid.UUID(int=2**128 - 1)}, "files_listed"),
    ],
)
def test_each_way_to_list_files_has_its_index(
    connection: psycopg.Connection[dict[str, Any]], stored_values: dict[str, Any], filters: dict[str, Any], index: str
) -> None:
    parameters = {**stored_values, **filters}
    if parameters.pop("batch", False):
        row = connection.execute("SELECT batch_id, tenant_id, dataset_id FROM batches LIMIT 1").fetchone()
        assert row
        parameters |= {**row, "tenant_id": str(row["tenant_id"])}
    query, role = named_queries()["files"]
    # Of a batch in a small dataset, the planner may intersect both: it does not know that a batch is in one dataset.
    intersected = {("files", "files_by_name")} if index == "files_listed_by_batch" else set()
    assert scans(connection, query, parameters, role) - intersected == {("files", index)}


@pytest.mark.parametrize(
    ("name", "indexes"), [("%12345.jpg%", {"files_listed", "files_by_name"}), ("%receipt%", {"files_listed"})]
)
def test_a_common_name_is_found_in_the_listing_and_a_rare_one_by_trigrams(
    connection: psycopg.Connection[dict[str, Any]], stored_values: dict[str, Any], name: str, indexes: set[str]
) -> None:
    query, role = named_queries()["files_by_name"]
    filters = {"state": None, "batch_id": None, "after": None, "name": name}
    assert scans(connection, query, {**stored_values, **filters}, role) == {("files", index) for index in indexes}


def test_a_plan_that_reads_a_whole_table_is_detected(connection: psycopg.Connection[dict[str, Any]]) -> None:
    query = "SELECT count(*) FROM steps WHERE lease_owner IS DISTINCT FROM 'nobody'"
    assert scans(connection, query, {}) == {("steps", "Seq Scan")}


def test_the_plans_of_all_query_files_are_tested() -> None:
    homes = {path.name for path in Path(store.__file__).parent.glob("*.sql")}
    tested = (*WORKER_QUERIES, *transaction.API_QUERIES)
    assert homes == {Path(path).name for path in tested}
