"""News of changed datasets over Redis: published after a commit, so that whoever holds a call open looks again.

Only a hint: without Redis, or when a message is lost, a watcher looks by itself every now and then.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterable

from layers.adapters.redis.connection import RedisLink
from layers.telemetry.log import log

CHANNEL = "fairway:changed"


class RedisNews:
    """One subscription a process serves all its watchers; it is opened by the first of them."""

    def __init__(self, url: str) -> None:
        self._link = RedisLink(url)
        self._changed = threading.Condition()
        self._counts: dict[str, int] = defaultdict(int)
        self._listener: threading.Thread | None = None
        self._hears = False

    def publish(self, dataset_ids: Iterable[str]) -> None:
        """Tell every process's watchers of these datasets."""
        names = " ".join(sorted(set(dataset_ids)))
        if names:
            self._link.ask(lambda client: client.publish(CHANNEL, names))

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

        client = redis.Redis.from_url(self._link.url, socket_connect_timeout=1, health_check_interval=15)
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
