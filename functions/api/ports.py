"""What the API's handlers may use; the host builds it once and hands it over with each request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from layers.domain.file import Reach
from layers.ports import Breakers, Budgets, Objects, Topics
from layers.ports.catalog import Catalogs
from layers.settings import Settings


class Changes(Protocol):
    """Notifications of changed datasets and revoked keys, by name. They are hints: they may be lost."""

    @property
    def is_connected(self) -> bool:
        """Whether notifications of other processes arrive."""

    def publish(self, names: Iterable[str]) -> None:
        """Notify all who wait for one of these names."""

    def count(self, *names: str) -> int:
        """How many notifications of these names have arrived."""

    def wait(self, names: Sequence[str], count: int, timeout_s: float) -> bool:
        """Wait until more than `count` have arrived; False after the timeout."""


class Limits(Protocol):
    """Counters of events in windows of time."""

    def count(self, name: str, window_s: int, *, events: int = 1) -> int:
        """Count events; how many there were in this window, these included."""


@dataclass(frozen=True, slots=True)
class Probe:
    """How to check a dependency. `check` returns None where the state is unknown; `unknown` says why."""

    check: Callable[[], bool | None]
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class ApiPorts:
    """`concurrency` is each step's, by its name. `probes` are built when they are called for: some load an SDK.

    `languages` are those that a dataset may name. `is_paid` says whether a service is in use here and paid by the
    call. `contract` makes the OpenAPI document of all routes.
    """

    settings: Settings
    catalogs: Catalogs
    objects: Objects
    topics: Topics
    notifications: Changes
    limits: Limits
    breakers: Breakers
    budgets: Budgets
    reach: Reach
    concurrency: Mapping[str, int]
    languages: Callable[[], Sequence[str]]
    probes: Callable[[], Mapping[str, Probe]]
    is_paid: Callable[[str], bool]
    contract: Callable[[], dict[str, Any]]
