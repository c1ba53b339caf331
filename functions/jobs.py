"""Jobs: workers run what people and schedulers have requested, a slice at a time, so that no job holds up another."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from functions import upkeep
from functions.imports import import_objects
from functions.job_kinds import APPLY, IMPORT, PLAN, PULSE, PURGE, REPORT, ROLLBACK, TENANT, UPKEEP, notification_of
from functions.purge import purge
from functions.report import make_report
from functions.reprocess import apply, dry_run, roll_back
from functions.tenant_data import export_or_erase
from layers.attempts.runner import Runner
from layers.domain.errors import DependencyDown, PermanentError, StoreUnreachable
from layers.domain.job import OUTAGE_DELAY_S, Job, Slice, retry_delay_s
from layers.telemetry.log import log

CHECK_EVERY_S = 1.0
# A slice should take a few seconds. A lease that expires gives the job to another worker, which does no harm: what a slice
# does, it may do twice.
LEASE_S = 120.0
WITHIN_S = 20.0

RunSlice = Callable[[Runner, Job], Slice]


def advance(runner: Runner, within_s: float = WITHIN_S) -> int:
    """Run slices of the jobs that are due, until none is due or the time is over. Returns the number of slices."""
    deadline, slices = time.monotonic() + within_s, 0
    while time.monotonic() < deadline:
        job = runner.ports.jobs.claim_job(sorted(RUN), LEASE_S)
        if job is None:
            break
        _run_slice(runner, job)
        slices += 1
    return slices


def _run_slice(runner: Runner, job: Job) -> None:
    jobs = runner.ports.jobs
    try:
        if job.is_cancelling:
            has_ended = jobs.cancel_claimed(job)
        else:
            ended = RUN[job.kind](runner, job)
            has_ended = jobs.end_slice(job, ended) and ended.has_ended
    except (StoreUnreachable, DependencyDown) as error:
        log("job_delayed", job=job.job_id, kind=job.kind, detail=str(error))
        jobs.retry_slice(job, OUTAGE_DELAY_S, counts=False, error=str(error))
        return
    except PermanentError as error:
        has_ended = jobs.fail_job(job, error.detail)
    except Exception as error:
        log("job_slice_failed", job=job.job_id, kind=job.kind, error=error)
        has_ended = _after_failure(runner, job)
    if has_ended:
        runner.ports.notifications.publish({notification_of(job.job_id)})


def _after_failure(runner: Runner, job: Job) -> bool:
    """Retry a slice that failed for an unknown reason. Returns whether the job has failed with it."""
    detail = "an error in Fairway, which has been logged"
    delay_s = retry_delay_s(job.failures + 1)
    if delay_s is None:
        return runner.ports.jobs.fail_job(job, detail)
    runner.ports.jobs.retry_slice(job, delay_s, counts=True, error=detail)
    return False


def _upkeep(runner: Runner, _job: Job) -> Slice:
    """A round of upkeep, unless another one began within the last minute."""
    if not runner.ports.store.take_turn("upkeep", upkeep.TURN_SHARE * upkeep.UPKEEP_S):
        return Slice({"ran": False}, has_ended=True)
    counts = upkeep.upkeep(runner)
    done = {name: count for name, count in counts.items() if count}
    failed = sorted(set(upkeep.duties()) - set(counts))
    return Slice({"ran": True, "done": done, "failed": failed}, done=1, total=1, has_ended=True)


def _pulse(runner: Runner, _job: Job) -> Slice:
    return Slice({"ran": upkeep.pulse_in_turn(runner)}, done=1, total=1, has_ended=True)


RUN: Mapping[str, RunSlice] = {
    UPKEEP: _upkeep,
    PULSE: _pulse,
    PURGE: purge,
    REPORT: make_report,
    IMPORT: import_objects,
    PLAN: dry_run,
    APPLY: apply,
    ROLLBACK: roll_back,
    TENANT: export_or_erase,
}
