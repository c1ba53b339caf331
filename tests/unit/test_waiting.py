"""Forecasts of waiting times: what is ahead in the fair order, and whether files settle within the predicted range."""

from __future__ import annotations

import heapq
import random
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from layers.domain.fairness import Lanes
from layers.domain.waiting import Ahead, LaneView, OwnLane, Range, StepForecast


def lane(cost_s: float, files: int = 1, at: float = 0.0, weight: float = 1.0, batch_at: float = 0.0) -> OwnLane:
    return OwnLane(files, files, cost_s, at, weight, batch_at, 1.0, [0.0, 9.0], [0, files], [0.0, cost_s])


# The tenant's own lane of 20 s, and two other lanes of 10 s and 30 s; all at pass 0 and of weight 1.
FORECAST = StepForecast(60.0, [0.0, 10.0, 20.0, 30.0], [0.0, 30.0, 50.0, 60.0], served=(2.0, 4.0))


def test_other_lanes_are_served_first_as_far_as_the_order_passes_over_them() -> None:
    lanes = LaneView({"ocr": FORECAST}, {"ocr": {"a": lane(20.0, 10)}})
    assert lanes.ahead("ocr", "a", 0, 0.0).cost_s == 0
    assert lanes.ahead("ocr", "a", 5, 5.0).cost_s == pytest.approx(15.0)
    assert lanes.ahead("ocr", "a", 9, 18.0).cost_s == pytest.approx(18 + 10 + 18)


def test_batches_of_the_same_owner_take_turns() -> None:
    own = {"a": lane(10.0, 5), "b": lane(40.0, 20)}
    lanes = LaneView({"ocr": StepForecast(50.0, [0.0, 50.0], [0.0, 50.0])}, {"ocr": own})
    ahead = lanes.ahead("ocr", "a", 4, 8.0)
    assert (ahead.own_s, ahead.cost_s) == (pytest.approx(16.0), pytest.approx(16.0))
    assert ahead.files == pytest.approx(4 + 4)


def test_a_new_tenant_starts_at_the_current_pass() -> None:
    ahead = LaneView({"ocr": FORECAST}).ahead("ocr", "new", 0, 0.0, part_s=2.0)
    assert (ahead.cost_s, ahead.latest_s) == (
        0.0,
        pytest.approx(6.0),
    )  # the order is unknown: it is first, or last after three others


def test_the_range_is_wide_where_the_rate_varied_and_wider_where_it_is_unknown() -> None:
    low, high = FORECAST.takes(40.0)
    assert 7 < low < 10 and 20 < high < 28
    unknown_low, unknown_high = StepForecast(concurrency=3.0).takes(40.0)
    assert unknown_low < low and unknown_high > 2 * high
    assert FORECAST.takes(0.0) == (0.0, 0.0)


def test_positions_between_marks_are_interpolated() -> None:
    marked = OwnLane(12, 12, 24.0, 0, 1, 0, 1, [10.0, 20.0, 30.0, 30.0], [0, 4, 5, 11], [0.0, 8.0, 10.0, 22.0])
    assert [marked.before(at) for at in (9.0, 10.0, 15.0, 20.0, 30.0, 31.0)] == [
        (0, 0.0), (0, 0.0), (2.0, 4.0), (4, 8.0), (5, 10.0), (12, 24.0)]  # fmt: skip


def test_later_steps_of_the_pipeline_count_too() -> None:
    slow = StepForecast(100.0, [0.0, 100.0], [0.0, 100.0], served=(1.0, 1.0), cost_a_file_s=2.0, run_s=(1.0, 3.0))
    lanes = LaneView(
        {"text": StepForecast(served=(10.0, 10.0), run_s=(0.1, 0.2)), "ocr": slow}, {"ocr": {"a": lane(100.0)}}
    )
    low, high = lanes.finishes("text", "a", Ahead(10, 1.0, 1.0, 1.0), ["ocr"])
    assert 90 < low < 120 < high < 200
    assert lanes.finishes("text", "a", Ahead(10, 1.0, 1.0, 1.0), [])[1] < 5
    assert lanes.batch_finishes("a", ["text", "ocr"])[0] > 75


# --- a simulation: predictions against what happens --------------------------------------------------


@dataclass
class Simulation:
    """A simulation of one step with `concurrency` workers and tasks of about 2 s; time advances from event to event."""

    concurrency: int = 20
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    lanes: Lanes = field(default_factory=Lanes)
    now: float = 0.0
    running: list[tuple[float, str]] = field(default_factory=list)
    predicted: dict[str, tuple[float, Range]] = field(default_factory=dict)
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
        """The measured rate: over the last minute, and over the last 10 s."""
        if self.now < 4:
            return None
        rates = [
            sum(cost_s for at, cost_s in self.dispatched if at > self.now - span_s) / min(span_s, self.now)
            for span_s in (10.0, 60.0)
        ]
        return min(rates), max(rates)

    def view(self, of: str) -> LaneView:
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
        forecast = StepForecast(0.0, at, cost_s[: len(at)], self.served(), 0.0, (1.1, 2.9), self.concurrency)
        me = self.lanes.tenants[of]
        own = {
            name: OwnLane(
                len(batch.backlog), len(batch.backlog), sum(cost_s for _, cost_s in batch.backlog),
                me.passed, me.weight, batch.passed, batch.weight,
            )
            for name, batch in me.batches.items()
            if batch.backlog
        }  # fmt: skip
        return LaneView({"read": forecast}, {"read": own})

    def predict(self, tenant: str, every: int = 1) -> None:
        view = self.view(tenant)
        for name, batch in self.lanes.tenants[tenant].batches.items():
            before_s = 0.0
            for index, (item, cost_s) in enumerate(batch.backlog):
                if index % every == 0 and item not in self.predicted:
                    ahead = view.ahead("read", name, index, before_s, cost_s)
                    self.predicted[item] = self.now, view.finishes("read", name, ahead, [])
                before_s += cost_s

    def inside(self) -> float:
        """The share of tasks that ended within their predicted range."""
        hits = [low <= self.ended[item] - at <= high for item, (at, (low, high)) in self.predicted.items()]
        return sum(hits) / len(hits)


def noisy_and_quiet(cost_s: float = 2.0, weights: dict[str, float] | None = None) -> Simulation:
    simulation = Simulation()
    weights = weights or {}
    for index in range(1500):
        simulation.ready("noisy", "big", f"noisy {index}", cost_s, weights.get("noisy", 1.0))
    for second in range(120):
        simulation.until(second)
        for quiet in range(9):
            if (second + quiet) % 4 == 0:
                tenant = f"quiet {quiet}"
                simulation.ready(tenant, "small", f"{tenant} {second}", 2.0, weights.get(tenant, 1.0))
                simulation.predict(tenant)
        if second % 10 == 5:
            simulation.predict("noisy", every=40)
    simulation.until(10_000)
    return simulation


@pytest.mark.parametrize("weights", [{}, {"quiet 1": 4.0, "quiet 2": 2.0}])
def test_four_of_five_tasks_end_within_the_predicted_range(weights: dict[str, float]) -> None:
    simulation = noisy_and_quiet(weights=weights)
    assert len(simulation.predicted) > 250 and simulation.inside() >= 0.8


def test_the_range_holds_next_to_a_tenant_whose_files_cost_ten_times_as_much() -> None:
    assert noisy_and_quiet(cost_s=10.0).inside() >= 0.8


def test_the_range_holds_for_hundreds_of_tenants_with_one_file_each() -> None:
    simulation = Simulation()
    for index in range(400):
        simulation.ready(f"tenant {index}", "only", f"file {index}", 2.0)
    simulation.until(10)
    for index in range(0, 400, 4):
        if simulation.lanes.tenants[f"tenant {index}"].waits:
            simulation.predict(f"tenant {index}")
    simulation.until(10_000)
    assert simulation.inside() >= 0.8


def test_no_range_is_too_wide_to_be_useful() -> None:
    simulation = noisy_and_quiet()
    late = [high / max(low, 1) for at, (low, high) in simulation.predicted.values() if at > 20 and low > 20]
    assert late and max(late) < 4
