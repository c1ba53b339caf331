"""Rates: limits how often a key may call the API."""

from __future__ import annotations

import math
import threading
import time

from functions.api.problems import Problem
from functions.api.quotas import limit_of
from functions.api.requests import Request
from layers.ports.catalog import Catalog

WINDOW_S = 10
CACHED_S = 5.0
MOST_KEYS = 10_000
COUNTED_SHARE = 0.02  # of a window's limit: a process shares its count after this many requests of a key


class _Key:
    """The requests of one key as this process knows them. `total` includes those of other processes."""

    def __init__(self) -> None:
        self.rate, self.known_until = 0, 0.0
        self.window, self.total, self.uncounted = -1, 0, 0
        self.lock = threading.Lock()


_keys: dict[str, _Key] = {}


def check_rate(request: Request, catalog: Catalog) -> None:
    """Count a request of the caller's key. Raises Problem `rate_limited` if there are too many.

    Processes do not share their counts at each request, because that would cost more than many requests do. So a key
    may exceed its limit by `COUNTED_SHARE` of it for each further process.
    """
    key = _key(request.caller.key_id)
    with key.lock:
        allowed = _rate(key, catalog) * WINDOW_S
        if _count(key, request, allowed) <= allowed:
            return
    left_s = math.ceil(WINDOW_S - time.time() % WINDOW_S)
    detail = f"your key may make {allowed} requests in {WINDOW_S} seconds; try again in {left_s} s"
    raise Problem("rate_limited", detail, Retry_After=str(max(1, left_s)))


def forget_rates() -> None:
    """Read the rates again, because a quota has changed. Other processes follow when their cache expires."""
    for key in list(_keys.values()):
        key.known_until = 0.0


def _key(key_id: str) -> _Key:
    if key_id not in _keys and len(_keys) >= MOST_KEYS:
        _keys.clear()
    return _keys.setdefault(key_id, _Key())


def _rate(key: _Key, catalog: Catalog) -> int:
    now = time.monotonic()
    if key.known_until <= now:
        key.rate, key.known_until = limit_of("requests_per_s", catalog.quota()), now + CACHED_S
    return key.rate


def _count(key: _Key, request: Request, allowed: float) -> int:
    """The number of the key's requests in this window, including this one."""
    window = int(time.time() // WINDOW_S)
    if window != key.window:
        key.window, key.total, key.uncounted = window, 0, 0
    key.uncounted += 1
    if key.total == 0 or key.uncounted >= allowed * COUNTED_SHARE:
        name = f"requests:{request.caller.key_id}"
        key.total = request.ports.limits.count(name, WINDOW_S, events=key.uncounted)
        key.uncounted = 0
    return key.total + key.uncounted
