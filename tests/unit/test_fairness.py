"""The fair order, as properties of its model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.domain.fairness import SLICE_S, Lanes, charge, in_flight_cap

BACKLOGS = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 60), min_size=2)
COSTS = st.floats(0.01, 100)


def filled(backlogs: dict[str, int], cost_s: float = 1.0, weights: dict[str, float] | None = None) -> Lanes:
    lanes = Lanes()
    for tenant, count in backlogs.items():
        for place in range(count):
            lanes.ready(tenant, "batch", f"{tenant}{place}", cost_s, (weights or {}).get(tenant, 1.0))
    return lanes


def drained(lanes: Lanes) -> list[str]:
    taken = []
    while (item := lanes.next()) is not None:
        taken.append(item)
    return taken


@given(BACKLOGS)
def test_everything_is_taken_once_and_each_lane_in_its_own_order(backlogs: dict[str, int]) -> None:
    taken = drained(filled(backlogs))
    for tenant, count in backlogs.items():
        assert [item for item in taken if item[0] == tenant] == [f"{tenant}{place}" for place in range(count)]
    assert len(taken) == sum(backlogs.values())


@given(BACKLOGS)
def test_of_equals_none_is_ever_two_turns_ahead(backlogs: dict[str, int]) -> None:
    taken = drained(filled(backlogs))
    for end in range(len(taken)):
        so_far = {tenant: sum(item[0] == tenant for item in taken[:end]) for tenant in backlogs}
        waiting = [tenant for tenant in backlogs if so_far[tenant] < backlogs[tenant]]
        if waiting:
            assert max(so_far[t] for t in waiting) - min(so_far[t] for t in waiting) <= 1


@given(st.lists(st.tuples(st.sampled_from("abcd"), COSTS), min_size=2, max_size=80), st.integers(0, 40))
def test_of_those_who_wait_none_is_ever_ahead_by_more_than_a_slice(work: list[tuple[str, float]], ran: int) -> None:
    weights = {"a": 1.0, "b": 2.0, "c": 0.5, "d": 4.0}
    lanes = Lanes()
    for place, (tenant, cost_s) in enumerate(work):
        lanes.ready(tenant, "batch", str(place), cost_s, weights[tenant])
        if place < ran:
            lanes.next()
        waiting = [lane.passed for lane in lanes.tenants.values() if lane.active]
        assert not waiting or max(waiting) - min(waiting) <= SLICE_S / min(weights.values()) + 1e-6
        assert all(passed >= lanes.clock - 1e-6 for passed in waiting)


def test_a_newcomer_starts_where_the_last_dispatch_was() -> None:
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
def test_a_newcomer_is_next_but_one_however_long_the_others_have_run(ran: int, backlog: int) -> None:
    lanes = filled({"a": ran + backlog, "b": ran + backlog})
    for _ in range(ran):
        lanes.next()
    lanes.ready("newcomer", "batch", "newcomer", 1.0)
    assert "newcomer" in [lanes.next() for _ in range(3)]


@given(st.integers(1, 100))
def test_one_who_was_away_hoards_no_credit(away: int) -> None:
    lanes = filled({"a": 1, "b": away + 40})
    for _ in range(away + 1):
        lanes.next()
    for place in range(20):
        lanes.ready("a", "batch", f"a again {place}", 1.0)
    taken = [lanes.next() or "" for _ in range(20)]
    assert 9 <= sum(item[0] == "a" for item in taken) <= 11


@given(COSTS, st.floats(0.01, 100))
def test_an_estimate_counts_for_at_most_one_slice(cost_s: float, weight: float) -> None:
    assert charge(cost_s, weight) == min(cost_s, SLICE_S) / weight


def test_dear_work_gets_fewer_turns() -> None:
    lanes = Lanes()
    for place in range(100):
        lanes.ready("dear", "batch", f"d{place}", 8.0)
        lanes.ready("cheap", "batch", f"c{place}", 1.0)
    taken = [lanes.next() or "" for _ in range(45)]
    assert sum(item[0] == "d" for item in taken) == 5


def test_what_was_estimated_wrongly_is_charged_as_it_was() -> None:
    lanes = filled({"a": 50, "b": 50})
    first = lanes.next()
    assert first == "a0"
    lanes.correct("a", "batch", estimate_s=1.0, measured_s=11.0)
    assert [(lanes.next() or "")[0] for _ in range(11)] == ["b"] * 11


def test_batches_of_one_tenant_take_turns_and_cost_no_other_tenant() -> None:
    lanes = Lanes()
    for place in range(30):
        for batch in ("one", "two", "three"):
            lanes.ready("a", batch, f"{batch} {place}", 1.0)
        lanes.ready("b", "only", f"b {place}", 1.0)
    taken = [lanes.next() or "" for _ in range(24)]
    assert sum(item.startswith("b") for item in taken) == 12
    assert {batch: sum(item.startswith(batch) for item in taken) for batch in ("one", "two", "three")} == {
        "one": 4, "two": 4, "three": 4,
    }  # fmt: skip


@pytest.mark.parametrize(("concurrency", "cap"), [(1, 2), (2, 3), (4, 5), (8, 10), (100, 125)])
def test_the_cap_keeps_every_worker_busy_and_little_more(concurrency: int, cap: int) -> None:
    assert in_flight_cap(concurrency) == cap


def test_a_refund_does_not_turn_the_clock_back_for_newcomers() -> None:
    lanes = filled({"a": 50, "b": 50}, cost_s=10.0)
    for _ in range(9):
        lanes.next()
    for _ in range(4):
        lanes.correct("a", "batch", estimate_s=10.0, measured_s=0.1)
    lanes.next()
    clock = lanes.clock
    for place in range(50):
        lanes.ready("newcomer", "batch", f"n{place}", 10.0)
    assert lanes.tenants["newcomer"].passed >= clock >= 40.0
