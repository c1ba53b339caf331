"""Ports that limit the use of services: circuit breakers, budgets and connection slots."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from layers.domain.breaker import CLOSED, Breaker


class Breakers(Protocol):
    """The circuit breakers of services, by the name of the service. Never raises: if the shared state is unreachable,
    each process uses its own."""

    def states(self) -> Mapping[str, Breaker]:
        """All breakers that have recorded a failure."""

    def state(self, dependency: str) -> Breaker:
        """One breaker, as it was last read."""

    def cap(self, dependency: str, full: int) -> int:
        """How much of an in-flight cap of `full` the breaker allows now."""

    def admit(self, dependency: str) -> float | None:
        """None if a call may start (it may be the probe), otherwise the seconds until the next probe."""

    def wait_s(self, dependency: str) -> float:
        """Seconds until the next probe; 0 if the breaker is closed."""

    def succeeded(self, dependency: str) -> bool:
        """Record a success. Returns whether it closed the breaker."""

    def failed(self, dependency: str, reason: str, weight: float = 1.0) -> Breaker:
        """Record a failure. Returns the breaker after it."""

    def inconclusive(self, dependency: str) -> None:
        """An attempt ended without showing whether the dependency works."""


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
    """The present state of a budget: its full and present rate in units a second, how many parts may be dispatched now,
    and the seconds until one more may."""

    full_per_s: float
    per_s: float
    room: int
    wait_s: float


class Budgets(Protocol):
    """The budgets of services, by the name of the service. Never raises: if the shared state is unreachable, each
    process uses a small share."""

    def __contains__(self, name: object) -> bool:
        """Whether a service has a budget."""

    def take(self, name: str, parts: int) -> tuple[int, float]:
        """Reserve the budget for up to `parts` parts. Returns for how many there was room, and the seconds until there
        is room for one more."""

    def give_back(self, name: str, parts: int) -> None:
        """Release what was taken for parts that were not dispatched."""

    def settle(self, name: str, used: float) -> None:
        """Correct for a part that has ended and used `used` units."""

    def pace(self, name: str, units: float, most_wait_s: float) -> tuple[bool, float]:
        """Reserve the next turn for a call of `units`. Returns whether it comes within `most_wait_s`, and in how many
        seconds; a later turn is not reserved."""

    def correct(self, name: str, units: float) -> None:
        """Correct for a call that used `units` more (negative: fewer) than it reserved."""

    def throttled(self, name: str, pause_s: float = 0.0) -> None:
        """The service throttled a call. `pause_s`: the pause that it requested, 0 if none."""

    def recovered(self, name: str) -> None:
        """The service is back after an outage: the budget that accumulated during it must not be used at once."""

    def states(self) -> Mapping[str, BudgetState]:
        """The present state of all budgets."""


class NoBudgets:
    """No service has a budget."""

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
    """Limits the connections to services, by the name of the service. Never raises."""

    def __contains__(self, name: object) -> bool:
        """Whether the connections to a service are limited."""

    def open(self, name: str) -> str | None:
        """Take a slot for a connection. Returns its lease, or None if all slots are in use."""

    def close(self, name: str, lease: str) -> None:
        """Release a slot."""


# Holds a slot for a connection to one service while the context is open. Raises Snooze if none becomes free.
Connection = Callable[[], AbstractContextManager[None]]


class Pace(Protocol):
    """Spreads the calls to one service over time."""

    def __call__(self, units: float = 1.0) -> None:
        """Wait until a call of `units` may start. Raises Snooze if the wait would block the worker for too long."""

    def correct(self, units: float) -> None:
        """Correct for a call that used `units` more (negative: fewer) than it waited for."""


class AtOnce:
    """Does not limit calls."""

    def __call__(self, units: float = 1.0) -> None:
        return None

    def correct(self, units: float) -> None:
        return None
