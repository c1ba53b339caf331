"""The contract of connection slots, shared through Redis or of one process."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import redis

from layers.adapters.redis.connection_slots import LEASE_S, RedisConnectionSlots
from layers.attempts.pacing import LONGEST_WAIT_S, counted
from layers.domain.errors import Snooze
from tests.contract.conftest import Clock

UNREACHABLE = "redis://127.0.0.1:1/0"


NewSlots = Callable[[], RedisConnectionSlots]


@pytest.fixture
def new_slots(own_or_shared_url: str, clock: Clock) -> NewSlots:
    return lambda: RedisConnectionSlots(own_or_shared_url, {"preview": 2}, now=clock)


def test_no_more_connections_are_open_than_the_service_allows(new_slots: NewSlots) -> None:
    connections = new_slots()
    first, second = connections.open("preview"), connections.open("preview")
    assert first and second and connections.open("preview") is None
    connections.close("preview", first)
    assert connections.open("preview") is not None


def test_the_slot_of_a_lost_holder_expires(new_slots: NewSlots, clock: Clock) -> None:
    connections = new_slots()
    assert connections.open("preview") and connections.open("preview")
    clock.now += LEASE_S - 1
    assert connections.open("preview") is None
    clock.now += 2
    assert connections.open("preview") is not None


def test_processes_share_the_slots(redis_url: str) -> None:
    redis.Redis.from_url(redis_url).flushall()
    first, second = (RedisConnectionSlots(redis_url, {"preview": 2}) for _ in range(2))
    assert first.open("preview") and second.open("preview")
    assert first.open("preview") is None and second.open("preview") is None
    assert redis.Redis.from_url(redis_url).zcard("fairway:connections:preview") == 2


def test_without_redis_each_process_uses_its_share_of_slots(clock: Clock) -> None:
    processes = [RedisConnectionSlots(UNREACHABLE, {"preview": 4}, processes=lambda: 2, now=clock) for _ in range(2)]
    assert sum(process.open("preview") is not None for process in processes for _ in range(5)) == 4


def test_a_document_waits_for_a_slot_and_releases_it(new_slots: NewSlots, clock: Clock) -> None:
    connections = new_slots()
    connected = counted(connections, "preview", clock.sleep)
    with connected(), connected(), pytest.raises(Snooze, match="in use"), connected():
        raise AssertionError("there was no third connection")
    assert clock.now - 1_000_000 == pytest.approx(LONGEST_WAIT_S, abs=0.2)
    with connected(), connected():
        assert connections.open("preview") is None


def test_a_service_without_a_limit_is_always_connected(new_slots: NewSlots) -> None:
    with counted(new_slots(), "another")():
        pass
