"""How workers share a function's reserved concurrency, and what they do while the status store is away."""

from __future__ import annotations

import threading
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.worker import Worker, share
from layers.settings import Settings, reserved_concurrency


@given(st.integers(1, 64), st.integers(1, 16))
def test_all_shares_together_are_the_reserved_concurrency(concurrency: int, workers: int) -> None:
    shares = [share(concurrency, workers, place) for place in range(workers)]
    assert sum(shares) == concurrency
    assert max(shares) - min(shares) <= 1


@pytest.mark.parametrize(("concurrency", "workers", "shares"), [(1, 2, [1, 0]), (4, 2, [2, 2]), (5, 3, [2, 2, 1])])
def test_those_who_come_first_get_what_does_not_divide(concurrency: int, workers: int, shares: list[int]) -> None:
    assert [share(concurrency, workers, place) for place in range(workers)] == shares


@pytest.mark.parametrize("workers", [1, 2, 3, 8])
def test_no_thread_of_a_worker_waits_for_a_decoder_of_another(workers: int) -> None:
    settings = Settings(workers=workers, concurrency=reserved_concurrency("local"))
    for place in range(workers):
        threads = {step: share(settings.concurrency[step], workers, place) for step in settings.concurrency}
        assert threads["intake"] + threads["text"] + threads["ocr"] <= settings.decoders_at_once
        assert threads["preview"] + threads["thumbnail"] <= settings.decoders_at_once


class Queue:
    """A topic that holds one message until it is deleted; a message that is given back can be received at once."""

    def __init__(self) -> None:
        self.lies_there = True
        self.receives = 0
        self.deleted = threading.Event()
        self.given_back = threading.Event()

    def receive(self, topic: str, *, most: int, wait_s: int) -> list[dict[str, Any]]:
        if not self.lies_there or self.deleted.is_set():
            threading.Event().wait(0.01)
            return []
        self.lies_there = False
        self.receives += 1
        return [{"messageId": "m", "receiptHandle": "r", "body": "{}"}]

    def delete(self, topic: str, receipt_handles: list[str]) -> None:
        if receipt_handles:
            self.deleted.set()

    def give_back(self, topic: str, receipt_handles: list[str]) -> None:
        self.lies_there = True
        self.given_back.set()


def test_while_the_store_is_away_a_message_is_received_once_and_handled_when_it_is_back() -> None:
    queue, asked, is_back = Queue(), threading.Event(), threading.Event()

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        return {"batchItemFailures": [] if is_back.is_set() else [{"itemIdentifier": "m"}]}

    def store_is_up() -> bool:
        asked.set()
        return is_back.is_set()

    worker = Worker("w", cast(Any, queue), None, {"text": (handler, 3)}, store_is_up)
    worker.start()
    try:
        for _ in range(3):
            assert asked.wait(10)
            asked.clear()
        assert queue.given_back.is_set() and queue.receives == 1
        is_back.set()
        assert queue.deleted.wait(10) and queue.receives == 2
    finally:
        worker.stop()


class Bell:
    """Rings once for each time that it was rung."""

    def __init__(self) -> None:
        self.rings = threading.Semaphore(0)
        self.somebody_waits = threading.Event()

    def wait(self, topic: str, timeout_s: float, most: int = 1) -> bool:
        self.somebody_waits.set()
        return self.rings.acquire(timeout=timeout_s)


def test_a_ring_that_is_heard_while_the_store_is_away_is_answered_when_it_is_back() -> None:
    queue, bell, asked, is_back = Queue(), Bell(), threading.Event(), threading.Event()

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        assert bell.somebody_waits.wait(10)
        return {"batchItemFailures": [] if is_back.is_set() else [{"itemIdentifier": "m"}]}

    def store_is_up() -> bool:
        asked.set()
        return is_back.is_set()

    worker = Worker("w", cast(Any, queue), cast(Any, bell), {"text": (handler, 2)}, store_is_up)
    worker.start()
    try:
        assert queue.given_back.wait(10)
        bell.rings.release()  # for what was given back
        assert asked.wait(10)
        is_back.set()
        assert queue.deleted.wait(10)
    finally:
        worker.stop()
