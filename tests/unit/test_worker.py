"""How workers share a function's concurrency, and what they do while the status store is down."""

from __future__ import annotations

import threading
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.worker import Worker, share
from layers.settings import Settings, reserved_concurrency
from tests.fakes import PolledSource


@given(st.integers(1, 64), st.integers(1, 16))
def test_the_shares_of_all_workers_add_up_to_the_concurrency(concurrency: int, workers: int) -> None:
    shares = [share(concurrency, workers, index) for index in range(workers)]
    assert sum(shares) == concurrency
    assert max(shares) - min(shares) <= 1


@pytest.mark.parametrize(("concurrency", "workers", "shares"), [(1, 2, [1, 0]), (4, 2, [2, 2]), (5, 3, [2, 2, 1])])
def test_the_first_workers_get_the_remainder(concurrency: int, workers: int, shares: list[int]) -> None:
    assert [share(concurrency, workers, index) for index in range(workers)] == shares


@pytest.mark.parametrize("workers", [1, 2, 3, 8])
def test_every_thread_that_decodes_has_its_own_decoder(workers: int) -> None:
    settings = Settings(workers=workers, concurrency=reserved_concurrency("local"))
    for index in range(workers):
        threads = {step: share(settings.concurrency[step], workers, index) for step in settings.concurrency}
        assert threads["intake"] + threads["text"] + threads["ocr"] <= settings.decoders_at_once
        assert threads["preview"] + threads["thumbnail"] <= settings.decoders_at_once


class Queue(PolledSource):
    """A topic with one message until it is deleted; a returned message can be received again immediately."""

    def __init__(self) -> None:
        self.has_message = True
        self.receives = 0
        self.deleted = threading.Event()
        self.returned = threading.Event()

    def receive(self, topic: str, *, most: int, wait_s: float) -> list[dict[str, Any]]:
        if not self.has_message or self.deleted.is_set():
            threading.Event().wait(0.01)
            return []
        self.has_message = False
        self.receives += 1
        return [{"messageId": "m", "receiptHandle": "r", "body": "{}"}]

    def delete(self, topic: str, receipt_handles: list[str]) -> None:
        if receipt_handles:
            self.deleted.set()

    def give_back(self, topic: str, records: list[dict[str, Any]]) -> None:
        self.has_message = True
        self.returned.set()


def test_while_the_store_is_down_a_message_is_received_once_and_handled_afterwards() -> None:
    queue, probed, is_up_again = Queue(), threading.Event(), threading.Event()

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        return {"batchItemFailures": [] if is_up_again.is_set() else [{"itemIdentifier": "m"}]}

    def store_is_up() -> bool:
        probed.set()
        return is_up_again.is_set()

    worker = Worker("w", cast(Any, queue), None, {"text": (handler, 3)}, store_is_up)
    worker.start()
    try:
        for _ in range(3):
            assert probed.wait(10)
            probed.clear()
        assert queue.returned.is_set() and queue.receives == 1
        is_up_again.set()
        assert queue.deleted.wait(10) and queue.receives == 2
    finally:
        worker.stop()


class WorkSignal:
    """Each sent signal wakes one waiting thread."""

    def __init__(self) -> None:
        self.signals = threading.Semaphore(0)
        self.is_awaited = threading.Event()

    def wait(self, topic: str, timeout_s: float, most: int = 1) -> bool:
        self.is_awaited.set()
        return self.signals.acquire(timeout=timeout_s)


def test_a_signal_received_while_the_store_is_down_is_answered_afterwards() -> None:
    queue, work_signal, probed, is_up_again = Queue(), WorkSignal(), threading.Event(), threading.Event()

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        assert work_signal.is_awaited.wait(10)
        return {"batchItemFailures": [] if is_up_again.is_set() else [{"itemIdentifier": "m"}]}

    def store_is_up() -> bool:
        probed.set()
        return is_up_again.is_set()

    worker = Worker("w", cast(Any, queue), cast(Any, work_signal), {"text": (handler, 2)}, store_is_up)
    worker.start()
    try:
        assert queue.returned.wait(10)
        work_signal.signals.release()  # for the returned message
        assert probed.wait(10)
        is_up_again.set()
        assert queue.deleted.wait(10)
    finally:
        worker.stop()
