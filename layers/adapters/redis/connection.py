"""A link to Redis that may be lost at any time: what is asked of it then is left undone, and said so at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

Answer = TypeVar("Answer")
RETRY_S = 5.0


class RedisLink:
    """One connection a thread. After a failure nothing is tried for some seconds, so that nobody waits in vain."""

    def __init__(self, url: str, *, timeout_s: float = 2.0) -> None:
        self.url = url
        self._timeout_s = timeout_s
        self._local = threading.local()
        self._down_until = 0.0

    def ask(self, question: Callable[[Any], Answer]) -> Answer | None:
        """What Redis answers, given its client; None while it can't be reached, or where there is none."""
        if not self.url or time.monotonic() < self._down_until:
            return None
        try:
            return question(self._client())
        except Exception:  # any of Redis's or the socket's errors: it holds hints only
            self._down_until = time.monotonic() + RETRY_S
            return None

    def is_up(self) -> bool:
        try:
            return bool(self._client().ping())
        except Exception:
            return False

    def _client(self) -> Any:
        client = getattr(self._local, "client", None)
        if client is None:
            import redis

            client = redis.Redis.from_url(self.url, socket_connect_timeout=1, socket_timeout=self._timeout_s)
            self._local.client = client
        return client
