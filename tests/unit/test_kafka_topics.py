"""Wake-ups over Kafka with a fake producer: the partition of each message, and outages of brokers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from layers.adapters.kafka.topics import KafkaTopics
from layers.domain.message import WakeUp
from layers.settings import Settings
from tests.fakes import MemoryTopics


class Down(Exception):
    pass


@dataclass
class Producer:
    """Topics of three partitions. Those in `lost` accept a message and never confirm it."""

    sent: list[tuple[str, int, Any]] = field(default_factory=list)
    lost: tuple[str, ...] = ()

    def partitions_for(self, topic: str) -> set[int]:
        if topic == "fairway-unknown":
            raise Down("no such topic")
        return {0, 1, 2}

    def send(self, topic: str, value: bytes, partition: int) -> Producer:
        self.sent.append((topic, partition, json.loads(value)))
        return Producer(lost=("it",)) if topic in self.lost else self

    def get(self, timeout: float) -> None:
        if self.lost == ("it",):
            raise Down("not confirmed in time")


def wake_up(step: str, part: int = 0) -> WakeUp:
    return WakeUp("a-file", step, part, 1)


def topics(producer: Producer) -> KafkaTopics:
    return KafkaTopics(lambda: producer, lambda: True, MemoryTopics())


def test_messages_are_spread_over_the_partitions_of_a_topic() -> None:
    producer = Producer()
    topics(producer).publish([wake_up("text", part) for part in range(6)])
    assert sorted(partition for _, partition, _ in producer.sent) == [0, 0, 1, 1, 2, 2]
    assert {topic for topic, _, _ in producer.sent} == {"fairway-text"}


def test_a_failing_topic_does_not_affect_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    producer = Producer(lost=("fairway-ocr",))
    topics(producer).publish([wake_up("unknown"), wake_up("ocr"), wake_up("text")])
    assert [topic for topic, _, _ in producer.sent] == ["fairway-ocr", "fairway-text"]
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(one["event"], one["topic"]) for one in events] == [
        ("publish_failed", "unknown"),
        ("publish_failed", "ocr"),
    ]


def test_brokers_that_were_down_are_tried_again_at_the_next_wake_up() -> None:
    producer, tries = Producer(), iter([Down("no broker"), None])

    def connect() -> Producer:
        if error := next(tries):
            raise error
        return producer

    kafka = KafkaTopics(connect, lambda: True, MemoryTopics())
    kafka.publish([wake_up("text")])
    kafka.publish([wake_up("text")])
    assert len(producer.sent) == 1


def test_it_is_up_when_both_brokers_and_queues_are() -> None:
    def down() -> bool:
        raise Down("no broker")

    assert topics(Producer()).is_up()
    assert not KafkaTopics(Producer, down, MemoryTopics()).is_up()


def test_kafka_brokers_are_refused_outside_of_lambda() -> None:
    variables = {"FAIRWAY_KAFKA_BROKERS": "b-1:9098"}
    with pytest.raises(ValueError, match="Lambda only"):
        Settings.from_environment(variables)
    assert Settings.from_environment({**variables, "AWS_LAMBDA_FUNCTION_NAME": "ocr"}).kafka_brokers == "b-1:9098"
