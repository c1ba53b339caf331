"""Limits on calls to services: circuit breakers, budgets, connection slots."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from layers.domain.breaker import CLOSED, Breaker


class Breakers(Protocol):
    """The circuit breakers of dependencies, by name. Never raises: a process that can't share them keeps its own."""

    def states(self) -> Mapping[str, Breaker]:
        """Every breaker that has counted a failure."""

    def state(self, dependency: str) -> Breaker:
        """The breaker of one dependency, as last read."""

    def cap(self, dependency: str, full: int) -> int:
        """The part of an in-flight cap that the breaker allows now."""

    def admit(self, dependency: str) -> float | None:
        """None where an attempt may start (perhaps as the probe), else seconds until the next probe."""

    def wait_s(self, dependency: str) -> float:
        """Seconds until the next probe; 0 where the breaker is closed."""

    def succeeded(self, dependency: str) -> bool:
        """The dependency worked; whether that closed its breaker."""

    def failed(self, dependency: str, reason: str, weight: float = 1.0) -> Breaker:
        """The dependency failed; its breaker after that."""

    def inconclusive(self, dependency: str) -> None:
        """An attempt ended and says nothing about the dependency."""


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
    """A budget now: units a second at most and now, room for parts, seconds until there is room for one."""

    full_per_s: float
    per_s: float
    room: int
    wait_s: float


class Budgets(Protocol):
    """The budgets of services, by name. Never raises: a process that can't share them spends a small share."""

    def __contains__(self, name: object) -> bool:
        """Whether a service has a budget."""

    def take(self, name: str, parts: int) -> tuple[int, float]:
        """Take room for parts; for how many there was room, and the seconds until there is room for one more."""

    def give_back(self, name: str, parts: int) -> None:
        """Return the room of parts that were not dispatched."""

    def settle(self, name: str, used: float) -> None:
        """A part has ended that used so many units."""

    def pace(self, name: str, units: float, most_wait_s: float) -> tuple[bool, float]:
        """Take a turn for a call, if it comes within `most_wait_s`; whether it does, and in how many seconds."""

    def correct(self, name: str, units: float) -> None:
        """A call used so many units more than it took a turn for; fewer where negative."""

    def throttled(self, name: str, pause_s: float = 0.0) -> None:
        """The service refused a call; `pause_s` is the delay that it gave, 0 where it gave none."""

    def recovered(self, name: str) -> None:
        """The service has recovered: budget that was refilled meanwhile must not be spent at once."""

    def states(self) -> Mapping[str, BudgetState]:
        """Every budget now."""


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
    """Slots for connections to services that accept only so many, by service. Never raises."""

    def __contains__(self, name: object) -> bool:
        """Whether a service's connections are counted."""

    def open(self, name: str) -> str | None:
        """Take a slot; its lease, or None while all are taken."""

    def close(self, name: str, lease: str) -> None:
        """Release a slot."""


# Holds a connection slot of one service while it is used. Raises Snooze where none becomes free soon.
Connection = Callable[[], AbstractContextManager[None]]


class Pace(Protocol):
    """Spaces the calls to one service."""

    def __call__(self, units: float = 1.0) -> None:
        """Wait until a call of so many units may start. Raises Snooze where a worker would wait too long."""

    def correct(self, units: float) -> None:
        """A call used so many units more than it waited for; fewer where negative."""


class AtOnce:
    """Every call may start immediately."""

    def __call__(self, units: float = 1.0) -> None:
        return None

    def correct(self, units: float) -> None:
        return None
