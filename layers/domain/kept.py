"""Values that take long to make, kept in the memory of a process."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """The values of at most `most` keys. Each is made again when the version of what it is made of changes, or after `kept_s`
    seconds. Threads share it; two may make the same value at once."""

    def __init__(self, most: int, kept_s: float) -> None:
        self._most, self._kept_s = most, kept_s
        self._values: OrderedDict[str, tuple[str, float, Value]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str, version: str, now_s: float, make: Callable[[], Value]) -> Value:
        with self._lock:
            kept = self._values.get(key)
        if kept and kept[0] == version and now_s < kept[1]:
            return kept[2]
        value = make()
        with self._lock:
            self._values[key] = (version, now_s + self._kept_s, value)
            self._values.move_to_end(key)
            while len(self._values) > self._most:
                self._values.popitem(last=False)
        return value
