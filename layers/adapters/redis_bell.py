"""A bell in Redis: rung when a topic has news, so that its consumers sleep until then.

It is only a hint. A ring that is lost costs a consumer the time until its next poll, and a ring too many
an empty receive.
"""

from __future__ import annotations

import threading
import time
from typing import Any

MOST_RINGS = 1000
RETRY_S = 5.0


class RedisBell:
    """Rings are counted in one list a topic. Without Redis, `wait` sleeps and says so by returning None."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._local = threading.local()
        self._down_until = 0.0

    def ring(self, topic: str, count: int = 1) -> None:
        if time.monotonic() < self._down_until:
            return
        try:
            pipe = self._redis().pipeline(transaction=False)
            pipe.lpush(_key(topic), *(["1"] * count))
            pipe.ltrim(_key(topic), 0, MOST_RINGS - 1)
            pipe.execute()
        except Exception:  # any of Redis's or the socket's errors: the bell is a hint
            self._mark_down()

    def wait(self, topic: str, timeout_s: float) -> bool | None:
        """Whether the topic's bell rang within the time; None where the bell can't be heard."""
        if time.monotonic() < self._down_until:
            return None
        try:
            return self._redis().brpop([_key(topic)], timeout=timeout_s) is not None
        except Exception:
            self._mark_down()
            return None

    def is_up(self) -> bool:
        try:
            return bool(self._redis().ping())
        except Exception:
            return False

    def _mark_down(self) -> None:
        self._down_until = time.monotonic() + RETRY_S

    def _redis(self) -> Any:
        client = getattr(self._local, "client", None)
        if client is None:
            import redis

            client = redis.Redis.from_url(self._url, socket_connect_timeout=1, socket_timeout=60)
            self._local.client = client
        return client


def _key(topic: str) -> str:
    return f"fairway:bell:{topic}"
