"""Deletes handled messages in groups of ten, because single deletions would need ten times as many requests."""

from __future__ import annotations

import threading
from collections import defaultdict

from layers.ports import MessageSource
from layers.telemetry.log import log

MOST_A_REQUEST = 10  # messages, by the API of SQS


class Acknowledgements:
    """The receipt handles of handled messages, by topic. Safe to share between threads.

    If a message is deleted late, or never because its worker died, it is at worst delivered again. That does no harm,
    because its part can't be claimed a second time.
    """

    def __init__(self, source: MessageSource) -> None:
        self._source = source
        self._handles: dict[str, list[str]] = defaultdict(list)
        self._lock = threading.Lock()

    def add(self, topic: str, handles: list[str]) -> None:
        """Delete these messages as soon as they fill a request."""
        with self._lock:
            waiting = self._handles[topic]
            waiting += handles
            size = len(waiting) // MOST_A_REQUEST * MOST_A_REQUEST
            full, self._handles[topic] = waiting[:size], waiting[size:]
        self._delete(topic, full)

    def flush(self) -> None:
        """Delete all handled messages."""
        with self._lock:
            waiting, self._handles = self._handles, defaultdict(list)
        for topic, handles in waiting.items():
            self._delete(topic, handles)

    def _delete(self, topic: str, handles: list[str]) -> None:
        for start in range(0, len(handles), MOST_A_REQUEST):
            chunk = handles[start : start + MOST_A_REQUEST]
            try:
                self._source.delete(topic, chunk)
            except Exception as error:
                log("messages_not_deleted", topic=topic, messages=len(chunk), detail=str(error))
