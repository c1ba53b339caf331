"""The life of an attempt: claim a part, run its step, and turn what the step returns or raises into an outcome."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from pathlib import Path

from layers.attempts.dependencies import Dependencies
from layers.attempts.held_claims import HeldClaims
from layers.attempts.recording import Recorder, log_fields
from layers.attempts.work import Work
from layers.decoding import scratch
from layers.decoding.short_limit import short_limit
from layers.domain import lifecycle
from layers.domain.errors import (
    DecoderCrashed,
    DecoderKilled,
    DependencyDown,
    PermanentError,
    Snooze,
    StoreUnreachable,
    TakesLong,
    Throttled,
    TransientError,
)
from layers.domain.fairness import BUNDLE_TOOK_LONG, LONG_S, TAKES_LONG, VISIT_S, short_limit_s
from layers.domain.message import WakeUp
from layers.domain.step import Failed, Later, Outcome, Skip, Skipped, Step
from layers.ports import Claim, Finished, Ports
from layers.telemetry.log import about, log, traced

LEASE_GRACE_S = 15.0
RECORD_EVERY_S = 0.5  # after so many seconds of work in a bundle, the parts that have ended are recorded
YIELDS_AFTER_S = 1.5  # after so many seconds of one attempt, the other parts of its bundle are requeued
# A lease allows for so many parts that run one after the other. Of more, all are short, and leases are extended; longer leases
# would delay the rescue of what a lost worker held.
MOST_TOGETHER = 10
STORE_AWAY_S = 2.0
# After the host has killed a decoder: the longest delay until the next try, and how many such tries spend no attempt. A
# file that can never be read within the host's memory still fails after some minutes.
KILLED_S, MOST_KILLS = 30.0, 20


class Attempts:
    """Runs the attempts of one host. `chance` returns random numbers from 0 to 1."""

    def __init__(
        self,
        ports: Ports,
        steps: Mapping[str, Step],
        claims: HeldClaims,
        dependencies: Dependencies,
        recorder: Recorder,
        chance: Callable[[], float],
        may_follow: Collection[str] = (),
    ) -> None:
        """`may_follow`: the steps whose short parts the thread that made them ready runs next, without a message."""
        self._ports = ports
        self._steps = steps
        self._may_follow = frozenset(name for name in may_follow if not ports.pays(steps[name]))
        self._claims = claims
        self._dependencies = dependencies
        self._recorder = recorder
        self._chance = chance

    def run_bundle(self, wake_ups: Sequence[WakeUp]) -> int:
        """Claim the parts that wake-ups of one step name, run them one after the other, record them together.

        Returns how many could be claimed. Short parts that become ready meanwhile, and whose turn it is, are run too. A
        bundle is meant for parts that take milliseconds, because their outcomes are recorded together. When one part
        exceeds its short limit or `YIELDS_AFTER_S`, those after it are requeued, and what becomes ready is published, because
        the next parts of this thread's own step wait for it. When all parts take long, because the machine is busy, outcomes
        are recorded every `RECORD_EVERY_S`, so that a worker that dies loses little.
        """
        bundle = _Bundle(leave_at=time.monotonic() + VISIT_S)
        following: list[WakeUp] = []
        try:
            claimed = self._run_parts(wake_ups, bundle)
            while bundle.following:
                following, bundle.following = bundle.following, []
                self._run_parts(following, bundle)
        except BaseException:
            if left := [*following, *bundle.following]:
                self._recorder.leave_to_others(left)
            raise
        return claimed

    def leave_all_to_others(self) -> None:
        """From now on publish what follows the parts that end, because this process is about to end."""
        self._may_follow = frozenset()

    def _run_parts(self, wake_ups: Sequence[WakeUp], bundle: _Bundle) -> int:
        """Claim these parts, run and record them. Returns how many could be claimed."""
        claims: list[Claim] = []
        try:
            for name, of_step in groupby(wake_ups, key=lambda wake_up: wake_up.step):
                claims += self._claim(self._steps[name], list(of_step), len(wake_ups))
            if not claims:
                return 0
            self._ports.notifications.publish({claim.file.dataset_id for claim in claims})
            bundle.left, bundle.yields = list(claims), False
            while bundle.left:
                claim = bundle.left.pop(0)
                ended = self._requeued(claim) if bundle.yields else self._run(self._steps[claim.step], claim)
                bundle.finished.append(ended)
                bundle.yields = bundle.yields or _took_long(ended)
                if (
                    bundle.left
                    and not bundle.yields
                    and sum(attempt.cost_s for attempt in bundle.finished) > RECORD_EVERY_S
                ):
                    self._record(bundle)
            self._record(bundle)
        finally:
            self._claims.ended(claims)
        return len(claims)

    def _claim(self, step: Step, wake_ups: Sequence[WakeUp], together: int) -> list[Claim]:
        """Claim parts that run one after the other, with others, `together` in all."""
        behind = min(together, MOST_TOGETHER) - 1
        lease_s = step.timeout_s + behind * YIELDS_AFTER_S + LEASE_GRACE_S
        return self._claims.claim(wake_ups, lease_s, durably=self._ports.pays(step))

    def _record(self, bundle: _Bundle) -> None:
        finished, bundle.finished = bundle.finished, []
        may_follow = self._may_follow if time.monotonic() < bundle.leave_at and not bundle.yields else ()
        until = self._claims.until([attempt.claim for attempt in finished])
        bundle.following += self._recorder.record_and_keep(finished, until, may_follow)

    def _run(self, step: Step, claim: Claim) -> Finished:
        claim = replace(claim, file=replace(claim.file, reach=self._ports.reach))
        began = time.monotonic()
        with ExitStack() as cleanup, about(**log_fields(claim)):
            work = Work(claim, self._ports, partial(_temporary_folder, cleanup))
            cleanup.enter_context(short_limit(short_limit_s(claim.cost_estimate_s)))
            outcome = self._outcome(step, claim, work)
        self._dependencies.used(step, work.meter.used)
        return self._recorder.finished(claim, outcome, time.monotonic() - began, work.meter.used)

    def _requeued(self, claim: Claim) -> Finished:
        return self._recorder.finished(claim, Later(0.0, BUNDLE_TOOK_LONG))

    def _outcome(self, step: Step, claim: Claim, work: Work) -> Outcome:
        if refusal := self._dependencies.refusal(step, claim):
            return refusal
        try:
            with traced(step.name, file_id=claim.file.file_id, tenant_id=claim.file.tenant_id):
                result = step.run(claim.file, work)
        except Exception as error:
            return self._after_error(step, claim, error)
        self._dependencies.served(step, claim.file)
        return Skipped(result.reason) if isinstance(result, Skip) else result

    def _after_error(self, step: Step, claim: Claim, error: Exception) -> Outcome:
        match error:
            case DependencyDown():
                verdict = self._dependencies.down(step, claim, error)
                return verdict or self._retry(step, claim, f"{error.dependency}_down", error.detail)
            case Throttled():
                self._dependencies.answered(step, claim.file)
                return self._dependencies.throttled(step, error)
            case Snooze():
                self._dependencies.answered(step, claim.file)
                return Later(error.delay_s, error.reason)
        may_be_the_service = (
            isinstance(error, DecoderCrashed)
            and not isinstance(error, DecoderKilled)
            and error.dependency == step.depends_on is not None
        )
        if isinstance(error, PermanentError | DecoderCrashed | StoreUnreachable | TakesLong) and not may_be_the_service:
            self._dependencies.inconclusive(step, claim.file)  # the file or the status store caused the error
        if may_be_the_service and (outcome := self._dependencies.doubted(step, claim, str(error))):
            return outcome
        match error:
            case StoreUnreachable():
                return Later(STORE_AWAY_S * self._chance(), "the status store could not be reached")
            case TakesLong():
                return Later(0.0, TAKES_LONG, LONG_S)
            case PermanentError():
                return Failed(error.code, error.detail)
            case DecoderKilled() if claim.snoozes < MOST_KILLS:
                return Later(
                    KILLED_S * self._chance(), "the host ended the decoder, for example because memory is short"
                )
            case DecoderKilled():
                return self._retry(
                    step, claim, "resource_limit", "reading the file needs more memory than the host has"
                )
            case DecoderCrashed() if claim.failures >= 1:
                return Failed("corrupt", "the file crashes the program that reads it; it may be damaged")
            case DecoderCrashed():
                return self._retry(step, claim, error.code, error.detail)
            case TransientError():
                return self._in_doubt(step, claim, error.code, error.detail)
        log("step_failed", error=error)
        return self._in_doubt(step, claim, *lifecycle.internal_error(step))

    def _in_doubt(self, step: Step, claim: Claim, code: str, detail: str) -> Outcome:
        """The outcome of a failure that the file may have caused, or the service that the step depends on."""
        return self._dependencies.doubted(step, claim, detail) or self._retry(step, claim, code, detail)

    def _retry(self, step: Step, claim: Claim, code: str, detail: str) -> Outcome:
        return lifecycle.after_failure(step.retry, claim.failures + 1, self._chance(), code, detail)


@dataclass(slots=True)
class _Bundle:
    """The parts that one message names: claims that are left to run, and outcomes that are not recorded yet.

    `yields`: one part took long, so the parts that are left are requeued. `following` are parts that became ready and that
    the same thread runs next, unless it is `leave_at` by the monotonic clock.
    """

    leave_at: float
    left: list[Claim] = field(default_factory=list)
    finished: list[Finished] = field(default_factory=list)
    following: list[WakeUp] = field(default_factory=list)
    yields: bool = False


def _took_long(ended: Finished) -> bool:
    exceeded = isinstance(ended.outcome, Later) and ended.outcome.reason == TAKES_LONG
    return exceeded or ended.cost_s > YIELDS_AFTER_S


def _temporary_folder(cleanup: ExitStack) -> Path:
    """A new folder that is deleted when the stack closes."""
    folder = tempfile.TemporaryDirectory(prefix="attempt-", dir=scratch.own_folder(), ignore_cleanup_errors=True)
    return Path(cleanup.enter_context(folder))
