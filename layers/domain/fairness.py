"""Decides which part runs next: weighted stride scheduling over tenants and, within a tenant, over its batches.

Source: Waldspurger and Weihl, "Stride Scheduling", MIT/LCS/TM-528, 1995. `Lanes` is the model of the policy;
`schema/functions/dispatch.sql` implements it. The store passes the constants of this module to SQL as parameters.
Where SQL must repeat a formula, `tests/contract/test_policies.py` checks both with the same cases, and
`tests/integration/test_fair_choice.py` checks the order of dispatch against the model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

SLICE_S = 10.0  # a part that is estimated to take longer is a long part
IN_FLIGHT_PER_WORKER = 1.25
LONG_PARTS_SHARE = 0.25  # of the in-flight cap
BUNDLE_S = 0.5  # the largest estimated cost of all parts that one wake-up names
FOLLOWS_S = 0.1  # a part that takes no longer may be run by the thread that made it ready
VISIT_S = 2.0  # after so many seconds, a thread leaves what it has made ready to others
BUNDLE_AFTER_LOSS = 0.25  # a bundle's size after a lost worker, as a share of its size before
LOW_WEIGHT = 0.1  # of a batch of low priority among the batches of its tenant; above 0, so that it always advances
# By how much a short part may exceed its estimate.
SHORT_S = 0.3
SHORT_TIMES, SHORT_MORE_S = 2, 1.0  # the multiple of the estimate, and its limit
LONG_S = 30.0  # the new estimate of a part that exceeded its short limit
# The recorded reasons of parts that run again although nothing failed.
TAKES_LONG = "it takes longer than estimated and runs again as a long one"
BUNDLE_TOOK_LONG = "another file in the same message took longer than estimated"
# A lane is corrected if the measured time differs from the estimate by more than both of these.
LEAST_CORRECTED_S, LEAST_CORRECTED = 0.1, 0.1  # seconds, and a share of the estimate


def in_flight_cap(concurrency: int) -> int:
    """How many wake-ups of a step may be queued or running: just enough that no worker is idle."""
    return math.ceil(concurrency * IN_FLIGHT_PER_WORKER)


def slots(cap: int, in_flight: int, in_flight_s: float) -> int:
    """How many wake-ups of a step may be in flight now, given its cap and those that are in flight already.

    `in_flight_s` is their estimated cost in all. A wake-up beyond the number of workers waits in the broker, where a
    part of another tenant can't overtake it, for about a quarter of the time that a wake-up takes. If one takes more
    than a second, there are fewer of these, so that the wait stays at a quarter of a second.
    """
    mean_s = in_flight_s / in_flight if in_flight else 0.0
    beyond = (IN_FLIGHT_PER_WORKER - 1) / max(1.0, mean_s)
    return min(cap, max(1, math.ceil(math.floor(cap / IN_FLIGHT_PER_WORKER) * (1 + beyond))))


def slots_for_long_parts(cap: int) -> int:
    """How many long parts of a step may be in flight, out of its in-flight cap. The other slots are for short parts."""
    return max(1, math.floor(cap * LONG_PARTS_SHARE))


def is_long(cost_estimate_s: float) -> bool:
    """Whether a part is a long one. Long parts may never take all slots of a step."""
    return cost_estimate_s > SLICE_S


def bundle_size(most: int, losses: float) -> int:
    """How many parts a wake-up may name, given the most for its step and the losses of the part so far.

    A loss that a part shared with others counts half (`ledger.loss`) and halves the size. So a part that crashes its
    worker soon runs alone.
    """
    return max(1, math.floor(most * math.pow(BUNDLE_AFTER_LOSS, losses)))


def joins_bundle(size: int, bundle_s: float, cost_estimate_s: float, most: int) -> bool:
    """Whether a part joins the bundle before it, which has `size` parts of `bundle_s` seconds in all."""
    return 0 < size < most and bundle_s + cost_estimate_s <= BUNDLE_S


def short_limit_s(cost_estimate_s: float) -> float:
    """How long a decoder call may be active in a slot for short parts. Beyond that, the part is requeued as a long one."""
    if is_long(cost_estimate_s):
        return math.inf
    return SHORT_S + cost_estimate_s + min(SHORT_TIMES * cost_estimate_s, SHORT_MORE_S)


def charge(cost_estimate_s: float, weight: float) -> float:
    """What one dispatch adds to a lane's pass. An estimate counts for at most one slice."""
    return min(cost_estimate_s, SLICE_S) / weight


def correction(cost_estimate_s: float, measured_s: float) -> float:
    """What to charge a lane beyond the estimate once a part has run; 0 if the difference is not worth a write.

    Small differences of several parts are not added up: a tenant with many parts would be refunded long before a
    tenant with few parts, which would have to wait in the meantime.
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
    """The lanes of one step, in memory.

    A lane whose backlog becomes empty stays active until its turn comes and nothing is found in it.
    """

    tenants: dict[str, TenantLane] = field(default_factory=dict)
    clock: float = 0.0
    last: tuple[TenantLane, BatchLane] | None = None

    def ready(
        self, tenant: str, batch: str, item: str, cost_s: float, weight: float = 1.0, batch_weight: float = 1.0
    ) -> None:
        """Add an item to its lane. A lane that was idle starts at the pass that was dispatched last."""
        lane = self.tenants.setdefault(tenant, TenantLane(weight, self.clock))
        inner = lane.batches.setdefault(batch, BatchLane(lane.batch_clock, batch_weight))
        if not lane.active:
            lane.active, lane.passed = True, max(lane.passed, self.clock)
        if not inner.active:
            inner.active, inner.passed = True, max(inner.passed, lane.batch_clock)
        inner.backlog.append((item, cost_s))

    def peek(self, long_parts_too: bool = True, same_batch_only: bool = False) -> str | None:
        """The item that `next` would take."""
        found = self._first(long_parts_too, same_batch_only)
        return found[1].backlog[found[2]][0] if found else None

    def next(self, long_parts_too: bool = True, same_batch_only: bool = False) -> str | None:
        """Take the oldest item of the batch of lowest pass of the tenant of lowest pass; charge both lanes.

        Without `long_parts_too`, long parts are skipped. `same_batch_only`: only from the batch of the last item.
        """
        found = self._first(long_parts_too, same_batch_only)
        return self._take(*found) if found else None

    def _first(self, long_parts_too: bool, same_batch_only: bool) -> tuple[TenantLane, BatchLane, int] | None:
        """The item's lanes and its index in the backlog. Lanes that are found empty become inactive."""
        if same_batch_only and self.last:
            lane, inner = self.last
            indexes = (n for n, (_, cost_s) in enumerate(inner.backlog) if long_parts_too or not is_long(cost_s))
            return next(((lane, inner, n) for n in indexes), None)
        by_pass = sorted((lane.passed, tenant) for tenant, lane in self.tenants.items() if lane.active)
        for lane in (self.tenants[tenant] for _, tenant in by_pass):
            batches = sorted((inner.passed, name) for name, inner in lane.batches.items() if inner.active)
            for inner in (lane.batches[name] for _, name in batches):
                for index, (_, cost_s) in enumerate(inner.backlog):
                    if long_parts_too or not is_long(cost_s):
                        return lane, inner, index
                inner.active = bool(inner.backlog)
            lane.active = lane.waits
        return None

    def _take(self, lane: TenantLane, inner: BatchLane, index: int) -> str:
        item, cost_s = inner.backlog.pop(index)
        self.last = lane, inner
        # A refund may have put a lane behind the clock; the clock never goes back.
        self.clock, lane.batch_clock = max(self.clock, lane.passed), max(lane.batch_clock, inner.passed)
        lane.passed += charge(cost_s, lane.weight)
        inner.passed += charge(cost_s, inner.weight)
        return item

    def correct(self, tenant: str, batch: str, estimate_s: float, measured_s: float) -> None:
        """Charge what an attempt took in place of its estimate."""
        lane, difference_s = self.tenants[tenant], measured_s - min(estimate_s, SLICE_S)
        lane.passed += difference_s / lane.weight
        lane.batches[batch].passed += difference_s / lane.batches[batch].weight
