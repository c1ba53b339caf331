"""How long the attempt that this thread runs may decode before it makes way for shorter ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass
class Turn:
    """Seconds that each call of a decoder may take, and whom to ask whether the attempt may go on after them.

    Endless for what is known to take long, and once it `went_on`. `expected_s`: what it is estimated to take.
    """

    most_s: float
    may_go_on: Callable[[], bool]
    expected_s: float = 0.0
    went_on: bool = False


_turn: ContextVar[Turn | None] = ContextVar("turn", default=None)  # None where nobody waits for a turn


@contextmanager
def turn_of(most_s: float, may_go_on: Callable[[], bool] = lambda: False, expected_s: float = 0.0) -> Iterator[Turn]:
    """A turn of so many seconds a call."""
    turn = Turn(most_s, may_go_on, expected_s)
    before = _turn.set(turn)
    try:
        yield turn
    finally:
        _turn.reset(before)


def most_s() -> float:
    """How long a decoder may take now."""
    turn = _turn.get()
    return turn.most_s if turn else math.inf


def expected_s() -> float:
    """How long a decoder is expected to take."""
    turn = _turn.get()
    return turn.expected_s if turn else 0.0


def goes_on() -> bool:
    """Whether the attempt goes on although its turn is over; from then on it is one of those that take long."""
    turn = _turn.get()
    if turn is None or not turn.may_go_on():
        return False
    turn.most_s, turn.went_on = math.inf, True
    return True


def stands_behind() -> bool:
    """Whether this is one of those that take long: others come before it."""
    turn = _turn.get()
    return turn is not None and turn.most_s == math.inf
