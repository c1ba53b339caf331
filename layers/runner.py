"""One attempt from its wake-up to its recorded outcome: claim, work, record, dispatch what follows."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from layers.domain import lifecycle
from layers.domain.errors import (
    DecoderCrashed,
    DependencyDown,
    PermanentError,
    Snooze,
    StoreUnreachable,
    TransientError,
)
from layers.domain.fairness import SLICE_S, in_flight_cap
from layers.domain.file import File
from layers.domain.message import WakeUp
from layers.domain.step import Done, Failed, Later, Outcome, Parked, Pipeline, Retry, Skip, Skipped, Step, Stop
from layers.ports import Claim, FilePlan, Ports, Recorded
from layers.telemetry import log
from layers.work import Work

LEASE_GRACE_S = 15.0
PROBE_S = 30.0


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
    ) -> None:
        self.ports = ports
        self.pipelines = pipelines
        self.host = host
        self._intake = intake
        self._chance = chance
        self.steps = {step.name: step for pipeline in pipelines for step in pipeline.steps} | {intake.name: intake}
        self._caps = {name: in_flight_cap(concurrency.get(name, 1)) for name in self.steps}

    def run(self, wake_up: WakeUp) -> bool:
        """Run what the wake-up names, if it can be claimed; whether it was."""
        step = self.steps[wake_up.step]
        lease_s = step.timeout_s + LEASE_GRACE_S
        claim = self.ports.store.claim(wake_up, self.host, lease_s, durably=step.pays_by_call)
        if claim is None:
            return False
        self.ports.news.publish([claim.file.dataset_id])
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="fairway-", ignore_cleanup_errors=True) as scratch:
            outcome = self._attempt(step, claim, Path(scratch))
        self.record(claim, outcome, time.monotonic() - began)
        return True

    def record(self, claim: Claim, outcome: Outcome, cost_s: float = 0.0) -> Recorded:
        """Record an outcome and dispatch what it readied, and what may take the place that it freed."""
        step = self.steps[claim.step]
        recorded = self.ports.store.record(
            claim, outcome, lambda file: self.plan_after(step, outcome, file), cost_s=cost_s, host=self.host
        )
        log(
            "attempt",
            step=claim.step,
            part=claim.part,
            attempt=claim.attempt,
            file_id=claim.file.file_id,
            tenant_id=claim.file.tenant_id,
            outcome="fenced" if recorded.fenced else type(outcome).__name__.lower(),
            error_code=getattr(outcome, "code", None),
            cost_s=round(cost_s, 3),
        )
        self.ports.news.publish([claim.file.dataset_id])
        if isinstance(outcome, Done) and (recorded.fenced or recorded.removed):
            self.ports.objects.delete_prefix(claim.artifact_key(""))
        self._correct(claim, cost_s)
        self.dispatch({claim.step, *recorded.readied})
        if isinstance(outcome, Retry | Later | Parked):
            self.ports.topics.dispatch_later(outcome.delay_s)
        return recorded

    def dispatch(self, steps: Iterable[str]) -> int:
        """Publish wake-ups for what may run of these steps; how many."""
        wake_ups = self.ports.store.dispatch({name: self._caps[name] for name in steps if name in self._caps})
        self.ports.topics.publish(wake_ups)
        return len(wake_ups)

    def plan_after(self, ended: Step, outcome: Outcome, file: File) -> FilePlan:
        """What follows the end of a step, and the file's state where its main pipeline ended with it."""
        if ended is self._intake:
            if isinstance(outcome, Failed):
                return FilePlan((), "failed", (ended.name, outcome.code, outcome.detail))
            planned = lifecycle.start(self.pipelines, file)
        else:
            planned = lifecycle.follow(self.pipelines, ended, ended.name in file.failures, file)
        main = {step.name for step in self.pipelines[0].steps}
        for one in planned:
            if one.step in main and isinstance(one.plan, Stop):
                return FilePlan(planned, "failed", (one.step, one.plan.code, one.plan.detail))
        if ended.name in main and ended.name in file.failures and not ended.goes_on_after_failure:
            return FilePlan(planned, "failed", (ended.name, *file.failures[ended.name]))
        if ended is self.pipelines[0].steps[-1] and isinstance(outcome, Done):
            return FilePlan(planned, "done" if outcome.complete else "partial")
        return FilePlan(planned)

    def _attempt(self, step: Step, claim: Claim, scratch: Path) -> Outcome:
        try:
            result = step.run(claim.file, Work(claim, self.ports, scratch))
            return Skipped(result.reason) if isinstance(result, Skip) else result
        except StoreUnreachable:
            raise
        except PermanentError as error:
            return Failed(error.code, error.detail)
        except Snooze as error:
            return Later(error.delay_s, error.reason)
        except DependencyDown as error:
            return Parked(PROBE_S * (0.5 + 0.5 * self._chance()), error.detail, error.dependency)
        except DecoderCrashed as error:
            if claim.failures >= 1:
                return Failed("corrupt", "the file makes its reader crash; it may be damaged")
            return self._retry(step, claim, error.code, error.detail)
        except TransientError as error:
            return self._retry(step, claim, error.code, error.detail)
        except Exception as error:
            log("step_broke", step=step.name, file_id=claim.file.file_id, error=error)
            return self._retry(step, claim, "internal_error", f"the {step.name} step broke; it is ours to mend")

    def _retry(self, step: Step, claim: Claim, code: str, detail: str) -> Outcome:
        return lifecycle.after_failure(step.retry, claim.failures + 1, self._chance(), code, detail)

    def _correct(self, claim: Claim, cost_s: float) -> None:
        difference_s = cost_s - min(claim.cost_estimate_s, SLICE_S)
        if abs(difference_s) > max(0.5, 0.5 * claim.cost_estimate_s):
            self.ports.store.correct_lane(claim, difference_s)
