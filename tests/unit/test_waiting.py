"""How long something waits: what is before it in the fair order, and whether it ends when it was said that it would."""

from __future__ import annotations

import heapq
import random
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from layers.domain.fairness import Lanes
from layers.domain.waiting import Ahead, Outlook, OwnLane, Range, Standing


def lane(cost_s: float, files: int = 1, at: float = 0.0, weight: float = 1.0, batch_at: float = 0.0) -> OwnLane:
    return OwnLane(files, files, cost_s, at, weight, batch_at, 1.0, [0.0, 9.0], [0, files], [0.0, cost_s])


# Two other lanes of 10 s and 30 s, both at pass 0 and of weight 1, beside one's own of 20 s.
OUTLOOK = Outlook(60.0, [0.0, 10.0, 20.0, 30.0], [0.0, 30.0, 50.0, 60.0], served=(2.0, 4.0))


def test_of_every_other_lane_as_much_is_served_before_as_the_order_passes_over() -> None:
    standing = Standing({"ocr": OUTLOOK}, {"ocr": {"a": lane(20.0, 10)}})
    assert standing.ahead("ocr", "a", 0, 0.0).cost_s == 0
    assert standing.ahead("ocr", "a", 5, 5.0).cost_s == pytest.approx(15.0)
    assert standing.ahead("ocr", "a", 9, 18.0).cost_s == pytest.approx(18 + 10 + 18)


def test_a_batch_of_the_same_owner_takes_turns_too() -> None:
    own = {"a": lane(10.0, 5), "b": lane(40.0, 20)}
    standing = Standing({"ocr": Outlook(50.0, [0.0, 50.0], [0.0, 50.0])}, {"ocr": own})
    ahead = standing.ahead("ocr", "a", 4, 8.0)
    assert (ahead.own_s, ahead.cost_s) == (pytest.approx(16.0), pytest.approx(16.0))
    assert ahead.files == pytest.approx(4 + 4)


def test_a_newcomer_stands_where_the_order_is() -> None:
    ahead = Standing({"ocr": OUTLOOK}).ahead("ocr", "new", 0, 0.0, part_s=2.0)
    assert (ahead.cost_s, ahead.latest_s) == (0.0, pytest.approx(6.0))  # it goes first, or all three do


def test_the_range_is_as_wide_as_the_rate_was_unsteady_and_wider_where_none_was_seen() -> None:
    low, high = OUTLOOK.takes(40.0)
    assert 7 < low < 10 and 20 < high < 28
    unknown_low, unknown_high = Outlook(concurrency=3.0).takes(40.0)
    assert unknown_low < low and unknown_high > 2 * high
    assert OUTLOOK.takes(0.0) == (0.0, 0.0)


def test_marks_tell_what_was_before_whatever_was_readied_between_them() -> None:
    marked = OwnLane(12, 12, 24.0, 0, 1, 0, 1, [10.0, 20.0, 30.0, 30.0], [0, 4, 5, 11], [0.0, 8.0, 10.0, 22.0])
    assert [marked.before(at) for at in (9.0, 10.0, 15.0, 20.0, 30.0, 31.0)] == [
        (0, 0.0), (0, 0.0), (2.0, 4.0), (4, 8.0), (5, 10.0), (12, 24.0)]  # fmt: skip


def test_what_comes_later_in_the_pipeline_is_waited_for_as_well() -> None:
    slow = Outlook(100.0, [0.0, 100.0], [0.0, 100.0], served=(1.0, 1.0), cost_a_file_s=2.0, run_s=(1.0, 3.0))
    standing = Standing(
        {"text": Outlook(served=(10.0, 10.0), run_s=(0.1, 0.2)), "ocr": slow}, {"ocr": {"a": lane(100.0)}}
    )
    low, high = standing.finishes("text", "a", Ahead(10, 1.0, 1.0, 1.0), ["ocr"])
    assert 90 < low < 120 < high < 200
    assert standing.finishes("text", "a", Ahead(10, 1.0, 1.0, 1.0), [])[1] < 5
    assert standing.batch_finishes("a", ["text", "ocr"])[0] > 75


# --- a laboratory: what is told, against what comes about ---------------------------------------------


@dataclass
class Laboratory:
    """One step, `concurrency` workers, tasks of 2 s more or less; time passes from event to event."""

    concurrency: int = 20
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    lanes: Lanes = field(default_factory=Lanes)
    now: float = 0.0
    running: list[tuple[float, str]] = field(default_factory=list)
    told: dict[str, tuple[float, Range]] = field(default_factory=dict)
    ended: dict[str, float] = field(default_factory=dict)
    dispatched: list[tuple[float, float]] = field(default_factory=list)
    cost_s: dict[str, float] = field(default_factory=dict)

    def ready(self, tenant: str, batch: str, item: str, cost_s: float, weight: float = 1.0) -> None:
        self.cost_s[item] = cost_s
        self.lanes.ready(tenant, batch, item, cost_s, weight)

    def fill(self) -> None:
        while len(self.running) < self.concurrency and (item := self.lanes.next()):
            self.dispatched.append((self.now, self.cost_s[item]))
            took_s = self.cost_s[item] * self.chance.uniform(0.5, 1.5)
            heapq.heappush(self.running, (self.now + took_s, item))

    def until(self, when: float) -> None:
        self.fill()
        while self.running and self.running[0][0] <= when:
            self.now, item = heapq.heappop(self.running)
            self.ended[item] = self.now
            self.fill()
        self.now = when

    def served(self) -> Range | None:
        """As it is measured: over the last minute on the whole, and over its last 10 s."""
        if self.now < 4:
            return None
        rates = [
            sum(cost_s for at, cost_s in self.dispatched if at > self.now - span_s) / min(span_s, self.now)
            for span_s in (10.0, 60.0)
        ]
        return min(rates), max(rates)

    def standing(self, of: str) -> Standing:
        slopes: dict[float, float] = defaultdict(float)
        for tenant in self.lanes.tenants.values():
            total_s = sum(cost_s for batch in tenant.batches.values() for _, cost_s in batch.backlog)
            if total_s:
                slopes[tenant.passed] += tenant.weight
                slopes[tenant.passed + total_s / tenant.weight] -= tenant.weight
        at, cost_s, slope = sorted(slopes), [0.0], 0.0
        for before, after in pairwise(at):
            slope += slopes[before]
            cost_s.append(cost_s[-1] + slope * (after - before))
        outlook = Outlook(0.0, at, cost_s[: len(at)], self.served(), 0.0, (1.1, 2.9), self.concurrency)
        me = self.lanes.tenants[of]
        own = {
            name: OwnLane(
                len(batch.backlog), len(batch.backlog), sum(cost_s for _, cost_s in batch.backlog),
                me.passed, me.weight, batch.passed, batch.weight,
            )
            for name, batch in me.batches.items()
            if batch.backlog
        }  # fmt: skip
        return Standing({"read": outlook}, {"read": own})

    def tell(self, tenant: str, every: int = 1) -> None:
        standing = self.standing(tenant)
        for name, batch in self.lanes.tenants[tenant].batches.items():
            before_s = 0.0
            for place, (item, cost_s) in enumerate(batch.backlog):
                if place % every == 0 and item not in self.told:
                    ahead = standing.ahead("read", name, place, before_s, cost_s)
                    self.told[item] = self.now, standing.finishes("read", name, ahead, [])
                before_s += cost_s

    def inside(self) -> float:
        """The share of those that were told that ended when they were told."""
        hits = [low <= self.ended[item] - at <= high for item, (at, (low, high)) in self.told.items()]
        return sum(hits) / len(hits)


def noisy_and_quiet(cost_s: float = 2.0, weights: dict[str, float] | None = None) -> Laboratory:
    laboratory = Laboratory()
    weights = weights or {}
    for place in range(1500):
        laboratory.ready("noisy", "big", f"noisy {place}", cost_s, weights.get("noisy", 1.0))
    for second in range(120):
        laboratory.until(second)
        for quiet in range(9):
            if (second + quiet) % 4 == 0:
                tenant = f"quiet {quiet}"
                laboratory.ready(tenant, "small", f"{tenant} {second}", 2.0, weights.get(tenant, 1.0))
                laboratory.tell(tenant)
        if second % 10 == 5:
            laboratory.tell("noisy", every=40)
    laboratory.until(10_000)
    return laboratory


@pytest.mark.parametrize("weights", [{}, {"quiet 1": 4.0, "quiet 2": 2.0}])
def test_four_of_five_end_within_the_time_that_they_were_told(weights: dict[str, float]) -> None:
    laboratory = noisy_and_quiet(weights=weights)
    assert len(laboratory.told) > 250 and laboratory.inside() >= 0.8


def test_so_do_those_beside_a_tenant_whose_files_cost_ten_times_as_much() -> None:
    assert noisy_and_quiet(cost_s=10.0).inside() >= 0.8


def test_so_do_hundreds_of_tenants_of_one_file_each() -> None:
    laboratory = Laboratory()
    for place in range(400):
        laboratory.ready(f"tenant {place}", "only", f"file {place}", 2.0)
    laboratory.until(10)
    for place in range(0, 400, 4):
        if laboratory.lanes.tenants[f"tenant {place}"].waits:
            laboratory.tell(f"tenant {place}")
    laboratory.until(10_000)
    assert laboratory.inside() >= 0.8


def test_no_range_is_so_wide_that_it_says_nothing() -> None:
    laboratory = noisy_and_quiet()
    late = [high / max(low, 1) for at, (low, high) in laboratory.told.values() if at > 20 and low > 20]
    assert late and max(late) < 4
