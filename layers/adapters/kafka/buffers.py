"""Received messages that no thread has taken yet."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Set
from typing import Any

Record = dict[str, Any]
RESUME_BELOW = 0.5  # of the room


class Buffer:
    """The records of one topic, oldest first. A record holds its `partition`, and until it is taken its `offset`."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._records: deque[Record] = deque()
        self._changed = threading.Condition()

    @property
    def is_full(self) -> bool:
        return len(self._records) >= self._room

    @property
    def has_room(self) -> bool:
        """Whether it is worth while to receive again after a pause."""
        return len(self._records) <= self._room * RESUME_BELOW

    def add(self, record: Record) -> None:
        with self._changed:
            self._records.append(record)
            self._changed.notify()

    def add_first(self, records: Iterable[Record]) -> None:
        with self._changed:
            self._records.extendleft(reversed(list(records)))
            self._changed.notify_all()

    def take(self, most: int, wait_s: float) -> list[Record]:
        """Up to `most` records; empty where none came within `wait_s` seconds."""
        with self._changed:
            if not self._records and wait_s > 0:
                self._changed.wait(wait_s)
            return [self._records.popleft() for _ in range(min(most, len(self._records)))]

    def drop(self, partitions: Set[int]) -> int:
        """Forget the records of partitions that another process receives now; how many. Those that were given back
        stay: their offsets are committed."""
        with self._changed:
            kept = [one for one in self._records if "offset" not in one or one["partition"] not in partitions]
            dropped = len(self._records) - len(kept)
            self._records = deque(kept)
            return dropped
