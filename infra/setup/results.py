"""What a check or a change came to, for an operator to read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from layers import bootstrap
from layers.settings import Settings

OK, CHANGED, BY_HAND, WARNING, WRONG = "ok", "changed", "by hand", "warning", "wrong"


class Unusable(Exception):
    """A server can't be used as it is. The message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Result:
    """One sentence about one thing, and its state."""

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
    """Print what `examine` yields for this environment's settings, each result as soon as it is known. Returns how many
    results have each state; settings that can't be read are one that is wrong."""
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
