"""Slots for connections to external services, counted in Redis for all processes; while it is down, each has a share.

Slots are leased: if a process ends without freeing its slot, the slot is free again when its lease has expired.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from layers.adapters.redis.connection import RedisConnection

KEY = "fairway:connections:"
LEASE_S = 150.0
# KEYS[1]: leases by their time of expiry. ARGV: the time, the number of slots, the lease's name and length in seconds.
SCRIPT = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then
    return 0
end
redis.call('ZADD', KEYS[1], ARGV[1] + ARGV[4], ARGV[3])
redis.call('EXPIRE', KEYS[1], 3600)
return 1
"""


class RedisConnectionSlots:
    """`most` is the number of slots by the name of the service. `url` may be empty: then this process has all slots.

    `processes` returns how many processes share them while Redis is down; each has at least one slot. `now` must be a
    clock that is the same on all hosts.
    """

    def __init__(
        self,
        url: str,
        most: Mapping[str, int],
        processes: Callable[[], int] = lambda: 1,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._redis = RedisConnection(url)
        self._most = dict(most)
        self._processes = processes if url else lambda: 1
        self._now = now
        self._lock = threading.Lock()
        self._own: dict[str, dict[str, float]] = {name: {} for name in most}

    def __contains__(self, name: object) -> bool:
        return name in self._most

    def open(self, name: str) -> str | None:
        """Take a slot. Returns the name of its lease, or None while all slots are taken."""
        lease, now = str(uuid.uuid4()), self._now()
        taken = self._redis.call(lambda client: self._take(client, name, lease, now))
        if taken is None:
            taken = self._take_here(name, lease, now)
        return lease if taken else None

    def close(self, name: str, lease: str) -> None:
        """Free a slot."""
        with self._lock:
            self._own[name].pop(lease, None)
        self._redis.call(lambda client: client.zrem(KEY + name, lease))

    def _take(self, client: Any, name: str, lease: str, now: float) -> bool:
        return bool(client.eval(SCRIPT, 1, KEY + name, now, self._most[name], lease, LEASE_S))

    def _take_here(self, name: str, lease: str, now: float) -> bool:
        with self._lock:
            held = {holder: until for holder, until in self._own[name].items() if until > now}
            if len(held) < max(1, self._most[name] // max(1, self._processes())):
                held[lease] = now + LEASE_S
            self._own[name] = held
            return lease in held
