"""The errors a step may raise: each is a verb that tells the runner what happens next."""

from __future__ import annotations


class PermanentError(Exception):
    """The input itself is at fault: the step fails at once, and its owner reads why.

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
    """A decoder took its own process down. A second crash on the same file is the file's fault.

    `dependency` names what may be broken instead, where the decoder is one of those that steps depend on.
    """

    dependency: str | None = None


# How reasons end that tell of a limit outside: others snooze for reasons of their own.
LIMITING, USED_UP, IN_USE = "is limiting calls", "are used up for the moment", "are in use"


def is_limit(reason: str) -> bool:
    """Whether a snooze's reason is that a service outside bears no more just now."""
    return reason.endswith((LIMITING, USED_UP, IN_USE))


class Snooze(Exception):
    """Later, with no attempt spent: throttled, or waiting for a job elsewhere."""

    def __init__(self, delay_s: float, reason: str) -> None:
        super().__init__(reason)
        self.delay_s = delay_s
        self.reason = reason


class TakesLong(Exception):
    """The file takes longer than what is short: it runs again among the long, with all its time. Spends no attempt."""


class Throttled(Snooze):
    """A service limits calls: later, with no attempt spent. `dependency` names the service.

    `told`: the service itself said for how long nobody need come.
    """

    def __init__(self, delay_s: float, reason: str, dependency: str, *, delay_from_service: bool = False) -> None:
        super().__init__(delay_s, reason)
        self.dependency = dependency
        self.delay_from_service = delay_from_service


class DependencyDown(Exception):
    """A service that the step needs can't be reached or won't work: the step is parked, no attempt spent.

    `dependency` is one of `ocr`, `textract`, `extraction`, `preview`, `scanner`, `object_store`; `detail` a sentence for people.
    """

    def __init__(self, dependency: str, detail: str) -> None:
        super().__init__(detail)
        self.dependency = dependency
        self.detail = detail


class StoreUnreachable(Exception):
    """The status store could not be reached: the message goes back to its topic."""
