"""Notifications of changed datasets and revoked keys over Redis, published after a commit so that waiting API calls read again.

A notification is only a hint: without Redis, or when one is lost, waiting calls read again after some seconds.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence

from layers.adapters.redis.connection import RedisConnection
from layers.telemetry.log import log

CHANNEL = "fairway:changed"


class RedisChangeNotifications:
    """All waiting calls of a process share one subscription, which the first of them opens."""

    def __init__(self, url: str) -> None:
        self._redis = RedisConnection(url)
        self._changed = threading.Condition()
        self._counts: dict[str, int] = defaultdict(int)
        self._listener: threading.Thread | None = None
        self._is_connected = False

    def publish(self, names: Iterable[str]) -> None:
        """Notify the waiting calls of all processes: each name is the id of a changed dataset, or of a revoked key."""
        message = " ".join(sorted(set(names)))
        if message:
            self._redis.call(lambda client: client.publish(CHANNEL, message))

    def count(self, *names: str) -> int:
        """The number of notifications with these names so far. Get it before reading the data, then pass it to `wait`."""
        self._listen()
        with self._changed:
            return self._count(names)

    def wait(self, names: Sequence[str], count: int, timeout_s: float) -> bool:
        """Wait up to `timeout_s` seconds until the number of notifications is not `count`. Returns whether it is not."""
        with self._changed:
            return self._changed.wait_for(lambda: self._count(names) != count, timeout_s)

    @property
    def is_connected(self) -> bool:
        """Whether notifications can be received now. While they can't, waiting calls read more often."""
        return self._is_connected

    def _count(self, names: Sequence[str]) -> int:
        return sum(self._counts.get(name, 0) for name in names)

    def _listen(self) -> None:
        with self._changed:
            if self._listener is None or not self._listener.is_alive():
                self._listener = threading.Thread(target=self._keep_receiving, name="change-notifications", daemon=True)
                self._listener.start()

    def _keep_receiving(self) -> None:
        while True:
            try:
                self._receive()
            except Exception as error:
                if self._is_connected:
                    log("change_notifications_disconnected", detail=str(error))
                self._is_connected = False
                time.sleep(1.0)

    def _receive(self) -> None:
        import redis

        client = redis.Redis.from_url(self._redis.url, socket_connect_timeout=1, health_check_interval=15)
        with client.pubsub(ignore_subscribe_messages=True) as subscription:  # type: ignore[no-untyped-call]
            subscription.subscribe(CHANNEL)
            self._is_connected = True
            while True:
                message = subscription.get_message(timeout=30.0)
                if message:
                    self._count_notifications(message["data"].decode().split())

    def _count_notifications(self, names: list[str]) -> None:
        with self._changed:
            for name in names:
                self._counts[name] += 1
            self._changed.notify_all()
