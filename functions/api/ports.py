"""The ports of the API's handlers: built once, and passed with each request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from functions.api.row_texts import RowTexts
from layers.domain.file import Reach
from layers.domain.kept import Kept
from layers.ports import Breakers, Budgets, Objects, Topics
from layers.ports.catalog import Catalogs
from layers.settings import Settings


class Changes(Protocol):
    """Notifications of changed datasets and revoked keys, by name. They are hints: they may be lost."""

    @property
    def is_connected(self) -> bool:
        """Whether notifications of other processes arrive."""

    def publish(self, names: Iterable[str]) -> None:
        """Notify all calls that wait for one of these names."""

    def count(self, *names: str) -> int:
        """How many notifications of these names have arrived."""

    def wait(self, names: Sequence[str], count: int, timeout_s: float) -> bool:
        """Wait until more than `count` have arrived; False after the timeout."""


class Limits(Protocol):
    """Counters of events in windows of time."""

    def count(self, name: str, window_s: int, *, events: int = 1) -> int:
        """Count events. Returns how many there were in this window, including these."""


@dataclass(frozen=True, slots=True)
class Probe:
    """How to check a dependency. `check` returns None if the state is unknown; `unknown` explains why."""

    check: Callable[[], bool | None]
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class ApiPorts:
    """What a handler may use.

    `concurrency` has each step's concurrency by name. `probes` builds the probes when it is called: some load an SDK.

    `languages` returns those that a dataset may name. `is_paid` tells whether a service is in use here and charges for
    each call. `contract` returns the OpenAPI document of all routes.
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
    rows: RowTexts = field(default_factory=RowTexts)
    lessons: Kept[dict[str, Any]] = field(default_factory=lambda: Kept(1000, 600.0))
