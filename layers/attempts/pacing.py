"""Pacing of calls to an external service: each waits for its turn or for a connection slot, or is postponed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from layers.domain.errors import IN_USE, USED_UP, Snooze
from layers.domain.services import word_of
from layers.ports import Budgets, Connection, ConnectionSlots

LONGEST_WAIT_S = 5.0
SLOT_CHECK_EVERY_S = 0.1
POSTPONED_S = 5.0


class Pacer:
    """Spaces the calls to one service as its budget allows."""

    def __init__(self, budgets: Budgets, name: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._budgets = budgets
        self._name = name
        self._sleep = sleep

    def __call__(self, units: float = 1.0) -> None:
        """Wait until a call of `units` may start. Raises Snooze if that takes longer than `LONGEST_WAIT_S`."""
        if self._name not in self._budgets:
            return
        granted, wait_s = self._budgets.pace(self._name, units, LONGEST_WAIT_S)
        if not granted:
            raise Snooze(wait_s, f"the calls that {word_of(self._name)} allows {USED_UP}")
        if wait_s > 0:
            self._sleep(wait_s)

    def correct(self, units: float) -> None:
        """Charge `units` that a call used beyond those it waited for; a negative number is returned to the budget."""
        if self._name in self._budgets and units:
            self._budgets.correct(self._name, units)


def counted(slots: ConnectionSlots, name: str, sleep: Callable[[float], None] = time.sleep) -> Connection:
    """A context manager that holds a connection slot of a service, or does nothing if its connections are not limited."""

    @contextmanager
    def connected() -> Iterator[None]:
        if name not in slots:
            yield
            return
        waited_s = 0.0
        while (lease := slots.open(name)) is None:
            if waited_s >= LONGEST_WAIT_S:
                raise Snooze(POSTPONED_S, f"all connections to {word_of(name)} {IN_USE}")
            sleep(SLOT_CHECK_EVERY_S)
            waited_s += SLOT_CHECK_EVERY_S
        try:
            yield
        finally:
            slots.close(name, lease)

    return connected
