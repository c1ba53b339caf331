"""The contract of topics and their source, in memory, on SQS, and on the Kafka brokers of FAIRWAY_TEST_KAFKA if it is set."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import boto3
import pytest
from botocore.config import Config

from infra.local.ports import ADDRESS
from infra.topics import TOPICS
from layers.adapters.aws.sqs_topics import SqsTopics
from layers.adapters.kafka import administration
from layers.adapters.kafka.access import Access
from layers.adapters.kafka.source import KafkaSource, consumer
from layers.adapters.kafka.topics import KafkaTopics, producer
from layers.adapters.redis.work_signal import RedisWorkSignal
from layers.domain.message import Arrival, WakeUp, bundle_as_json, bundle_from_json
from layers.entry import arrivals
from layers.ports import MessageSource, Topics
from tests.fakes import MemoryTopics
from tests.store_server import KEY_ID, running_store

BROKERS = os.environ.get("FAIRWAY_TEST_KAFKA", "")
PARTITIONS = 3
LONGEST_S = 30  # until a group has its partitions, on a busy host


@dataclass
class Transport:
    """Topics and a source of their messages. `another` makes a second source, as another worker would."""

    topics: Topics
    source: MessageSource
    another: Callable[[], MessageSource]

    def receive(self, topic: str, count: int, source: MessageSource | None = None) -> list[dict[str, Any]]:
        """At least `count` messages, or all if there are fewer."""
        source, found, until = source or self.source, [], time.monotonic() + (LONGEST_S if count else 2)
        while len(found) < max(1, count) and time.monotonic() < until:
            found += (records := source.receive(topic, most=10, wait_s=1))
            source.delete(topic, [record["receiptHandle"] for record in records])
        return found

    def wake_ups(self, topic: str, messages: int) -> list[WakeUp]:
        found = self.receive(topic, messages)
        return [wake_up for message in found for wake_up in bundle_from_json(json.loads(message["body"]))]


@dataclass(frozen=True)
class Queues:
    sqs: SqsTopics
    work_signal: RedisWorkSignal


@pytest.fixture(scope="module")
def queues(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Queues]:
    with running_store(tmp_path_factory.mktemp("home")) as server:
        work_signal = RedisWorkSignal(server.redis_url)
        url = f"http://{ADDRESS}:{server.ports['store']}"
        session = boto3.session.Session(KEY_ID, server.secret, region_name="us-east-1")
        yield Queues(SqsTopics(lambda: session.client("sqs", endpoint_url=url), work_signal.send), work_signal)


@pytest.fixture(scope="module")
def kafka() -> Iterator[Transport]:
    """New topics with a separate consumer group."""
    access, prefix = Access(BROKERS), f"fairway-{uuid.uuid4().hex[:8]}-"
    administration.ensure_topics(access, {f"{prefix}{topic}": PARTITIONS for topic in TOPICS}, 1)
    sources: list[KafkaSource] = []

    def source() -> KafkaSource:
        sources.append(KafkaSource(lambda: consumer(access, prefix, "test"), prefix=prefix))
        sources[-1].start(dict.fromkeys(TOPICS, 4))
        return sources[-1]

    yield Transport(KafkaTopics(access, lambda: producer(access), prefix=prefix), source(), source)
    for opened in sources:
        opened.stop()


@pytest.fixture(params=["memory", "sqs", *(["kafka"] if BROKERS else [])])
def transport(request: pytest.FixtureRequest) -> Transport:
    if request.param == "memory":
        memory = MemoryTopics()
        return Transport(memory, memory, lambda: memory)
    if request.param == "kafka":
        return request.getfixturevalue("kafka")  # type: ignore[no-any-return]
    sqs = request.getfixturevalue("queues").sqs
    return Transport(sqs, sqs, lambda: sqs)


def from_queue(sqs: SqsTopics, topic: str, count: int) -> list[WakeUp]:
    return Transport(sqs, sqs, lambda: sqs).wake_ups(topic, count)


def wake_ups(step: str, count: int) -> list[WakeUp]:
    return [WakeUp(str(uuid.uuid4()), step, part, 1) for part in range(count)]


def test_each_wake_up_reaches_its_steps_topic(transport: Transport) -> None:
    of_text, of_ocr = wake_ups("text", 3), wake_ups("ocr", 2)
    transport.topics.publish([*of_text, *of_ocr])
    assert sorted(transport.wake_ups("text", 3), key=lambda wake_up: wake_up.part) == of_text
    assert sorted(transport.wake_ups("ocr", 2), key=lambda wake_up: wake_up.part) == of_ocr


def test_each_of_many_messages_arrives_once(transport: Transport) -> None:
    many = wake_ups("preview", 37)
    transport.topics.publish(many)
    received = transport.wake_ups("preview", 37)
    assert len(received) == 37 and set(received) == set(many)
    assert transport.wake_ups("preview", 0) == []


def test_publishing_nothing_sends_nothing(transport: Transport) -> None:
    transport.topics.publish([])
    assert transport.receive("thumbnail", 0) == []


def test_running_topics_are_up(transport: Transport) -> None:
    assert transport.topics.is_up()


def test_all_parts_of_bundles_reach_their_topic(transport: Transport) -> None:
    leads = wake_ups("text", 4)
    riders = [WakeUp(str(uuid.uuid4()), "text", 0, 1, joins_bundle=True) for _ in range(3)]
    transport.topics.publish([leads[0], *riders[:2], leads[1], riders[2], leads[2], leads[3]])
    assert set(transport.wake_ups("text", 4)) == {*leads, *riders}


def test_a_returned_message_is_received_again_at_once(transport: Transport) -> None:
    (sent,) = wake_ups("extraction", 1)
    transport.topics.publish([sent])
    until = time.monotonic() + LONGEST_S
    while not (messages := transport.source.receive("extraction", most=1, wait_s=1)):
        assert time.monotonic() < until
    transport.source.give_back("extraction", messages)
    assert transport.wake_ups("extraction", 1) == [sent]
    assert transport.receive("extraction", 0) == []


def test_a_dispatch_without_delay_is_requested_at_once(transport: Transport) -> None:
    transport.topics.dispatch_later(0)
    assert [json.loads(message["body"]) for message in transport.receive("dispatch", 1)] == [{"wake": True}]


def test_announced_objects_arrive(transport: Transport) -> None:
    transport.topics.announce(["originals/a/b", "originals/a/c"])
    (message,) = transport.receive("arrivals", 1)
    assert arrivals(json.loads(message["body"])) == [Arrival("originals/a/b"), Arrival("originals/a/c")]


def test_each_message_is_received_by_one_of_two_workers(transport: Transport) -> None:
    second, many = transport.another(), wake_ups("intake", 30)
    if transport.source.is_buffered:
        time.sleep(3)  # until the group has distributed its partitions
    transport.topics.publish(many)
    received: list[dict[str, Any]] = []
    until = time.monotonic() + LONGEST_S
    while len(received) < 30 and time.monotonic() < until:
        received += transport.source.receive("intake", most=10, wait_s=1)
        received += second.receive("intake", most=10, wait_s=1)
    second.stop()
    found = [wake_up for message in received for wake_up in bundle_from_json(json.loads(message["body"]))]
    assert set(found) == set(many)


# --- Kafka alone -------------------------------------------------------------------------------------

on_kafka = pytest.mark.skipif(not BROKERS, reason="FAIRWAY_TEST_KAFKA names no brokers; `make test-cluster` sets it")


@on_kafka
def test_missing_topics_are_created_and_narrow_ones_widened() -> None:
    access, names = Access(BROKERS), [f"fairway-{uuid.uuid4().hex[:8]}-{step}" for step in ("text", "ocr")]
    assert administration.partitions_of(access, names) == dict.fromkeys(names, 0)
    assert administration.ensure_topics(access, dict.fromkeys(names, 2), 1) == sorted(names)
    assert administration.ensure_topics(access, dict.fromkeys(names, 3), 1) == sorted(names)
    assert administration.ensure_topics(access, dict.fromkeys(names, 3), 1) == []
    assert administration.partitions_of(access, names) == dict.fromkeys(names, 3)


@on_kafka
def test_messages_are_spread_over_the_partitions(kafka: Transport) -> None:
    kafka.topics.publish(wake_ups("textract", 12))
    received = kafka.receive("textract", 12)
    spread = [message["partition"] for message in received]
    assert {spread.count(number) for number in range(PARTITIONS)} == {12 // PARTITIONS}


@on_kafka
def test_each_of_two_workers_receives_from_every_topic(kafka: Transport) -> None:
    second = kafka.another()
    time.sleep(3)  # the group shares its partitions out
    for topic in TOPICS:
        kafka.topics.publish(wake_ups(topic, 2 * PARTITIONS))
    until = time.monotonic() + LONGEST_S
    for topic in TOPICS:
        for source in (kafka.source, second):
            while not source.receive(topic, most=99, wait_s=1):
                assert time.monotonic() < until, f"one worker gets nothing of {topic}"
    second.stop()


@on_kafka
def test_a_topic_holds_messages_until_they_are_received(kafka: Transport) -> None:
    until = time.monotonic() + LONGEST_S
    while kafka.topics.holds_messages("thumbnail"):  # another worker of these tests has left them
        kafka.receive("thumbnail", 0)
        assert time.monotonic() < until
    kafka.source.stop()
    kafka.topics.publish(wake_ups("thumbnail", 2))
    while not kafka.topics.holds_messages("thumbnail"):
        assert time.monotonic() < until
    assert len(kafka.receive("thumbnail", 2, kafka.another())) == 2
    while kafka.topics.holds_messages("thumbnail"):
        assert time.monotonic() < until


@on_kafka
def test_a_message_on_a_missing_topic_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    access = Access(BROKERS)
    topics = KafkaTopics(access, lambda: producer(access), prefix="fairway-nowhere-")
    topics.publish(wake_ups("text", 1))
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    (failed,) = [event for event in events if event["event"] == "publish_failed"]
    assert "Kafka has no topic fairway-nowhere-text" in failed["detail"]


# --- SQS alone ---------------------------------------------------------------------------------------


def test_publishing_sends_a_work_signal_to_the_topic(queues: Queues) -> None:
    queues.sqs.publish(wake_ups("extraction", 1))
    assert queues.work_signal.wait("extraction", timeout_s=10)
    assert len(from_queue(queues.sqs, "extraction", 1)) == 1


def test_a_bundle_is_one_message(queues: Queues) -> None:
    lead, *riders = wake_ups("thumbnail", 3)
    queues.sqs.publish([lead, *(replace(rider, joins_bundle=True) for rider in riders), *wake_ups("preview", 1)])
    (message,) = queues.sqs.receive("thumbnail", most=10, wait_s=2)
    assert bundle_from_json(json.loads(message["body"])) == [lead, *riders]
    queues.sqs.delete("thumbnail", [message["receiptHandle"]])
    assert len(from_queue(queues.sqs, "preview", 1)) == 1


def test_a_topic_keeps_messages_that_were_not_received(queues: Queues) -> None:
    assert not queues.sqs.holds_messages("textract")
    queues.sqs.publish(wake_ups("textract", 1))
    assert queues.sqs.holds_messages("textract")
    assert len(from_queue(queues.sqs, "textract", 1)) == 1
    assert not queues.sqs.holds_messages("textract")


def test_a_dispatch_can_be_requested_for_later(queues: Queues) -> None:
    queues.sqs.dispatch_later(1.2)
    assert queues.sqs.receive("dispatch", most=1, wait_s=0) == []
    assert len(queues.sqs.receive("dispatch", most=1, wait_s=10)) == 1


def test_messages_of_the_dead_letter_queue_are_requeued(queues: Queues) -> None:
    sent = wake_ups("thumbnail", 12)
    queues.sqs._send("thumbnail-dead", [json.dumps(bundle_as_json([wake_up])) for wake_up in sent[:10]])
    queues.sqs._send("thumbnail-dead", [json.dumps(bundle_as_json([wake_up])) for wake_up in sent[10:]])
    assert queues.sqs.redrive_dead(["thumbnail"], 1000) == 12
    assert set(from_queue(queues.sqs, "thumbnail", 12)) == set(sent)
    assert queues.sqs.redrive_dead(["thumbnail"], 1000) == 0


def test_an_unreachable_broker_only_delays_messages(capsys: pytest.CaptureFixture[str]) -> None:
    session = boto3.session.Session("id", "secret", region_name="us-east-1")
    config = Config(retries={"total_max_attempts": 1})
    away = SqsTopics(lambda: session.client("sqs", endpoint_url="http://127.0.0.1:1", config=config))
    away.publish(wake_ups("text", 1))
    assert json.loads(capsys.readouterr().err)["event"] == "publish_failed"
    assert not away.is_up() and not away.holds_messages("text")
