"""Topics in memory."""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import Any

from layers.domain.message import ARRIVALS, DISPATCH, WAKE, WakeUp, announcement, bundle_as_json, bundles


class MemoryTopics:
    """Keeps published wake-ups in a list, in order, and each topic's messages until they are received."""

    is_buffered = True

    def __init__(self) -> None:
        self.published: list[WakeUp] = []
        self.delays_s: list[float] = []
        self._messages: dict[str, deque[dict[str, Any]]] = defaultdict(deque)
        self._numbers = count()

    def publish(self, wake_ups: Iterable[WakeUp]) -> None:
        published = list(wake_ups)
        self.published += published
        for load in bundles(published):
            self._send(load[0].step, bundle_as_json(load))

    def announce(self, object_keys: Sequence[str]) -> None:
        self._send(ARRIVALS, announcement(object_keys))

    def dispatch_later(self, delay_s: float) -> None:
        self.delays_s.append(delay_s)
        if not delay_s:
            self._send(DISPATCH, WAKE)

    def holds_messages(self, topic: str) -> bool:
        return False  # tests that use `published` receive no messages

    def redrive_dead(self, topics: Iterable[str], limit: int) -> int:
        return 0  # there are no dead-letter queues

    def is_up(self) -> bool:
        return True

    def start(self, threads: Mapping[str, int]) -> None:
        """Does nothing: all messages are here."""

    def stop(self) -> None:
        """Does nothing: messages that were not received stay."""

    def receive(self, topic: str, *, most: int, wait_s: float) -> list[dict[str, Any]]:
        messages = self._messages[topic]
        return [messages.popleft() for _ in range(min(most, len(messages)))]

    def delete(self, topic: str, receipt_handles: list[str]) -> None:
        """Does nothing: received messages are gone."""

    def give_back(self, topic: str, records: list[dict[str, Any]]) -> None:
        self._messages[topic].extendleft(reversed(records))

    def _send(self, topic: str, body: Any) -> None:
        name = str(next(self._numbers))
        self._messages[topic].append({"messageId": name, "receiptHandle": name, "body": json.dumps(body)})


class PolledSource:
    """A base for sources whose `receive` calls a server each time."""

    is_buffered = False

    def start(self, threads: Mapping[str, int]) -> None:
        """Does nothing: each `receive` calls the server."""

    def stop(self) -> None:
        """Does nothing: no connection is kept."""
