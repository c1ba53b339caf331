"""Buffers received messages until a thread takes them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Set
from typing import Any

Record = dict[str, Any]
RESUME_BELOW = 0.5  # of the room


class Buffer:
    """The records of one topic, oldest first. A record has its `partition`, and its `offset` until it is taken."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._records: deque[Record] = deque()
        self._changed = threading.Condition()
        self._waiting = 0
        self._ending: set[int] = set()

    @property
    def is_full(self) -> bool:
        return len(self._records) >= self._room

    @property
    def has_room(self) -> bool:
        """Whether there is enough room to receive again after a pause."""
        return len(self._records) <= self._room * RESUME_BELOW

    def add(self, record: Record) -> None:
        with self._changed:
            self._records.append(record)
            self._changed.notify()

    def add_first(self, records: Iterable[Record]) -> None:
        with self._changed:
            self._records.extendleft(reversed(list(records)))
            self._changed.notify_all()

    def add_for_idle(self, record: Record, ends: bool) -> bool:
        """Add a record if an idle thread will take it at once. Returns whether there is one. `ends`: the calling thread
        counts as idle, because it is about to take its next record."""
        with self._changed:
            if ends:
                self._ending.add(threading.get_ident())
            if self._waiting + len(self._ending) <= len(self._records):
                return False
            self._records.append(record)
            self._changed.notify()
            return True

    def take(self, most: int, wait_s: float) -> list[Record]:
        """Up to `most` records; empty if none came within `wait_s` seconds."""
        with self._changed:
            self._ending.discard(threading.get_ident())
            if not self._records and wait_s > 0:
                self._waiting += 1
                self._changed.wait(wait_s)
                self._waiting -= 1
            return [self._records.popleft() for _ in range(min(most, len(self._records)))]

    def drop(self, partitions: Set[int]) -> int:
        """Drop the records of partitions that now belong to another process. Returns their number. Records that were
        given back stay, because their offsets are committed."""
        with self._changed:
            kept = [
                record for record in self._records if "offset" not in record or record["partition"] not in partitions
            ]
            dropped = len(self._records) - len(kept)
            self._records = deque(kept)
            return dropped
