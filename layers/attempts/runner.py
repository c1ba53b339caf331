"""One attempt from its wake-up to its recorded outcome: claim, work, record, dispatch what follows."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from layers.attempts.dependencies import Dependencies
from layers.attempts.held_claims import HeldClaims
from layers.attempts.recording import record_all
from layers.attempts.work import Work
from layers.decoding import scratch, turns
from layers.domain import lifecycle
from layers.domain.errors import (
    DecoderCrashed,
    DependencyDown,
    PermanentError,
    Snooze,
    StoreUnreachable,
    TakesLong,
    Throttled,
    TransientError,
)
from layers.domain.fairness import (
    LONG_S,
    MADE_WAY,
    TAKES_LONG,
    correction,
    in_flight_cap,
    makes_way_after_s,
    places_of_the_long,
)
from layers.domain.file import File
from layers.domain.message import WakeUp
from layers.domain.step import Done, Failed, Later, Outcome, Parked, Pipeline, Retry, Skip, Skipped, Step, Stop
from layers.ports import Claim, FilePlan, Finished, Ports, Recorded
from layers.telemetry.log import about, log, traced

LEASE_GRACE_S = 15.0
LOOKED_EACH_S = 3.0  # at what waits; by whichever process comes first
RECORDED_EACH_S = 0.5  # of what has ended in a load, until it is recorded though there is more
MAKES_WAY_S = 1.5  # of one attempt, until those that wait for it in the same process are put back
STORE_AWAY_S = 2.0


class Runner:
    """Runs steps for one host. `concurrency` holds each step's reserved concurrency by name."""

    def __init__(
        self,
        ports: Ports,
        intake: Step,
        pipelines: Sequence[Pipeline],
        concurrency: dict[str, int],
        *,
        host: str = "local",
        chance: Callable[[], float] = random.random,
        quarantine_at: float = lifecycle.QUARANTINE_AT,
    ) -> None:
        self.ports = ports
        self.quarantine_at = quarantine_at
        self.pipelines = pipelines
        self.host = host
        self._intake = intake
        self._chance = chance
        self.steps = {step.name: step for pipeline in pipelines for step in pipeline.steps} | {intake.name: intake}
        self.dependencies = Dependencies(ports, self.steps, chance)
        self._looks_at = 0.0
        self._something_waits = False
        self._not_dispatched: set[str] = set()
        self._claims = HeldClaims(ports.store, host)
        self._caps = {name: in_flight_cap(concurrency.get(name, 1)) for name in self.steps}

    def run(self, wake_up: WakeUp) -> bool:
        """Run what the wake-up names, if it can be claimed; whether it was."""
        return self.run_all([wake_up]) > 0

    def run_all(self, wake_ups: Sequence[WakeUp]) -> int:
        """Run what wake-ups of one step name, one after the other, and record what came of them together.

        How many could be claimed. Several at once are for parts of milliseconds: the first waits for the last. Those
        around one that takes long, against its estimate, wait no further: what has ended is recorded, and the rest put
        back for others to take. Where all of them take long, since the machine is full, what has ended is recorded
        meanwhile: a worker that dies is not to lose more than it did in a moment.
        """
        step = self.steps[wake_ups[0].step]
        lease_s = step.timeout_s + (len(wake_ups) - 1) * MAKES_WAY_S + LEASE_GRACE_S
        claims = self._claims.claim(wake_ups, lease_s, durably=self.ports.pays(step))
        if not claims:
            return 0
        self._tell(claims)
        load = _Load(list(claims))
        try:
            while load.left:
                claim = load.left.pop(0)
                ended = self._put_back(claim) if load.makes_way else self._run(step, claim, load)
                load.finished.append(ended)
                load.makes_way = load.makes_way or ended.cost_s > MAKES_WAY_S
                if load.left and not load.makes_way and sum(one.cost_s for one in load.finished) > RECORDED_EACH_S:
                    self._record_load(load)
            self._record_load(load)
        finally:
            self._claims.ended(claims)
        return len(claims)

    def _record_load(self, load: _Load) -> None:
        finished, load.finished = load.finished, []
        self._record(finished, self._claims.until([one.claim for one in finished]))

    def _run(self, step: Step, claim: Claim, load: _Load) -> Finished:
        claim = replace(claim, file=replace(claim.file, reach=self.ports.reach))
        began = time.monotonic()
        with ExitStack() as until_it_ends, about(**_named(claim)):
            work = Work(claim, self.ports, partial(_folder_until, until_it_ends))
            turn = until_it_ends.enter_context(
                turns.turn_of(
                    makes_way_after_s(claim.cost_estimate_s),
                    partial(self._may_go_on, claim, load),
                    claim.cost_estimate_s,
                )
            )
            outcome = self._attempt(step, claim, work)
        if turn.went_on:
            claim = replace(claim, cost_estimate_s=max(LONG_S, claim.cost_estimate_s))
        self.dependencies.used(step, work.meter.used)
        return self._finished(claim, outcome, time.monotonic() - began, work.meter.used)

    def _may_go_on(self, claim: Claim, load: _Load) -> bool:
        """Whether an attempt whose turn is over may go on, as one of the long, for which nobody is to wait."""
        try:
            if not self.ports.store.go_on_among_long(claim, places_of_the_long(self._caps[claim.step])):
                return False
        except StoreUnreachable:
            return False
        load.finished += [self._put_back(one) for one in load.left]
        load.left.clear()
        if load.finished:
            self._record_load(load)
        return True

    def _put_back(self, claim: Claim) -> Finished:
        return self._finished(claim, Later(0.0, MADE_WAY), 0.0)

    def extend_leases(self) -> int:
        """Keep what is at work here from being taken for lost; how many leases."""
        return self._claims.extend()

    def take_back_lost_claims(self) -> int:
        """End the claims that nobody runs, since the answer to them was lost; how many."""
        lost = self._claims.lost()
        for claim in lost:
            self.record(claim, Later(0.0, "the answer to its claim was lost"))
        return len(lost)

    def record(self, claim: Claim, outcome: Outcome, cost_s: float = 0.0) -> Recorded:
        """Record an outcome and dispatch what it readied, and what may take the place that it freed."""
        return self._record([self._finished(claim, outcome, cost_s)], until=0.0)[0]

    def record_together(self, outcomes: Sequence[tuple[Claim, Outcome]]) -> list[Recorded]:
        """As `record`, for several claims at the price of one."""
        return self._record([self._finished(claim, outcome, 0.0) for claim, outcome in outcomes], until=0.0)

    def _finished(
        self, claim: Claim, outcome: Outcome, cost_s: float, used: Mapping[str, int] | None = None
    ) -> Finished:
        step = self.steps[claim.step]
        return Finished(claim, outcome, lambda file: self.plan_after(step, outcome, file), cost_s, used)

    def _record(self, finished: Sequence[Finished], until: float) -> list[Recorded]:
        recorded = record_all(self.ports.store, finished, self.host, until=until, chance=self._chance)
        self._tell([one.claim for one in finished])
        moved: set[str] = set()
        for one, verdict in zip(finished, recorded, strict=True):
            self._after_record(one, verdict)
            moved |= {one.claim.step, *verdict.readied, *(self.steps if verdict.unsure else ())}
        self._correct([one for one, verdict in zip(finished, recorded, strict=True) if not verdict.fenced])
        self.dispatch(moved)
        later = [
            self.dependencies.wake_in_s(one.outcome)
            for one in finished
            if isinstance(one.outcome, Retry | Later | Parked)
        ]
        if later:
            self.ports.topics.dispatch_later(min(later))
        return recorded

    def _tell(self, claims: Sequence[Claim]) -> None:
        self.ports.news.publish({claim.file.dataset_id for claim in claims})

    def _after_record(self, one: Finished, recorded: Recorded) -> None:
        claim, outcome = one.claim, one.outcome
        step = self.steps[claim.step]
        log(
            "attempt",
            **_named(claim),
            outcome="fenced" if recorded.fenced else type(outcome).__name__.lower(),
            error_code=getattr(outcome, "code", None),
            cost_s=round(one.cost_s, 3),
            gave_up=isinstance(outcome, Failed) and claim.failures + 1 >= step.retry.max_attempts,
            paid_pages=len(outcome.pages) if step.pays_by_call and isinstance(outcome, Done) else None,
        )
        if isinstance(outcome, Done) and (recorded.removed or (recorded.fenced and not recorded.unsure)):
            self._delete_made(claim)

    def dispatch(self, steps: Iterable[str]) -> int:
        """Publish wake-ups for what may run of these steps; how many."""
        caps = {name: self.dependencies.cap(self.steps[name], self._caps[name]) for name in steps if name in self.steps}
        caps = {name: cap for name, cap in caps.items() if cap}
        taken = self.dependencies.take(caps)
        # What may be a probe, or is counted call by call, goes alone.
        loads = {
            name: self.steps[name].parts_per_message
            for name, cap in caps.items()
            if cap == self._caps[name] and name not in taken
        }
        try:
            wake_ups = self.ports.store.dispatch(caps, taken, loads)
        except StoreUnreachable:
            # Who ended something has said so by now, and will not be heard again.
            self._not_dispatched |= set(caps)
            raise
        self.dependencies.give_back(taken, caps, wake_ups)
        self.ports.topics.publish(wake_ups)
        self._look_at_backlogs()
        return len(wake_ups)

    def tick(self) -> None:
        """What a host that stays up does each second: what could not be dispatched while the store was away is, and a
        backlog is seen to its end, though nobody dispatches."""
        steps = list(self._not_dispatched)
        self._not_dispatched.difference_update(steps)
        if steps:
            try:
                self.dispatch(steps)
            except Exception as error:  # the pulse comes back to it
                log("dispatch_waits", steps=sorted(steps), detail=str(error))
        if self._something_waits:
            self._look_at_backlogs()

    def _look_at_backlogs(self) -> None:
        """Now and then, so that waits can be told: what is left in the lanes, and how fast they are served."""
        now = time.monotonic()
        if now < self._looks_at:
            return
        self._looks_at = now + LOOKED_EACH_S
        try:
            waiting = self.ports.store.look_at_backlogs(LOOKED_EACH_S)
            self._something_waits = self._something_waits if waiting is None else waiting > 0
        except Exception as error:  # nothing that runs depends on it
            log("backlogs_not_seen", detail=str(error))

    def plan_after(self, ended: Step, outcome: Outcome, file: File) -> FilePlan:
        """What follows the end of a step, and the file's state where its main pipeline ended with it."""
        file = replace(file, reach=self.ports.reach)
        merged = ended.merge(file) if ended.merge and file.windows else None
        failed = ended.name in file.failures and merged is None
        if ended is self._intake:
            if isinstance(outcome, Failed):
                return FilePlan((), "failed", (ended.name, outcome.code, outcome.detail))
            planned = lifecycle.start(self.pipelines, file)
        else:
            planned = lifecycle.follow(self.pipelines, ended, failed, file)
        main = {step.name for step in self.pipelines[0].steps}
        for one in planned:
            if one.step in main and isinstance(one.plan, Stop):
                return FilePlan(planned, "failed", (one.step, one.plan.code, one.plan.detail))
        if ended.name in main and failed and not ended.continues_after_failure:
            return FilePlan(planned, "failed", (ended.name, *file.failures[ended.name]))
        last = self.pipelines[0].steps[-1]
        if any(one.step == last.name and isinstance(one.plan, Skip) for one in planned):
            return FilePlan(planned, "done")  # the main pipeline has nothing to do with such a file
        made = merged or outcome
        if ended is last and isinstance(made, Done):
            return FilePlan(planned, "done" if made.complete else "partial", merged=merged)
        return FilePlan(planned)

    def _attempt(self, step: Step, claim: Claim, work: Work) -> Outcome:
        if refusal := self.dependencies.refusal(step, claim):
            return refusal
        try:
            attempt = traced(step.name, file_id=claim.file.file_id, tenant_id=claim.file.tenant_id)
            with attempt:
                result = step.run(claim.file, work)
        except Exception as error:
            return self._after_error(step, claim, error)
        self.dependencies.served(step, claim.file)
        return Skipped(result.reason) if isinstance(result, Skip) else result

    def _after_error(self, step: Step, claim: Claim, error: Exception) -> Outcome:
        match error:
            case DependencyDown():
                verdict = self.dependencies.down(step, claim, error)
                return verdict or self._retry(step, claim, f"{error.dependency}_down", error.detail)
            case Throttled():
                self.dependencies.answered(step, claim.file)
                return self.dependencies.throttled(step, error)
            case Snooze():
                self.dependencies.answered(step, claim.file)
                return Later(error.delay_s, error.reason)
        is_in_doubt = isinstance(error, DecoderCrashed) and error.dependency == step.depends_on is not None
        if isinstance(error, PermanentError | DecoderCrashed | StoreUnreachable | TakesLong) and not is_in_doubt:
            self.dependencies.said_nothing(step, claim.file)  # of a bad file, or of our own trouble
        if is_in_doubt and (outcome := self.dependencies.doubted(step, claim, str(error))):
            return outcome
        match error:
            case StoreUnreachable():
                return Later(STORE_AWAY_S * self._chance(), "the status store was out of reach")
            case TakesLong():
                return Later(0.0, TAKES_LONG, LONG_S)
            case PermanentError():
                return Failed(error.code, error.detail)
            case DecoderCrashed() if claim.failures >= 1:
                return Failed("corrupt", "the file makes its reader crash; it may be damaged")
            case DecoderCrashed():
                return self._retry(step, claim, error.code, error.detail)
            case TransientError():
                return self._in_doubt(step, claim, error.code, error.detail)
        log("step_broke", error=error)
        return self._in_doubt(step, claim, "internal_error", f"the {step.name} step broke; it is ours to mend")

    def _in_doubt(self, step: Step, claim: Claim, code: str, detail: str) -> Outcome:
        return self.dependencies.doubted(step, claim, detail) or self._retry(step, claim, code, detail)

    def _delete_made(self, claim: Claim) -> None:
        try:
            self.ports.objects.delete_prefix(claim.artifact_key(""))
        except Exception as error:  # the sweep of orphans finds it again
            log("artifact_left", **_named(claim), detail=str(error))

    def _retry(self, step: Step, claim: Claim, code: str, detail: str) -> Outcome:
        return lifecycle.after_failure(step.retry, claim.failures + 1, self._chance(), code, detail)

    def _correct(self, finished: Sequence[Finished]) -> None:
        """Charge each lane what was far from its estimate, in one write for all that a lane is owed."""
        due: dict[tuple[str, str], tuple[Claim, float]] = {}
        for one in finished:
            # What a lost worker had spent is not known.
            if isinstance(one.outcome, Parked) or getattr(one.outcome, "lost", False):
                continue
            lane = one.claim.step, one.claim.file.batch_id
            if difference_s := correction(one.claim.cost_estimate_s, one.cost_s):
                due[lane] = one.claim, difference_s + (due[lane][1] if lane in due else 0.0)
        for claim, difference_s in due.values():
            self.ports.store.correct_lane(claim, difference_s)


@dataclass(slots=True)
class _Load:
    """What one message names: the claims that are still to be run, and what came of others and is not recorded yet.
    One of them took long where it `makes_way`."""

    left: list[Claim]
    finished: list[Finished] = field(default_factory=list)
    makes_way: bool = False


def _named(claim: Claim) -> dict[str, Any]:
    """What every log line of an attempt bears."""
    return {
        "step": claim.step,
        "part": claim.part,
        "attempt": claim.attempt,
        "file_id": claim.file.file_id,
        "tenant_id": claim.file.tenant_id,
    }


def _folder_until(the_end: ExitStack) -> Path:
    """A new folder that goes with the stack."""
    folder = tempfile.TemporaryDirectory(prefix="attempt-", dir=scratch.own_folder(), ignore_cleanup_errors=True)
    return Path(the_end.enter_context(folder))
