"""Connections to Redis: one for each call that runs, however many threads there are."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import redis

from layers.adapters.redis.connection import RedisConnection

THREADS = 30


def connected(client: redis.Redis, name: str) -> int:
    return sum(connection["name"] == name for connection in client.client_list())


def test_threads_share_the_connections(redis_url: str) -> None:
    shared = RedisConnection(f"{redis_url}?client_name=shared")
    turns = threading.Lock()
    all_live = threading.Barrier(THREADS)

    def take_a_turn() -> bool:
        all_live.wait(30)
        with turns:
            return shared.is_up()

    with redis.Redis.from_url(redis_url) as observer, ThreadPoolExecutor(THREADS) as pool:
        turns_taken = [pool.submit(take_a_turn) for _ in range(THREADS)]
        assert all(turn.result() for turn in turns_taken)
        assert connected(observer, "shared") == 1


def test_calls_that_run_at_once_do_not_wait_for_each_other(redis_url: str) -> None:
    shared = RedisConnection(f"{redis_url}?client_name=at-once")
    both = threading.Barrier(2)

    def call(client: redis.Redis) -> bool:
        with client.pubsub() as subscription:
            subscription.subscribe("nothing")
            both.wait(30)
            return bool(subscription.connection)

    with ThreadPoolExecutor(2) as pool:
        assert all(pool.map(lambda _: shared.call(call), range(2)))
