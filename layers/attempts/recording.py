"""Records the outcomes of attempts, and retries while the status store is away: work that was done, and perhaps paid
for, must not be repeated because its outcome could not be recorded."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from layers.attempts.dependencies import Dependencies
from layers.attempts.dispatching import Dispatcher
from layers.domain import lifecycle
from layers.domain.errors import StoreUnreachable
from layers.domain.fairness import correction
from layers.domain.file import File
from layers.domain.lifecycle import FilePlan
from layers.domain.message import WakeUp
from layers.domain.step import Done, Failed, Later, Outcome, Parked, Pipeline, Retry, Step
from layers.ports import Claim, Finished, Ports, Recorded, Store
from layers.telemetry.log import log

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 2.0


def log_fields(claim: Claim) -> dict[str, Any]:
    """The fields of every log line of an attempt."""
    return {
        "step": claim.step,
        "part": claim.part,
        "attempt": claim.attempt,
        "file_id": claim.file.file_id,
        "tenant_id": claim.file.tenant_id,
    }


def record_all(
    store: Store, finished: Sequence[Finished], host: str, *, until: float, chance: Callable[[], float]
) -> list[Recorded]:
    """The store's verdicts on these outcomes, in order.

    Raises StoreUnreachable if the store is still away at `until`, a time of the monotonic clock: by then the leases
    have ended, and other workers may hold the parts.
    """
    is_unsure = False
    longest_s = FIRST_PAUSE_S  # short at first: often only one connection was closed
    while True:
        try:
            recorded = store.record_all(finished, host=host)
        except StoreUnreachable as error:
            pause_s = longest_s * chance()
            longest_s = min(LONGEST_PAUSE_S, 2 * longest_s)
            if time.monotonic() + pause_s >= until:
                raise
            if not is_unsure:
                log("record_postponed", step=finished[0].claim.step, detail=str(error))
            is_unsure = True
            time.sleep(pause_s)
        else:
            return [replace(verdict, unsure=is_unsure and verdict.fenced) for verdict in recorded]


def _datasets_of(attempt: Finished) -> set[str]:
    """The dataset of an attempt's file, and the one to which it was moved."""
    routed = attempt.outcome.routed if isinstance(attempt.outcome, Done) else None
    return {attempt.claim.file.dataset_id} | ({routed.target} if routed and routed.target else set())


class Recorder:
    """Records outcomes under the name of one host, and starts what follows them."""

    def __init__(
        self,
        ports: Ports,
        intake: Step,
        pipelines: Sequence[Pipeline],
        steps: Mapping[str, Step],
        dependencies: Dependencies,
        dispatcher: Dispatcher,
        host: str,
        chance: Callable[[], float],
    ) -> None:
        self._ports = ports
        self._intake = intake
        self._pipelines = pipelines
        self._steps = steps
        self._dependencies = dependencies
        self._dispatcher = dispatcher
        self._host = host
        self._chance = chance

    def finished(
        self, claim: Claim, outcome: Outcome, cost_s: float = 0.0, used: Mapping[str, int] | None = None
    ) -> Finished:
        """An attempt that has ended, with the plan of what follows it."""

        def plan(file: File) -> FilePlan:
            file = replace(file, reach=self._ports.reach, redrives=claim.file.redrives)
            return lifecycle.plan_after(self._intake, self._pipelines, self._steps[claim.step], outcome, file)

        return Finished(claim, outcome, plan, cost_s, used)

    def record(self, finished: Sequence[Finished], until: float = 0.0) -> list[Recorded]:
        """Record outcomes, then dispatch the parts that they made ready and parts for the slots that they freed.

        Retries until `until`, a time of the monotonic clock. Raises StoreUnreachable.
        """
        pairs, moved = self._record(finished, until)
        self._dispatcher.dispatch(moved)
        return [verdict for _, verdict in pairs]

    def record_and_keep(self, finished: Sequence[Finished], until: float, may_follow: Collection[str]) -> list[WakeUp]:
        """Like `record`, but returns those wake-ups that the caller may run at once: short parts of the same files, of these
        steps, whose turn it is."""
        pairs, moved = self._record(finished, until)
        kept = {
            (attempt.claim.file.file_id, step)
            for attempt, verdict in pairs
            for step in verdict.short
            if step in may_follow
        }
        return self._dispatcher.dispatch_and_keep(moved, kept)

    def leave_to_others(self, wake_ups: Sequence[WakeUp]) -> None:
        """Publish wake-ups that `record_and_keep` returned and that this thread does not run."""
        self._ports.topics.publish(wake_ups)

    def _record(self, finished: Sequence[Finished], until: float) -> tuple[list[tuple[Finished, Recorded]], set[str]]:
        """The outcomes with the store's verdicts, and the steps that are to be dispatched."""
        pairs = self._record_all(finished, until)
        self._ports.notifications.publish({dataset_id for attempt in finished for dataset_id in _datasets_of(attempt)})
        moved: set[str] = set()
        for attempt, verdict in pairs:
            self._after_record(attempt, verdict)
            moved |= {attempt.claim.step, *verdict.readied, *(self._steps if verdict.unsure else ())}
        self._correct_lanes([attempt for attempt, verdict in pairs if not verdict.fenced])
        delays_s = [
            self._dependencies.wake_in_s(attempt.outcome)
            for attempt, _ in pairs
            if isinstance(attempt.outcome, Retry | Later | Parked)
        ]
        if delays_s:
            self._ports.topics.dispatch_later(min(delays_s))
        return pairs, moved

    def _record_all(self, finished: Sequence[Finished], until: float) -> list[tuple[Finished, Recorded]]:
        """Record outcomes together or, if the store refuses one of them, one by one, so that the others are recorded."""
        try:
            recorded = record_all(self._ports.store, finished, self._host, until=until, chance=self._chance)
        except StoreUnreachable:
            raise
        except Exception as error:
            refused = error
        else:
            return list(zip(finished, recorded, strict=True))
        return [self._record_alone(attempt, until, refused if len(finished) == 1 else None) for attempt in finished]

    def _record_alone(self, attempt: Finished, until: float, refused: Exception | None) -> tuple[Finished, Recorded]:
        """Record one outcome or, if the store refuses it, a failure of its attempt.

        If that is refused too, the part stays leased. When the lease ends, the attempt counts as lost with its worker.
        """
        try:
            if refused:
                raise refused
            recorded = record_all(self._ports.store, [attempt], self._host, until=until, chance=self._chance)
        except StoreUnreachable:
            raise
        except Exception as error:
            outcome = type(attempt.outcome).__name__.lower()
            log("outcome_refused", **log_fields(attempt.claim), outcome=outcome, error=error)
            attempt = self._failed(attempt)
            try:
                recorded = record_all(self._ports.store, [attempt], self._host, until=until, chance=self._chance)
            except StoreUnreachable:
                raise
            except Exception as again:
                log("attempt_not_recorded", **log_fields(attempt.claim), error=again)
                return attempt, Recorded(fenced=True)
        # The failed write may have recorded this outcome before it failed on another one.
        return attempt, replace(recorded[0], unsure=recorded[0].fenced)

    def _failed(self, attempt: Finished) -> Finished:
        step = self._steps[attempt.claim.step]
        code, detail = lifecycle.internal_error(step)
        if attempt.used:  # a retry would pay again for an outcome that is refused again
            outcome: Outcome = Failed(code, detail)
        else:
            outcome = lifecycle.after_failure(step.retry, attempt.claim.failures + 1, self._chance(), code, detail)
        return self.finished(attempt.claim, outcome, attempt.cost_s, attempt.used)

    def _after_record(self, attempt: Finished, recorded: Recorded) -> None:
        claim, outcome = attempt.claim, attempt.outcome
        step = self._steps[claim.step]
        log(
            "attempt",
            **log_fields(claim),
            outcome="fenced" if recorded.fenced else type(outcome).__name__.lower(),
            error_code=getattr(outcome, "code", None),
            cost_s=round(attempt.cost_s, 3),
            gave_up=isinstance(outcome, Failed) and claim.failures + 1 >= step.retry.max_attempts,
            paid_pages=len(outcome.pages) if step.pays_by_call and isinstance(outcome, Done) else None,
        )
        if isinstance(outcome, Done) and (recorded.removed or (recorded.fenced and not recorded.unsure)):
            self._delete_artifacts(claim)

    def _delete_artifacts(self, claim: Claim) -> None:
        try:
            self._ports.objects.delete_prefix(claim.artifact_key(""))
        except Exception as error:  # the audit's walk through the bucket deletes them later
            log("artifacts_left", **log_fields(claim), detail=str(error))

    def _correct_lanes(self, finished: Sequence[Finished]) -> None:
        """Charge each lane the difference between estimates and measured times, in one write a lane."""
        due: dict[tuple[str, str], tuple[Claim, float]] = {}
        for attempt in finished:
            # The cost of a lost worker is unknown.
            if isinstance(attempt.outcome, Parked) or getattr(attempt.outcome, "lost", False):
                continue
            lane = attempt.claim.step, attempt.claim.file.batch_id
            if difference_s := correction(attempt.claim.cost_estimate_s, attempt.cost_s):
                due[lane] = attempt.claim, difference_s + (due[lane][1] if lane in due else 0.0)
        for claim, difference_s in due.values():
            self._ports.store.correct_lane(claim, difference_s)
