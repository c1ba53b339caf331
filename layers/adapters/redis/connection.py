"""Connections to Redis that may be lost at any time: calls then return None at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

Answer = TypeVar("Answer")
RETRY_S = 5.0
PROBE_KEY, PROBE_KEPT_S = "fairway:probe", 60


class RedisConnection:
    """Connections for all threads: one for each call that runs, since the API has hundreds of threads.

    After a failure there is no further call for `RETRY_S` seconds, so that callers don't wait for a server that is down.
    """

    def __init__(self, url: str, *, timeout_s: float = 2.0) -> None:
        self.url = url
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._shared: Any = None
        self._down_until = 0.0

    def call(self, operation: Callable[[Any], Answer]) -> Answer | None:
        """The result of `operation`, called with a Redis client; None while Redis can't be reached or has no URL."""
        if not self.url or time.monotonic() < self._down_until:
            return None
        try:
            return operation(self._client())
        except Exception:  # any error of Redis or the socket: callers continue without Redis
            self._down_until = time.monotonic() + RETRY_S
            return None

    def is_up(self) -> bool:
        """Whether Redis accepts a write: a replica, or a server without free memory, still answers a ping."""
        try:
            return bool(self._client().set(PROBE_KEY, "1", ex=PROBE_KEPT_S))
        except Exception:
            return False

    def _client(self) -> Any:
        with self._lock:
            if self._shared is None:
                import redis

                self._shared = redis.Redis.from_url(self.url, socket_connect_timeout=1, socket_timeout=self._timeout_s)
            return self._shared
