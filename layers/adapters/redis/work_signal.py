"""Signals in Redis that wake the consumers of a topic when it has messages.

A signal is a hint: without it, a consumer receives at its next poll; after one too many, it receives nothing.
"""

from __future__ import annotations

from typing import Any

from layers.adapters.redis.connection import RedisConnection

MOST_SIGNALS = 1000
LONGEST_WAIT_S = 60.0


class RedisWorkSignal:
    """Signals of a topic wait in one Redis list until a consumer takes them."""

    def __init__(self, url: str) -> None:
        self._redis = RedisConnection(url, timeout_s=LONGEST_WAIT_S)

    def send(self, topic: str, count: int = 1) -> None:
        """Signal that `count` messages were published on a topic."""

        def push(client: Any) -> None:
            pipe = client.pipeline(transaction=False)
            pipe.lpush(_key(topic), *(["1"] * count))
            pipe.ltrim(_key(topic), 0, MOST_SIGNALS - 1)
            pipe.execute()

        self._redis.call(push)

    def wait(self, topic: str, timeout_s: float, most: int = 1) -> bool | None:
        """Take up to `most` signals, and wait for the first of them up to `timeout_s` seconds.

        Returns whether there was one, or None while Redis can't be reached.
        """

        def pop(client: Any) -> bool:
            was_signalled = client.brpop([_key(topic)], timeout=timeout_s) is not None
            if was_signalled and most > 1:
                client.rpop(_key(topic), most - 1)
            return was_signalled

        return self._redis.call(pop)


def _key(topic: str) -> str:
    return f"fairway:work:{topic}"
