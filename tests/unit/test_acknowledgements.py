"""When handled messages are deleted, and how many with each request."""

from __future__ import annotations

import threading
from typing import Any, cast

from infra.acknowledgements import Acknowledgements
from infra.consumer import Consumer
from tests.fakes import PolledSource


class Queue(PolledSource):
    """Records the deletions of each request; fails the first `refusals` requests."""

    def __init__(self, refusals: int = 0) -> None:
        self.requests: list[tuple[str, list[str]]] = []
        self._refusals = refusals

    def delete(self, topic: str, receipt_handles: list[str]) -> None:
        if self._refusals:
            self._refusals -= 1
            raise ConnectionError("no response")
        self.requests.append((topic, receipt_handles))


def names(count: int, start: int = 0) -> list[str]:
    return [str(index) for index in range(start, start + count)]


def test_messages_are_deleted_once_they_fill_a_request() -> None:
    queue = Queue()
    handled = Acknowledgements(cast(Any, queue))
    handled.add("text", names(6))
    handled.add("preview", names(6))
    assert queue.requests == []
    handled.add("text", names(17, start=6))
    assert queue.requests == [("text", names(10)), ("text", names(10, start=10))]


def test_messages_that_do_not_fill_a_request_are_deleted_at_a_flush() -> None:
    queue = Queue()
    handled = Acknowledgements(cast(Any, queue))
    handled.add("text", names(3))
    handled.add("preview", names(1))
    handled.flush()
    handled.flush()
    assert queue.requests == [("text", names(3)), ("preview", names(1))]


def test_a_failed_request_does_not_affect_others() -> None:
    queue = Queue(refusals=1)
    handled = Acknowledgements(cast(Any, queue))
    handled.add("text", names(12))
    handled.flush()
    assert queue.requests == [("text", names(2, start=10))]


def test_a_worker_that_stops_deletes_what_it_has_handled() -> None:
    class OneMessage(Queue):
        def receive(self, topic: str, *, most: int, wait_s: int) -> list[dict[str, Any]]:
            if was_handled.is_set():
                threading.Event().wait(0.01)
                return []
            return [{"messageId": "m", "receiptHandle": "r", "body": "{}"}]

    was_handled, queue = threading.Event(), OneMessage()

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        was_handled.set()
        return {"batchItemFailures": []}

    consumer = Consumer("w", cast(Any, queue), None, {"text": (handler, 1)})
    consumer.start()
    assert was_handled.wait(10)
    consumer.stop()
    assert consumer.drain(10)
    assert queue.requests == [("text", ["r"])]
