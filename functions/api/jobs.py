"""Jobs: requests work of the whole system, and lists, shows and cancels jobs."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

from functions.api.problems import Problem, not_found
from functions.api.requests import Request
from functions.api.views import at
from functions.job_kinds import KINDS, PULSE, PURGE, UPKEEP, notification_of
from layers.ports.jobs import JobRow

Shown = dict[str, Any]
# API Gateway ends a request after 29 seconds.
LONGEST_WAIT_S = 25.0
CHECK_AGAIN_S = 0.5
# Each waiting call occupies a thread. A call beyond this number gets its job's state at once.
_may_wait = threading.BoundedSemaphore(8)
STATES = ("open", "ended")


def upkeep(request: Request) -> tuple[int, Any]:
    return run_for_system(request, UPKEEP)


def pulse(request: Request) -> tuple[int, Any]:
    return run_for_system(request, PULSE)


def purge(request: Request) -> tuple[int, Any]:
    return run_for_system(request, PURGE)


def run_for_system(request: Request, kind: str, parameters: Mapping[str, Any] | None = None) -> tuple[int, Any]:
    """Request a job of the whole system and wait for its end: 200 with its result, or 202 if it goes on.

    The workers run it: the API's role in the database may not.
    """
    with request.ports.catalogs.transaction() as catalog:
        catalog.act_as(request.tenant_id, is_system=True)
        job = catalog.request_system_job(kind, parameters or {})
    request.ports.topics.dispatch_later(0)  # on Lambda, this starts the function that runs jobs
    if _may_wait.acquire(blocking=False):
        try:
            job = _await_end(request, job)
        finally:
            _may_wait.release()
    if job.state == "failed":
        raise Problem("internal_error", f"the job {job.job_id} failed: {job.error}")
    return (202 if job.ended_at is None else 200), job_view(job)


def show_all(request: Request) -> tuple[int, Any]:
    limit = request.whole_number("limit", 50, 1, 200)
    kind, state = request.one_of("kind", KINDS), request.one_of("state", STATES)
    listing = f"jobs kind={kind} state={state}"
    position = request.position(listing)
    rows = request.catalog.jobs(
        None if request.caller.is_admin else request.tenant_id,
        with_system=request.caller.sees_system,
        kind=kind,
        is_open=None if state is None else state == "open",
        after=position[0] if position else None,
        limit=limit + 1,
    )
    following = request.cursor(listing, [str(rows[limit - 1].job_id)]) if len(rows) > limit else None
    return 200, {"jobs": [job_view(row) for row in rows[:limit]], "next_cursor": following}


def show(request: Request, job_id: str) -> tuple[int, Any]:
    return 200, job_view(_existing(request, job_id))


def cancel(request: Request, job_id: str) -> tuple[int, Any]:
    _existing(request, job_id)
    job = request.catalog.cancel_job(job_id)
    if job is None:
        raise Problem("conflict", "the job has ended")
    return 200, job_view(job)


def job_view(job: JobRow) -> Shown:
    return {
        "id": str(job.job_id),
        "kind": job.kind,
        "state": "cancelling" if job.cancelling and job.ended_at is None else job.state,
        "tenant_id": job.tenant_id and str(job.tenant_id),
        "dataset_id": job.dataset_id and str(job.dataset_id),
        "parameters": job.parameters,
        "progress": {"done": job.done, "total": job.total},
        "result": job.result,
        "error": job.error,
        "created_at": at(job.created_at),
        "started_at": at(job.started_at),
        "ended_at": at(job.ended_at),
    }


def _existing(request: Request, job_id: str) -> JobRow:
    """A job that the caller may see: of its tenant, and of others as its role allows."""
    job, caller = request.catalog.job(job_id), request.caller
    is_of_tenant = job is not None and str(job.tenant_id) == caller.tenant_id
    is_of_system = job is not None and job.tenant_id is None and caller.sees_system
    if job is None or not (caller.is_admin or is_of_tenant or is_of_system):
        raise not_found("job")
    return job


def _await_end(request: Request, job: JobRow) -> JobRow:
    notifications, name = request.ports.notifications, notification_of(job.job_id)
    deadline = time.monotonic() + LONGEST_WAIT_S
    while job.ended_at is None and (left_s := deadline - time.monotonic()) > 0:
        count = notifications.count(name)
        with request.ports.catalogs.transaction() as catalog:
            catalog.act_as(request.tenant_id, is_system=True)
            job = catalog.job(str(job.job_id)) or job
        if job.ended_at is None:
            notifications.wait([name], count, min(CHECK_AGAIN_S, left_s))
    return job
