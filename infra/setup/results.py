"""What a check or a change came to, for an operator to read."""

from __future__ import annotations

from dataclasses import dataclass

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
