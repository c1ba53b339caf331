"""The errors that a step may raise: each tells the runner what happens next."""

from __future__ import annotations


class PermanentError(Exception):
    """The file is at fault: the step fails at once, and the file's owner reads why.

    `code` is a stable word for programs, `detail` a sentence for the file's owner.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class TransientError(Exception):
    """Something around the step failed; the same work may succeed later. Spends an attempt."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class DecoderCrashed(TransientError):
    """A decoder's process crashed. A second crash on the same file counts as the file's fault.

    `dependency` names the service that may be broken instead, where the decoder is part of one.
    """

    dependency: str | None = None


# How the reason of a snooze ends where a limit of a service outside is the cause.
LIMITING, USED_UP, IN_USE = "is limiting calls", "are used up for the moment", "are in use"


def is_limit(reason: str) -> bool:
    """Whether a snooze's reason is a limit of a service outside."""
    return reason.endswith((LIMITING, USED_UP, IN_USE))


class Snooze(Exception):
    """Run again after `delay_s` seconds, with no attempt spent: for example while a job elsewhere runs."""

    def __init__(self, delay_s: float, reason: str) -> None:
        super().__init__(reason)
        self.delay_s = delay_s
        self.reason = reason


class TakesLong(Exception):
    """A part went over the limit for short parts: it runs again as a long one. Spends no attempt."""


class Throttled(Snooze):
    """A service limits calls: run again later, with no attempt spent. `dependency` names the service.

    `delay_from_service`: the service itself gave the delay, as with a `Retry-After` header.
    """

    def __init__(self, delay_s: float, reason: str, dependency: str, *, delay_from_service: bool = False) -> None:
        super().__init__(delay_s, reason)
        self.dependency = dependency
        self.delay_from_service = delay_from_service


class DependencyDown(Exception):
    """A service that the step needs can't be reached or does not work: the step is parked, no attempt is spent.

    `dependency` is a name in `layers/domain/services.py`, `detail` a sentence for people.
    """

    def __init__(self, dependency: str, detail: str) -> None:
        super().__init__(detail)
        self.dependency = dependency
        self.detail = detail


class StoreUnreachable(Exception):
    """The status store could not be reached: the message returns to its topic."""
