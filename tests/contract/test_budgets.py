"""The contract of budgets, shared through Redis or of one process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import astuple
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from layers.adapters.redis.budgets import RedisBudgets
from layers.domain.budget import Rate
from tests.contract.conftest import Clock

RATES = {"textract": Rate(10), "extraction": Rate(100, part=500, burst_s=15, ease_s=10)}
UNREACHABLE = "redis://127.0.0.1:1/0"


NewBudgets = Callable[[], RedisBudgets]


@pytest.fixture
def new_budgets(own_or_shared_url: str, clock: Clock) -> NewBudgets:
    return lambda: RedisBudgets(own_or_shared_url, RATES, now=clock)


def test_a_service_without_a_rate_has_no_budget(new_budgets: NewBudgets) -> None:
    budgets = new_budgets()
    assert "textract" in budgets and "preview" not in budgets


def test_only_as_many_parts_are_taken_as_there_is_room_for(new_budgets: NewBudgets, clock: Clock) -> None:
    budgets = new_budgets()
    assert budgets.take("textract", 15) == (15, 0.0)
    assert budgets.take("textract", 15) == (5, pytest.approx(0.1))
    assert budgets.take("textract", 15) == (0, pytest.approx(0.1))
    budgets.give_back("textract", 2)
    clock.now += 0.3
    assert budgets.take("textract", 15)[0] == 5


def test_services_do_not_share_a_budget(new_budgets: NewBudgets) -> None:
    budgets = new_budgets()
    budgets.take("textract", 100)
    assert budgets.take("extraction", 100) == (3, pytest.approx(5.0))


def test_a_call_gets_a_turn_or_is_refused_if_the_wait_is_too_long(new_budgets: NewBudgets) -> None:
    budgets = new_budgets()
    assert budgets.pace("textract", 1, 5) == (True, 0.0)
    assert budgets.pace("textract", 1, 5) == (True, pytest.approx(0.1))
    assert budgets.pace("textract", 1, 0.05) == (False, pytest.approx(0.2))
    budgets.correct("textract", 10)
    assert budgets.pace("textract", 1, 5) == (True, pytest.approx(1.2))


def test_the_budget_that_accumulated_during_an_outage_is_not_used_at_once(
    new_budgets: NewBudgets, clock: Clock
) -> None:
    budgets = new_budgets()
    clock.now += 3600
    budgets.recovered("extraction")
    waits_s = [budgets.pace("extraction", 50, 5)[1] for _ in range(4)]
    assert waits_s == [pytest.approx(index * 0.5, abs=1e-5) for index in range(4)]


def test_the_state_has_the_present_and_the_full_rate(new_budgets: NewBudgets) -> None:
    budgets = new_budgets()
    budgets.throttled("textract")
    budgets.take("textract", 100)
    shown = budgets.states()["textract"]
    assert (shown.full_per_s, shown.per_s, shown.room) == (10, pytest.approx(9.5), 0) and 0 < shown.wait_s < 0.2


Operation = tuple[str, tuple[Any, ...]]
PARTS, UNITS = st.integers(0, 50), st.floats(0, 2000)
OPERATIONS: st.SearchStrategy[Operation] = st.one_of(
    st.tuples(st.sampled_from(["take", "give_back"]), st.tuples(PARTS)),
    st.tuples(st.sampled_from(["settle", "correct"]), st.tuples(UNITS)),
    st.tuples(st.just("pace"), st.tuples(UNITS, st.floats(0, 30))),
    st.tuples(st.just("throttled"), st.tuples(st.sampled_from([0.0, 3.0, 400.0]))),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.floats(0, 3), st.sampled_from(sorted(RATES)), OPERATIONS), max_size=30))
def test_the_redis_script_and_the_policy_give_the_same_results(
    redis_url: str, clock: Clock, operations: list[tuple[float, str, Operation]]
) -> None:
    client = redis.Redis.from_url(redis_url)
    client.flushall()
    shared, own = RedisBudgets(redis_url, RATES, now=clock), RedisBudgets("", RATES, now=clock)
    for passed_s, name, (operation, arguments) in operations:
        clock.now += passed_s
        results = [getattr(budgets, operation)(name, *arguments) for budgets in (shared, own)]
        assert results[0] == (results[1] if results[1] is None else pytest.approx(results[1]))
        stored = {field.decode(): float(value) for field, value in client.hgetall(f"fairway:budget:{name}").items()}
        assert stored == pytest.approx(own._own[name].as_json())
    shown = [{name: astuple(state) for name, state in budgets.states().items()} for budgets in (shared, own)]
    assert shown[0] == {name: pytest.approx(state, abs=1e-6) for name, state in shown[1].items()}


def test_processes_that_take_at_the_same_time_get_no_more_than_the_budget(redis_url: str) -> None:
    redis.Redis.from_url(redis_url).flushall()
    taken: list[int] = []
    start = threading.Barrier(8)

    def take() -> None:
        budgets = RedisBudgets(redis_url, RATES, now=lambda: 5.0)
        start.wait()
        taken.extend(budgets.take("textract", 1)[0] for _ in range(10))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == 20


def test_without_a_clock_the_time_of_redis_is_used(redis_url: str) -> None:
    client = redis.Redis.from_url(redis_url)
    client.flushall()
    RedisBudgets(redis_url, RATES).take("textract", 10)
    seconds, _ = client.time()
    assert 0 < float(client.hget("fairway:budget:textract", "full_at") or 0) - seconds < 10


def test_without_redis_each_process_uses_its_share(clock: Clock) -> None:
    processes = [RedisBudgets(UNREACHABLE, RATES, processes=lambda: 4, now=clock) for _ in range(4)]
    assert sum(process.take("textract", 100)[0] for process in processes) == 20
    clock.now += 10
    assert [process.pace("textract", 1, 5)[1] for process in (processes[0], processes[0])] == [0.0, pytest.approx(0.4)]
    assert processes[0].states()["textract"].full_per_s == 2.5
