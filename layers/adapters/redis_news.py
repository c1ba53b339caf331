"""News of changed datasets over Redis: published after a commit, so that whoever holds a call open looks again.

Only a hint: without Redis, or when a message is lost, a watcher looks by itself every now and then.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from layers.telemetry import log

CHANNEL = "fairway:changed"
RETRY_S = 5.0


class RedisNews:
    """One subscription a process serves all its watchers; it is opened by the first of them."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._changed = threading.Condition()
        self._counts: dict[str, int] = defaultdict(int)
        self._listener: threading.Thread | None = None
        self._hears = False
        self._local = threading.local()
        self._down_until = 0.0

    def publish(self, dataset_ids: Iterable[str]) -> None:
        """Tell every process's watchers of these datasets."""
        names = " ".join(sorted(set(dataset_ids)))
        if not names or time.monotonic() < self._down_until:
            return
        try:
            self._redis().publish(CHANNEL, names)
        except Exception:  # any of Redis's or the socket's errors: the news is a hint
            self._down_until = time.monotonic() + RETRY_S

    def count(self, dataset_id: str) -> int:
        """A number that grows with each piece of news of a dataset: to be read before looking, and given to `wait`."""
        self._listen()
        with self._changed:
            return self._counts[dataset_id]

    def wait(self, dataset_id: str, count: int, timeout_s: float) -> bool:
        """Sleep until there was news after `count` was read, or the time is up; whether there was."""
        with self._changed:
            return self._changed.wait_for(lambda: self._counts[dataset_id] != count, timeout_s)

    @property
    def hears(self) -> bool:
        """Whether news comes through at present; without, watchers look more often by themselves."""
        return self._hears

    def _listen(self) -> None:
        with self._changed:
            if self._listener is None or not self._listener.is_alive():
                self._listener = threading.Thread(target=self._hear, name="news", daemon=True)
                self._listener.start()

    def _hear(self) -> None:
        while True:
            try:
                self._subscribe()
            except Exception as error:
                if self._hears:
                    log("news_lost", detail=str(error))
                self._hears = False
                time.sleep(1.0)

    def _subscribe(self) -> None:
        import redis

        client = redis.Redis.from_url(self._url, socket_connect_timeout=1, health_check_interval=15)
        with client.pubsub(ignore_subscribe_messages=True) as subscription:  # type: ignore[no-untyped-call]
            subscription.subscribe(CHANNEL)
            self._hears = True
            while True:
                message = subscription.get_message(timeout=30.0)
                if message:
                    self._note(message["data"].decode().split())

    def _note(self, dataset_ids: list[str]) -> None:
        with self._changed:
            for dataset_id in dataset_ids:
                self._counts[dataset_id] += 1
            self._changed.notify_all()

    def _redis(self) -> Any:
        client = getattr(self._local, "client", None)
        if client is None:
            import redis

            client = redis.Redis.from_url(self._url, socket_connect_timeout=1, socket_timeout=2)
            self._local.client = client
        return client
