"""Rate limits: events are counted in Redis, or in this process while Redis is down."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from typing import Any

from layers.adapters.redis.connection import RedisConnection

MOST_KEPT = 10_000


class RedisLimits:
    """Counts in windows of fixed length. `url` may be empty: then each process counts separately."""

    def __init__(self, url: str) -> None:
        self._redis = RedisConnection(url)
        self._lock = threading.Lock()
        self._own: dict[str, int] = defaultdict(int)

    def count(self, name: str, window_s: int, *, events: int = 1) -> int:
        """Count events. Returns the number of such events in the current window, including these."""
        key = f"fairway:limit:{name}:{int(time.time() // window_s)}"

        def increment(client: Any) -> int:
            pipe = client.pipeline(transaction=False)
            pipe.incrby(key, events)
            pipe.expire(key, window_s)
            return int(pipe.execute()[0])

        counted = self._redis.call(increment)
        return self._count_here(key, events) if counted is None else counted

    def is_up(self) -> bool:
        return self._redis.is_up()

    def _count_here(self, key: str, events: int) -> int:
        with self._lock:
            if len(self._own) > MOST_KEPT:
                self._own.clear()
            self._own[key] += events
            return self._own[key]
