"""The fair order, as properties of its model."""

from __future__ import annotations

import random
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.domain.fairness import (
    LOW_WEIGHT,
    SLICE_S,
    Lanes,
    charge,
    correction,
    in_flight_cap,
    is_long,
    short_limit_s,
    slots,
)

BACKLOGS = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 60), min_size=2)
COSTS = st.floats(0.01, 100)


def filled(backlogs: dict[str, int], cost_s: float = 1.0, weights: dict[str, float] | None = None) -> Lanes:
    lanes = Lanes()
    for tenant, count in backlogs.items():
        for index in range(count):
            lanes.ready(tenant, "batch", f"{tenant}{index}", cost_s, (weights or {}).get(tenant, 1.0))
    return lanes


def drained(lanes: Lanes) -> list[str]:
    taken = []
    while (item := lanes.next()) is not None:
        taken.append(item)
    return taken


@given(BACKLOGS)
def test_every_item_is_taken_once_in_the_order_of_its_lane(backlogs: dict[str, int]) -> None:
    taken = drained(filled(backlogs))
    for tenant, count in backlogs.items():
        assert [item for item in taken if item[0] == tenant] == [f"{tenant}{index}" for index in range(count)]
    assert len(taken) == sum(backlogs.values())


@given(BACKLOGS)
def test_no_tenant_of_equal_weight_is_two_turns_ahead(backlogs: dict[str, int]) -> None:
    taken = drained(filled(backlogs))
    for end in range(len(taken)):
        so_far = {tenant: sum(item[0] == tenant for item in taken[:end]) for tenant in backlogs}
        waiting = [tenant for tenant in backlogs if so_far[tenant] < backlogs[tenant]]
        if waiting:
            assert max(so_far[t] for t in waiting) - min(so_far[t] for t in waiting) <= 1


@given(st.lists(st.tuples(st.sampled_from("abcd"), COSTS), min_size=2, max_size=80), st.integers(0, 40))
def test_no_waiting_tenant_is_ahead_by_more_than_a_slice(work: list[tuple[str, float]], ran: int) -> None:
    weights = {"a": 1.0, "b": 2.0, "c": 0.5, "d": 4.0}
    lanes = Lanes()
    for index, (tenant, cost_s) in enumerate(work):
        lanes.ready(tenant, "batch", str(index), cost_s, weights[tenant])
        if index < ran:
            lanes.next()
        waiting = [lane.passed for lane in lanes.tenants.values() if lane.waits]
        assert not waiting or max(waiting) - min(waiting) <= SLICE_S / min(weights.values()) + 1e-6
        assert all(passed >= lanes.clock - 1e-6 for passed in waiting)


def test_a_new_lane_starts_at_the_pass_dispatched_last() -> None:
    lanes = filled({"a": 10})
    for _ in range(4):
        lanes.next()
    lanes.ready("newcomer", "batch", "item", 1.0)
    assert lanes.tenants["newcomer"].passed == lanes.clock == 3.0


@given(st.floats(0.5, 8), st.floats(0.5, 8))
def test_shares_follow_weights(heavy: float, light: float) -> None:
    lanes = filled({"a": 400, "b": 400}, weights={"a": heavy, "b": light})
    first = [item for _ in range(400) if (item := lanes.next())]
    share = sum(item[0] == "a" for item in first) / len(first)
    assert abs(share - heavy / (heavy + light)) < 0.02


@given(st.integers(0, 200), st.integers(1, 30))
def test_a_new_tenant_is_served_within_three_turns(ran: int, backlog: int) -> None:
    lanes = filled({"a": ran + backlog, "b": ran + backlog})
    for _ in range(ran):
        lanes.next()
    lanes.ready("newcomer", "batch", "newcomer", 1.0)
    assert "newcomer" in [lanes.next() for _ in range(3)]


@given(st.integers(1, 100))
def test_an_idle_tenant_gains_no_credit(away: int) -> None:
    lanes = filled({"a": 1, "b": away + 40})
    for _ in range(away + 1):
        lanes.next()
    for index in range(20):
        lanes.ready("a", "batch", f"a again {index}", 1.0)
    taken = [lanes.next() or "" for _ in range(20)]
    assert 9 <= sum(item[0] == "a" for item in taken) <= 11


@given(COSTS, st.floats(0.01, 100))
def test_an_estimate_counts_for_at_most_one_slice(cost_s: float, weight: float) -> None:
    assert charge(cost_s, weight) == min(cost_s, SLICE_S) / weight


def test_expensive_work_gets_fewer_turns() -> None:
    lanes = Lanes()
    for index in range(100):
        lanes.ready("dear", "batch", f"d{index}", 8.0)
        lanes.ready("cheap", "batch", f"c{index}", 1.0)
    taken = [lanes.next() or "" for _ in range(45)]
    assert sum(item[0] == "d" for item in taken) == 5


def test_a_wrong_estimate_is_corrected_by_the_measured_time() -> None:
    lanes = filled({"a": 50, "b": 50})
    first = lanes.next()
    assert first == "a0"
    lanes.correct("a", "batch", estimate_s=1.0, measured_s=11.0)
    assert [(lanes.next() or "")[0] for _ in range(11)] == ["b"] * 11


def test_batches_of_one_tenant_take_turns_and_do_not_delay_other_tenants() -> None:
    lanes = Lanes()
    for index in range(30):
        for batch in ("one", "two", "three"):
            lanes.ready("a", batch, f"{batch} {index}", 1.0)
        lanes.ready("b", "only", f"b {index}", 1.0)
    taken = [lanes.next() or "" for _ in range(24)]
    assert sum(item.startswith("b") for item in taken) == 12
    assert {batch: sum(item.startswith(batch) for item in taken) for batch in ("one", "two", "three")} == {
        "one": 4, "two": 4, "three": 4,
    }  # fmt: skip


@pytest.mark.parametrize(("concurrency", "cap"), [(1, 2), (2, 3), (4, 5), (8, 10), (100, 125)])
def test_the_cap_keeps_every_worker_busy_and_little_more(concurrency: int, cap: int) -> None:
    assert in_flight_cap(concurrency) == cap


@pytest.mark.parametrize(
    ("concurrency", "seconds_each", "most"),
    [(20, 0.1, 25), (20, 1.0, 25), (20, 2.0, 23), (20, 10.0, 21), (4, 10.0, 5), (1, 0.1, 2), (1, 60.0, 2)],
)
def test_the_longer_parts_take_the_fewer_wait_in_the_broker(concurrency: int, seconds_each: float, most: int) -> None:
    taken = 0
    while taken < slots(in_flight_cap(concurrency), taken, taken * seconds_each):
        taken += 1
    assert taken == most


@given(st.integers(1, 1000), st.floats(0, 1e6))
def test_no_worker_is_idle_and_a_cap_of_one_allows_one(concurrency: int, seconds_each: float) -> None:
    assert slots(in_flight_cap(concurrency), concurrency, concurrency * seconds_each) > concurrency
    assert slots(1, 0, 0.0) == 1


def test_a_refund_does_not_turn_the_clock_back_for_newcomers() -> None:
    lanes = filled({"a": 50, "b": 50}, cost_s=10.0)
    for _ in range(9):
        lanes.next()
    for _ in range(4):
        lanes.correct("a", "batch", estimate_s=10.0, measured_s=0.1)
    lanes.next()
    clock = lanes.clock
    for index in range(50):
        lanes.ready("newcomer", "batch", f"n{index}", 10.0)
    assert lanes.tenants["newcomer"].passed >= clock >= 40.0


# --- random sequences of events --------------------------------------------------------------------------

WEIGHTS = {"a": 1.0, "b": 2.0, "c": 0.5, "d": 4.0}
# An event: an item of some cost becomes ready in one of two batches; or some items are dispatched and cost a multiple
# of their estimates.
READY = st.tuples(st.just("ready"), st.sampled_from("abcd"), st.sampled_from(("one", "two")), COSTS)
TAKE = st.tuples(st.just("take"), st.integers(1, 8), st.floats(0.1, 10), st.booleans())
TURNS = st.lists(st.one_of(READY, TAKE), max_size=80)


class Played:
    """Apply events to the lanes. Returns the items that were taken, in order, and those that became ready."""

    def __init__(self) -> None:
        self.lanes = Lanes()
        self.readied: dict[str, tuple[str, str, float]] = {}
        self.taken: list[str] = []

    def play(self, turns: list[tuple]) -> Played:
        for turn in turns:
            if turn[0] == "ready":
                self.ready(*turn[1:])
            else:
                self.take(*turn[1:])
        return self

    def ready(self, tenant: str, batch: str, cost_s: float) -> str:
        item = str(len(self.readied))
        weight = LOW_WEIGHT if batch == "two" else 1.0
        self.lanes.ready(tenant, batch, item, cost_s, WEIGHTS[tenant], weight)
        self.readied[item] = tenant, batch, cost_s
        return item

    def take(self, count: int, times: float, corrected: bool = True) -> None:
        for _ in range(count):
            item = self.lanes.next()
            assert (item is None) == (len(self.taken) == len(self.readied)), "dispatch is idle only while nothing waits"
            if item is None:
                return
            self.taken.append(item)
            tenant, batch, cost_s = self.readied[item]
            if corrected:
                self.lanes.correct(tenant, batch, cost_s, min(cost_s, SLICE_S) * times)

    def waiting(self) -> int:
        return len(self.readied) - len(self.taken)


@given(TURNS)
def test_work_is_conserved(turns: list[tuple]) -> None:
    played = Played().play(turns)
    played.take(len(played.readied) + 1, 1.0)
    assert sorted(played.taken, key=int) == list(played.readied)
    for lane in {(tenant, batch) for tenant, batch, _ in played.readied.values()}:
        own = [int(item) for item in played.taken if played.readied[item][:2] == lane]
        assert own == sorted(own), "a batch is dispatched in the order of age"


@given(TURNS, st.sampled_from("abcd"), COSTS)
def test_no_tenant_starves_however_much_arrives_after_it(turns: list[tuple], tenant: str, cost_s: float) -> None:
    """The first item of a lane is taken after a bounded amount of other work, even if that work never ends."""
    played = Played().play(turns)
    mine = played.ready(tenant, "one", cost_s)
    ahead_of_me = sum(
        charge(cost, 1.0)
        for item, (owner, _, cost) in played.readied.items()
        if owner == tenant and item not in played.taken
    )
    lane = played.lanes.tenants[tenant]
    behind = max(0.0, lane.passed - min(other.passed for other in played.lanes.tenants.values() if other.waits))
    inner = lane.batches["one"].passed - min(batch.passed for batch in lane.batches.values())
    own_turns = ahead_of_me + max(0.0, inner) + SLICE_S / LOW_WEIGHT
    bound = sum(WEIGHTS.values()) * (behind + own_turns / WEIGHTS[tenant] + 2 * SLICE_S / min(WEIGHTS.values()))
    served = 0.0
    while mine not in played.taken:
        for other in set("abcd") - {tenant}:
            played.ready(other, "one", SLICE_S)
        before = len(played.taken)
        played.take(1, 1.0, False)
        served += charge(played.readied[played.taken[before]][2], 1.0)
        assert served <= bound + SLICE_S


@given(TURNS, st.floats(0.2, 3), st.floats(0.2, 3))
def test_shares_follow_weights_whatever_the_history_and_the_costs(
    turns: list[tuple], a_costs: float, d_costs: float
) -> None:
    played = Played().play(turns)
    played.take(len(played.readied) + 1, 1.0)
    for _ in range(600):
        played.ready("a", "one", a_costs)
        played.ready("d", "one", d_costs)
    lanes, start = played.lanes.tenants, len(played.taken)
    owed = abs(lanes["a"].passed - lanes["d"].passed)  # from the events before
    played.take(300, 1.0)
    spent = dict.fromkeys("abcd", 0.0)
    for item in played.taken[start:]:
        spent[played.readied[item][0]] += played.readied[item][2]
    one_turn = a_costs / WEIGHTS["a"] + d_costs / WEIGHTS["d"]
    assert abs(spent["a"] / WEIGHTS["a"] - spent["d"] / WEIGHTS["d"]) <= one_turn + owed + 1e-6


@given(TURNS, st.integers(1, 100), st.floats(0.1, 1))
def test_neither_idle_time_nor_high_estimates_give_credit(turns: list[tuple], away: int, times: float) -> None:
    """A tenant that returns is served by its weight from then on, and does not catch up."""
    played = Played().play(turns)
    played.take(len(played.readied) + 1, times)
    for _ in range(away + 100):
        played.ready("b", "one", 1.0)
    played.take(away, 1.0)
    for _ in range(100):
        played.ready("a", "one", 1.0)
    start = len(played.taken)
    played.take(30, 1.0)
    others = [played.readied[item][0] for item in played.taken[start:]]
    assert others.count("a") <= 30 / 3 + 2


@given(
    st.sampled_from([0.05, 0.3, 2.0, 10.0, 60.0]),
    st.sampled_from([0.001, 0.02, 0.2, 1.0, 3.0]),
    st.integers(1, 25),
    st.integers(0, 1000),
)
def test_a_quiet_tenant_waits_briefly_however_wrong_all_estimates_are(
    estimate_s: float, times: float, end_together: int, seed: int
) -> None:
    """The backlog of one tenant keeps 25 parts in flight. The other tenant has a part from time to time, with the same
    cost and estimate."""
    chance, lanes, in_flight, taken = random.Random(seed), Lanes(), deque[str](), 0
    for index in range(3000):
        lanes.ready("noisy", "batch", f"noisy {index}", estimate_s)
    due, ready_at, waited = 100, {}, []
    for _ in range(2500 // end_together):
        while len(in_flight) < 25:
            item = lanes.next()
            assert item
            in_flight.append(item)
            taken += 1
            if item in ready_at:
                waited.append(taken - ready_at[item])
        if taken >= due:
            item = f"quiet {taken}"
            lanes.ready("quiet", "batch", item, estimate_s)
            ready_at[item], due = taken, taken + chance.randint(60, 200)
        for item in [in_flight.popleft() for _ in range(end_together)]:
            measured_s = min(estimate_s, SLICE_S) * times
            if difference_s := correction(estimate_s, measured_s):
                lanes.correct(item.split()[0], "batch", 0.0, difference_s)
    assert len(waited) >= len(ready_at) - 1
    assert max(waited) <= 25 + end_together


@given(st.lists(st.tuples(st.sampled_from("abcd"), COSTS), max_size=60))
def test_without_slots_for_long_parts_exactly_the_short_parts_are_taken(work: list[tuple[str, float]]) -> None:
    lanes = Lanes()
    for index, (tenant, cost_s) in enumerate(work):
        lanes.ready(tenant, "batch", str(index), cost_s)
    short = []
    while (item := lanes.next(long_parts_too=False)) is not None:
        short.append(int(item))
    assert sorted(short) == [index for index, (_, cost_s) in enumerate(work) if not is_long(cost_s)]
    assert len(short) + len(drained(lanes)) == len(work)


@given(COSTS, COSTS)
def test_the_short_limit_is_a_little_more_than_the_estimate(one_s: float, other_s: float) -> None:
    shorter_s, longer_s = sorted((min(one_s, SLICE_S), min(other_s, SLICE_S)))
    assert shorter_s < short_limit_s(shorter_s) <= short_limit_s(longer_s) < longer_s + 3
    assert short_limit_s(0.05) < 1


def test_a_long_part_has_no_short_limit() -> None:
    assert short_limit_s(SLICE_S) < float("inf") == short_limit_s(SLICE_S + 0.1)


@given(COSTS, COSTS)
def test_the_final_charge_of_a_lane_is_close_to_the_measured_time(estimate_s: float, measured_s: float) -> None:
    charged_s = min(estimate_s, SLICE_S)
    in_the_end = charged_s + correction(estimate_s, measured_s)
    assert abs(in_the_end - measured_s) <= max(0.1, 0.1 * charged_s) + 1e-9
