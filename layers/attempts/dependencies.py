"""Dependencies of steps: whether an attempt may start, and what its end means for the service and for the step."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from layers.domain.breaker import DOUBT, FIRST_PROBE_S, Mode
from layers.domain.errors import DependencyDown, Throttled
from layers.domain.file import File
from layers.domain.message import WakeUp
from layers.domain.services import OBJECT_STORE, SERVICES, word_of
from layers.domain.step import Failed, Later, Outcome, Parked, Retry, Step
from layers.ports import Claim, Ports

# When a part that must wait for its service is checked again, if other files of its step run without the service.
SET_ASIDE_S = 600.0
# How often a part may be parked while its dependency works for other files. After that it counts as failed.
PARKS_TO_BLAME = 10
WOKEN_AT_ONCE = 10_000
# Delay of a throttled part if a budget already spaces the calls of all parts.
SLOWED_S = 1.0


def needs(step: Step, file: File | None = None) -> tuple[str, ...]:
    """The services that a step needs: for this file, or for a file that needs all of them."""
    if step.depends_on is None or not (file is None or step.needs_service is None or step.needs_service(file)):
        return (OBJECT_STORE,)
    return (OBJECT_STORE, step.depends_on)


class Dependencies:
    """The services that the steps of a runner depend on, with their circuit breakers and budgets."""

    def __init__(self, ports: Ports, steps: Mapping[str, Step], chance: Callable[[], float]) -> None:
        self._ports = ports
        self._steps = steps
        self._chance = chance
        self._budget_wait_s: dict[str, float] = {}
        self._next_dispatch_at: dict[str, float] = {}

    def steps_on(self, dependency: str) -> list[str]:
        """The names of the steps that need a dependency."""
        return [name for name, step in self._steps.items() if dependency in needs(step)]

    # --- before an attempt ---------------------------------------------------------------------------

    def cap(self, step: Step, full: int) -> int:
        """The in-flight cap of a step now. While its parts would only be parked, it is one for a probe, else 0."""
        needed = [
            service
            for service in needs(step)
            if not (service == step.depends_on and self._some_files_run_without(step))
        ]
        return min(self._ports.breakers.cap(service, full) for service in needed) if needed else full

    def wake_probes(self) -> None:
        """Wake one parked part for each dependency whose next probe is due."""
        for dependency, breaker in self._ports.breakers.states().items():
            if breaker.mode is not Mode.CLOSED and self._ports.breakers.wait_s(dependency) <= 0:
                self._ports.store.wake_parked(self.steps_on(dependency), 1)

    def take(self, caps: Mapping[str, int]) -> dict[str, int]:
        """Take the expected use of up to `caps` parts from the budgets of their services.

        Returns by step for how many parts the budget was enough, without the steps whose service has no budget.
        """
        taken: dict[str, int] = {}
        for name, cap in caps.items():
            if service := self._budget_of(self._steps[name]):
                taken[name], wait_s = self._ports.budgets.take(service, cap)
                self._budget_wait_s[service] = wait_s
        return taken

    def give_back(self, taken: Mapping[str, int], caps: Mapping[str, int], wake_ups: Sequence[WakeUp]) -> None:
        """Return what was taken for parts that were not dispatched. Plan another dispatch if a budget was too small."""
        dispatched = Counter(wake_up.step for wake_up in wake_ups)
        for name, parts in taken.items():
            service = self._steps[name].depends_on or ""
            if unused := parts - dispatched[name]:
                self._ports.budgets.give_back(service, unused)
            elif parts < caps[name]:
                self._plan_dispatch(service, self._budget_wait_s[service])

    def _plan_dispatch(self, service: str, wait_s: float) -> None:
        """Wake the dispatcher later; this process plans one such wake-up at a time for a service."""
        now = time.monotonic()
        if self._next_dispatch_at.get(service, 0.0) <= now:
            self._next_dispatch_at[service] = now + max(1.0, wait_s)
            self._ports.topics.dispatch_later(wait_s)

    def _budget_of(self, step: Step) -> str | None:
        """The service whose budget a step spends, or None."""
        service = step.depends_on
        return service if service and service in self._ports.budgets and self._ports.pays(step) else None

    def refusal(self, step: Step, claim: Claim) -> Outcome | None:
        """The outcome of an attempt that may not start because a dependency is down; None if it may start."""
        admitted: list[str] = []
        for dependency in needs(step, claim.file):
            wait_s = self._ports.breakers.admit(dependency)
            if wait_s is not None:
                self._inconclusive(admitted)
                return self._without(step, claim, dependency, self._ports.breakers.state(dependency).reason, wait_s)
            admitted.append(dependency)
        return None

    # --- after an attempt ----------------------------------------------------------------------------

    def served(self, step: Step, file: File) -> None:
        """Every service that the step needs for this file has worked."""
        self._succeeded(needs(step, file))

    def answered(self, step: Step, file: File) -> None:
        """The service that the step depends on has answered, even if it asked for a delay."""
        self._succeeded(service for service in needs(step, file) if service == step.depends_on)

    def used(self, step: Step, amounts: Mapping[str, int]) -> None:
        """Correct the budget of the step's service by the difference between the real and the expected use."""
        if service := self._budget_of(step):
            self._ports.budgets.settle(service, sum(amounts.get(name, 0) for name in SERVICES[service].units))

    def throttled(self, step: Step, error: Throttled) -> Later:
        """The service limits calls: slow all calls down by its budget, and run this part again later."""
        if not self._budget_of(step):
            return Later(error.delay_s, error.reason)
        self._ports.budgets.throttled(error.dependency, error.delay_s if error.delay_from_service else 0.0)
        return Later(error.delay_s if error.delay_from_service else SLOWED_S, error.reason)

    def inconclusive(self, step: Step, file: File) -> None:
        """The end of the attempt does not show whether the services that the step needs work."""
        self._inconclusive(needs(step, file))

    def down(self, step: Step, claim: Claim, error: DependencyDown) -> Outcome | None:
        """The outcome of an attempt that found a dependency down; None if the part itself counts as failed."""
        breaker = self._ports.breakers.failed(error.dependency, error.detail)
        self._inconclusive(service for service in needs(step, claim.file) if service != error.dependency)
        if breaker.mode is Mode.CLOSED and claim.snoozes >= PARKS_TO_BLAME:
            return None
        wait_s = self._ports.breakers.wait_s(error.dependency) or FIRST_PROBE_S
        return self._without(step, claim, error.dependency, error.detail, wait_s)

    def doubted(self, step: Step, claim: Claim, detail: str) -> Outcome | None:
        """Count a failure that the file or the service may have caused. Returns the outcome if the pipeline continues
        without the step, or None if the attempt should be retried."""
        if step.depends_on in needs(step, claim.file):
            self._ports.breakers.failed(step.depends_on, detail, DOUBT)
            if self._is_open(step.depends_on) and self._can_be_left_out(step, claim):
                return Failed(f"{step.depends_on}_down", detail)
        self._inconclusive(service for service in needs(step, claim.file) if service != step.depends_on)
        return None

    def wake_in_s(self, outcome: Retry | Later | Parked) -> float:
        """Seconds until a part with this outcome can be dispatched."""
        if isinstance(outcome, Parked) and outcome.dependency:
            return min(outcome.delay_s, self._ports.breakers.wait_s(outcome.dependency) or outcome.delay_s)
        return outcome.delay_s

    # -------------------------------------------------------------------------------------------------

    def _without(self, step: Step, claim: Claim, dependency: str, detail: str, wait_s: float) -> Outcome:
        """The outcome while a dependency is down: the pipeline continues without the step, or the part is parked."""
        if dependency == step.depends_on:
            if self._can_be_left_out(step, claim):
                return Failed(f"{dependency}_down", detail or f"{word_of(dependency)} is down")
            if self._is_open(dependency) and self._some_files_run_without(step):
                wait_s = max(wait_s, SET_ASIDE_S * (0.5 + 0.5 * self._chance()))
        return Parked(wait_s * (1 + 0.1 * self._chance()), detail or f"{word_of(dependency)} is down", dependency)

    def _can_be_left_out(self, step: Step, claim: Claim) -> bool:
        """Whether the pipeline may continue without the step for this file."""
        return self._has_substitute(step) or bool(step.does_without and step.does_without(claim.file))

    def _some_files_run_without(self, step: Step) -> bool:
        """Whether some files of a step can run, or be left out, while its dependency is down."""
        without = step.does_without or step.needs_service
        return without is not None or self._has_substitute(step)

    def _has_substitute(self, step: Step) -> bool:
        return step.fallback is not None and self._ports.has(step.fallback) and not self._is_open(step.fallback)

    def _is_open(self, dependency: str) -> bool:
        return self._ports.breakers.state(dependency).mode is not Mode.CLOSED

    def _succeeded(self, dependencies: Iterable[str]) -> None:
        recovered = [service for service in dependencies if self._ports.breakers.succeeded(service)]
        for dependency in recovered:
            if dependency in self._ports.budgets:
                self._ports.budgets.recovered(dependency)
            self._ports.store.wake_parked(self.steps_on(dependency), WOKEN_AT_ONCE)
            self._ports.topics.dispatch_later(0)

    def _inconclusive(self, dependencies: Iterable[str]) -> None:
        for dependency in dependencies:
            self._ports.breakers.inconclusive(dependency)
