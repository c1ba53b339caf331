"""What steps depend on: whether an attempt may begin, what its end says of a service, and what becomes of the step."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from layers.domain.breaker import DOUBT, FIRST_PROBE_S, Mode
from layers.domain.errors import DependencyDown, Throttled
from layers.domain.file import File
from layers.domain.message import WakeUp
from layers.domain.services import OBJECT_STORE, SERVICES
from layers.domain.step import Failed, Later, Outcome, Parked, Retry, Step
from layers.ports import Claim, Ports

# A part that its dataset makes wait while others of its step go on is looked at again this seldom.
SET_ASIDE_S = 600.0
# After so many parks of one part, while its dependency serves everyone else, the part itself is to blame.
PARKS_TO_BLAME = 10
WOKEN_AT_ONCE = 10_000
# When a part that was throttled comes again, where a budget keeps the others apart meanwhile.
SLOWED_S = 1.0


def needs(step: Step, file: File | None = None) -> tuple[str, ...]:
    """What a step can't run without: for this file, or for one that needs all of it."""
    if step.depends_on is None or not (file is None or step.needs_service is None or step.needs_service(file)):
        return (OBJECT_STORE,)
    return (OBJECT_STORE, step.depends_on)


class Dependencies:
    """The services behind all steps of a runner, as their circuit breakers show them."""

    def __init__(self, ports: Ports, steps: Mapping[str, Step], chance: Callable[[], float]) -> None:
        self._ports = ports
        self._steps = steps
        self._chance = chance
        self._used_up_for: dict[str, float] = {}
        self._dispatched_again_at: dict[str, float] = {}

    def steps_on(self, dependency: str) -> list[str]:
        """The steps that can't run without a dependency."""
        return [name for name, step in self._steps.items() if dependency in needs(step)]

    # --- before an attempt ---------------------------------------------------------------------------

    def cap(self, step: Step, full: int) -> int:
        """How much of a step may be in flight: while it would only park, its lane is held but for the probe."""
        held = [one for one in needs(step) if not (one == step.depends_on and self._flows_on(step))]
        return min(self._ports.breakers.cap(one, full) for one in held) if held else full

    def wake_probes(self) -> None:
        """Let one parked part be due for each dependency that is to be probed now."""
        for dependency, breaker in self._ports.breakers.states().items():
            if breaker.mode is not Mode.CLOSED and self._ports.breakers.wait_s(dependency) <= 0:
                self._ports.store.wake_parked(self.steps_on(dependency), 1)

    def take(self, caps: Mapping[str, int]) -> dict[str, int]:
        """Of steps whose service has a budget, how many parts it bears now; that much of it is taken."""
        taken: dict[str, int] = {}
        for name, cap in caps.items():
            if service := self._budget_of(self._steps[name]):
                taken[name], wait_s = self._ports.budgets.take(service, cap)
                self._used_up_for[service] = wait_s
        return taken

    def give_back(self, taken: Mapping[str, int], caps: Mapping[str, int], wake_ups: Sequence[WakeUp]) -> None:
        """What was taken and not dispatched; where the budget held something back, dispatch comes again for it."""
        dispatched = Counter(wake_up.step for wake_up in wake_ups)
        for name, parts in taken.items():
            service = self._steps[name].depends_on or ""
            if unused := parts - dispatched[name]:
                self._ports.budgets.give_back(service, unused)
            elif parts < caps[name]:
                self._dispatch_again(service, self._used_up_for[service])

    def _dispatch_again(self, service: str, wait_s: float) -> None:
        """One delayed wake-up of this process at a time is enough for a service."""
        now = time.monotonic()
        if self._dispatched_again_at.get(service, 0.0) <= now:
            self._dispatched_again_at[service] = now + max(1.0, wait_s)
            self._ports.topics.dispatch_later(wait_s)

    def _budget_of(self, step: Step) -> str | None:
        """The service whose budget a step spends."""
        service = step.depends_on
        return service if service and service in self._ports.budgets and self._ports.pays(step) else None

    def refusal(self, step: Step, claim: Claim) -> Outcome | None:
        """What becomes of an attempt that may not begin; None where it may."""
        admitted: list[str] = []
        for dependency in needs(step, claim.file):
            wait_s = self._ports.breakers.admit(dependency)
            if wait_s is not None:
                self._inconclusive(admitted)
                return self._without(step, claim, dependency, self._ports.breakers.state(dependency).reason, wait_s)
            admitted.append(dependency)
        return None

    # --- after it ------------------------------------------------------------------------------------

    def served(self, step: Step, file: File) -> None:
        """All that the step needs for this file did its work."""
        self._serves(needs(step, file))

    def answered(self, step: Step, file: File) -> None:
        """The service that the step needs answered, if only to put it off."""
        self._serves(one for one in needs(step, file) if one == step.depends_on)

    def used(self, step: Step, amounts: Mapping[str, int]) -> None:
        """What an attempt has used of the step's service, in place of what was expected when it was dispatched."""
        if service := self._budget_of(step):
            self._ports.budgets.settle(service, sum(amounts.get(name, 0) for name in SERVICES[service].units))

    def throttled(self, step: Step, error: Throttled) -> Later:
        """The service limits calls: everybody's slow down, and this part comes again."""
        if not self._budget_of(step):
            return Later(error.delay_s, error.reason)
        self._ports.budgets.throttled(error.dependency, error.delay_s if error.delay_from_service else 0.0)
        return Later(error.delay_s if error.delay_from_service else SLOWED_S, error.reason)

    def inconclusive(self, step: Step, file: File) -> None:
        """The attempt ended without a word on what the step needs."""
        self._inconclusive(needs(step, file))

    def down(self, step: Step, claim: Claim, error: DependencyDown) -> Outcome | None:
        """What becomes of an attempt that found a dependency down; None where the part itself is to blame."""
        breaker = self._ports.breakers.failed(error.dependency, error.detail)
        self._inconclusive(one for one in needs(step, claim.file) if one != error.dependency)
        if breaker.mode is Mode.CLOSED and claim.snoozes >= PARKS_TO_BLAME:
            return None
        wait_s = self._ports.breakers.wait_s(error.dependency) or FIRST_PROBE_S
        return self._without(step, claim, error.dependency, error.detail, wait_s)

    def doubted(self, step: Step, claim: Claim, detail: str) -> Outcome | None:
        """What failed may be the file's own fault or that of the service: how the step gives way, if it does."""
        if step.depends_on in needs(step, claim.file):
            self._ports.breakers.failed(step.depends_on, detail, DOUBT)
            if self._is_open(step.depends_on) and self._gives_way(step, claim):
                return Failed(f"{step.depends_on}_down", detail)
        self._inconclusive(one for one in needs(step, claim.file) if one != step.depends_on)
        return None

    def wake_in_s(self, outcome: Retry | Later | Parked) -> float:
        """Seconds until the dispatcher has something to do with a step that ended so."""
        if isinstance(outcome, Parked) and outcome.dependency:
            return min(outcome.delay_s, self._ports.breakers.wait_s(outcome.dependency) or outcome.delay_s)
        return outcome.delay_s

    # -------------------------------------------------------------------------------------------------

    def _without(self, step: Step, claim: Claim, dependency: str, detail: str, wait_s: float) -> Outcome:
        """While a dependency is down: the pipeline goes on without the step, or the step is parked."""
        if dependency == step.depends_on:
            if self._gives_way(step, claim):
                return Failed(f"{dependency}_down", detail or f"{dependency} is out of order")
            if self._is_open(dependency) and self._flows_on(step):
                wait_s = max(wait_s, SET_ASIDE_S * (0.5 + 0.5 * self._chance()))
        return Parked(wait_s * (1 + 0.1 * self._chance()), detail or f"{dependency} is out of order", dependency)

    def _gives_way(self, step: Step, claim: Claim) -> bool:
        return self._has_substitute(step) or bool(step.does_without and step.does_without(claim.file))

    def _flows_on(self, step: Step) -> bool:
        """Whether some files of a step go on while its dependency is down."""
        without = step.does_without or step.needs_service
        return without is not None or self._has_substitute(step)

    def _has_substitute(self, step: Step) -> bool:
        return step.fallback is not None and self._ports.has(step.fallback) and not self._is_open(step.fallback)

    def _is_open(self, dependency: str) -> bool:
        return self._ports.breakers.state(dependency).mode is not Mode.CLOSED

    def _serves(self, dependencies: Iterable[str]) -> None:
        risen = [one for one in dependencies if self._ports.breakers.succeeded(one)]
        for dependency in risen:
            if dependency in self._ports.budgets:
                self._ports.budgets.recovered(dependency)
            self._ports.store.wake_parked(self.steps_on(dependency), WOKEN_AT_ONCE)
            self._ports.topics.dispatch_later(0)

    def _inconclusive(self, dependencies: Iterable[str]) -> None:
        for dependency in dependencies:
            self._ports.breakers.inconclusive(dependency)
