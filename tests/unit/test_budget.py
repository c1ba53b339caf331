"""Budgets: what may be dispatched, when calls may start, and how the rate adapts to a service that throttles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.domain.budget import LEAST_SHARE, UNTOUCHED, Budget, Rate

TEN = Rate(per_s=10)


def test_a_burst_is_dispatched_at_once_and_then_parts_at_the_rate() -> None:
    budget, taken = UNTOUCHED.take(TEN, 100.0, 1000)
    assert taken == 20 and budget.room(TEN, 100.0) == 0
    assert budget.wait_s(TEN, 100.0) == pytest.approx(0.1)
    assert [budget.room(TEN, 100.0 + seconds) for seconds in (0.1, 0.55, 1.0, 60.0)] == [1, 5, 10, 20]


def test_a_budget_that_was_given_back_can_be_taken_again() -> None:
    budget, _ = UNTOUCHED.take(TEN, 100.0, 20)
    assert budget.give_back(TEN, 100.0, 13).room(TEN, 100.0) == 13


def test_a_part_that_used_more_than_expected_reduces_the_budget_and_raises_the_estimate() -> None:
    budget, _ = UNTOUCHED.take(TEN, 100.0, 1)
    after = budget.settle(TEN, 100.0, 6)
    assert after.room(TEN, 100.0) < 20 - 5 and after.part == pytest.approx(2.0)
    assert (
        after.settle(TEN, 100.0, 0).part == after.part
    )  # it made no call, so that it does not change the estimate for a call


def test_one_part_always_fits_into_an_untouched_budget() -> None:
    slow = Rate(per_s=0.1, part=5)
    budget, taken = UNTOUCHED.take(slow, 100.0, 9)
    assert taken == 1 and budget.wait_s(slow, 100.0) == pytest.approx(50)


def test_calls_start_at_even_intervals_and_long_waits_are_refused() -> None:
    budget, waits = UNTOUCHED, []
    for _ in range(5):
        budget, wait_s = budget.pace(TEN, 100.0, 1, most_wait_s=0.35)
        waits.append(round(wait_s, 3))
    assert waits == [0.0, 0.1, 0.2, 0.3, 0.4]
    assert budget.free_at == pytest.approx(100.4)  # the fifth was refused and reserved no time


def test_calls_may_start_early_for_a_service_that_counts_by_the_minute() -> None:
    eased = Rate(per_s=100, ease_s=10)
    budget, first_s = UNTOUCHED.pace(eased, 50.0, 900, 5)
    budget, second_s = budget.pace(eased, 50.0, 900, 5)
    assert (first_s, second_s) == (0, 0) and budget.pace(eased, 50.0, 1, 99)[1] == pytest.approx(8)


def test_throttling_lowers_the_rate_and_it_rises_again_with_time() -> None:
    budget = UNTOUCHED.throttled(100.0, 0)
    assert budget.per_s(TEN, 100.0) == pytest.approx(9.5)
    assert [budget.per_s(TEN, 100.0 + seconds) for seconds in (4, 20)] == [pytest.approx(9.69), 10]


def test_the_rate_rises_faster_after_a_time_without_throttling() -> None:
    budget = Budget(share=0.5, share_at=100.0)
    assert [round(budget.per_s(TEN, 100.0 + seconds), 2) for seconds in (30, 40, 60)] == [5.75, 7.75, 10]


def test_many_calls_throttled_within_a_second_halve_the_rate_at_most() -> None:
    budget = UNTOUCHED
    for _ in range(200):
        budget = budget.throttled(100.0, 0)
    assert budget.share == 0.5
    for second in range(60):
        for _ in range(50):
            budget = budget.throttled(101.0 + second, 0)
    assert budget.share == LEAST_SHARE


def test_every_call_respects_the_pause_that_the_service_asks_for() -> None:
    budget = UNTOUCHED.throttled(100.0, 7)
    assert budget.pace(TEN, 100.0, 1, 5)[1] == pytest.approx(7)


def throughput(provider_per_s: float, burst: float, rate: Rate, seconds: int) -> tuple[float, float]:
    """Simulate calls to a service of this capacity. Returns its accepted calls a second and the throttled share, both
    for the second half of the time.

    The service is a token bucket. A throttled call is repeated like any other call.
    """
    now, budget, tokens, filled_at, passed, throttled = 1000.0, UNTOUCHED, burst, 1000.0, 0, 0
    middle, end = now + seconds / 2, now + seconds
    while now < end:
        budget, wait_s = budget.pace(rate, now, 1, 60)
        now += wait_s
        tokens, filled_at = min(burst, tokens + (now - filled_at) * provider_per_s), now
        if tokens >= 1 - 1e-9:
            tokens -= 1
            passed += now >= middle
        else:
            budget = budget.throttled(now, 0)
            throttled += now >= middle
    return passed / (seconds / 2), throttled / max(1, passed + throttled)


@pytest.mark.parametrize("provider_per_s", [10, 7, 4, 2.5])
def test_a_service_with_less_capacity_than_configured_is_still_fully_used(provider_per_s: float) -> None:
    per_s, share_throttled = throughput(provider_per_s, burst=5, rate=TEN, seconds=240)
    assert per_s >= 0.95 * provider_per_s
    assert share_throttled <= 0.05


@given(st.lists(st.tuples(st.floats(0, 2), st.integers(1, 60), st.integers(0, 60)), min_size=1, max_size=60))
def test_dispatch_never_exceeds_the_burst_and_the_rate(turns: list[tuple[float, int, int]]) -> None:
    budget: Budget = UNTOUCHED
    now, dispatched = 500.0, 0
    for passed_s, wanted, unused in turns:
        now += passed_s
        budget, taken = budget.take(TEN, now, wanted)
        budget = budget.give_back(TEN, now, min(unused, taken))
        dispatched += taken - min(unused, taken)
        assert dispatched <= 10 * (now - 500.0) + 20 + 1e-3
