"""The contract of circuit breakers, shared through Redis or of one process."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import redis

from layers.adapters.redis.breakers import FRESH_S, RedisBreakers
from layers.domain.breaker import Mode
from tests.contract.conftest import Clock

NewBreakers = Callable[[], RedisBreakers]


@pytest.fixture
def new_breakers(own_or_shared_url: str, clock: Clock) -> NewBreakers:
    return lambda: RedisBreakers(own_or_shared_url, now=clock, chance=lambda: 1.0)


def opened(breakers: RedisBreakers) -> None:
    for _ in range(5):
        breakers.failed("textract", "no answer")


def test_a_working_service_is_admitted_and_no_state_is_stored(new_breakers: NewBreakers) -> None:
    breakers = new_breakers()
    assert breakers.admit("textract") is None and not breakers.succeeded("textract")
    assert breakers.states() == {} and breakers.cap("textract", 8) == 8


def test_an_open_breaker_returns_the_time_until_the_next_probe(new_breakers: NewBreakers, clock: Clock) -> None:
    breakers = new_breakers()
    opened(breakers)
    assert breakers.admit("textract") == 5.0 and breakers.cap("textract", 8) == 0
    clock.now += 5
    assert breakers.cap("textract", 8) == 1


def test_only_one_caller_gets_the_probe(new_breakers: NewBreakers, clock: Clock) -> None:
    breakers = new_breakers()
    opened(breakers)
    clock.now += 5
    admitted: list[bool] = []
    threads = [threading.Thread(target=lambda: admitted.append(breakers.admit("textract") is None)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(admitted) == 1


def test_a_successful_probe_closes_the_breaker_and_reports_it_once(new_breakers: NewBreakers, clock: Clock) -> None:
    breakers = new_breakers()
    opened(breakers)
    clock.now += 5
    assert breakers.admit("textract") is None
    assert breakers.succeeded("textract") and not breakers.succeeded("textract")
    assert breakers.state("textract").mode is Mode.CLOSED


@pytest.fixture
def shared(redis_url: str, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> NewBreakers:
    """Breakers of several processes, which read Redis at each call."""
    monkeypatch.setattr("layers.adapters.redis.breakers.FRESH_S", -1.0)
    redis.Redis.from_url(redis_url).flushall()
    return lambda: RedisBreakers(redis_url, now=clock, chance=lambda: 1.0)


def test_failures_of_all_processes_count_together(shared: NewBreakers) -> None:
    first, second = shared(), shared()
    for _ in range(3):
        first.failed("ocr", "it fails")
        second.failed("ocr", "it fails")
    assert first.state("ocr").mode is Mode.OPEN and second.admit("ocr") == 5.0


def test_only_one_process_gets_the_probe(shared: NewBreakers, clock: Clock) -> None:
    first, second = shared(), shared()
    opened(first)
    clock.now += 5
    assert [first.admit("textract"), second.admit("textract") is None] == [None, False]
    assert second.state("textract").mode is Mode.HALF_OPEN


def test_a_call_is_refused_by_the_present_state_and_not_by_the_cached_one(redis_url: str, clock: Clock) -> None:
    redis.Redis.from_url(redis_url).flushall()
    first, second = (RedisBreakers(redis_url, now=clock, chance=lambda: 1.0) for _ in range(2))
    opened(first)
    clock.now += 5
    assert first.admit("textract") is None
    assert second.state("textract").mode is Mode.HALF_OPEN
    assert first.succeeded("textract")
    assert second.admit("textract") is None


def test_without_redis_each_process_uses_its_own_state(clock: Clock) -> None:
    breakers = RedisBreakers("redis://127.0.0.1:1/0", now=clock, chance=lambda: 1.0)
    opened(breakers)
    assert breakers.admit("textract") == 5.0
    clock.now += 5
    assert breakers.admit("textract") is None and breakers.succeeded("textract")


def test_a_redis_that_lost_its_data_gets_the_state_again(shared: NewBreakers, redis_url: str) -> None:
    first, second = shared(), shared()
    opened(first)
    redis.Redis.from_url(redis_url).flushall()
    first.failed("textract", "still no answer")
    assert second.state("textract").mode is Mode.OPEN


def test_breakers_are_read_about_once_a_second(redis_url: str) -> None:
    assert 0.5 <= FRESH_S <= 2
    redis.Redis.from_url(redis_url).flushall()
    breakers = RedisBreakers(redis_url)
    breakers.states()
    RedisBreakers(redis_url).failed("ocr", "not read yet")
    assert breakers.states() == {}
