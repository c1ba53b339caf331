"""The results of checks and changes, for an operator to read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from layers import bootstrap
from layers.settings import Settings

OK, CHANGED, BY_HAND, WARNING, WRONG = "ok", "changed", "by hand", "warning", "wrong"


class Unusable(Exception):
    """A server can't be used in its current state. The message explains why and what to do."""


@dataclass(frozen=True, slots=True)
class Result:
    """The state of one check or change, and a sentence about it."""

    state: str
    text: str

    def __str__(self) -> str:
        return f"{self.state:<8} {self.text}"


def ok(text: str) -> Result:
    return Result(OK, text)


def changed(text: str) -> Result:
    return Result(CHANGED, text)


def by_hand(text: str) -> Result:
    return Result(BY_HAND, text)


def wrong(text: str) -> Result:
    return Result(WRONG, text)


def warning(text: str) -> Result:
    return Result(WARNING, text)


def print_results(examine: Callable[[Settings], Iterable[Result]]) -> Counter[str]:
    """Print each result that `examine` yields for this environment's settings, as soon as it is known.

    Returns the number of results by state. Settings that can't be read are one wrong result.
    """
    states: Counter[str] = Counter()
    try:
        settings = bootstrap.settings()
    except ValueError as error:
        print(wrong(str(error)))
        return Counter([WRONG])
    for result in examine(settings):
        print(result, flush=True)
        states[result.state] += 1
    return states
