"""A bell in Redis: rung when a topic has news, so that its consumers sleep until then.

It is only a hint. A ring that is lost costs a consumer the time until its next poll, and a ring too many
an empty receive.
"""

from __future__ import annotations

from typing import Any

from layers.adapters.redis.connection import RedisLink

MOST_RINGS = 1000
LONGEST_WAIT_S = 60.0


class RedisBell:
    """Rings are counted in one list a topic."""

    def __init__(self, url: str) -> None:
        self._link = RedisLink(url, timeout_s=LONGEST_WAIT_S)

    def ring(self, topic: str, count: int = 1) -> None:
        def push(client: Any) -> None:
            pipe = client.pipeline(transaction=False)
            pipe.lpush(_key(topic), *(["1"] * count))
            pipe.ltrim(_key(topic), 0, MOST_RINGS - 1)
            pipe.execute()

        self._link.ask(push)

    def wait(self, topic: str, timeout_s: float, most: int = 1) -> bool | None:
        """Whether the topic's bell rang within the time; None where the bell can't be heard.

        Of many rings, `most` are heard as one.
        """

        def pop(client: Any) -> bool:
            rang = client.brpop([_key(topic)], timeout=timeout_s) is not None
            if rang and most > 1:
                client.rpop(_key(topic), most - 1)
            return rang

        return self._link.ask(pop)

    def is_up(self) -> bool:
        return self._link.is_up()


def _key(topic: str) -> str:
    return f"fairway:bell:{topic}"
