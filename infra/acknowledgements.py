"""What was handled, until its messages are deleted: ten to a request, where one each would cost ten times as much."""

from __future__ import annotations

import threading
from collections import defaultdict

from layers.adapters.aws.sqs_topics import MOST_A_REQUEST, SqsTopics
from layers.telemetry.log import log


class Acknowledgements:
    """Handles of messages by topic. Safe to share between threads.

    A message that is deleted some moments late, or never as its worker died, comes again at worst, like any that comes
    twice: its part can't be claimed a second time.
    """

    def __init__(self, topics: SqsTopics) -> None:
        self._topics = topics
        self._handles: dict[str, list[str]] = defaultdict(list)
        self._lock = threading.Lock()

    def add(self, topic: str, handles: list[str]) -> None:
        """Delete these messages later, or now where they are enough for a request."""
        with self._lock:
            waiting = self._handles[topic]
            waiting += handles
            whole = len(waiting) // MOST_A_REQUEST * MOST_A_REQUEST
            full, self._handles[topic] = waiting[:whole], waiting[whole:]
        self._delete(topic, full)

    def flush(self) -> None:
        """Delete all that wait for it."""
        with self._lock:
            waiting, self._handles = self._handles, defaultdict(list)
        for topic, handles in waiting.items():
            self._delete(topic, handles)

    def _delete(self, topic: str, handles: list[str]) -> None:
        for start in range(0, len(handles), MOST_A_REQUEST):
            chunk = handles[start : start + MOST_A_REQUEST]
            try:
                self._topics.delete(topic, chunk)
            except Exception as error:
                log("messages_not_deleted", topic=topic, messages=len(chunk), detail=str(error))
