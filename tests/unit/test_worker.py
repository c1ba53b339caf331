"""What workers run, what they do while the status store is down, and how they stop."""

from __future__ import annotations

import threading
from typing import Any, cast

import pytest

from functions.pipelines import STEPS, slots
from infra.consumer import Consumer
from infra.local.api_and_workers import most_workers, own_steps
from infra.membership import Membership
from infra.worker import _handlers, drain
from layers.attempts.fleet_view import FleetView
from layers.domain.fleet import Registration
from layers.settings import Settings
from layers.stages import reserved_concurrency
from tests.fakes import MemoryStore, PolledSource


def test_the_workers_of_an_embedded_start_share_the_concurrency_of_its_stage() -> None:
    for workers in (1, 2, 5, most_workers()):
        environments = [own_steps(workers, index) for index in range(workers)]
        shares = [slots(Settings.from_environment(environment).step_slots) for environment in environments]
        reserved = reserved_concurrency("local")
        assert {step: sum(share.get(step, 0) for share in shares) for step in STEPS} == {
            step: reserved[step] for step in STEPS
        }


def test_a_worker_runs_every_step_unless_some_are_named() -> None:
    assert slots({}) == {name: step.slots_per_worker for name, step in STEPS.items()}
    assert slots({"ocr": 7, "thumbnail": None}) == {"ocr": 7, "thumbnail": STEPS["thumbnail"].slots_per_worker}
    with pytest.raises(ValueError, match="names unknown steps: ocp"):
        slots({"ocp": 2})


def test_only_a_worker_that_runs_intake_takes_arrivals() -> None:
    assert {topic: threads for topic, (_, threads) in _handlers({"ocr": 3}).items()} == {"ocr": 3, "dispatch": 1}
    assert set(_handlers({"intake": 1, "text": 2})) == {"arrivals", "intake", "text", "dispatch"}


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

    consumer = Consumer("w", cast(Any, queue), None, {"text": (handler, 3)}, store_is_up)
    consumer.start()
    try:
        for _ in range(3):
            assert probed.wait(10)
            probed.clear()
        assert queue.returned.is_set() and queue.receives == 1
        is_up_again.set()
        assert queue.deleted.wait(10) and queue.receives == 2
    finally:
        consumer.stop()


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

    consumer = Consumer("w", cast(Any, queue), cast(Any, work_signal), {"text": (handler, 2)}, store_is_up)
    consumer.start()
    try:
        assert queue.returned.wait(10)
        work_signal.signals.release()  # for the returned message
        assert probed.wait(10)
        is_up_again.set()
        assert queue.deleted.wait(10)
    finally:
        consumer.stop()


class Claims:
    """A runner that records whether its claims were given back."""

    def __init__(self) -> None:
        self.gave_back = False

    def extend_leases(self) -> int:
        return 0

    def give_back(self) -> int:
        self.gave_back = True
        return 1

    def leave_all_to_others(self) -> None:
        pass


class Parts:
    """A handler that ends when the test allows it."""

    def __init__(self) -> None:
        self.began, self.may_end = threading.Event(), threading.Event()

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        self.began.set()
        self.may_end.wait(10)
        return {"batchItemFailures": []}


def left(store: MemoryStore, parts: Parts, within_s: float, *, gives_back: bool = True) -> bool:
    """Whether a worker that stops while a part is running has given it back; it is no longer registered."""
    runner, view = Claims(), FleetView()
    membership = Membership(store, view, "w", {"text": 3})
    membership.beat()
    assert view.current is not None and view.current.slots == {"text": 3}
    consumer = Consumer("w", cast(Any, Queue()), None, {"text": (parts, 1)})
    consumer.start()
    assert parts.began.wait(10)
    drain(consumer, membership, cast(Any, runner), within_s, gives_back=gives_back)
    assert store.workers == {} and view.current.workers == 0
    return runner.gave_back


def test_a_worker_that_leaves_ends_what_it_runs() -> None:
    parts = Parts()
    threading.Timer(0.1, parts.may_end.set).start()
    assert not left(MemoryStore(), parts, within_s=10)


def test_a_worker_gives_back_what_has_not_ended_in_its_grace_time() -> None:
    parts = Parts()
    assert left(MemoryStore(), parts, within_s=0.1)
    parts.may_end.set()


def test_a_worker_whose_handler_hangs_gives_nothing_back() -> None:
    parts = Parts()
    assert not left(MemoryStore(), parts, within_s=0.1, gives_back=False)
    parts.may_end.set()


def test_a_draining_worker_no_longer_counts_while_it_ends_its_work() -> None:
    store, view = MemoryStore(), FleetView()
    leaving = Membership(store, view, "leaving", {"text": 3})
    leaving.beat()
    leaving.drain()
    assert store.beat(Registration("other", "host", "1", {"text": 1})).slots == {"text": 1}


def test_the_workers_of_one_host_share_its_processors() -> None:
    store, shares = MemoryStore(), list[int]()
    for name in ("one", "two"):
        Membership(store, FleetView(), name, {"text": 1}, shares.append).beat()
    assert shares == [1, 2]


def test_a_message_that_comes_while_a_worker_leaves_is_returned_to_its_topic() -> None:
    class Slow(Queue):
        def receive(self, topic: str, *, most: int, wait_s: int) -> list[dict[str, Any]]:
            consumer.stop()  # while the poll waits
            return super().receive(topic, most=most, wait_s=wait_s)

    queue = Slow()
    consumer = Consumer("w", cast(Any, queue), None, {"text": (lambda event, context: None, 1)})
    consumer.start()
    assert queue.returned.wait(10)
    assert not queue.deleted.is_set()
