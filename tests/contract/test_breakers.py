"""What circuit breakers promise, whether they are shared through Redis or a process's own."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import redis

from layers.adapters.redis.breakers import FRESH_S, RedisBreakers
from layers.domain.breaker import Mode
from tests.contract.conftest import Clock

Made = Callable[[], RedisBreakers]


@pytest.fixture
def made(own_or_shared_url: str, clock: Clock) -> Made:
    return lambda: RedisBreakers(own_or_shared_url, now=clock, chance=lambda: 1.0)


def opened(breakers: RedisBreakers) -> None:
    for _ in range(5):
        breakers.failed("textract", "no answer")


def test_what_works_is_admitted_and_costs_nothing_to_remember(made: Made) -> None:
    breakers = made()
    assert breakers.admit("textract") is None and not breakers.succeeded("textract")
    assert breakers.states() == {} and breakers.cap("textract", 8) == 8


def test_an_open_breaker_says_when_the_next_probe_is(made: Made, clock: Clock) -> None:
    breakers = made()
    opened(breakers)
    assert breakers.admit("textract") == 5.0 and breakers.cap("textract", 8) == 0
    clock.now += 5
    assert breakers.cap("textract", 8) == 1


def test_one_caller_alone_is_given_the_probe(made: Made, clock: Clock) -> None:
    breakers = made()
    opened(breakers)
    clock.now += 5
    admitted: list[bool] = []
    threads = [threading.Thread(target=lambda: admitted.append(breakers.admit("textract") is None)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(admitted) == 1


def test_a_probe_that_succeeds_closes_it_and_says_so_once(made: Made, clock: Clock) -> None:
    breakers = made()
    opened(breakers)
    clock.now += 5
    assert breakers.admit("textract") is None
    assert breakers.succeeded("textract") and not breakers.succeeded("textract")
    assert breakers.state("textract").mode is Mode.CLOSED


@pytest.fixture
def shared(redis_url: str, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Made:
    """Breakers as two processes have them, each looking at Redis anew every time."""
    monkeypatch.setattr("layers.adapters.redis.breakers.FRESH_S", -1.0)
    redis.Redis.from_url(redis_url).flushall()
    return lambda: RedisBreakers(redis_url, now=clock, chance=lambda: 1.0)


def test_failures_of_all_processes_count_together(shared: Made) -> None:
    one, other = shared(), shared()
    for _ in range(3):
        one.failed("ocr", "it breaks")
        other.failed("ocr", "it breaks")
    assert one.state("ocr").mode is Mode.OPEN and other.admit("ocr") == 5.0


def test_a_probe_is_one_alone_among_all_processes(shared: Made, clock: Clock) -> None:
    one, other = shared(), shared()
    opened(one)
    clock.now += 5
    assert [one.admit("textract"), other.admit("textract") is None] == [None, False]
    assert other.state("textract").mode is Mode.HALF_OPEN


def test_work_is_refused_by_what_redis_says_now_and_not_by_a_view_of_a_second_ago(redis_url: str, clock: Clock) -> None:
    redis.Redis.from_url(redis_url).flushall()
    one, other = (RedisBreakers(redis_url, now=clock, chance=lambda: 1.0) for _ in range(2))
    opened(one)
    clock.now += 5
    assert one.admit("textract") is None
    assert other.state("textract").mode is Mode.HALF_OPEN
    assert one.succeeded("textract")
    assert other.admit("textract") is None


def test_when_redis_is_lost_each_process_goes_by_its_own_view(clock: Clock) -> None:
    breakers = RedisBreakers("redis://127.0.0.1:1/0", now=clock, chance=lambda: 1.0)
    opened(breakers)
    assert breakers.admit("textract") == 5.0
    clock.now += 5
    assert breakers.admit("textract") is None and breakers.succeeded("textract")


def test_a_redis_that_forgot_everything_is_told_again(shared: Made, redis_url: str) -> None:
    one, other = shared(), shared()
    opened(one)
    redis.Redis.from_url(redis_url).flushall()
    one.failed("textract", "still no answer")
    assert other.state("textract").mode is Mode.OPEN


def test_breakers_are_read_about_once_a_second(redis_url: str) -> None:
    assert 0.5 <= FRESH_S <= 2
    redis.Redis.from_url(redis_url).flushall()
    breakers = RedisBreakers(redis_url)
    breakers.states()
    RedisBreakers(redis_url).failed("ocr", "unseen as yet")
    assert breakers.states() == {}
