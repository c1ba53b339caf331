"""Who goes next: weighted stride over tenants, and within a tenant over its batches.

Source: Waldspurger and Weihl, "Stride Scheduling", MIT/LCS/TM-528, 1995. The same choices are made in
`schema/functions/dispatch.sql`; a test holds the two together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

SLICE_S = 10.0
CAP_PER_CONCURRENCY = 1.25
LOAD_S = 0.5  # what the parts that one wake-up names may take together, as estimated
SHORT_S = 0.3  # what is estimated to be short may take so long beside its estimate
SHORT_TIMES, SHORT_MORE_S = 2, 1.0  # and so many times its estimate more, of which no more than so many seconds
LONG_S = 30.0  # the new estimate of a part that went over its short limit
# Why a part comes again that nothing and nobody failed.
TAKES_LONG = "it takes longer than estimated and runs again as a long one"
MADE_WAY = "another file that came with it took long"
LEAST_CORRECTED_S, LEAST_CORRECTED = 0.1, 0.1  # a difference from an estimate, and as a share of it
LOW_WEIGHT = 0.1  # of a batch that its own tenant calls less urgent; it never comes to a standstill


def in_flight_cap(concurrency: int) -> int:
    """How many wake-ups of a step may be on their way or at work: enough to keep its workers busy, no more."""
    return math.ceil(concurrency * CAP_PER_CONCURRENCY)


def places(cap: int, in_flight: int, in_flight_s: float) -> int:
    """How many wake-ups may be in flight, of an in-flight cap, while so many, of so many seconds in all, are.

    What is beyond the concurrency waits in the broker, where nobody can pass it by, for about a quarter of the time that
    one of them takes. Where that is more than a second there is less of it, so that the wait stays a quarter of a second.
    """
    mean_s = in_flight_s / in_flight if in_flight else 0.0
    beyond = (CAP_PER_CONCURRENCY - 1) / max(1.0, mean_s)
    return min(cap, max(1, math.ceil(math.floor(cap / CAP_PER_CONCURRENCY) * (1 + beyond))))


def rides(loaded: int, loaded_s: float, cost_estimate_s: float, most: int) -> bool:
    """Whether a part goes along with the wake-up before it, which names so many parts of so many seconds in all."""
    return 0 < loaded < most and loaded_s + cost_estimate_s <= LOAD_S


def load_of(most: int, losses: float) -> int:
    """How many parts may go in one wake-up with one that was lost with workers so often: half as many after each loss
    that it shared, so that workers that keep dying come to an end of something, and one that kills them is soon alone.
    """
    return max(1, math.floor(most * math.pow(0.25, losses)))


def is_long(cost_estimate_s: float) -> bool:
    """Whether a part is one of those that may never hold all places of a step."""
    return cost_estimate_s > SLICE_S


def places_of_the_long(cap: int) -> int:
    """How many wake-ups of a step may be long ones: two thirds of its places are kept for what is short."""
    return max(1, cap // 4)


def short_limit_s(cost_estimate_s: float) -> float:
    """How long a decoder call may be active in a slot for short parts. Beyond that, the part is requeued as a long one."""
    if is_long(cost_estimate_s):
        return math.inf
    return SHORT_S + cost_estimate_s + min(SHORT_TIMES * cost_estimate_s, SHORT_MORE_S)


def charge(cost_estimate_s: float, weight: float) -> float:
    """What one dispatch adds to a lane's pass. An estimate counts for at most one slice."""
    return min(cost_estimate_s, SLICE_S) / weight


def correction(cost_estimate_s: float, measured_s: float) -> float:
    """What to charge a lane beside the estimate once a part has run; 0 where that is not worth a write.

    Each part is judged by itself. If small differences were kept until they add up, whoever runs many parts would be
    refunded long before whoever runs few, who would wait meanwhile though both were judged alike.
    """
    charged_s = min(cost_estimate_s, SLICE_S)
    difference_s = measured_s - charged_s
    return difference_s if abs(difference_s) > max(LEAST_CORRECTED_S, LEAST_CORRECTED * charged_s) else 0.0


@dataclass
class BatchLane:
    passed: float
    weight: float = 1.0
    active: bool = False
    backlog: list[tuple[str, float]] = field(default_factory=list)


@dataclass
class TenantLane:
    weight: float
    passed: float
    active: bool = False
    batch_clock: float = 0.0
    batches: dict[str, BatchLane] = field(default_factory=dict)

    @property
    def waits(self) -> bool:
        return any(batch.backlog for batch in self.batches.values())


@dataclass
class Lanes:
    """The lanes of one step, as a value: the model of the policy that the status store carries out.

    A lane that has become empty stays among the active ones until its turn comes and nothing is found in it.
    """

    tenants: dict[str, TenantLane] = field(default_factory=dict)
    clock: float = 0.0
    last: tuple[TenantLane, BatchLane] | None = None

    def ready(
        self, tenant: str, batch: str, item: str, cost_s: float, weight: float = 1.0, batch_weight: float = 1.0
    ) -> None:
        """Put an item in its lane. A lane that was idle starts at the pass last dispatched."""
        lane = self.tenants.setdefault(tenant, TenantLane(weight, self.clock))
        inner = lane.batches.setdefault(batch, BatchLane(lane.batch_clock, batch_weight))
        if not lane.active:
            lane.active, lane.passed = True, max(lane.passed, self.clock)
        if not inner.active:
            inner.active, inner.passed = True, max(inner.passed, lane.batch_clock)
        inner.backlog.append((item, cost_s))

    def look(self, long_too: bool = True, goes_on: bool = False) -> str | None:
        """The item that comes next; of short ones alone, where there is no more room for `long_too`; of the same batch
        as the one that was taken last, where it `goes_on`."""
        found = self._foremost(long_too, goes_on)
        return found[1].backlog[found[2]][0] if found else None

    def next(self, long_too: bool = True, goes_on: bool = False) -> str | None:
        """Take the oldest item of the batch of lowest pass of the tenant of lowest pass; charge both."""
        found = self._foremost(long_too, goes_on)
        return self._take(*found) if found else None

    def _foremost(self, long_too: bool, goes_on: bool) -> tuple[TenantLane, BatchLane, int] | None:
        """Its lanes, and its place in them. Lanes that are found empty are no longer active."""
        if goes_on and self.last:
            lane, inner = self.last
            places = (place for place, (_, cost_s) in enumerate(inner.backlog) if long_too or not is_long(cost_s))
            return next(((lane, inner, place) for place in places), None)
        by_pass = sorted((lane.passed, tenant) for tenant, lane in self.tenants.items() if lane.active)
        for lane in (self.tenants[tenant] for _, tenant in by_pass):
            batches = sorted((inner.passed, name) for name, inner in lane.batches.items() if inner.active)
            for inner in (lane.batches[name] for _, name in batches):
                for place, (_, cost_s) in enumerate(inner.backlog):
                    if long_too or not is_long(cost_s):
                        return lane, inner, place
                inner.active = bool(inner.backlog)
            lane.active = lane.waits
        return None

    def _take(self, lane: TenantLane, inner: BatchLane, place: int) -> str:
        item, cost_s = inner.backlog.pop(place)
        self.last = lane, inner
        # Refunds may have put a lane behind the clock; they don't turn it back.
        self.clock, lane.batch_clock = max(self.clock, lane.passed), max(lane.batch_clock, inner.passed)
        lane.passed += charge(cost_s, lane.weight)
        inner.passed += charge(cost_s, inner.weight)
        return item

    def correct(self, tenant: str, batch: str, estimate_s: float, measured_s: float) -> None:
        """Charge what an attempt really cost in place of what it was estimated to cost."""
        lane, difference_s = self.tenants[tenant], measured_s - min(estimate_s, SLICE_S)
        lane.passed += difference_s / lane.weight
        lane.batches[batch].passed += difference_s / lane.batches[batch].weight
