"""A budget of what a service outside can bear: so many units a second, in the order of the lanes.

It is spent twice. Dispatch takes what parts are expected to use, so that no more of them are on their way than the
budget bears and a tenant whose turn it is not takes nobody's; and each call is given the moment at which it may start,
so that a service that counts by the second sees an even stream. When the service throttles all the same, the rate
falls by a factor and rises again by itself.

Source: the generic cell rate algorithm, ITU-T I.371; Chiu and Jain, "Analysis of the Increase and Decrease
Algorithms", 1989. The same is done for all processes by `layers/adapters/budget.lua`; a test holds the two together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

LOWERED_TO = 0.95  # by each call that was throttled ...
LOWERED_AT_MOST_TO = 0.5  # ... and at most so far within a second, for those that were on their way together
RISES_A_S = 0.005  # of itself at first, near to what was too much ...
QUIET_S = 30.0  # ... and after so many seconds without a word
RISES_QUIETLY_A_S = 0.02  # of the full rate
LEAST_SHARE = 0.02
LONGEST_PAUSE_S = 60.0
LEARNS = 0.2  # how much of what is expected of a part follows what the last one used
ALMOST = 1e-6


@dataclass(frozen=True, slots=True)
class Rate:
    """What a service bears: `per_s` units a second, of which a part is expected to use `part` until some were seen.

    `burst_s` seconds of it may be dispatched at once. A call may start `ease_s` seconds before its turn: none where
    the service counts by the second, some where it counts by the minute.
    """

    per_s: float
    part: float = 1.0
    burst_s: float = 2.0
    ease_s: float = 0.0

    def shared_by(self, processes: int) -> Rate:
        """One process's share, where each must go by itself."""
        return replace(self, per_s=self.per_s / processes)


@dataclass(frozen=True, slots=True)
class Budget:
    """One budget's state. Times are seconds of a clock that all processes share.

    `full_at` is when all that dispatch has taken will have flown back, `free_at` when the calls so far will have.
    `share` of the full rate held at `share_at`; within the second that began at `second_at` it falls to `floor` at most.
    `part` is what a part is expected to use, 0 while none was seen.
    """

    full_at: float = 0.0
    free_at: float = 0.0
    share: float = 1.0
    share_at: float = 0.0
    second_at: float = 0.0
    floor: float = 0.0
    part: float = 0.0

    def per_s(self, rate: Rate, now: float) -> float:
        """Units a second, as things are."""
        return rate.per_s * self._share(now)

    def room(self, rate: Rate, now: float) -> int:
        """How many parts may be dispatched now."""
        return max(0, math.floor(self._left_s(rate, now) / self._part_s(rate, now) + ALMOST))

    def wait_s(self, rate: Rate, now: float) -> float:
        """Seconds until one more part may be dispatched."""
        return max(0.0, self._part_s(rate, now) - self._left_s(rate, now))

    def take(self, rate: Rate, now: float, parts: int) -> tuple[Budget, int]:
        """What `parts` are expected to use is taken for as many of them as there is room for; how many."""
        taken = min(parts, self.room(rate, now))
        return replace(self, full_at=max(self.full_at, now) + taken * self._part_s(rate, now)), taken

    def give_back(self, rate: Rate, now: float, parts: int) -> Budget:
        """Parts for which something was taken were not dispatched."""
        return replace(self, full_at=self.full_at - parts * self._part_s(rate, now))

    def settle(self, rate: Rate, now: float, used: float) -> Budget:
        """A part has ended that used so many units, in place of what was expected."""
        expected = self.part or rate.part
        full_at = max(self.full_at, now) + (used - expected) / self.per_s(rate, now)
        learnt = expected + LEARNS * (used - expected) if used > 0 else expected
        return replace(self, full_at=full_at, part=learnt)

    def pace(self, rate: Rate, now: float, units: float, most_wait_s: float) -> tuple[Budget, float]:
        """A call of so many units takes its turn; in how many seconds it comes. Where that is too long, none is taken."""
        wait_s = max(0.0, self.free_at - rate.ease_s - now)
        if wait_s > most_wait_s:
            return self, wait_s
        return replace(self, free_at=max(self.free_at, now) + units / self.per_s(rate, now)), wait_s

    def correct(self, rate: Rate, now: float, units: float) -> Budget:
        """A call used so many units more, or fewer, than it took its turn for."""
        return replace(self, free_at=self.free_at + units / self.per_s(rate, now))

    def throttled(self, now: float, pause_s: float) -> Budget:
        """The service refused a call; `pause_s` where it said for how long nobody need come."""
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
        """Of what may be dispatched at once, what is left; one part always fits into an untouched budget."""
        return max(rate.burst_s, self._part_s(rate, now)) - max(0.0, self.full_at - now)

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in Budget.__dataclass_fields__}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Budget:
        return cls(**{name: float(body[name]) for name in Budget.__dataclass_fields__ if name in body})


UNTOUCHED = Budget()
