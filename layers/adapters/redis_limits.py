"""Counting what may happen only so often, in Redis, or in this process alone while Redis is away."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from typing import Any

RETRY_S = 5.0
MOST_KEPT = 10_000


class RedisLimits:
    """Counts in windows of fixed length. `url` may be empty: then each process counts for itself."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._client: Any = None
        self._down_until = 0.0
        self._own: dict[tuple[str, int], int] = defaultdict(int)

    def count(self, name: str, window_s: int) -> int:
        """Count once more; how often it has happened in this window, this time included."""
        window = int(time.time() // window_s)
        if self._url and time.monotonic() >= self._down_until:
            try:
                pipe = self._redis().pipeline(transaction=False)
                pipe.incr(f"fairway:limit:{name}:{window}")
                pipe.expire(f"fairway:limit:{name}:{window}", window_s)
                return int(pipe.execute()[0])
            except Exception:  # any of Redis's or the socket's errors: our own count serves meanwhile
                self._down_until = time.monotonic() + RETRY_S
        with self._lock:
            if len(self._own) > MOST_KEPT:
                self._own.clear()
            self._own[name, window] += 1
            return self._own[name, window]

    def _redis(self) -> Any:
        with self._lock:
            if self._client is None:
                import redis

                self._client = redis.Redis.from_url(self._url, socket_connect_timeout=1, socket_timeout=1)
            return self._client
