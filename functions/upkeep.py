"""Upkeep: repair the effects of crashes, lost messages and missing events. Several processes may run the same duty at
once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from itertools import takewhile
from typing import Any

from functions.arrivals import take_arrivals
from functions.audit import audit_rows, walk_objects, walk_recorded, walk_uploads
from functions.dataset_views import refresh_views
from functions.dispatch import dispatch
from functions.exports import delete_old
from functions.job_kinds import FREQUENT_KINDS
from functions.tenant_data import delete_old_exports
from functions.webhooks import forget_old
from layers.attempts.runner import Runner
from layers.domain import lifecycle
from layers.domain.breaker import Mode
from layers.domain.file import artifact_prefix, original_key
from layers.domain.imports import place_of
from layers.domain.message import Arrival
from layers.ports import Claim
from layers.telemetry.log import log

AT_ONCE = 500
RESCUED_AT_ONCE = 100
FOLDED_AT_ONCE = 20_000
REMOVED_AT_ONCE = 5_000
MISSED_AT_ONCE = 5_000
VALUES_AT_ONCE, VALUE_ROUNDS = 2_000, 10
LISTINGS_AT_ONCE = 20
UNCLAIMED_S = 15.0
TOPIC_CHECK_EVERY_S = 1.0
SURELY_LOST_S = 60.0
AWAITED_S = 30.0
UPKEEP_S = 60.0
# Between two pulses. With UNCLAIMED_S, a lost wake-up is repeated within half a minute.
PULSE_S = 10.0
# A duty is due after this share of its interval: each worker tries once in an interval, and clocks differ a little.
TURN_SHARE = 0.9


def upkeep(runner: Runner) -> dict[str, int]:
    """Run every duty once; each has a bound. Returns the number of things that each did, by its name. A duty that fails
    does not stop the others."""
    counts = {}
    for name, duty in duties().items():
        try:
            counts[name] = duty(runner)
        except Exception as error:
            log("upkeep_duty_failed", duty=name, error=error)
    log("upkeep", done={name: count for name, count in counts.items() if count})
    return counts


def duties() -> dict[str, Callable[[Runner], int]]:
    """The duties of upkeep, in their order."""
    return {
        "leases_rescued": rescue_expired,
        "lanes_repaired": repair_lanes,
        "wake_ups_repeated": repeat_unclaimed,
        "objects_swept": sweep,
        "uploads_missed": miss_uploads,
        "files_removed": remove_rest,
        "row_values_added": add_row_values,
        "files_erased": erase_removed,
        "objects_erased_late": sweep_erased,
        "counts_folded": fold_counts,
        "attempts_counted": lambda runner: runner.ports.store.fold_attempts(),
        "requests_forgotten": lambda runner: runner.ports.store.forget_requests(),
        "manifests_forgotten": lambda runner: runner.ports.store.forget_manifests(
            runner.ports.manifest_days, FOLDED_AT_ONCE
        ),
        "exports_deleted": lambda runner: delete_old(runner.ports.exports, runner.ports.objects),
        "webhook_events_forgotten": lambda runner: forget_old(runner.ports.webhooks, runner.ports.webhook_log_days),
        "audit_log_forgotten": forget_audit_log,
        "tenant_exports_deleted": delete_old_exports,
        "views_replaced": lambda runner: refresh_views(runner.ports.dataset_views),
        "jobs_forgotten": lambda runner: runner.ports.jobs.forget_jobs(FREQUENT_KINDS),
        "dispatched": dispatch,
        "breakers_open": report_breakers,
        "steps_waiting": report_backlogs,
        "audit_findings": audit_rows,
        "uploads_aborted": walk_uploads,
        "objects_out_of_place": walk_objects,
        "objects_missing": walk_recorded,
    }


def forget_audit_log(runner: Runner) -> int:
    """Delete entries of the audit log that the setting does not keep. Returns their number."""
    days = runner.ports.audit_log_days
    return runner.ports.audit_log.forget(days, FOLDED_AT_ONCE) if days else 0


def pulse(runner: Runner) -> int:
    """The duties that can't wait for a full round of upkeep. Returns the number of wake-ups dispatched."""
    tend_claims(runner)
    return repair_flow(runner)


def tend_claims(runner: Runner) -> None:
    """Extend the leases of this process's claims, and reclaim lost ones."""
    runner.extend_leases()
    runner.reclaim_lost_claims()


def repair_flow(runner: Runner, *, sweeps: bool = False) -> int:
    """Rescue, publish again and dispatch; one process does it for all. Returns the number of wake-ups dispatched.

    `sweeps`: sweep the bucket if wake-ups were lost, because events of arrivals may be lost too.
    """
    rescue_expired(runner)
    if repeat_unclaimed(runner) and sweeps:
        sweep(runner)
    dispatched = dispatch(runner)
    runner.ports.store.analyze_grown()
    return dispatched


def upkeep_in_turn(runner: Runner) -> bool:
    """Run a round of upkeep, unless another worker began one within the last minute. Returns whether it ran."""
    is_ours = runner.ports.store.take_turn("upkeep", TURN_SHARE * UPKEEP_S)
    if is_ours:
        upkeep(runner)
    return is_ours


def pulse_in_turn(runner: Runner) -> bool:
    """Tend this worker's claims, and repair the flow unless another worker has just done so. Returns whether it did."""
    tend_claims(runner)
    is_ours = runner.ports.store.take_turn("pulse", TURN_SHARE * PULSE_S)
    if is_ours:
        repair_flow(runner, sweeps=True)
    return is_ours


def report_breakers(runner: Runner) -> int:
    """Log each dependency that is down, and for how long. Returns their number."""
    down = {
        name: breaker for name, breaker in runner.ports.breakers.states().items() if breaker.mode is not Mode.CLOSED
    }
    for name, breaker in down.items():
        log("breaker_open", dependency=name, open_s=round(time.time() - breaker.opened_at), reason=breaker.reason)
    return len(down)


def report_backlogs(runner: Runner) -> int:
    """Log each step's longest wait, parked parts and fairness. Returns the number of steps with waiting parts."""
    backlogs = runner.ports.store.backlog(sorted(runner.steps))
    waiting = [backlog for backlog in backlogs if backlog.oldest_s or backlog.parked]
    for backlog in waiting:
        log(
            "backlog",
            step=backlog.step,
            oldest_s=round(backlog.oldest_s, 1),
            parked=backlog.parked,
            ahead_s=round(backlog.ahead_s, 1),
        )
    return len(waiting)


def rescue_expired(runner: Runner) -> int:
    """Rescue the parts whose lease has expired."""
    return _rescue(runner, runner.ports.store.expired(AT_ONCE))


def rescue_of(runner: Runner, owner: str) -> int:
    """Rescue the parts of a worker that is known to be dead, without waiting for their leases."""
    return _rescue(runner, runner.ports.store.held_by(owner))


def recover(runner: Runner, owner: str) -> None:
    """Before a worker starts, rescue the parts that it held before a restart."""
    rescue_of(runner, owner)
    dispatch(runner)


def find_lost_work(runner: Runner, wait: Callable[[float], Any] = time.sleep) -> None:
    """After a worker has started, find expired leases, lost wake-ups and missed arrivals, in case all workers had ended.

    It runs in parallel with the work, because it may take long, and replaces the first pulse.
    """
    started = time.monotonic()
    rescue_expired(runner)
    repeat_unclaimed(runner, older_than_s=0)
    sweep(runner, older_than_s=0)
    _repeat_until_claimed(runner, started, wait)


def _repeat_until_claimed(runner: Runner, started: float, wait: Callable[[float], Any]) -> None:
    """Repeat wake-ups from before `started` as soon as their topic is empty: the worker that received them is dead."""
    while (age_s := time.monotonic() - started) < UNCLAIMED_S and runner.ports.store.unclaimed_steps(age_s):
        wait(TOPIC_CHECK_EVERY_S)
        repeat_unclaimed(runner, older_than_s=time.monotonic() - started)


def _rescue(runner: Runner, claims: list[Claim]) -> int:
    held = {owner: len(runner.ports.store.held_by(owner)) for owner in {claim.owner for claim in claims}}
    lost = [
        (claim, lifecycle.after_loss(claim.losses, held[claim.owner] <= 1, runner.quarantine_at)) for claim in claims
    ]
    for start in range(0, len(lost), RESCUED_AT_ONCE):
        runner.record_together(lost[start : start + RESCUED_AT_ONCE])
    return len(claims)


def repair_lanes(runner: Runner) -> int:
    return runner.ports.store.repair_lanes()


def repeat_unclaimed(runner: Runner, older_than_s: float = UNCLAIMED_S) -> int:
    """Publish wake-ups again that no worker has claimed for `older_than_s`: the broker may have lost them. Returns their
    number.

    While a topic still has messages, the wake-ups are probably among them, and repeating them would only make the topic
    longer. After `SURELY_LOST_S` they are repeated in any case.
    """
    late = runner.ports.store.unclaimed_steps(older_than_s)
    still_queued = {step for step in late if runner.ports.topics.holds_messages(step)}
    wake_ups = runner.ports.store.unclaimed(older_than_s, AT_ONCE, still_queued) if late else []
    if still_queued:
        wake_ups += runner.ports.store.unclaimed(SURELY_LOST_S, AT_ONCE)
    runner.ports.topics.publish(wake_ups)
    return len(wake_ups)


def sweep(runner: Runner, older_than_s: float = AWAITED_S) -> int:
    """Find objects whose event never came, oldest first: keys sort by the time of their announcement. Returns their
    number.

    If a round does not reach the newest key, a second one starts at a random awaited key.
    """
    found = 0
    for tenant_id, keys in runner.ports.store.awaited(older_than_s).items():
        awaited = [key for key in keys if not place_of(key)]
        if not awaited:
            continue
        swept, ended = _sweep(runner, tenant_id, awaited)
        if not ended:
            swept += _sweep(runner, tenant_id, awaited[random.randrange(len(awaited)) :])[0]
        found += swept
    return found


def _sweep(runner: Runner, tenant_id: str, awaited: list[str]) -> tuple[int, bool]:
    """Look for awaited keys in at most `LISTINGS_AT_ONCE` listings. Returns how many were found, and whether all keys
    were checked."""
    found, expected, after = 0, set(awaited), awaited[0][:-1]
    for _ in range(LISTINGS_AT_ONCE):
        keys = runner.ports.objects.keys_after(original_key(tenant_id, ""), after, AT_ONCE)
        arrived = [Arrival(key) for key in keys if key in expected]
        if arrived:
            take_arrivals(runner, arrived)
        found += len(arrived)
        if not keys or keys[-1] >= awaited[-1]:
            return found, True
        after = keys[-1]
    return found, False


def miss_uploads(runner: Runner) -> int:
    return runner.ports.store.miss_uploads(MISSED_AT_ONCE)


def add_row_values(runner: Runner) -> int:
    """Store the values of records of earlier releases one by one. Returns the number of records."""
    return sum(takewhile(bool, (runner.ports.store.add_row_values(VALUES_AT_ONCE) for _ in range(VALUE_ROUNDS))))


def remove_rest(runner: Runner) -> int:
    """Mark the files of removed datasets that are still live. Returns their number."""
    removed = runner.ports.store.remove_rest(REMOVED_AT_ONCE)
    if removed == REMOVED_AT_ONCE:
        runner.ports.topics.dispatch_later(0)  # there may be more
    return removed


def erase_removed(runner: Runner) -> int:
    """Erase files whose removal can no longer be undone: multipart uploads, objects, then rows. Returns the number of
    files."""
    erased = 0
    for removal_id, files in runner.ports.store.removals_due(AT_ONCE):
        runner.ports.store.erase(removal_id, [file_id for _, file_id in files], _delete_objects(runner, files))
        erased += len(files)
    if erased:
        runner.ports.topics.dispatch_later(0)  # there may be more
    return erased


def sweep_erased(runner: Runner) -> int:
    """Delete objects that were stored after their file was erased, once no URL or lease is left. Returns their number."""
    found = 0
    for removal_id, files in runner.ports.store.sweeps_due():
        objects = _delete_objects(runner, files)
        runner.ports.store.swept(removal_id, objects)
        found += objects
    return found


def _delete_objects(runner: Runner, files: list[tuple[str, str]]) -> int:
    """Delete all objects of files and the parts of their unfinished uploads. Returns the number of objects and parts.

    Takes pairs of tenant id and file id. Uploads are aborted first: one that is completed in the meantime leaves an
    object, which is then deleted.
    """
    by_tenant: dict[str, list[str]] = {}
    for tenant_id, file_id in files:
        by_tenant.setdefault(tenant_id, []).append(file_id)
    parts = sum(
        abort_uploads_of(runner, [original_key(tenant_id, file_id) for file_id in file_ids])
        for tenant_id, file_ids in by_tenant.items()
    )
    return parts + sum(
        runner.ports.objects.delete_under(prefix, file_ids)
        for tenant_id, file_ids in by_tenant.items()
        for prefix in (original_key(tenant_id, ""), artifact_prefix(tenant_id))
    )


def abort_uploads_of(runner: Runner, object_keys: list[str]) -> int:
    """Abort every multipart upload of these objects, all of one tenant. Returns the number of their parts."""
    wanted, parts, objects = sorted(set(object_keys)), 0, runner.ports.objects
    prefix = wanted[0].rpartition("/")[0] + "/" if wanted else ""
    after = wanted[0][:-1], ""
    while wanted:
        page = objects.uploads_after(prefix, after, AT_ONCE)
        parts += sum(
            objects.abort_upload(upload.object_key, upload.upload_id) for upload in page if upload.object_key in wanted
        )
        if len(page) < AT_ONCE:
            break
        after = page[-1].object_key, page[-1].upload_id
        wanted = [key for key in wanted if key >= after[0]]
        if wanted and wanted[0] > after[0]:
            after = wanted[0][:-1], ""
    return parts


def fold_counts(runner: Runner) -> int:
    """Add up count changes, so that reading a count still takes a few rows only. Returns the number of folded rows."""
    folded = 0
    while more := runner.ports.store.fold_counts(FOLDED_AT_ONCE):
        folded += more
        if more < FOLDED_AT_ONCE:
            break
    return folded
