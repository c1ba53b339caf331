"""Circuit breakers that all processes share through Redis; while it is down, each process uses its own."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from layers.adapters.redis.connection import RedisConnection
from layers.domain.breaker import CLOSED, Breaker, Mode
from layers.telemetry.log import log

KEY = "fairway:breakers"
FRESH_S = 1.0
TRIES = 5
Change = Callable[[Breaker], Breaker]


class RedisBreakers:
    """All breakers are in one hash in Redis, which is read once a second and written only on a change.

    `url` may be empty: then each process has its own breakers. `now` must be a clock that is the same on all hosts.
    """

    def __init__(
        self, url: str, now: Callable[[], float] = time.time, chance: Callable[[], float] = random.random
    ) -> None:
        self._redis = RedisConnection(url)
        self._now = now
        self._chance = chance
        self._lock = threading.Lock()
        self._known: dict[str, Breaker] = {}
        self._read_at = -FRESH_S

    def states(self) -> Mapping[str, Breaker]:
        """Every breaker that has counted a failure, by dependency."""
        if time.monotonic() - self._read_at >= FRESH_S:
            self._read_at = time.monotonic()
            self._learn(self._redis.call(lambda client: client.hgetall(KEY)))
        return self._known

    def state(self, dependency: str) -> Breaker:
        return self.states().get(dependency, CLOSED)

    def cap(self, dependency: str, full: int) -> int:
        return self.state(dependency).cap(full, self._now())

    def admit(self, dependency: str) -> float | None:
        """None if work may begin, else the seconds until the next probe. Only one caller gets the probe."""
        if self.state(dependency).mode is Mode.CLOSED:
            return None
        now = self._now()
        taken = False

        def take(found: Breaker) -> Breaker:
            nonlocal taken
            taken = found.admits(now)
            return found.probing(now) if taken and found.mode is not Mode.CLOSED else found

        after = self._change(dependency, take)
        return None if taken else after.wait_s(now)

    def wait_s(self, dependency: str) -> float:
        return self.state(dependency).wait_s(self._now())

    def succeeded(self, dependency: str) -> bool:
        """Record a success. Returns whether it closed the breaker."""
        before = self.state(dependency)
        if before.is_at_rest:
            return False
        after = self._change(dependency, lambda found: found.after_success(self._now()))
        return before.mode is not Mode.CLOSED and after.mode is Mode.CLOSED

    def failed(self, dependency: str, reason: str, weight: float = 1.0) -> Breaker:
        """Record a failure. Returns the breaker after it."""
        chance = self._chance()
        return self._change(dependency, lambda found: found.after_failure(self._now(), reason, chance, weight))

    def inconclusive(self, dependency: str) -> None:
        """Record that an attempt ended without showing whether the dependency works."""
        if self.state(dependency).mode is not Mode.CLOSED:
            self._change(dependency, lambda found: found.after_inconclusive(self._now()))

    def _change(self, dependency: str, change: Change) -> Breaker:
        before = self._known.get(dependency, CLOSED)
        after = self._redis.call(lambda client: self._change_shared(client, dependency, change))
        with self._lock:
            if after is None:
                after = change(self._known.get(dependency, CLOSED))
            self._known = {**self._known, dependency: after}
        if after.mode is not before.mode:
            log("breaker", dependency=dependency, mode=after.mode, reason=after.reason or None, probes=after.probes)
        return after

    def _change_shared(self, client: Any, dependency: str, change: Change) -> Breaker | None:
        import redis

        for _ in range(TRIES):
            with client.pipeline() as pipe:
                try:
                    pipe.watch(KEY)
                    kept = pipe.hget(KEY, dependency)
                    # Redis may have lost its data; this process still has its copy.
                    before = _read(kept) if kept else self._known.get(dependency, CLOSED)
                    after = change(before)
                    if kept and after == before:
                        return after
                    pipe.multi()
                    pipe.hset(KEY, dependency, json.dumps(after.as_json()))
                    pipe.execute()
                    return after
                except redis.WatchError:
                    continue
        return None

    def _learn(self, kept: Mapping[bytes, bytes] | None) -> None:
        if kept is None:
            return
        shared = {name.decode(): _read(body) for name, body in kept.items()}
        with self._lock:
            self._known = {**self._known, **shared}


def _read(body: bytes) -> Breaker:
    return Breaker.from_json(json.loads(body))
