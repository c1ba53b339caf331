"""A circuit breaker: after several consecutive failures it stops calls to a service, except for occasional probes.

After a successful probe the load rises gradually, so that a service that has just recovered is not overloaded.
Source: Nygard, "Release It!", 2007 (closed, open, half-open).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

FAILURES_TO_OPEN = 5.0
DOUBT = 0.25  # weight of a failure that the file may have caused
FIRST_PROBE_S = 5.0
LONGEST_PROBE_S = 60.0
PROBE_LASTS_S = 90.0
RAMP_S = 30.0
RAMP_START = 0.1


class Mode(StrEnum):
    CLOSED = "closed"  # calls are allowed
    OPEN = "open"  # no calls until the next probe
    HALF_OPEN = "half_open"  # a probe is running


@dataclass(frozen=True, slots=True)
class Breaker:
    """The state of one dependency. Times are seconds of a clock that all processes share.

    `failures` counts consecutive failures, `probes` the failed probes. `probe_at` is the time of the next probe or, while
    one is running, the time from which it is considered lost. `risen_at` is when the dependency last recovered.
    """

    mode: Mode = Mode.CLOSED
    failures: float = 0.0
    probes: int = 0
    probe_at: float = 0.0
    opened_at: float = 0.0
    risen_at: float | None = None
    reason: str = ""

    @property
    def is_at_rest(self) -> bool:
        """Closed, without a recent failure: a success changes nothing."""
        return self.mode is Mode.CLOSED and not self.failures

    def admits(self, now: float) -> bool:
        """Whether a call is allowed: any call, or the next probe."""
        return self.mode is Mode.CLOSED or self.wait_s(now) <= 0

    def wait_s(self, now: float) -> float:
        """Seconds until the next probe. A clock that was set back does not delay it for long."""
        if self.mode is Mode.CLOSED:
            return 0.0
        wait_s = self.probe_at - now
        return 0.0 if wait_s > max(LONGEST_PROBE_S, PROBE_LASTS_S) else max(0.0, wait_s)

    def probing(self, now: float) -> Breaker:
        """A probe starts: no other call is allowed until it has ended or is considered lost."""
        return replace(self, mode=Mode.HALF_OPEN, probe_at=now + PROBE_LASTS_S)

    def after_success(self, now: float) -> Breaker:
        """A call succeeded. A successful probe closes the breaker; a call from before it opened proves nothing."""
        match self.mode:
            case Mode.HALF_OPEN:
                return Breaker(risen_at=now)
            case Mode.OPEN:
                return self
            case Mode.CLOSED:
                return replace(self, failures=0.0)

    def after_failure(self, now: float, reason: str, chance: float, weight: float = 1.0) -> Breaker:
        """A call failed. `chance`, a random number in [0, 1), spreads the probes of several processes."""
        if self.mode is Mode.OPEN:
            return self
        failures = self.failures + weight
        if self.mode is Mode.CLOSED and failures < FAILURES_TO_OPEN and not (self._is_rising(now) and weight >= 1):
            return replace(self, failures=failures, reason=reason)
        probes = self.probes + (self.mode is Mode.HALF_OPEN)
        delay_s = min(LONGEST_PROBE_S, FIRST_PROBE_S * 2.0 ** min(probes, 10)) * (0.75 + 0.25 * chance)
        opened_at = self.opened_at if self.mode is Mode.HALF_OPEN else now
        return Breaker(Mode.OPEN, failures, probes, now + delay_s, opened_at, None, reason)

    def after_inconclusive(self, now: float) -> Breaker:
        """A probe ended without showing whether the dependency works: another may start at once."""
        return replace(self, mode=Mode.OPEN, probe_at=now) if self.mode is Mode.HALF_OPEN else self

    def cap(self, full: int, now: float) -> int:
        """How much of an in-flight cap of `full` is allowed now: none, one probe, a rising share, or all."""
        if self.mode is not Mode.CLOSED:
            return 1 if self.admits(now) else 0
        if not self._is_rising(now):
            return full
        assert self.risen_at is not None
        return max(1, math.ceil(full * max(RAMP_START, (now - self.risen_at) / RAMP_S)))

    def _is_rising(self, now: float) -> bool:
        return self.risen_at is not None and 0 <= now - self.risen_at < RAMP_S

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in Breaker.__dataclass_fields__}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Breaker:
        """Names that this release does not know are ignored: a newer one may run beside it."""
        known = {name: body[name] for name in cls.__dataclass_fields__ if name in body}
        return cls(**{**known, "mode": Mode(body["mode"])})


CLOSED = Breaker()
