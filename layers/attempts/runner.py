"""The runner: runs steps, records their outcomes and dispatches what is ready, for one host."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from layers.attempts.attempt import Attempts
from layers.attempts.dependencies import Dependencies
from layers.attempts.dispatching import Dispatcher
from layers.attempts.fleet_view import FleetView
from layers.attempts.held_claims import HeldClaims
from layers.attempts.recording import Recorder
from layers.domain import lifecycle
from layers.domain.message import WakeUp
from layers.domain.step import Later, Outcome, Pipeline, Step
from layers.ports import Claim, Ports, Recorded

STOPPED = "the worker that ran it was stopped, and another one continues"


class Runner:
    """`concurrency` is how many parts of each step run at once if no workers register, `ceilings` how many may run at
    once on the workers of `fleet`. `host` is the owner of all claims.

    `quarantine_at` is how many workers may be lost with a part before it is given up. `may_follow` are the steps whose short
    parts the thread that made them ready runs at once.
    """

    def __init__(
        self,
        ports: Ports,
        intake: Step,
        pipelines: Sequence[Pipeline],
        concurrency: Mapping[str, int],
        *,
        host: str = "local",
        chance: Callable[[], float] = random.random,
        quarantine_at: float = lifecycle.QUARANTINE_AT,
        fleet: FleetView | None = None,
        ceilings: Mapping[str, int] | None = None,
        may_follow: Collection[str] = (),
    ) -> None:
        self.ports = ports
        self.intake = intake
        self.pipelines = pipelines
        self.host = host
        self.quarantine_at = quarantine_at
        self.steps = {step.name: step for pipeline in pipelines for step in pipeline.steps} | {intake.name: intake}
        self.dependencies = Dependencies(ports, self.steps, chance)
        self._claims = HeldClaims(ports.store, host)
        self._dispatcher = Dispatcher(
            ports, self.steps, concurrency, self.dependencies, fleet or FleetView(), ceilings or {}
        )
        self._recorder = Recorder(
            ports, intake, pipelines, self.steps, self.dependencies, self._dispatcher, host, chance
        )
        self._attempts = Attempts(
            ports, self.steps, self._claims, self.dependencies, self._recorder, chance, may_follow
        )

    def run(self, wake_up: WakeUp) -> bool:
        """Run the part that a wake-up names. Returns whether it could be claimed."""
        return self.run_all([wake_up]) > 0

    def run_all(self, wake_ups: Sequence[WakeUp]) -> int:
        """Run the parts that wake-ups of one step name. Returns how many could be claimed. Raises StoreUnreachable."""
        return self._attempts.run_bundle(wake_ups)

    def extend_leases(self) -> int:
        """Extend the leases of attempts that take long. Returns their number. Raises StoreUnreachable."""
        return self._claims.extend()

    def reclaim_lost_claims(self) -> int:
        """End claims that no thread of this host runs because the store's answer was lost. Returns their number."""
        lost = self._claims.lost()
        for claim in lost:
            self.record(claim, Later(0.0, "the answer to its claim was lost"))
        return len(lost)

    def give_back(self) -> int:
        """Requeue every part that runs in this process, which is about to end. Spends no attempt. Returns their number.

        Outcomes that their threads record afterwards are fenced.
        """
        held = self._claims.held()
        self.record_together([(claim, Later(0.0, STOPPED)) for claim in held])
        return len(held)

    def leave_all_to_others(self) -> None:
        """From now on publish what follows the parts that end, because this process is about to end."""
        self._attempts.leave_all_to_others()

    def record(self, claim: Claim, outcome: Outcome, cost_s: float = 0.0) -> Recorded:
        """Record an outcome, then dispatch the parts that it made ready and parts for the slot that it freed."""
        return self._recorder.record([self._recorder.finished(claim, outcome, cost_s)])[0]

    def record_together(self, outcomes: Sequence[tuple[Claim, Outcome]]) -> list[Recorded]:
        """Like `record`, for several claims in one write."""
        return self._recorder.record([self._recorder.finished(claim, outcome) for claim, outcome in outcomes])

    def dispatch(self, steps: Iterable[str]) -> int:
        """Publish wake-ups for ready parts of these steps. Returns their number."""
        return self._dispatcher.dispatch(steps)

    def tick(self) -> None:
        """Repeat dispatches that failed, and sample backlogs. A host that keeps running calls it every second."""
        self._dispatcher.tick()
