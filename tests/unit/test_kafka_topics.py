"""Wake-ups by Kafka, against a producer of the test's own: what is sent where, and what is done when it is away."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from layers.adapters.kafka.topics import KafkaTopics
from layers.domain.message import WakeUp
from layers.settings import Settings
from tests.fakes import MemoryTopics


class Away(Exception):
    pass


@dataclass
class Producer:
    """Topics of three partitions; those that are named `lost` take a message and never tell of it."""

    sent: list[tuple[str, int, Any]] = field(default_factory=list)
    lost: tuple[str, ...] = ()

    def partitions_for(self, topic: str) -> set[int]:
        if topic == "fairway-unknown":
            raise Away("no such topic")
        return {0, 1, 2}

    def send(self, topic: str, value: bytes, partition: int) -> Producer:
        self.sent.append((topic, partition, json.loads(value)))
        return Producer(lost=("it",)) if topic in self.lost else self

    def get(self, timeout: float) -> None:
        if self.lost == ("it",):
            raise Away("it was not taken in time")


def wake_up(step: str, part: int = 0) -> WakeUp:
    return WakeUp("a-file", step, part, 1)


def topics(producer: Producer) -> KafkaTopics:
    return KafkaTopics(lambda: producer, lambda: True, MemoryTopics())


def test_messages_go_to_a_topics_partitions_by_turns() -> None:
    producer = Producer()
    topics(producer).publish([wake_up("text", part) for part in range(6)])
    assert sorted(partition for _, partition, _ in producer.sent) == [0, 0, 1, 1, 2, 2]
    assert {topic for topic, _, _ in producer.sent} == {"fairway-text"}


def test_a_topic_that_is_away_keeps_nothing_from_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    producer = Producer(lost=("fairway-ocr",))
    topics(producer).publish([wake_up("unknown"), wake_up("ocr"), wake_up("text")])
    assert [topic for topic, _, _ in producer.sent] == ["fairway-ocr", "fairway-text"]
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(one["event"], one["topic"]) for one in told] == [("publish_failed", "unknown"), ("publish_failed", "ocr")]


def test_brokers_that_are_away_are_asked_again_at_the_next_wake_up() -> None:
    producer, tries = Producer(), iter([Away("no broker"), None])

    def connect() -> Producer:
        if error := next(tries):
            raise error
        return producer

    published = KafkaTopics(connect, lambda: True, MemoryTopics())
    published.publish([wake_up("text")])
    published.publish([wake_up("text")])
    assert len(producer.sent) == 1


def test_it_is_up_when_both_the_brokers_and_the_queues_beside_are() -> None:
    def away() -> bool:
        raise Away("no broker")

    assert topics(Producer()).is_up()
    assert not KafkaTopics(Producer, away, MemoryTopics()).is_up()


def test_a_worker_that_polls_queues_takes_no_brokers() -> None:
    given = {"FAIRWAY_KAFKA_BROKERS": "b-1:9098"}
    with pytest.raises(ValueError, match="Lambda only"):
        Settings.from_environment(given)
    assert Settings.from_environment({**given, "AWS_LAMBDA_FUNCTION_NAME": "ocr"}).kafka_brokers == "b-1:9098"
