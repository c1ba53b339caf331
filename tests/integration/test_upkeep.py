"""The duties of upkeep: each processes a limited number of rows per round, finishes its work, and does it once even if
several upkeeps run at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest

from functions import audit, exports, upkeep, webhooks
from functions.dispatch import dispatch
from layers.adapters.postgres.audit_log import PostgresAuditLog
from layers.adapters.postgres.exports import PostgresExports
from layers.adapters.postgres.jobs import PostgresJobs
from layers.adapters.postgres.webhooks import PostgresWebhooks
from layers.attempts.runner import Runner
from layers.domain.step import Artifact, Done, Parked, Pipeline, PlannedStep, step
from layers.ports import Ports
from layers.ports.manifests import DuplicateLine
from tests.fakes import MemoryObjects, MemoryTopics
from tests.integration.test_store_races import all_at_once
from tests.making import INTAKE_DONE, ONE_PART, Bench, Urls, nothing_follows

FILES = 12
AT_ONCE = 5


@step()
def intake(file, work): ...  # type: ignore[no-untyped-def]


@step()
def text(file, work): ...  # type: ignore[no-untyped-def]


@dataclass
class System:
    """A store, a bucket and a topic that several upkeeps share."""

    bench: Bench
    objects: MemoryObjects
    topics: MemoryTopics

    def runner(self) -> Runner:
        database = self.bench.store._database
        own = {
            "jobs": PostgresJobs(database),
            "exports": PostgresExports(database),
            "webhooks": PostgresWebhooks(database),
            "audit_log": PostgresAuditLog(database),
            "audit_log_days": 30,
        }
        ports = Ports(self.bench.store, self.objects, self.topics, None, None, None, **own)  # type: ignore[arg-type]
        return Runner(ports, intake, (Pipeline("main", (text,)),), {"intake": 100, "text": 100}, host="upkeep")

    def count(self, query: str) -> int:
        row = self.bench.database.row(f"SELECT count(*)::integer AS n FROM {query}")
        assert row
        return int(row["n"])

    def run(self, statement: str) -> None:
        self.bench.database.run(statement)


@pytest.fixture
def system(database_urls: Urls, monkeypatch: pytest.MonkeyPatch) -> Iterator[System]:
    for module, name in ((upkeep, "AT_ONCE"), (upkeep, "FOLDED_AT_ONCE"),
                         (upkeep, "REMOVED_AT_ONCE"), (upkeep, "MISSED_AT_ONCE"), (upkeep, "VALUES_AT_ONCE"), (exports, "DELETED_AT_ONCE"), (webhooks, "FORGOTTEN_AT_ONCE"), (audit, "OBJECTS_AT_ONCE"),
                         (audit, "LOOKED_UP_AT_ONCE"), (audit, "FILES_AT_ONCE"), (audit, "UPLOADS_AT_ONCE")):  # fmt: skip
        monkeypatch.setattr(module, name, AT_ONCE)
    monkeypatch.setattr(audit, "UPLOAD_PAGES_AT_ONCE", 1)
    monkeypatch.setattr(upkeep, "VALUE_ROUNDS", 1)
    bench = Bench.on(database_urls)
    bench.empty()
    bench.database.run("TRUNCATE audits, attempt_totals")
    bench.database.run("UPDATE audit_walks SET reached = '', checked = 0, findings = '{}', rested_at = NULL")
    yield System(bench, MemoryObjects(), MemoryTopics())


# --- work for each duty ------------------------------------------------------------------------------


def expired_leases(system: System) -> None:
    system.bench.arrived(FILES)
    for wake_up in system.bench.store.dispatch({"intake": FILES}):
        system.bench.claim(wake_up, lease_s=-1)


def lost_wake_ups(system: System) -> None:
    system.bench.arrived(FILES)
    system.bench.store.dispatch({"intake": FILES})
    system.run("UPDATE steps SET queued_at = queued_at - interval '1 hour'")


def inactive_lanes(system: System) -> None:
    for _ in range(3):
        system.bench.arrived(1)
    system.run("UPDATE lanes SET active = false")


def objects_without_event(system: System) -> None:
    tenant_id = system.bench.tenant()
    dataset_id = system.bench.dataset(tenant_id)
    files = system.bench.files(tenant_id, dataset_id, system.bench.batch(tenant_id, dataset_id), FILES)
    system.objects.objects |= {key: b"0123456789" for _, key in files}
    system.run("UPDATE files SET created_at = created_at - interval '1 hour'")


def missing_uploads(system: System) -> None:
    objects_without_event(system)
    system.objects.objects.clear()
    system.run("UPDATE files SET upload_until = now() - interval '1 s'")


def removed_files(system: System) -> None:
    tenant_id = system.bench.tenant()
    files = system.bench.arrived(FILES, tenant_id)
    system.objects.objects |= {key: b"0123456789" for _, key in files}
    row = system.bench.database.row("SELECT dataset_id FROM files LIMIT 1")
    assert row
    system.bench.remove(tenant_id, str(row["dataset_id"]), [file_id for file_id, _ in files])


def removed_dataset(system: System) -> None:
    tenant_id = system.bench.tenant()
    system.bench.arrived(FILES, tenant_id)
    row = system.bench.database.row("SELECT dataset_id FROM files LIMIT 1")
    assert row
    with system.bench.tenants(tenant_id) as catalog:
        assert catalog.remove_dataset(str(row["dataset_id"]), 3600, 0)


def records_without_row_values(system: System) -> None:
    system.bench.arrived(FILES)
    system.run("ALTER TABLE records DISABLE TRIGGER USER")
    system.run(
        """INSERT INTO records (file_id, tenant_id, dataset_id, schema_version, fields, missing, evidence, complete)
           SELECT file_id, tenant_id, dataset_id, 1, '{"total": 1}', '[]', '{}', true FROM files"""
    )
    system.run("ALTER TABLE records ENABLE TRIGGER USER")


def late_objects(system: System) -> None:
    removed_files(system)
    late = dict(system.objects.objects)
    while upkeep.erase_removed(system.runner()):
        continue
    system.objects.objects |= late
    system.run("UPDATE removals SET sweep_after = now() - interval '1 s'")


def uploads_of_cancelled_files(system: System) -> None:
    tenant_id = system.bench.tenant()
    dataset_id = system.bench.dataset(tenant_id)
    for _, key in system.bench.files(tenant_id, dataset_id, system.bench.batch(tenant_id, dataset_id), FILES):
        system.objects.put_part(key, system.objects.begin_parts(key), 1, b"part")
    system.run("UPDATE files SET state = 'cancelled'")


def old_jobs(system: System) -> None:
    system.bench.tenant()
    system.run(
        f"""INSERT INTO jobs (kind, state, ended_at)
            SELECT 'pulse', 'done', now() - interval '2 days' FROM generate_series(1, {FILES})"""
    )


def old_exports(system: System) -> None:
    tenant_id = system.bench.tenant()
    dataset_id = system.bench.dataset(tenant_id)
    system.run("DELETE FROM exports")
    system.run(
        f"""INSERT INTO exports (tenant_id, dataset_id, format, state, object_key, ended_at)
            SELECT '{tenant_id}', '{dataset_id}', 'csv', 'done', 'a', now() - interval '2 days'
              FROM generate_series(1, {FILES})"""
    )


def old_webhook_events(system: System) -> None:
    tenant_id = system.bench.tenant()
    system.run(
        f"""WITH noted AS (
                INSERT INTO webhook_events (tenant_id, event_type, subject_id, data, occurred_at)
                SELECT '{tenant_id}', 'file.done', gen_random_uuid(), '{{}}', now() - interval '8 days'
                  FROM generate_series(1, {FILES}) RETURNING event_seq, tenant_id, subject_id)
            INSERT INTO webhook_deliveries (endpoint_id, event_seq, tenant_id, subject_id)
            SELECT gen_random_uuid(), event_seq, tenant_id, subject_id FROM noted"""
    )


def old_audit_log(system: System) -> None:
    tenant_id = system.bench.tenant()
    for _ in range(FILES):
        system.run(f"SELECT add_to_audit_log('{tenant_id}', 'a', NULL, '{{}}')")
    system.run("UPDATE audit_log SET at = at - interval '32 days'")


def unfolded_counts(system: System) -> None:
    for _ in range(FILES):
        system.bench.arrived(1)


def old_requests(system: System) -> None:
    tenant_id = system.bench.tenant()
    system.run(
        "INSERT INTO idempotency_keys (tenant_id, key, digest, created_at)"
        f" SELECT '{tenant_id}', n::text, '', now() - interval '2 days' FROM generate_series(1, {FILES}) n"
    )


def old_manifests(system: System) -> None:
    """Manifests with lines whose content the dataset had."""
    tenant_id = system.bench.tenant()
    for _ in range(2):
        dataset_id = system.bench.dataset(tenant_id)
        batch_id = system.bench.batch(tenant_id, dataset_id)
        with system.bench.tenants(tenant_id) as catalog:
            manifest = catalog.create_manifest(UUID(dataset_id), UUID(batch_id), FILES, 3600)
            same = [DuplicateLine(line, uuid4()) for line in range(FILES)]
            catalog.take_lines(str(manifest.manifest_id), [], same)
    system.run("UPDATE manifests SET upload_until = now() - interval '91 days'")


def due_steps(system: System) -> None:
    system.bench.arrived(FILES)
    for wake_up in system.bench.store.dispatch({"intake": FILES}):
        parked = Parked(600, "down", "textract")
        system.bench.store.record(system.bench.claim(wake_up), parked, nothing_follows, cost_s=0, host="h")
    system.run("UPDATE steps SET due_at = now()")


def uncounted_attempts(system: System) -> None:
    system.bench.arrived(FILES)
    for wake_up in system.bench.store.dispatch({"intake": FILES}):
        system.bench.store.record(system.bench.claim(wake_up), INTAKE_DONE, nothing_follows, cost_s=0, host="h")
    system.run("UPDATE attempts SET ended_at = now() - interval '2 minutes'")
    system.run("UPDATE attempt_folds SET folded_until = now() - interval '1 hour'")


def attempts_missing_in_the_ledger(system: System) -> None:
    for wake_up in system.bench.planned(FILES, [PlannedStep("text", ONE_PART)]):
        system.bench.claim(wake_up)
    system.run("DELETE FROM attempts")


def artifacts(system: System, *, stored: bool) -> None:
    system.bench.arrived(FILES)
    for wake_up in system.bench.store.dispatch({"intake": FILES}):
        claim = system.bench.claim(wake_up)
        system.objects.objects[claim.file.object_key] = b"0123456789"
        artifact = Artifact("thumbnail", claim.artifact_key("thumbnail.webp"), "image/webp", 1)
        done = Done(INTAKE_DONE.pages, (artifact,), identity=INTAKE_DONE.identity, size_bytes=10)
        system.bench.store.record(claim, done, nothing_follows, cost_s=0, host="h")
        if stored:
            system.objects.objects |= {artifact.object_key: b"x", artifact.object_key + ".left": b"x"}


@dataclass(frozen=True)
class Duty:
    """A duty, how to create work for it, and how to count the rest. One round does at most `most`, all rounds
    `all_of_it`."""

    run: Callable[[Runner], int]
    arrange: Callable[[System], None]
    left: Callable[[System], int]
    all_of_it: int = FILES
    most: int = AT_ONCE


def rows(query: str) -> Callable[[System], int]:
    return lambda system: system.count(query)


UNCOUNTED = "attempts WHERE ended_at > (SELECT folded_until FROM attempt_folds) AND ended_at < now() - interval '90 s'"
RESTED = "audit_walks WHERE walk = '{}' AND rested_at IS NULL"
DUTIES = {
    "leases_rescued": Duty(upkeep.rescue_expired, expired_leases, rows("steps WHERE state = 'running'")),
    "wake_ups_repeated": Duty(
        upkeep.repeat_unclaimed, lost_wake_ups, rows("steps WHERE queued_at < now() - interval '1 minute'")
    ),
    "lanes_repaired": Duty(upkeep.repair_lanes, inactive_lanes, rows("lanes WHERE NOT active"), all_of_it=3, most=3),
    "objects_swept": Duty(upkeep.sweep, objects_without_event, rows("files WHERE state = 'uploading'"), most=FILES),
    "uploads_missed": Duty(upkeep.miss_uploads, missing_uploads, rows("files WHERE state = 'uploading'")),
    "files_removed": Duty(upkeep.remove_rest, removed_dataset, rows("files WHERE removed_at IS NULL")),
    "row_values_added": Duty(
        upkeep.add_row_values, records_without_row_values, rows("records WHERE NOT has_row_values")
    ),
    "files_erased": Duty(upkeep.erase_removed, removed_files, rows("files")),
    "objects_erased_late": Duty(
        upkeep.sweep_erased, late_objects, rows("removals WHERE swept_at IS NULL"), all_of_it=1, most=FILES
    ),
    "counts_folded": Duty(upkeep.fold_counts, unfolded_counts, rows("count_deltas"), most=10_000),
    "attempts_counted": Duty(
        lambda runner: runner.ports.store.fold_attempts(), uncounted_attempts, rows(UNCOUNTED), most=FILES
    ),
    "requests_forgotten": Duty(
        lambda runner: runner.ports.store.forget_requests(), old_requests, rows("idempotency_keys"), most=FILES
    ),
    "manifests_forgotten": Duty(
        lambda runner: runner.ports.store.forget_manifests(runner.ports.manifest_days, AT_ONCE),
        old_manifests,
        rows("manifests"),
        most=AT_ONCE + 2,
    ),
    "jobs_forgotten": Duty(lambda runner: runner.ports.jobs.forget_jobs(["pulse"]), old_jobs, rows("jobs"), most=FILES),
    "exports_deleted": Duty(
        lambda runner: exports.delete_old(runner.ports.exports, runner.ports.objects), old_exports, rows("exports")
    ),
    "webhook_events_forgotten": Duty(
        lambda runner: webhooks.forget_old(runner.ports.webhooks, runner.ports.webhook_log_days),
        old_webhook_events,
        rows("webhook_deliveries"),
    ),
    "audit_log_forgotten": Duty(
        upkeep.forget_audit_log, old_audit_log, rows("audit_log WHERE at < now() - interval '30 days'")
    ),
    "dispatched": Duty(dispatch, due_steps, rows("steps WHERE state <> 'queued'"), most=FILES),
    "audit_findings": Duty(
        audit.audit_rows, attempts_missing_in_the_ledger, rows(RESTED.format("rows")), all_of_it=1, most=2 * AT_ONCE
    ),
    "uploads_aborted": Duty(
        audit.walk_uploads, uploads_of_cancelled_files, lambda system: len(system.objects.uploads), most=AT_ONCE
    ),
    "objects_out_of_place": Duty(
        audit.walk_objects, lambda system: artifacts(system, stored=True), rows(RESTED.format("objects")), all_of_it=1
    ),
    "objects_missing": Duty(
        audit.walk_recorded,
        lambda system: artifacts(system, stored=False),
        rows(RESTED.format("artifacts")),
        all_of_it=1,
    ),
}


def test_every_duty_of_upkeep_is_tested_here(system: System) -> None:
    of_logging = {"breakers_open", "steps_waiting"}
    elsewhere = {"views_replaced", "tenant_exports_deleted"}  # test_dataset_views.py and test_tenant_data.py
    assert set(upkeep.upkeep(system.runner())) - of_logging - elsewhere == set(DUTIES)


@pytest.mark.parametrize("name", DUTIES)
def test_a_duty_does_a_limited_amount_a_round_and_finishes(system: System, name: str) -> None:
    duty, runner = DUTIES[name], system.runner()
    duty.arrange(system)
    for _ in range(4 * FILES):
        assert duty.run(runner) <= duty.most
        if duty.left(system) == 0:
            break
    assert duty.left(system) == 0
    assert duty.run(runner) == 0


@pytest.mark.parametrize("name", DUTIES)
def test_two_upkeeps_at_the_same_time_do_the_work_once(system: System, name: str) -> None:
    duty = DUTIES[name]
    duty.arrange(system)
    runners = [system.runner() for _ in range(2)]
    for _ in range(4 * FILES):
        if duty.left(system) == 0:
            break
        all_at_once([lambda r=runner: duty.run(r) for runner in runners])  # type: ignore[misc]
    assert duty.left(system) == 0
    assert [duty.run(runner) for runner in runners] == [0, 0]
    ledger = "SELECT file_id, step, part, attempt FROM attempts"
    attempts = system.bench.database.rows(ledger)
    assert len({tuple(attempt.values()) for attempt in attempts}) == len(attempts) <= 2 * FILES
    assert system.bench.database.row("SELECT coalesce(sum(attempts), 0)::integer AS n FROM attempt_totals") in (
        {"n": 0},
        {"n": FILES},
    ), "attempts were counted twice"
    published = system.topics.published
    assert len(published) == len(set(published)), "both upkeeps published the same wake-up"
    findings = system.bench.database.rows("SELECT kind, findings FROM audits WHERE findings ? 'walk' IS NOT TRUE")
    assert all(finding["findings"] in ({}, {"attempts_not_in_the_ledger": FILES}) for finding in findings), findings
