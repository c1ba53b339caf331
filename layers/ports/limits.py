"""What holds calls back: circuit breakers, budgets of calls, connections."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from layers.domain.breaker import CLOSED, Breaker


class Breakers(Protocol):
    """The circuit breakers of what steps depend on, by name. Never raises: without its shared view it has its own."""

    def states(self) -> Mapping[str, Breaker]:
        """Every breaker that ever left its rest."""

    def state(self, dependency: str) -> Breaker:
        """One breaker as last seen."""

    def cap(self, dependency: str, full: int) -> int:
        """Of an in-flight cap, what the breaker lets through now."""

    def admit(self, dependency: str) -> float | None:
        """None where work may begin (it may be the probe); else seconds until the next probe."""

    def wait_s(self, dependency: str) -> float:
        """Seconds until the next probe; 0 where the breaker is closed."""

    def succeeded(self, dependency: str) -> bool:
        """The dependency did its work; whether that closed its breaker."""

    def failed(self, dependency: str, reason: str, weight: float = 1.0) -> Breaker:
        """The dependency did not do its work; its breaker now."""

    def inconclusive(self, dependency: str) -> None:
        """An attempt ended without a word on the dependency."""


class AlwaysClosed:
    """Breakers that never open."""

    def states(self) -> Mapping[str, Breaker]:
        return {}

    def state(self, dependency: str) -> Breaker:
        return CLOSED

    def cap(self, dependency: str, full: int) -> int:
        return full

    def admit(self, dependency: str) -> float | None:
        return None

    def wait_s(self, dependency: str) -> float:
        return 0.0

    def succeeded(self, dependency: str) -> bool:
        return False

    def failed(self, dependency: str, reason: str, weight: float = 1.0) -> Breaker:
        return CLOSED

    def inconclusive(self, dependency: str) -> None:
        return None


@dataclass(frozen=True, slots=True)
class BudgetState:
    """A budget as it stands: units a second at most and now, room for parts, seconds until there is some."""

    full_per_s: float
    per_s: float
    room: int
    wait_s: float


class Budgets(Protocol):
    """What services outside can bear, by their names. Never raises: without its shared view it spends a small share."""

    def __contains__(self, name: object) -> bool:
        """Whether a service has a budget at all."""

    def take(self, name: str, parts: int) -> tuple[int, float]:
        """For how many of these parts there is room; and the seconds until there is for one more."""

    def give_back(self, name: str, parts: int) -> None:
        """Parts for which something was taken were not dispatched."""

    def settle(self, name: str, used: float) -> None:
        """A part has ended that used so many units."""

    def pace(self, name: str, units: float, most_wait_s: float) -> tuple[bool, float]:
        """Whether a call of so many units has its turn within so many seconds; and in how many seconds it comes."""

    def correct(self, name: str, units: float) -> None:
        """A call used so many units more, or fewer, than it took its turn for."""

    def throttled(self, name: str, pause_s: float = 0.0) -> None:
        """The service refused a call; `pause_s` where it said for how long nobody need come."""

    def recovered(self, name: str) -> None:
        """The service was down and is back: what gathered meanwhile is not to be spent at once."""

    def states(self) -> Mapping[str, BudgetState]:
        """Every budget as it stands."""


class NoBudgets:
    """Nothing outside is scarce."""

    def __contains__(self, name: object) -> bool:
        return False

    def take(self, name: str, parts: int) -> tuple[int, float]:
        return parts, 0.0

    def give_back(self, name: str, parts: int) -> None:
        return None

    def settle(self, name: str, used: float) -> None:
        return None

    def pace(self, name: str, units: float, most_wait_s: float) -> tuple[bool, float]:
        return True, 0.0

    def correct(self, name: str, units: float) -> None:
        return None

    def throttled(self, name: str, pause_s: float = 0.0) -> None:
        return None

    def recovered(self, name: str) -> None:
        return None

    def states(self) -> Mapping[str, BudgetState]:
        return {}


class ConnectionSlots(Protocol):
    """How many connections services outside bear, by their names. Never raises."""

    def __contains__(self, name: object) -> bool:
        """Whether a service's connections are counted at all."""

    def open(self, name: str) -> str | None:
        """A connection's lease, by its name; None while all are taken."""

    def close(self, name: str, lease: str) -> None:
        """Give a connection back."""


# A connection to one service, for as long as it is used. Raises Snooze where all are taken for long.
Connection = Callable[[], AbstractContextManager[None]]


class Pace(Protocol):
    """The turns of calls to one service."""

    def __call__(self, units: float = 1.0) -> None:
        """Return when a call of so many units may start. Raises Snooze where that would hold a worker for long."""

    def correct(self, units: float) -> None:
        """A call used so many units more, or fewer, than it waited for."""


class AtOnce:
    """Every call may start at once."""

    def __call__(self, units: float = 1.0) -> None:
        return None

    def correct(self, units: float) -> None:
        return None
