"""The errors that a step may raise: each one determines what the runner does next."""

from __future__ import annotations


class PermanentError(Exception):
    """The file is the cause: the step fails at once, and the owner of the file can read why.

    `code` is a stable word for programs, `detail` a sentence for the file's owner.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class TransientError(Exception):
    """A temporary failure: the same work may succeed later. Spends an attempt."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class DecoderCrashed(TransientError):
    """A decoder process crashed. After a second crash on the same file the file is considered the cause.

    `dependency` names the service that the decoder is part of, if any: it may be broken instead.
    """

    dependency: str | None = None


class DecoderKilled(DecoderCrashed):
    """The host ended a decoder, as the kernel does when memory is short. That says little about the file."""


# The reason of a snooze ends with one of these if a limit of a service is the cause.
LIMITING, USED_UP, IN_USE = "is limiting calls", "are used up for the moment", "are in use"


def is_limit(reason: str) -> bool:
    """Whether the reason of a snooze is a limit of a service."""
    return reason.endswith((LIMITING, USED_UP, IN_USE))


class Snooze(Exception):
    """Run again after `delay_s` seconds without spending an attempt: for example while a job of a service runs."""

    def __init__(self, delay_s: float, reason: str) -> None:
        super().__init__(reason)
        self.delay_s = delay_s
        self.reason = reason


class TakesLong(Exception):
    """A part exceeded the limit for short parts: it runs again as a long part. Spends no attempt."""


class Throttled(Snooze):
    """A service throttled a call: run again later without spending an attempt. `dependency` names the service.

    `delay_from_service`: the service specified the delay, for example by a `Retry-After` header.
    """

    def __init__(self, delay_s: float, reason: str, dependency: str, *, delay_from_service: bool = False) -> None:
        super().__init__(delay_s, reason)
        self.dependency = dependency
        self.delay_from_service = delay_from_service


class DependencyDown(Exception):
    """A service that the step needs is unreachable or not working: the step is parked. Spends no attempt.

    `dependency` is a name in `layers/domain/services.py`, `detail` a sentence for people.
    """

    def __init__(self, dependency: str, detail: str) -> None:
        super().__init__(detail)
        self.dependency = dependency
        self.detail = detail


class StoreUnreachable(Exception):
    """The status store could not be reached: the message returns to its topic."""
