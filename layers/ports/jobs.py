"""Jobs as workers and the API see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from layers.domain.job import Job, Slice


class JobRow(NamedTuple):
    """A job as the API shows it. `tenant_id` is None if it concerns the whole system."""

    job_id: UUID
    kind: str
    tenant_id: UUID | None
    dataset_id: UUID | None
    state: str
    parameters: dict[str, Any]
    result: dict[str, Any]
    done: int
    total: int | None
    error: str | None
    cancelling: bool
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class Jobs(Protocol):
    """The jobs in the status store, for workers. Every write of a slice is fenced by its lease. Raises
    StoreUnreachable."""

    def claim_job(self, kinds: Sequence[str], lease_s: float) -> Job | None:
        """Claim the next slice of the job of these kinds that has waited longest; those of the system come first."""

    def end_slice(self, job: Job, ended: Slice) -> bool:
        """Save what a slice did. Returns False if the job was claimed again in the meantime."""

    def cancel_claimed(self, job: Job) -> bool:
        """End a job because its cancellation was requested."""

    def retry_slice(self, job: Job, delay_s: float, *, counts: bool, error: str) -> bool:
        """Run a slice again after a delay. `counts`: it adds to the job's failures."""

    def fail_job(self, job: Job, error: str) -> bool:
        """End a job because a slice of it failed for good."""

    def start_job(self, kind: str, parameters: Mapping[str, Any]) -> None:
        """Request a job of the whole system, unless one of this kind is open."""

    def start_due_job(self, duty: str, due_at: datetime, kind: str, parameters: Mapping[str, Any]) -> bool:
        """Request a scheduled job of the whole system, once for each time that it is due. Returns whether it did."""

    def forget_jobs(self, frequent: Sequence[str]) -> int:
        """Delete jobs that ended long ago; those of the `frequent` kinds sooner. Returns their number."""


class NoJobs:
    """Has no jobs."""

    def claim_job(self, kinds: Sequence[str], lease_s: float) -> Job | None:
        return None

    def end_slice(self, job: Job, ended: Slice) -> bool:
        return False

    def cancel_claimed(self, job: Job) -> bool:
        return False

    def retry_slice(self, job: Job, delay_s: float, *, counts: bool, error: str) -> bool:
        return False

    def fail_job(self, job: Job, error: str) -> bool:
        return False

    def start_job(self, kind: str, parameters: Mapping[str, Any]) -> None:
        return None

    def start_due_job(self, duty: str, due_at: datetime, kind: str, parameters: Mapping[str, Any]) -> bool:
        return False

    def forget_jobs(self, frequent: Sequence[str]) -> int:
        return 0


class JobCatalog(Protocol):
    """The part of a request's transaction that concerns jobs."""

    def request_system_job(self, kind: str, parameters: Mapping[str, Any]) -> JobRow:
        """A new job of the whole system, or the open one of this kind."""

    def request_job(self, kind: str, dataset_id: str, parameters: Mapping[str, Any]) -> JobRow | None:
        """A new job of a dataset; None if there is no such dataset."""

    def job(self, job_id: str) -> JobRow | None:
        """A job of the tenant, or of the whole system for those who see it."""

    def jobs(
        self,
        of_tenant_id: str | None,
        *,
        with_system: bool,
        kind: str | None = None,
        is_open: bool | None = None,
        after: str | None = None,
        limit: int,
    ) -> list[JobRow]:
        """A page of jobs, newest first: of a tenant, or of all tenants. `with_system`: and those of the whole system."""

    def cancel_job(self, job_id: str) -> JobRow | None:
        """Cancel a job that waits; one that runs ends after its current slice. None if it has ended."""

    def recent_jobs(self, limit: int) -> tuple[int, int]:
        """How many jobs of the tenant are open, and how many it has requested within a day, each up to `limit`."""
