"""The catalog: the data that the API reads and changes, in one transaction for each request, limited to one tenant."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol
from uuid import UUID

from layers.domain.step import PlannedStep
from layers.ports.audit_log import AuditLogCatalog
from layers.ports.jobs import JobCatalog
from layers.ports.manifests import ManifestCatalog
from layers.ports.moves import MoveCatalog
from layers.ports.people import PeopleCatalog
from layers.ports.plans import PlanCatalog
from layers.ports.reports import ReportCatalog
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
from layers.ports.webhooks import WebhookCatalog


class Catalog(
    PeopleCatalog,
    JobCatalog,
    PlanCatalog,
    ReportCatalog,
    ManifestCatalog,
    MoveCatalog,
    WebhookCatalog,
    AuditLogCatalog,
    Protocol,
):
    """One transaction. Before `act_as` only `key_holder` finds anything.

    `of_tenant_id` is a tenant or, for an admin, None: all tenants. The caller checks that ids have the form of ids.
    """

    def key_holder(self, key_hash: bytes) -> KeyHolder | None:
        """The holder of a key; None if the key is unknown, revoked or expired."""

    def is_key_valid(self, key_id: str) -> bool:
        """Whether this key of the tenant exists, was not revoked and has not expired."""

    def act_as(self, tenant_id: str, *, is_system: bool = False) -> None:
        """From now on the transaction sees this tenant's rows. With `is_system` it also sees all tenants, keys and
        figures."""

    # --- datasets

    def create_dataset(
        self,
        name: str,
        schema: dict[str, Any],
        when_textract_is_down: str = ...,
        languages: Sequence[str] = ...,
        date_order: str = ...,
        several: str = ...,
        sure_from: float = ...,
        reading: str = ...,
        retention: Mapping[str, int] | None = ...,
        routing: Mapping[str, str] | None = ...,
    ) -> Dataset: ...

    def change_dataset(
        self,
        dataset_id: str,
        *,
        name: str | None = ...,
        when_textract_is_down: str | None = ...,
        languages: Sequence[str] | None = ...,
        date_order: str | None = ...,
        several: str | None = ...,
        sure_from: float | None = ...,
        reading: str | None = ...,
        retention: Mapping[str, int] | None = ...,
        routing: Mapping[str, str] | None = ...,
    ) -> bool:
        """Change the options that are not None. Returns False if there is no such dataset."""

    def put_schema(self, dataset_id: str, schema: dict[str, Any]) -> int | None:
        """Add a version. Returns its number; None if there is no such dataset."""

    def datasets(self, after: str | None, limit: int) -> list[Dataset]:
        """A page of datasets, newest first, after the dataset of this id."""

    def dataset(self, dataset_id: str) -> Dataset | None: ...

    def counts(self, owner_ids: Sequence[UUID]) -> dict[UUID, dict[str, int]]:
        """Live files by state, for each of these datasets or batches."""

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
        """The new batch; None if there is no such dataset."""

    def batch(self, batch_id: str) -> Batch | None: ...

    def cancel_batch(self, batch_id: str) -> int:
        """Cancel the steps of a batch that have not run. Returns the number of their files."""

    def duplicates(self, dataset_id: UUID, sha256s: Sequence[str]) -> dict[str, UUID]:
        """The oldest live file with each of these contents."""

    def create_files(self, batch: Batch, files: Sequence[NewFile], upload_s: int) -> list[AwaitedFile]:
        """Create files, which may be uploaded within `upload_s` seconds. Returns them in the same order."""

    def renew_upload(self, file_id: str, upload_s: int) -> AwaitedFile | None:
        """Allow `upload_s` more seconds for an upload. Returns None if the file is not awaited."""

    def keep_multipart(self, file_id: str, multipart_id: str) -> None:
        """Store the id of a file's multipart upload."""

    def uploads_of_batch(self, batch_id: str, limit: int) -> list[tuple[str, str]]:
        """Object key and upload id of some cancelled files of a batch whose multipart upload has begun."""

    def uploads_of_removal(self, removal_id: str, limit: int) -> list[tuple[str, str]]:
        """Object key and upload id of some files of a removal whose multipart upload has begun."""

    def count_erased(self, removal_id: str, objects_erased: int) -> None:
        """Add deleted objects and parts to the receipt of a removal."""

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
        """A page of live files, newest first, after the file of this id. `name` is a part of their names."""

    def file(self, file_id: str, *, for_update: bool = False) -> FileRow | None:
        """A live file. `for_update` locks it until the transaction ends."""

    def files_by_id(self, file_ids: Sequence[UUID | str]) -> list[FileRow]:
        """The live files among these."""

    def parts_of(self, file_ids: Sequence[UUID]) -> list[Member]:
        """The live files that were taken from these, in order."""

    def horizon(self) -> int:
        """The position in the order of changes below which all transactions have ended."""

    def changes(self, dataset_id: str, after_xid: int, after_id: str, limit: int) -> list[Change]:
        """Changes after a position, up to the point before which no further change can appear."""

    def steps_of(self, file_ids: Sequence[UUID]) -> list[StepPart]:
        """The steps of files, their parts in order."""

    def artifacts_of(self, file_ids: Sequence[UUID]) -> list[ArtifactRow]: ...

    def records_of(self, file_ids: Sequence[UUID]) -> list[RecordOfFile]: ...

    def history(self, file_id: str) -> list[AttemptRow]:
        """Every attempt of a file, oldest first."""

    def records(self, dataset_id: str, after: str | None, limit: int) -> list[RecordRow]:
        """A page of a dataset's records, oldest first, after the record of this id."""

    def redrive(
        self,
        file_id: str,
        steps: Sequence[str],
        earlier: Sequence[str],
        is_main: bool,
        forgotten_sources: Sequence[str],
        planner: Callable[[dict[str, Any]], list[PlannedStep]],
    ) -> bool:
        """Run steps again, as the planner plans them from the file's facts, and delete the pages that these sources read.

        Returns False if one of the steps is running or queued, or one of the `earlier` steps has not ended.
        """

    def failed_files(self, dataset_id: str, state: str, code: str | None) -> list[FailedFile]:
        """Up to 1,000 files in a state and, if `code` is set, with this error code."""

    # --- removals

    def remove_files(
        self, dataset_id: str, file_ids: Sequence[str], batch_id: str | None, undo_s: float
    ) -> RemovedFiles: ...

    def removed_by(self, removal_id: UUID) -> set[str]:
        """The ids of the files that a removal has removed and that are not erased."""

    def purges(self, dataset_id: str, after: str | None, limit: int) -> list[PurgeRow]:
        """A page of the receipts of purges, newest first."""

    def removal(self, removal_id: str) -> Removal | None: ...

    def undo_removal(self, removal_id: str) -> int | None:
        """Restore the files of a removal. Returns their number, or None if its undo window has closed."""

    # --- repeated requests

    def take_request(self, key: str, digest: bytes) -> StoredResponse | None:
        """Take an Idempotency-Key for this request. Returns None if it is new, or the earlier request with its response."""

    def keep_response(self, key: str, status: int, body: Any) -> None: ...

    # --- tenants, keys and quotas

    def create_tenant(self, name: str, weight: float, quota: Mapping[str, int]) -> Tenant | None:
        """The new tenant; None if the name is taken."""

    def change_tenant(
        self,
        tenant_id: str,
        weight: float | None,
        quota: Mapping[str, int] | None,
        import_sources: Sequence[str] | None = ...,
    ) -> Tenant | None:
        """Change the values that are not None. Returns None if there is no such tenant."""

    def tenants(self, after: str | None, limit: int) -> list[Tenant]:
        """A page of all tenants, newest first."""

    def create_key(self, of_tenant_id: str, key_hash: bytes, role: str) -> KeyRow | None:
        """The new key; None if there is no such tenant."""

    def name_of_tenant(self, of_tenant_id: str) -> str | None:
        """The name of a tenant that was not erased."""

    def request_tenant_job(
        self, kind: str, of_tenant_id: str, key_id: str, *, exports: bool, erases: bool
    ) -> UUID | None:
        """A new job that exports or erases a tenant, and its receipt of the same id; None if there is no such tenant, or
        one has not ended."""

    def tenant_receipt(self, receipt_id: str) -> TenantReceipt | None: ...

    def keys_of(self, of_tenant_id: str) -> list[KeyRow]: ...

    def revoke_key(self, key_id: str) -> KeyRow | None: ...

    def import_sources(self) -> list[str]:
        """Where the tenant may import from, as `bucket/prefix`."""

    def quota(self) -> dict[str, int]:
        """The tenant's quotas by name, without those that have no limit."""

    def quota_of(self, of_tenant_id: str) -> dict[str, int]:
        """The same for any tenant, for an admin."""

    def lock_quota(self, of_tenant_id: str | None = None) -> None:
        """Make other requests that check the quota of a tenant wait for this transaction. None: the caller's tenant."""

    def dataset_count(self) -> int:
        """The number of the tenant's datasets."""

    def key_count(self, of_tenant_id: str) -> int:
        """The number of a tenant's keys that were not revoked, without those of sessions."""

    def open_batch_count(self) -> int:
        """The number of the tenant's batches with files that are not settled."""

    def tenant_use(self) -> dict[str, int]:
        """The amounts that count against the tenant's quotas: `unsettled` files, `bytes`, and files created this `day`."""

    # --- why files wait

    def step_backlogs(self) -> list[StepBacklog]: ...

    def own_lanes(self, batch_ids: Sequence[UUID]) -> list[LaneRow]:
        """The tenant's own lanes, with marks for these batches."""

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
        """Steps that were given up, newest first, after the position `after` (time, file, step). `side_steps` are the
        steps outside of the main pipeline."""

    def audit(self, of_tenant_id: str | None, rules: AuditRules) -> AuditTotals:
        """The conservation check."""

    def audit_findings(self, of_tenant_id: str | None, rules: AuditRules) -> dict[str, int]:
        """How often each rule of the audit is broken; empty if none is."""

    def audit_balance(self, of_tenant_id: str | None) -> AuditBalance:
        """The conservation check by counters only, without the steps."""

    def last_audit(self, kind: str) -> AuditWalk | None:
        """The latest completed audit of `rows`, `objects` (in the bucket) or `artifacts` (the objects in the rows)."""

    def recorded_objects(self, of_tenant_id: str | None, files: int) -> list[RecordedObject]:
        """The objects in the rows of the first `files` files of a tenant, or of all tenants."""

    def step_states(self, of_tenant_id: str | None) -> list[StepState]: ...

    def recent_attempts(self, of_tenant_id: str | None, within_s: float) -> list[RecentAttempts]: ...

    def busy_lanes(self, of_tenant_id: str | None, limit: int) -> list[BusyLane]:
        """The lanes with the most work."""

    def attempt_totals(self, of_tenant_id: str | None) -> list[AttemptTotal]:
        """All attempts by step and outcome."""

    def live_slots(self) -> list[LiveSlots]:
        """The live workers of each step; empty if no workers register, as on Lambda."""

    def registered_workers(self) -> list[RegisteredWorker]:
        """All registered workers, for an admin; empty for others."""


class Catalogs(Protocol):
    """Opens transactions."""

    def transaction(self) -> AbstractContextManager[Catalog]:
        """A transaction that acts as no tenant yet. Raises StoreUnreachable."""
