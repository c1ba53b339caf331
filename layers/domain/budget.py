"""A budget: how many units a second (calls, tokens) an external service accepts from all processes together.

It limits twice. Dispatch reserves what a part is expected to use, in the order of the lanes: it publishes no more parts
than the budget allows, and a tenant whose work is delayed does not use another tenant's turn. Then each call gets its
own start time, so that a service that counts by the second receives an even rate. If the service throttles a call
anyway, the rate falls by a factor and then rises again.

Source: the generic cell rate algorithm, ITU-T I.371; Chiu and Jain, "Analysis of the Increase and Decrease
Algorithms", 1989. `layers/adapters/redis/budget.lua` implements the same policy for a budget that processes share; a
test checks that both give the same results.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

LOWERED_TO = 0.95  # each throttled call multiplies the rate by this ...
LOWERED_AT_MOST_TO = 0.5  # ... but all of one second together by no less, because they were sent at the same rate
RISES_A_S = 0.005  # of the lowered rate, each second at first: slow, because a slightly higher rate was too much ...
QUIET_S = 30.0  # ... and after this time without a throttled call ...
RISES_QUIETLY_A_S = 0.02  # ... of the full rate, each second
LEAST_SHARE = 0.02
LONGEST_PAUSE_S = 60.0
LEARNING_RATE = 0.2  # weight of the latest part in the estimate of what a part uses
ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Rate:
    """What a service accepts: `per_s` units a second. A part is assumed to use `part` units until one has ended.

    Dispatch may publish `burst_s` seconds' worth at once. A call may start up to `ease_s` seconds before its turn: 0
    for a service that counts by the second, more for one that counts by the minute.
    """

    per_s: float
    part: float = 1.0
    burst_s: float = 2.0
    ease_s: float = 0.0

    def shared_by(self, processes: int) -> Rate:
        """The share of one process, for when processes can't share a budget."""
        return replace(self, per_s=self.per_s / processes)


@dataclass(frozen=True, slots=True)
class Budget:
    """The state of a budget. Times are seconds of a clock that all processes share.

    `full_at`: when the budget for dispatch is full again, after all that was taken. `free_at`: when the next call may
    start. `share`: the rate at `share_at` as a share of the full rate; it falls no lower than `floor` within the second
    that began at `second_at`. `part`: the units that a part is expected to use, 0 until one has ended.
    """

    full_at: float = 0.0
    free_at: float = 0.0
    share: float = 1.0
    share_at: float = 0.0
    second_at: float = 0.0
    floor: float = 0.0
    part: float = 0.0

    def per_s(self, rate: Rate, now: float) -> float:
        """The present rate, in units a second."""
        return rate.per_s * self._share(now)

    def room(self, rate: Rate, now: float) -> int:
        """How many parts may be dispatched now."""
        return max(0, math.floor(self._left_s(rate, now) / self._part_s(rate, now) + ROUNDING))

    def wait_s(self, rate: Rate, now: float) -> float:
        """Seconds until one more part may be dispatched."""
        return max(0.0, self._part_s(rate, now) - self._left_s(rate, now))

    def take(self, rate: Rate, now: float, parts: int) -> tuple[Budget, int]:
        """Reserve what parts are expected to use, for up to `parts` of them. Also returns for how many there was room."""
        taken = min(parts, self.room(rate, now))
        return replace(self, full_at=max(self.full_at, now) + taken * self._part_s(rate, now)), taken

    def give_back(self, rate: Rate, now: float, parts: int) -> Budget:
        """Release what was taken for parts that were not dispatched."""
        return replace(self, full_at=self.full_at - parts * self._part_s(rate, now))

    def settle(self, rate: Rate, now: float, used: float) -> Budget:
        """Correct for a part that has ended and used `used` units; the estimate learns from it."""
        expected = self.part or rate.part
        full_at = max(self.full_at, now) + (used - expected) / self.per_s(rate, now)
        estimate = expected + LEARNING_RATE * (used - expected) if used > 0 else expected
        return replace(self, full_at=full_at, part=estimate)

    def pace(self, rate: Rate, now: float, units: float, most_wait_s: float) -> tuple[Budget, float]:
        """Reserve the next turn for a call of `units`. Also returns the seconds until then. If these exceed
        `most_wait_s`, nothing is reserved."""
        wait_s = max(0.0, self.free_at - rate.ease_s - now)
        if wait_s > most_wait_s:
            return self, wait_s
        return replace(self, free_at=max(self.free_at, now) + units / self.per_s(rate, now)), wait_s

    def correct(self, rate: Rate, now: float, units: float) -> Budget:
        """Correct for a call that used `units` more (negative: fewer) than it reserved."""
        return replace(self, free_at=self.free_at + units / self.per_s(rate, now))

    def throttled(self, now: float, pause_s: float) -> Budget:
        """The service throttled a call. `pause_s`: the pause that it requested, 0 if none."""
        share = self._share(now)
        same_second = 0 <= now - self.second_at < 1
        floor = self.floor if same_second else share * LOWERED_AT_MOST_TO
        second_at = self.second_at if same_second else now
        lowered = max(share * LOWERED_TO, floor, LEAST_SHARE)
        free_at = max(self.free_at, now + min(pause_s, LONGEST_PAUSE_S)) if pause_s > 0 else self.free_at
        return replace(self, share=lowered, share_at=now, second_at=second_at, floor=floor, free_at=free_at)

    def _share(self, now: float) -> float:
        since_s = max(0.0, now - self.share_at)
        slowly = self.share * RISES_A_S * min(since_s, QUIET_S)
        return min(1.0, self.share + slowly + RISES_QUIETLY_A_S * max(0.0, since_s - QUIET_S))

    def _part_s(self, rate: Rate, now: float) -> float:
        return (self.part or rate.part) / self.per_s(rate, now)

    def _left_s(self, rate: Rate, now: float) -> float:
        """What may be dispatched now, in seconds of the rate. An untouched budget always has room for one part."""
        return max(rate.burst_s, self._part_s(rate, now)) - max(0.0, self.full_at - now)

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in Budget.__dataclass_fields__}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Budget:
        return cls(**{name: float(body[name]) for name in Budget.__dataclass_fields__ if name in body})


UNTOUCHED = Budget()
