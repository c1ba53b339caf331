"""The fleet: the live workers, and how many parts they can run at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from layers.domain.fairness import in_flight_cap

BEAT_S = 4.0
SILENT_S = 15.0  # a worker that has not registered for this long no longer counts
FORGOTTEN_S = 3600.0  # after this time its row is deleted


@dataclass(frozen=True, slots=True)
class Registration:
    """A worker's registration: its name in leases, its host and version, and how many parts of each step it runs at once.
    While it is draining, it finishes its running parts and receives no more."""

    worker: str
    host: str
    version: str
    slots: Mapping[str, int]
    draining: bool = False


@dataclass(frozen=True, slots=True)
class Fleet:
    """How many workers are live, and how many parts of each step they run at once together. `on_host`: how many of them
    are on the host of the worker that reads this."""

    workers: int
    slots: Mapping[str, int] = field(default_factory=dict)
    on_host: int = 0


@dataclass(frozen=True, slots=True)
class Limit:
    """How many wake-ups of a step may be in flight: the in-flight cap, and a ceiling that is never exceeded, if any."""

    cap: int
    ceiling: int | None = None


def limit(slots: int, ceiling: int | None) -> Limit:
    """The limit of a step for which workers have `slots`, and which may run at most `ceiling` parts at once.

    Below the ceiling a few wake-ups wait in the topic, so that no worker is idle. If the workers have more slots than
    the ceiling allows, every wake-up would run at once, also those beyond the ceiling, so none may wait.
    """
    if ceiling is None or slots <= ceiling:
        return Limit(in_flight_cap(slots))
    return Limit(in_flight_cap(ceiling), ceiling)


def at_once(slots: int, ceiling: int | None) -> int:
    """How many parts of a step run at once."""
    return slots if ceiling is None else min(slots, ceiling)
