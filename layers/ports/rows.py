"""Rows of the catalog: the results of its queries, and the arguments of some of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

# Rows are named tuples: immutable and typed, and as cheap as the driver's tuples. A page of 50 files has more than 500 of
# them, and frozen dataclasses take six times as long to create.


class KeyHolder(NamedTuple):
    """The holder of a key. `expires_at`: the key is that of a session; `name` is that of its person."""

    key_id: UUID
    tenant_id: UUID
    role: str
    name: str | None
    expires_at: datetime | None
    key_hash: bytes


class Dataset(NamedTuple):
    dataset_id: UUID
    name: str
    schema: dict[str, Any]
    schema_version: int
    when_textract_is_down: str
    languages: list[str]
    date_order: str
    several: str
    sure_from: float
    reading: str
    retention: dict[str, int]
    routing: dict[str, str] | None
    created_at: datetime


class Batch(NamedTuple):
    batch_id: UUID
    dataset_id: UUID
    name: str | None
    allow_duplicates: bool
    separation: dict[str, Any] | None
    labels: list[str]
    priority: str
    created_at: datetime
    cancelled_at: datetime | None


class PurgeRow(NamedTuple):
    """The receipt of what a purge erased of a dataset. `kind` is `originals`, `text` or `records`."""

    purge_id: UUID
    job_id: UUID
    kind: str
    files: int
    objects: int
    removal_ids: list[UUID]
    created_at: datetime


class NewFile(NamedTuple):
    """A file as a client describes it before its upload."""

    name: str
    size_bytes: int
    media_type: str | None = None
    sha256: str | None = None


class AwaitedFile(NamedTuple):
    """A file whose bytes have not arrived. `multipart_id` is the id of its multipart upload, once one has begun."""

    file_id: UUID
    name: str
    object_key: str
    declared_size_bytes: int
    declared_sha256: str | None
    multipart_id: str | None


class FileRow(NamedTuple):
    """A file. The `declared` fields are from the client; intake determines the others.

    `archive_id`: the file from which it was taken, with its place there; `first_page` and `last_page` if that is a scan.
    `separated`: what a scan was separated into. `kind`: what routing recognised it as. `moved`: {"from", "by", "at"} of its last
    move from another dataset.
    """

    file_id: UUID
    dataset_id: UUID
    batch_id: UUID
    name: str
    state: str
    declared_size_bytes: int
    size_bytes: int | None
    declared_media_type: str | None
    media_type: str | None
    declared_sha256: str | None
    sha256: str | None
    object_key: str
    version_id: str | None
    multipart_id: str | None
    created_at: datetime
    uploaded_at: datetime | None
    updated_at: datetime
    error_step: str | None
    error_code: str | None
    error_detail: str | None
    original_erased_at: datetime | None
    text_erased_at: datetime | None
    modified_at: datetime | None
    archive_id: UUID | None
    first_page: int | None
    last_page: int | None
    separated: dict[str, Any] | None
    kind: str | None
    kind_probability: float | None
    kind_by: str | None
    moved: dict[str, str] | None


class Member(NamedTuple):
    """A live file that was taken from another one, at a place in it, from 0."""

    file_id: UUID
    archive_id: UUID
    archive_place: int


class StepPart(NamedTuple):
    """One part of a step of a file."""

    file_id: UUID
    step: str
    part: int
    state: str
    attempt: int
    snoozes: int
    reason: str | None
    error_code: str | None
    error_detail: str | None
    page_numbers: list[int] | None
    started_at: datetime | None
    ended_at: datetime | None
    due_at: datetime | None
    ready_at: datetime | None
    cost_estimate_s: float


class ArtifactRow(NamedTuple):
    file_id: UUID
    kind: str
    object_key: str
    media_type: str
    size_bytes: int
    width: int | None
    height: int | None
    page_count: int | None
    source: str | None
    confidence: float | None


class RecordOfFile(NamedTuple):
    """The record of a file, with its evidence. `further` has the records of its other documents, without ids.

    `set_values` has the values that a person set, by number of the document; the other fields are those that extraction
    found. `found_by` is `rules` or `model`, `remembered` names values that are from the memory of senders; `lost`: content
    of the file was lost.
    """

    file_id: UUID
    record_id: UUID
    schema_version: int
    fields: dict[str, Any]
    missing: list[str]
    doubtful: list[str]
    notes: list[str]
    evidence: dict[str, Any]
    complete: bool
    further: list[dict[str, Any]]
    version: int
    found_by: str
    remembered: list[str]
    lost: bool | None
    set_values: dict[str, Any]
    review: str


class RecordRow(NamedTuple):
    """A row of a dataset's table."""

    record_id: UUID
    file_id: UUID
    file_name: str
    schema_version: int
    fields: dict[str, Any]
    missing: list[str]
    doubtful: list[str]
    notes: list[str]
    complete: bool
    further: list[dict[str, Any]]
    found_by: str
    remembered: list[str]
    lost: bool | None
    set_values: dict[str, Any]
    review: str


class AttemptRow(NamedTuple):
    step: str
    part: int
    attempt: int
    started_at: datetime
    ended_at: datetime
    outcome: str
    error_code: str | None
    error_detail: str | None
    cost_s: float
    host: str | None
    used: dict[str, int] | None


class Change(NamedTuple):
    """A file that changed, at a position in the order of changes. All transactions below `horizon` have ended."""

    file_id: UUID
    removed: bool
    changed_xid: int
    horizon: int


class FailedFile(NamedTuple):
    file_id: UUID
    error_step: str | None


class StoredResponse(NamedTuple):
    """The digest of the request for which an Idempotency-Key was used, and the response."""

    digest: bytes
    status: int
    body: Any


class Removal(NamedTuple):
    """A removal with the name of its dataset (None once that is erased), and those of up to three files that are removed."""

    removal_id: UUID
    dataset_id: UUID
    whole_dataset: bool
    file_count: int
    created_at: datetime
    erase_after: datetime
    undone_at: datetime | None
    erased_at: datetime | None
    swept_at: datetime | None
    objects_erased: int
    rows_erased: int
    dataset_name: str | None
    file_names: list[str]


class RemovedFiles(NamedTuple):
    removal_id: UUID
    file_count: int


class Tenant(NamedTuple):
    tenant_id: UUID
    name: str
    weight: float
    quota: dict[str, int]
    import_sources: list[str]
    created_at: datetime


class Session(NamedTuple):
    """A session, with its new key."""

    key_id: UUID
    tenant_id: UUID
    role: str
    name: str | None
    expires_at: datetime


class KeyRow(NamedTuple):
    key_id: UUID
    tenant_id: UUID
    role: str
    name: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class StepBacklog(NamedTuple):
    """A step's lanes of all tenants together, as they were checked `age_s` seconds ago. `layers/domain/waiting.py`
    explains the figures."""

    step: str
    files: int
    cost_s: float
    curve_pass: list[float]
    curve_cost_s: list[float]
    served_low: float | None
    served_high: float | None
    cost_a_file_s: float | None
    run_low_s: float | None
    run_high_s: float | None
    age_s: float


class LaneRow(NamedTuple):
    """One of the tenant's own lanes. Its marks are empty for batches that were not requested."""

    step: str
    batch_id: UUID
    files: int
    parts: int
    cost_s: float
    tenant_pass: float
    tenant_weight: float
    batch_pass: float
    batch_weight: float
    marks_at: list[datetime]
    marks_files: list[int]
    marks_cost_s: list[float]


class DeadLetter(NamedTuple):
    file_id: UUID
    dataset_id: UUID
    tenant_id: UUID
    step: str
    code: str | None
    detail: str | None
    attempts: int
    given_up_at: datetime


class DeadLetterFilter(NamedTuple):
    """The conditions for dead letters; None selects all."""

    step: str | None = None
    code: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    file_ids: Sequence[str] | None = None


class AuditRules(NamedTuple):
    """The audit's rules about steps: the steps of the main pipeline, and the artifacts that each other step must make."""

    main_steps: Sequence[str]
    side_artifacts: Mapping[str, Sequence[str]]


class AuditTotals(NamedTuple):
    """Counts of files. `doubled` counts parts that were done more than once."""

    accepted: int
    terminal: int
    in_flight: int
    lost: int
    doubled: int


class AuditBalance(NamedTuple):
    accepted: int
    terminal: int
    in_flight: int
    unaccounted: int


class AuditWalk(NamedTuple):
    """The latest audit of the whole system that upkeep has completed."""

    ended_at: datetime
    checked: int
    findings: dict[str, int]


class StepState(NamedTuple):
    """How many parts of a step are in a state, and since when the oldest waits."""

    step: str
    state: str
    parts: int
    oldest_at: datetime | None


class RecentAttempts(NamedTuple):
    step: str
    done: int
    failed: int
    retried: int
    ended: int
    p50_s: float | None
    p95_s: float | None


class BusyLane(NamedTuple):
    step: str
    tenant_id: UUID
    tenant_name: str
    weight: float
    batches: int
    files: int
    parts: int
    cost_s: float
    oldest_ready_at: datetime


class AttemptTotal(NamedTuple):
    step: str
    outcome: str
    attempts: int
    cost_s: float


class LiveSlots(NamedTuple):
    """How many live workers run a step, and how many parts of it they run at once together."""

    step: str
    workers: int
    slots: int


class RegisteredWorker(NamedTuple):
    """A worker that has registered. `state` is `live`, `draining` or `silent`."""

    worker: str
    host: str
    version: str
    slots: dict[str, int]
    state: str
    started_at: datetime
    beat_at: datetime
