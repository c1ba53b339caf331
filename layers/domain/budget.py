"""A budget for a service outside: a limit in units a second, spent in the order of the lanes.

It limits twice. Dispatch takes what parts are expected to use, so that no more parts are in flight than the budget
allows, and tenants share it fairly. Each call gets a start time, so that a service that counts by the second sees an
even stream. When the service throttles all the same, the rate falls by a factor and rises again with time.

Source: the generic cell rate algorithm, ITU-T I.371; Chiu and Jain, "Analysis of the Increase and Decrease
Algorithms", 1989. `layers/adapters/redis/budget.lua` does the same for all processes; a contract test compares the two.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

LOWERED_TO = 0.95  # by each throttled call ...
LOWERED_AT_MOST_TO = 0.5  # ... and by no more within a second: calls in flight together are throttled together
RISES_A_S = 0.005  # of its share at first, near the rate that was too high ...
QUIET_S = 30.0  # ... and after so many seconds without throttling
RISES_QUIETLY_A_S = 0.02  # of the full rate
LEAST_SHARE = 0.02
LONGEST_PAUSE_S = 60.0
LEARNS = 0.2  # the weight of the last part in the estimate of the next
ALMOST = 1e-6


@dataclass(frozen=True, slots=True)
class Rate:
    """The limit of a service: `per_s` units a second. A part is expected to use `part` units until some have run.

    `burst_s` seconds of it may be dispatched at once. A call may start `ease_s` seconds before its turn: 0 where the
    service counts by the second, more where it counts by the minute.
    """

    per_s: float
    part: float = 1.0
    burst_s: float = 2.0
    ease_s: float = 0.0

    def shared_by(self, processes: int) -> Rate:
        """The share of one process, where processes can't share a budget."""
        return replace(self, per_s=self.per_s / processes)


@dataclass(frozen=True, slots=True)
class Budget:
    """One budget's state. Times are seconds of a clock that all processes share.

    `full_at` is when everything that dispatch has taken will be refilled, `free_at` when the next call may start.
    `share` is the share of the full rate at `share_at`; within the second that began at `second_at` it falls no lower
    than `floor`. `part` is what a part is expected to use, 0 until one has run.
    """

    full_at: float = 0.0
    free_at: float = 0.0
    share: float = 1.0
    share_at: float = 0.0
    second_at: float = 0.0
    floor: float = 0.0
    part: float = 0.0

    def per_s(self, rate: Rate, now: float) -> float:
        """Units a second now."""
        return rate.per_s * self._share(now)

    def room(self, rate: Rate, now: float) -> int:
        """How many parts may be dispatched now."""
        return max(0, math.floor(self._left_s(rate, now) / self._part_s(rate, now) + ALMOST))

    def wait_s(self, rate: Rate, now: float) -> float:
        """Seconds until one more part may be dispatched."""
        return max(0.0, self._part_s(rate, now) - self._left_s(rate, now))

    def take(self, rate: Rate, now: float, parts: int) -> tuple[Budget, int]:
        """Take what `parts` are expected to use, for as many as there is room for; the new budget, and how many."""
        taken = min(parts, self.room(rate, now))
        return replace(self, full_at=max(self.full_at, now) + taken * self._part_s(rate, now)), taken

    def give_back(self, rate: Rate, now: float, parts: int) -> Budget:
        """Return what was taken for parts that were not dispatched."""
        return replace(self, full_at=self.full_at - parts * self._part_s(rate, now))

    def settle(self, rate: Rate, now: float, used: float) -> Budget:
        """Correct the budget by what a part used, in place of what was expected."""
        expected = self.part or rate.part
        full_at = max(self.full_at, now) + (used - expected) / self.per_s(rate, now)
        learnt = expected + LEARNS * (used - expected) if used > 0 else expected
        return replace(self, full_at=full_at, part=learnt)

    def pace(self, rate: Rate, now: float, units: float, most_wait_s: float) -> tuple[Budget, float]:
        """Take a turn for a call of so many units; the new budget, and the seconds until the turn.

        Takes none where it comes later than `most_wait_s`.
        """
        wait_s = max(0.0, self.free_at - rate.ease_s - now)
        if wait_s > most_wait_s:
            return self, wait_s
        return replace(self, free_at=max(self.free_at, now) + units / self.per_s(rate, now)), wait_s

    def correct(self, rate: Rate, now: float, units: float) -> Budget:
        """A call used so many units more than it took a turn for; fewer where negative."""
        return replace(self, free_at=self.free_at + units / self.per_s(rate, now))

    def throttled(self, now: float, pause_s: float) -> Budget:
        """The service refused a call; `pause_s` is the delay that it gave, 0 where it gave none."""
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
        """Seconds of the rate that are left to dispatch; one part always fits into an untouched budget."""
        return max(rate.burst_s, self._part_s(rate, now)) - max(0.0, self.full_at - now)

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in Budget.__dataclass_fields__}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Budget:
        return cls(**{name: float(body[name]) for name in Budget.__dataclass_fields__ if name in body})


UNTOUCHED = Budget()
