"""The catalog in PostgreSQL: one transaction for each request, in which only one tenant's rows exist.

Every query names its tenant; row-level security enforces it a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from psycopg.types.json import Json, Jsonb

from layers.adapters.postgres.audit_log import AuditLogQueries
from layers.adapters.postgres.catalog_jobs import JobQueries
from layers.adapters.postgres.database import Database, load_queries
from layers.adapters.postgres.manifests import ManifestQueries
from layers.adapters.postgres.moves import MoveQueries
from layers.adapters.postgres.people import PeopleQueries
from layers.adapters.postgres.transaction import QUERIES, STORE_QUERIES, Transaction, array_text, pattern_of
from layers.adapters.postgres.webhook_catalog import WebhookQueries
from layers.domain.fleet import SILENT_S
from layers.domain.plan_json import plan_as_json
from layers.domain.step import PlannedStep
from layers.ports.rows import (
    ArtifactRow,
    AttemptRow,
    AttemptTotal,
    AuditBalance,
    AuditRules,
    AuditTotals,
    AuditWalk,
    AwaitedFile,
    Batch,
    BusyLane,
    Change,
    Dataset,
    DeadLetter,
    DeadLetterFilter,
    FailedFile,
    FileRow,
    KeyHolder,
    KeyRow,
    LaneRow,
    LiveSlots,
    Member,
    NewFile,
    PurgeRow,
    RecentAttempts,
    RecordOfFile,
    RecordRow,
    RegisteredWorker,
    Removal,
    RemovedFiles,
    StepBacklog,
    StepPart,
    StepState,
    StoredResponse,
    Tenant,
)
from layers.ports.store import RecordedObject
from layers.ports.tenant_data import TenantReceipt


class PostgresCatalog:
    """Opens transactions on a database, as a role that owns nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def is_up(self) -> bool:
        """Whether the database answers to this role. Raises StoreUnreachable."""
        return self._database.row(load_queries(QUERIES)["answers"]) is not None

    @contextmanager
    def transaction(self) -> Iterator[PostgresTransaction]:
        """A transaction that acts as no tenant yet. Raises StoreUnreachable."""
        with self._database.connection() as connection, connection.transaction():
            yield PostgresTransaction(connection)


class PostgresTransaction(
    PeopleQueries, JobQueries, ManifestQueries, MoveQueries, WebhookQueries, AuditLogQueries, Transaction
):
    """The port `Catalog`. Its queries are in the files of `API_QUERIES`."""

    def key_holder(self, key_hash: bytes) -> KeyHolder | None:
        self._run("look_up_key", key_hash=key_hash.hex())
        return self._row(KeyHolder, "key_holder", key_hash=key_hash.hex())

    def is_key_valid(self, key_id: str) -> bool:
        return self._value("is_key_valid", key_id=key_id) is not None

    def act_as(self, tenant_id: str, *, is_system: bool = False) -> None:
        self._tenant_id = tenant_id
        self._run("act_as", system="on" if is_system else "off")

    # --- datasets

    def create_dataset(
        self,
        name: str,
        schema: dict[str, Any],
        when_textract_is_down: str = "best_reading",
        languages: Sequence[str] = ("eng",),
        date_order: str = "auto",
        several: str = "records",
        sure_from: float = 0,
        reading: str = "balanced",
        retention: Mapping[str, int] | None = None,
        routing: Mapping[str, str] | None = None,
    ) -> Dataset:
        return self._one(
            Dataset,
            "create_dataset",
            name=name,
            schema=Json(schema),
            when_textract_is_down=when_textract_is_down,
            languages=list(languages),
            date_order=date_order,
            several=several,
            sure_from=sure_from,
            reading=reading,
            retention=Jsonb(dict(retention or {})),
            routing=Jsonb(dict(routing)) if routing else None,
        )

    def change_dataset(
        self,
        dataset_id: str,
        *,
        name: str | None = None,
        when_textract_is_down: str | None = None,
        languages: Sequence[str] | None = None,
        date_order: str | None = None,
        several: str | None = None,
        sure_from: float | None = None,
        reading: str | None = None,
        retention: Mapping[str, int] | None = None,
        routing: Mapping[str, str] | None = None,
    ) -> bool:
        found = self._value(
            "change_dataset",
            dataset_id=dataset_id,
            name=name,
            sure_from=sure_from,
            when_textract_is_down=when_textract_is_down,
            languages=languages and list(languages),
            date_order=date_order,
            several=several,
            reading=reading,
            retention=None if retention is None else Jsonb(dict(retention)),
            routing=None if routing is None else Jsonb(dict(routing)),
        )
        return found is not None

    def put_schema(self, dataset_id: str, schema: dict[str, Any]) -> int | None:
        version: int | None = self._value("put_schema", dataset_id=dataset_id, schema=Json(schema))
        return version

    def datasets(self, after: str | None, limit: int) -> list[Dataset]:
        return self._rows(Dataset, "datasets", after=after, limit=limit)

    def dataset(self, dataset_id: str) -> Dataset | None:
        return self._row(Dataset, "dataset", dataset_id=dataset_id)

    def counts(self, owner_ids: Sequence[UUID]) -> dict[UUID, dict[str, int]]:
        counts: dict[UUID, dict[str, int]] = {owner_id: {} for owner_id in owner_ids}
        for owner_id, state, files in self._tuples("counts_of", owner_ids=list(owner_ids)):
            counts[owner_id][state] = files
        return counts

    # --- batches and uploads

    def create_batch(
        self,
        dataset_id: str,
        *,
        allow_duplicates: bool = False,
        expand_archives: bool = False,
        separation: Mapping[str, Any] | None = None,
        labels: Sequence[str] = (),
        priority: str = "normal",
        name: str | None = None,
    ) -> Batch | None:
        return self._row(
            Batch,
            "create_batch",
            dataset_id=dataset_id,
            name=name,
            allow_duplicates=allow_duplicates,
            expand_archives=expand_archives,
            separation=None if separation is None else Jsonb(dict(separation)),
            labels=list(labels),
            priority=priority,
        )

    def batch(self, batch_id: str) -> Batch | None:
        return self._row(Batch, "batch", batch_id=batch_id)

    def cancel_batch(self, batch_id: str) -> int:
        return int(self._value("cancel_batch", batch_id=batch_id))

    def duplicates(self, dataset_id: UUID, sha256s: Sequence[str]) -> dict[str, UUID]:
        return dict(self._tuples("duplicates", dataset_id=dataset_id, sha256s=array_text(sha256s)))

    def create_files(self, batch: Batch, files: Sequence[NewFile], upload_s: int) -> list[AwaitedFile]:
        return self._rows(
            AwaitedFile,
            "create_files",
            dataset_id=batch.dataset_id,
            batch_id=batch.batch_id,
            names=[file.name for file in files],
            sizes=[file.size_bytes for file in files],
            media_types=[file.media_type for file in files],
            sha256s=[file.sha256 for file in files],
            upload_s=upload_s,
        )

    def renew_upload(self, file_id: str, upload_s: int) -> AwaitedFile | None:
        return self._row(AwaitedFile, "renew_upload", file_id=file_id, upload_s=upload_s)

    def keep_multipart(self, file_id: str, multipart_id: str) -> None:
        self._run("keep_multipart", file_id=file_id, multipart_id=multipart_id)

    def uploads_of_batch(self, batch_id: str, limit: int) -> list[tuple[str, str]]:
        return self._tuples("uploads_of_batch", batch_id=batch_id, limit=limit)

    def uploads_of_removal(self, removal_id: str, limit: int) -> list[tuple[str, str]]:
        return self._tuples("uploads_of_removal", removal_id=removal_id, limit=limit)

    def count_erased(self, removal_id: str, objects_erased: int) -> None:
        self._run("count_erased", removal_id=removal_id, objects_erased=objects_erased)

    # --- files

    def files(
        self,
        dataset_id: str,
        *,
        state: str | None = None,
        batch_id: str | None = None,
        name: str | None = None,
        after: str | None = None,
        limit: int,
    ) -> list[FileRow]:
        chosen = {"dataset_id": dataset_id, "state": state, "batch_id": batch_id, "after": after, "limit": limit}
        if name is None:
            return self._rows(FileRow, "files", **chosen)
        return self._rows(FileRow, "files_by_name", name=pattern_of(name), **chosen)

    def file(self, file_id: str, *, for_update: bool = False) -> FileRow | None:
        return self._row(FileRow, "file_locked" if for_update else "file", file_id=file_id)

    def files_by_id(self, file_ids: Sequence[UUID | str]) -> list[FileRow]:
        return self._rows(FileRow, "files_by_id", file_ids=list(file_ids))

    def parts_of(self, file_ids: Sequence[UUID]) -> list[Member]:
        return self._rows(Member, "parts_of", file_ids=list(file_ids))

    def horizon(self) -> int:
        return int(self._value("horizon"))

    def changes(self, dataset_id: str, after_xid: int, after_id: str, limit: int) -> list[Change]:
        return self._rows(Change, "changes", dataset_id=dataset_id, after_xid=after_xid, after_id=after_id, limit=limit)

    def steps_of(self, file_ids: Sequence[UUID]) -> list[StepPart]:
        return self._rows(StepPart, "steps_of", file_ids=list(file_ids))

    def artifacts_of(self, file_ids: Sequence[UUID]) -> list[ArtifactRow]:
        return self._rows(ArtifactRow, "artifacts_of", file_ids=list(file_ids))

    def records_of(self, file_ids: Sequence[UUID]) -> list[RecordOfFile]:
        return self._rows(RecordOfFile, "records_of", file_ids=list(file_ids))

    def history(self, file_id: str) -> list[AttemptRow]:
        return self._rows(AttemptRow, "history", file_id=file_id)

    def records(self, dataset_id: str, after: str | None, limit: int) -> list[RecordRow]:
        return self._rows(RecordRow, "records_page", dataset_id=dataset_id, after=after, limit=limit)

    def redrive(
        self,
        file_id: str,
        steps: Sequence[str],
        earlier: Sequence[str],
        is_main: bool,
        forgotten_sources: Sequence[str],
        planner: Callable[[dict[str, Any]], list[PlannedStep]],
    ) -> bool:
        was_redriven = self._value(
            "redrive",
            file_id=file_id,
            steps=list(steps),
            earlier=list(earlier),
            is_main=is_main,
            forgotten_sources=list(forgotten_sources),
        )
        if not was_redriven:
            return False
        store_sql = load_queries(STORE_QUERIES)
        row = self._connection.execute(store_sql["file_facts"], {"file_id": file_id}).fetchone()
        assert row is not None
        planned = Jsonb(plan_as_json(planner(row["facts"])))
        self._connection.execute(store_sql["apply_plan"], {"file_id": file_id, "planned": planned})
        return True

    def failed_files(self, dataset_id: str, state: str, code: str | None) -> list[FailedFile]:
        return self._rows(FailedFile, "failed_files", dataset_id=dataset_id, state=state, code=code)

    # --- removals

    def remove_files(
        self, dataset_id: str, file_ids: Sequence[str], batch_id: str | None, undo_s: float
    ) -> RemovedFiles:
        return self._one(
            RemovedFiles,
            "remove_files",
            dataset_id=dataset_id,
            file_ids=list(file_ids),
            batch_id=batch_id,
            undo_s=undo_s,
        )

    def removed_by(self, removal_id: UUID) -> set[str]:
        return {str(file_id) for (file_id,) in self._tuples("removed_by", removal_id=removal_id)}

    def purges(self, dataset_id: str, after: str | None, limit: int) -> list[PurgeRow]:
        return self._rows(PurgeRow, "purges", dataset_id=dataset_id, after=after, limit=limit)

    def removal(self, removal_id: str) -> Removal | None:
        return self._row(Removal, "removal", removal_id=removal_id)

    def undo_removal(self, removal_id: str) -> int | None:
        files: int | None = self._value("undo_removal", removal_id=removal_id)
        return files

    # --- requests that may be repeated

    def take_request(self, key: str, digest: bytes) -> StoredResponse | None:
        if self._value("take_request", key=key, digest=digest) is not None:
            return None
        return self._row(StoredResponse, "taken_request", key=key)

    def keep_response(self, key: str, status: int, body: Any) -> None:
        self._run("keep_response", key=key, status=status, body=Jsonb(body))

    # --- tenants, keys and quotas

    def create_tenant(self, name: str, weight: float, quota: Mapping[str, int]) -> Tenant | None:
        return self._row(Tenant, "create_tenant", name=name, weight=weight, quota=Jsonb(quota))

    def change_tenant(
        self,
        tenant_id: str,
        weight: float | None,
        quota: Mapping[str, int] | None,
        import_sources: Sequence[str] | None = None,
    ) -> Tenant | None:
        return self._row(
            Tenant,
            "change_tenant",
            of_tenant_id=tenant_id,
            weight=weight,
            quota=None if quota is None else Jsonb(quota),
            import_sources=None if import_sources is None else list(import_sources),
        )

    def tenants(self, after: str | None, limit: int) -> list[Tenant]:
        return self._rows(Tenant, "tenants", after=after, limit=limit)

    def create_key(self, of_tenant_id: str, key_hash: bytes, role: str) -> KeyRow | None:
        return self._row(KeyRow, "create_key", of_tenant_id=of_tenant_id, key_hash=key_hash.hex(), role=role)

    def name_of_tenant(self, of_tenant_id: str) -> str | None:
        name: str | None = self._value("name_of_tenant", of_tenant_id=of_tenant_id)
        return name

    def request_tenant_job(
        self, kind: str, of_tenant_id: str, key_id: str, *, exports: bool, erases: bool
    ) -> UUID | None:
        receipt_id: UUID | None = self._value(
            "request_tenant_job", kind=kind, of_tenant_id=of_tenant_id, key_id=key_id, exports=exports, erases=erases
        )
        return receipt_id

    def tenant_receipt(self, receipt_id: str) -> TenantReceipt | None:
        return self._row(TenantReceipt, "tenant_receipt", receipt_id=receipt_id)

    def keys_of(self, of_tenant_id: str) -> list[KeyRow]:
        return self._rows(KeyRow, "keys_of", of_tenant_id=of_tenant_id)

    def revoke_key(self, key_id: str) -> KeyRow | None:
        return self._row(KeyRow, "revoke_key", key_id=key_id)

    def import_sources(self) -> list[str]:
        return self._value("import_sources") or []

    def quota(self) -> dict[str, int]:
        return self._value("quota") or {}

    def quota_of(self, of_tenant_id: str) -> dict[str, int]:
        return self._value("quota_of", of_tenant_id=of_tenant_id) or {}

    def lock_quota(self, of_tenant_id: str | None = None) -> None:
        self._run("lock_quota", of_tenant_id=of_tenant_id or self._tenant_id)

    def dataset_count(self) -> int:
        return int(self._value("dataset_count"))

    def key_count(self, of_tenant_id: str) -> int:
        return int(self._value("key_count", of_tenant_id=of_tenant_id))

    def open_batch_count(self) -> int:
        return int(self._value("open_batch_count"))

    def tenant_use(self) -> dict[str, int]:
        return dict(self._tuples("tenant_use"))

    # --- why files wait

    def step_backlogs(self) -> list[StepBacklog]:
        return self._rows(StepBacklog, "step_backlogs")

    def own_lanes(self, batch_ids: Sequence[UUID]) -> list[LaneRow]:
        return self._rows(LaneRow, "own_lanes", batch_ids=list(batch_ids))

    # --- operations

    def dead_letters(
        self,
        of_tenant_id: str | None,
        side_steps: Sequence[str],
        chosen: DeadLetterFilter,
        *,
        after: tuple[str, str, str] | None = None,
        limit: int,
    ) -> list[DeadLetter]:
        after_at, after_file, after_step = after or (None, None, None)
        return self._rows(
            DeadLetter,
            "dead_letters",
            of_tenant_id=of_tenant_id,
            side_steps=list(side_steps),
            after_at=after_at,
            after_file=after_file,
            after_step=after_step,
            limit=limit,
            **chosen._asdict(),
        )

    def audit(self, of_tenant_id: str | None, rules: AuditRules) -> AuditTotals:
        return self._one(AuditTotals, "audit", of_tenant_id=of_tenant_id, **_as_parameters(rules))

    def audit_findings(self, of_tenant_id: str | None, rules: AuditRules) -> dict[str, int]:
        return dict(self._tuples("audit_findings", of_tenant_id=of_tenant_id, **_as_parameters(rules)))

    def audit_balance(self, of_tenant_id: str | None) -> AuditBalance:
        return self._one(AuditBalance, "audit_balance", of_tenant_id=of_tenant_id)

    def last_audit(self, kind: str) -> AuditWalk | None:
        return self._row(AuditWalk, "last_audit", kind=kind)

    def recorded_objects(self, of_tenant_id: str | None, files: int) -> list[RecordedObject]:
        rows = self._tuples("recorded_objects", of_tenant_id=of_tenant_id, limit=files)
        return [RecordedObject(str(row[0]), str(row[1]), *row[2:]) for row in rows]

    def step_states(self, of_tenant_id: str | None) -> list[StepState]:
        return self._rows(StepState, "step_states", of_tenant_id=of_tenant_id)

    def recent_attempts(self, of_tenant_id: str | None, within_s: float) -> list[RecentAttempts]:
        return self._rows(RecentAttempts, "recent_attempts", of_tenant_id=of_tenant_id, within_s=within_s)

    def busy_lanes(self, of_tenant_id: str | None, limit: int) -> list[BusyLane]:
        return self._rows(BusyLane, "busy_lanes", of_tenant_id=of_tenant_id, limit=limit)

    def attempt_totals(self, of_tenant_id: str | None) -> list[AttemptTotal]:
        return self._rows(AttemptTotal, "attempt_totals", of_tenant_id=of_tenant_id)

    def live_slots(self) -> list[LiveSlots]:
        return self._rows(LiveSlots, "live_slots", silent_s=SILENT_S)

    def registered_workers(self) -> list[RegisteredWorker]:
        return self._rows(RegisteredWorker, "registered_workers", silent_s=SILENT_S)


def _as_parameters(rules: AuditRules) -> dict[str, Any]:
    side_artifacts = {step: list(kinds) for step, kinds in rules.side_artifacts.items()}
    return {"main_steps": list(rules.main_steps), "side_artifacts": Jsonb(side_artifacts)}
