"""Receiving from Kafka with a fake consumer: buffers, offsets, and what happens when partitions move."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from layers.adapters.kafka.buffers import Buffer
from layers.adapters.kafka.source import ROOM_A_THREAD, KafkaSource, too_narrow


@dataclass
class Consumer:
    """A consumer of one partition of the topic `fairway-text` whose messages a test adds."""

    waiting: deque[Any] = field(default_factory=deque)
    stored: list[tuple[int, int]] = field(default_factory=list)
    paused: int = 0
    resumed: int = 0
    is_paused: bool = False
    is_closed: bool = False
    revoke: Callable[..., None] = lambda *_: None
    orders: deque[Callable[[], None]] = field(default_factory=deque)
    threads: set[int] = field(default_factory=set)

    def subscribe(self, names: list[str], on_assign: Any, on_revoke: Any, on_lost: Any) -> None:
        assert names == ["fairway-text"]
        self.revoke = on_revoke
        on_assign(self, self.assignment())

    def assignment(self) -> list[Any]:
        return [SimpleNamespace(topic="fairway-text", partition=0)]

    def poll(self, timeout: float) -> Any:
        self.threads.add(threading.get_ident())
        if self.orders:
            self.orders.popleft()()
        if self.is_paused or not self.waiting:
            time.sleep(0.001)
            return None
        return self.waiting.popleft()

    def pause(self, partitions: list[Any]) -> None:
        self.is_paused, self.paused = True, self.paused + 1

    def resume(self, partitions: list[Any]) -> None:
        self.is_paused, self.resumed = False, self.resumed + 1

    def store_offsets(self, offsets: list[Any]) -> None:
        self.threads.add(threading.get_ident())
        self.stored += [(offset.partition, offset.offset) for offset in offsets]

    def close(self) -> None:
        self.is_closed = True

    def add(self, *offsets: int) -> None:
        for offset in offsets:
            self.waiting.append(
                SimpleNamespace(
                    error=lambda: None,
                    topic=lambda: "fairway-text",
                    partition=lambda: 0,
                    offset=lambda offset=offset: offset,
                    key=lambda: None,
                    value=lambda offset=offset: str(offset).encode(),
                )
            )


@pytest.fixture
def consumer() -> Consumer:
    return Consumer()


@pytest.fixture
def source(consumer: Consumer) -> Any:
    source = KafkaSource(lambda: consumer)
    source.start({"text": 1})
    yield source
    source.stop()


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def bodies(source: KafkaSource, count: int) -> list[str]:
    found: list[str] = []
    until(
        lambda: (
            len(found.extend(message["body"] for message in source.receive("text", most=10, wait_s=0.1)) or found)
            >= count
        )
    )
    return found


def test_messages_are_received_in_the_order_of_their_partition(source: KafkaSource, consumer: Consumer) -> None:
    consumer.add(5, 6, 7)
    assert bodies(source, 3) == ["5", "6", "7"]


def test_an_offset_is_stored_once_its_message_was_taken(source: KafkaSource, consumer: Consumer) -> None:
    consumer.add(5, 6, 7)
    until(lambda: not consumer.waiting)
    assert consumer.stored == []
    (first,) = source.receive("text", most=1, wait_s=1)
    until(lambda: consumer.stored == [(0, 6)])
    assert first["body"] == "5"
    assert len(bodies(source, 2)) == 2
    until(lambda: consumer.stored[-1:] == [(0, 8)])


def test_only_one_thread_uses_the_consumer(source: KafkaSource, consumer: Consumer) -> None:
    consumer.add(1, 2)
    assert len(bodies(source, 2)) == 2
    until(lambda: bool(consumer.stored))
    assert len(consumer.threads) == 1 and threading.get_ident() not in consumer.threads


def test_a_full_buffer_pauses_its_topic_until_half_of_it_is_taken(source: KafkaSource, consumer: Consumer) -> None:
    consumer.add(*range(3 * ROOM_A_THREAD))
    until(lambda: consumer.is_paused)
    assert len(consumer.waiting) == 2 * ROOM_A_THREAD
    source.receive("text", most=1, wait_s=1)
    time.sleep(0.05)
    assert consumer.resumed == 0
    source.receive("text", most=ROOM_A_THREAD // 2, wait_s=1)
    until(lambda: consumer.resumed == 1)


def test_a_message_that_was_given_back_comes_first_and_moves_no_offset(source: KafkaSource, consumer: Consumer) -> None:
    consumer.add(1, 2)
    taken = source.receive("text", most=1, wait_s=5)
    source.give_back("text", taken)
    assert bodies(source, 2) == ["1", "2"]
    until(lambda: consumer.stored[-1:] == [(0, 3)])
    assert [offset for _, offset in consumer.stored] == sorted(offset for _, offset in consumer.stored)


def test_messages_of_a_partition_that_moves_are_left_to_its_new_owner(source: KafkaSource, consumer: Consumer) -> None:
    consumer.add(1, 2)
    until(lambda: not consumer.waiting)
    given_back = source.receive("text", most=1, wait_s=5)
    source.give_back("text", given_back)
    gone = threading.Event()
    consumer.orders.append(lambda: (consumer.revoke(consumer, consumer.assignment()), gone.set()))
    assert gone.wait(30)
    assert [message["body"] for message in source.receive("text", most=9, wait_s=0)] == ["1"]  # its offset is committed


def test_a_message_is_handed_over_to_a_thread_that_waits_and_to_no_other(source: KafkaSource) -> None:
    assert not source.hand_over("text", "nobody waits")
    found: list[str] = []
    waits = threading.Thread(
        target=lambda: found.extend(one["body"] for one in source.receive("text", most=1, wait_s=30))
    )
    waits.start()
    until(lambda: source.hand_over("text", "first"))
    waits.join(30)
    assert found == ["first"] and not source.hand_over("text", "second")
    assert not source.hand_over("ocr", "this process does not run that step")


def test_a_thread_that_ends_a_message_takes_the_next_one_itself(source: KafkaSource, consumer: Consumer) -> None:
    consumer.add(1)
    assert bodies(source, 1) == ["1"]
    assert source.hand_over("text", "next")
    assert not source.hand_over("text", "for others")
    assert [one["body"] for one in source.receive("text", most=9, wait_s=0)] == ["next"]
    assert source.hand_over("text", "again")


def test_a_message_that_was_handed_over_moves_no_offset_and_stays_when_partitions_move(
    source: KafkaSource, consumer: Consumer
) -> None:
    consumer.add(1)
    assert bodies(source, 1) == ["1"]
    assert source.hand_over("text", "next")
    gone = threading.Event()
    consumer.orders.append(lambda: (consumer.revoke(consumer, consumer.assignment()), gone.set()))
    assert gone.wait(30)
    (taken,) = source.receive("text", most=9, wait_s=0)
    source.delete("text", [taken["receiptHandle"]])
    assert taken["body"] == "next" and consumer.stored[-1:] == [(0, 2)]


def test_nothing_is_handed_over_to_a_source_that_has_stopped(source: KafkaSource, consumer: Consumer) -> None:
    consumer.add(1)
    assert bodies(source, 1) == ["1"]
    source.stop()
    assert not source.hand_over("text", "next")


def test_a_source_that_stops_stores_what_was_taken_and_leaves_the_group(
    source: KafkaSource, consumer: Consumer
) -> None:
    consumer.add(1, 2, 3)
    source.receive("text", most=2, wait_s=5)
    source.stop()
    assert consumer.is_closed and consumer.stored


def test_a_consumer_that_fails_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("layers.adapters.kafka.source.RETRY_S", 0.01)
    broken, sound = Consumer(), Consumer()
    broken.orders.append(lambda: 1 / 0)
    made = iter([broken, sound])
    source = KafkaSource(lambda: next(made))
    source.start({"text": 1})
    sound.add(1)
    assert bodies(source, 1) == ["1"] and broken.is_closed
    source.stop()


def test_taking_from_an_empty_buffer_waits_no_longer_than_requested() -> None:
    assert Buffer(3).take(2, 0) == [] and Buffer(3).take(2, 0.01) == []


@pytest.mark.parametrize(
    ("partitions", "message"), [(0, "has no topic fairway-ocr"), (4, "its 4 partitions serve 4 workers")]
)
def test_the_message_for_operators_says_what_is_wrong_with_a_topic(partitions: int, message: str) -> None:
    assert message in too_narrow("fairway-ocr", partitions) and "infra.setup" in too_narrow("fairway-ocr", partitions)
