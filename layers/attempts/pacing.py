"""Calls to a service outside as its budget lets them through: each waits for its turn or its connection, or is put off."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from layers.domain.errors import IN_USE, USED_UP, Snooze
from layers.ports import Budgets, Connection, ConnectionSlots

LONGEST_WAIT_S = 5.0
LOOKED_AGAIN_S = 0.1
PUT_OFF_S = 5.0


class Pacer:
    """The turns of one service's calls."""

    def __init__(self, budgets: Budgets, name: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._budgets = budgets
        self._name = name
        self._sleep = sleep

    def __call__(self, units: float = 1.0) -> None:
        """Return when a call of so many units may start. Raises Snooze where that would hold a worker for long."""
        if self._name not in self._budgets:
            return
        granted, wait_s = self._budgets.pace(self._name, units, LONGEST_WAIT_S)
        if not granted:
            raise Snooze(wait_s, f"the calls to {self._name} that were agreed on {USED_UP}")
        if wait_s > 0:
            self._sleep(wait_s)

    def correct(self, units: float) -> None:
        """A call used so many units more, or fewer, than it waited for."""
        if self._name in self._budgets and units:
            self._budgets.correct(self._name, units)


def counted(connections: ConnectionSlots, name: str, sleep: Callable[[float], None] = time.sleep) -> Connection:
    """One service's connections, of which no more are in use at a time than it bears."""

    @contextmanager
    def connected() -> Iterator[None]:
        if name not in connections:
            yield
            return
        waited_s = 0.0
        while (lease := connections.open(name)) is None:
            if waited_s >= LONGEST_WAIT_S:
                raise Snooze(PUT_OFF_S, f"all connections to the {name} service {IN_USE}")
            sleep(LOOKED_AGAIN_S)
            waited_s += LOOKED_AGAIN_S
        try:
            yield
        finally:
            connections.close(name, lease)

    return connected
