"""Upkeep: mend what a crash, a lost message or a missing event has left. Each duty may run twice at once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from functions.arrivals import take_arrivals
from functions.audit import audit_rows, walk_artifacts, walk_objects
from functions.dispatch import dispatch
from layers.attempts.runner import Runner
from layers.domain import lifecycle
from layers.domain.breaker import Mode
from layers.domain.file import artifact_prefix, original_key
from layers.domain.message import Arrival
from layers.ports import Claim
from layers.telemetry.log import log

AT_ONCE = 500
RESCUED_AT_ONCE = 100
FOLDED_AT_ONCE = 20_000
LISTINGS_AT_ONCE = 20
UNHEARD_S = 15.0
LOOK_S = 1.0
SURELY_LOST_S = 60.0
AWAITED_S = 30.0
UPKEEP_S = 60.0
# Between two pulses: with the time after which a wake-up counts as lost, under half a minute.
PULSE_S = 10.0


def upkeep(runner: Runner) -> dict[str, int]:
    """Every duty once, each bounded; what each of them mended, by name. A duty that fails harms no other."""
    duties: dict[str, Callable[[Runner], int]] = {
        "leases_rescued": rescue_expired,
        "lanes_mended": mend_lanes,
        "wake_ups_repeated": repeat_unheard,
        "objects_swept": sweep,
        "uploads_missed": miss_uploads,
        "files_erased": erase_removed,
        "objects_erased_late": sweep_erased,
        "counts_folded": fold_counts,
        "attempts_counted": lambda runner: runner.ports.store.fold_attempts(),
        "requests_forgotten": lambda runner: runner.ports.store.forget_requests(),
        "dispatched": dispatch,
        "breakers_open": tell_of_breakers,
        "steps_waiting": tell_of_backlogs,
        "audit_findings": audit_rows,
        "objects_out_of_place": walk_objects,
        "artifacts_missing": walk_artifacts,
    }
    mended = {}
    for name, duty in duties.items():
        try:
            mended[name] = duty(runner)
        except Exception as error:
            log("upkeep_duty_failed", duty=name, error=error)
    log("upkeep", mended={name: count for name, count in mended.items() if count})
    return mended


def pulse(runner: Runner, *, sweeps: bool = False) -> int:
    """The duties that can't wait for a whole round: lost workers, lost wake-ups, what is due; how many were dispatched.

    `sweeps`: whoever loses wake-ups may have lost news of arrivals with them, and there is time to look.
    """
    runner.extend_leases()
    rescue_expired(runner)
    runner.reclaim_lost_claims()
    if repeat_unheard(runner) and sweeps:
        sweep(runner)
    dispatched = dispatch(runner)
    runner.ports.store.analyze_grown()
    return dispatched


def tell_of_breakers(runner: Runner) -> int:
    """Say of each dependency that is down for how long it has been; how many."""
    down = {
        name: breaker for name, breaker in runner.ports.breakers.states().items() if breaker.mode is not Mode.CLOSED
    }
    for name, breaker in down.items():
        log("breaker_open", dependency=name, open_s=round(time.time() - breaker.opened_at), reason=breaker.reason)
    return len(down)


def tell_of_backlogs(runner: Runner) -> int:
    """Say of each step at which something waits for how long, what is parked, and how fair it is; how many steps."""
    waiting = [one for one in runner.ports.store.backlog(sorted(runner.steps)) if one.oldest_s or one.parked]
    for one in waiting:
        log("backlog", step=one.step, oldest_s=round(one.oldest_s, 1), parked=one.parked, ahead_s=round(one.ahead_s, 1))
    return len(waiting)


def rescue_expired(runner: Runner) -> int:
    """Take back the steps whose lease has run out."""
    return _rescue(runner, runner.ports.store.expired(AT_ONCE))


def rescue_of(runner: Runner, owner: str) -> int:
    """Take back, at once, the steps of a worker that is known to be dead."""
    return _rescue(runner, runner.ports.store.held_by(owner))


def recover(runner: Runner, owner: str) -> None:
    """What a worker does before it works: take back what its last life held."""
    rescue_of(runner, owner)
    dispatch(runner)


def look_back(runner: Runner, wait: Callable[[float], Any] = time.sleep) -> None:
    """What a worker does as it begins to work: look for what was on its way when the last ones ended, if all did.

    Beside its work: where uploads go on, or much is in flight, that takes a while. It stands for the first pulse.
    """
    born = time.monotonic()
    rescue_expired(runner)
    repeat_unheard(runner, older_than_s=0)
    sweep(runner, older_than_s=0)
    _hear_out(runner, born, wait)


def _hear_out(runner: Runner, born: float, wait: Callable[[float], Any]) -> None:
    """Wake-ups published before a time count as lost once their topic is empty: who had received them is dead."""
    while (age_s := time.monotonic() - born) < UNHEARD_S and runner.ports.store.unclaimed_steps(age_s):
        wait(LOOK_S)
        repeat_unheard(runner, older_than_s=time.monotonic() - born)


def _rescue(runner: Runner, claims: list[Claim]) -> int:
    held = {owner: len(runner.ports.store.held_by(owner)) for owner in {claim.owner for claim in claims}}
    lost = [
        (claim, lifecycle.after_loss(claim.losses, held[claim.owner] <= 1, runner.quarantine_at)) for claim in claims
    ]
    for start in range(0, len(lost), RESCUED_AT_ONCE):
        runner.record_together(lost[start : start + RESCUED_AT_ONCE])
    return len(claims)


def mend_lanes(runner: Runner) -> int:
    return runner.ports.store.repair_lanes()


def repeat_unheard(runner: Runner, older_than_s: float = UNHEARD_S) -> int:
    """Publish wake-ups again that nobody has claimed for long: the broker may have lost them.

    Where a topic still holds messages they are likely among those, and more of them would only keep its consumers from
    coming to them; in time they are published all the same.
    """
    late = runner.ports.store.unclaimed_steps(older_than_s)
    still_told = {step for step in late if runner.ports.topics.holds_messages(step)}
    wake_ups = runner.ports.store.unclaimed(older_than_s, AT_ONCE, still_told) if late else []
    if still_told:
        wake_ups += runner.ports.store.unclaimed(SURELY_LOST_S, AT_ONCE)
    runner.ports.topics.publish(wake_ups)
    return len(wake_ups)


def sweep(runner: Runner, older_than_s: float = AWAITED_S) -> int:
    """Find objects whose event never came. Keys sort by the time they were promised, so it starts at the oldest.

    What is not reached in one round may be in the next, which then starts at any key that is waited for.
    """
    found = 0
    for tenant_id, awaited in runner.ports.store.awaited(older_than_s).items():
        swept, ended = _sweep(runner, tenant_id, awaited)
        if not ended:
            swept += _sweep(runner, tenant_id, awaited[random.randrange(len(awaited)) :])[0]
        found += swept
    return found


def _sweep(runner: Runner, tenant_id: str, awaited: list[str]) -> tuple[int, bool]:
    """Look for these keys, in some listings at most; how many there were, and whether it came to the last of them."""
    found, waited_for, after = 0, set(awaited), awaited[0][:-1]
    for _ in range(LISTINGS_AT_ONCE):
        keys = runner.ports.objects.keys_after(original_key(tenant_id, ""), after, AT_ONCE)
        arrived = [Arrival(key, runner.ports.objects.version_of(key)) for key in keys if key in waited_for]
        if arrived:
            take_arrivals(runner, arrived)
        found += len(arrived)
        if not keys or keys[-1] >= awaited[-1]:
            return found, True
        after = keys[-1]
    return found, False


def miss_uploads(runner: Runner) -> int:
    return runner.ports.store.miss_uploads(AT_ONCE)


def erase_removed(runner: Runner) -> int:
    """Erase some files whose removal can no longer be undone: every version of their objects, then the rows."""
    erased = 0
    for removal_id, files in runner.ports.store.removals_due(AT_ONCE):
        runner.ports.store.erase(removal_id, [file_id for _, file_id in files], _delete_objects(runner, files))
        erased += len(files)
    if erased:
        runner.ports.topics.dispatch_later(0)  # there may be more
    return erased


def sweep_erased(runner: Runner) -> int:
    """Delete what was stored of erased files after their erasure, once nobody can store more."""
    found = 0
    for removal_id, files in runner.ports.store.sweeps_due():
        objects = _delete_objects(runner, files)
        runner.ports.store.swept(removal_id, objects)
        found += objects
    return found


def _delete_objects(runner: Runner, files: list[tuple[str, str]]) -> int:
    """Delete all objects of files, given as (tenant_id, file_id); how many versions."""
    names: dict[str, list[str]] = {}
    for tenant_id, file_id in files:
        names.setdefault(tenant_id, []).append(file_id)
    return sum(
        runner.ports.objects.delete_under(prefix, file_ids)
        for tenant_id, file_ids in names.items()
        for prefix in (original_key(tenant_id, ""), artifact_prefix(tenant_id))
    )


def fold_counts(runner: Runner) -> int:
    """Fold what was counted since, so that a count stays a look at a few rows."""
    folded = 0
    while more := runner.ports.store.fold_counts(FOLDED_AT_ONCE):
        folded += more
        if more < FOLDED_AT_ONCE:
            break
    return folded
