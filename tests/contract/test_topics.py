"""The contract of topics, in memory, on SQS, and on the Kafka brokers of FAIRWAY_TEST_KAFKA if it is set."""

from __future__ import annotations

import base64
import json
import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import boto3
import pytest
from botocore.config import Config

from infra.local.ports import ADDRESS
from layers.adapters.aws.sqs_topics import SqsTopics
from layers.adapters.kafka import topics as kafka_topics
from layers.adapters.kafka.topics import KafkaTopics
from layers.adapters.redis.work_signal import RedisWorkSignal
from layers.domain.message import WakeUp, bundle_as_json, bundle_from_json
from layers.entry import messages
from layers.entry import wake_ups as wake_ups_in
from layers.ports import Topics
from tests.fakes import MemoryTopics
from tests.parts import KEY_ID, store_parts

BROKERS = os.environ.get("FAIRWAY_TEST_KAFKA", "")


@dataclass
class Consumed:
    """Topics, and a consumer of them: `receive(topic, count)` returns at least `count` wake-ups, or all there are."""

    topics: Topics
    receive: Callable[[str, int], list[WakeUp]]


@dataclass(frozen=True)
class Queues:
    sqs: SqsTopics
    bell: RedisWorkSignal


@pytest.fixture(scope="module")
def queues(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Queues]:
    with store_parts(tmp_path_factory.mktemp("home")) as parts:
        bell = RedisWorkSignal(parts.redis_url)
        url = f"http://{ADDRESS}:{parts.ports['store']}"
        session = boto3.session.Session(KEY_ID, parts.secret, region_name="us-east-1")
        yield Queues(SqsTopics(lambda: session.client("sqs", endpoint_url=url), bell.send), bell)


def from_queue(sqs: SqsTopics, topic: str, count: int) -> list[WakeUp]:
    found: list[WakeUp] = []
    while messages := sqs.receive(topic, most=10, wait_s=1):
        found += [one for message in messages for one in bundle_from_json(json.loads(message["body"]))]
        sqs.delete(topic, [message["receiptHandle"] for message in messages])
        if len(found) >= count:
            break
    return found


def on_kafka() -> Consumed:
    """New topics with three partitions each."""
    prefix = f"fairway-{uuid.uuid4().hex[:8]}-"
    names = [f"{prefix}{step}" for step in ("text", "ocr", "preview", "thumbnail")]
    assert kafka_topics.ensure_topics(BROKERS, "none", dict.fromkeys(names, 2)) == sorted(names)
    assert kafka_topics.ensure_topics(BROKERS, "none", dict.fromkeys(names, 3)) == sorted(names)
    assert kafka_topics.ensure_topics(BROKERS, "none", dict.fromkeys(names, 3)) == []
    topics = KafkaTopics(
        lambda: kafka_topics.producer(BROKERS, "none"),
        lambda: kafka_topics.brokers_answer(BROKERS, "none"),
        MemoryTopics(),
        prefix=prefix,
    )
    return Consumed(topics, lambda topic, count: from_kafka(prefix + topic, count))


def from_kafka(topic: str, count: int) -> list[WakeUp]:
    """Read a topic in the form in which Lambda passes Kafka records."""
    from kafka import KafkaConsumer

    consumer = KafkaConsumer(
        topic, bootstrap_servers=BROKERS, auto_offset_reset="earliest", consumer_timeout_ms=2000, group_id=None
    )
    batch = [
        {"topic": one.topic, "partition": one.partition, "offset": one.offset, "value": base64.b64encode(one.value)}
        for one in consumer
    ]
    assert len({one["partition"] for one in batch}) == min(3, len(batch))
    return [one for message in messages({"records": {topic: batch}}) for one in wake_ups_in(json.loads(message.body))]


@pytest.fixture(params=["memory", "sqs", *(["kafka"] if BROKERS else [])])
def consumed(request: pytest.FixtureRequest) -> Consumed:
    if request.param == "memory":
        memory = MemoryTopics()
        return Consumed(memory, lambda topic, count: [one for one in memory.published if one.step == topic])
    if request.param == "kafka":
        return on_kafka()
    sqs = request.getfixturevalue("queues").sqs
    return Consumed(sqs, lambda topic, count: from_queue(sqs, topic, count))


def wake_ups(step: str, count: int) -> list[WakeUp]:
    return [WakeUp(str(uuid.uuid4()), step, part, 1) for part in range(count)]


def test_each_wake_up_reaches_its_steps_topic(consumed: Consumed) -> None:
    of_text, of_ocr = wake_ups("text", 3), wake_ups("ocr", 2)
    consumed.topics.publish([*of_text, *of_ocr])
    assert sorted(consumed.receive("text", 3), key=lambda one: one.part) == of_text
    assert sorted(consumed.receive("ocr", 2), key=lambda one: one.part) == of_ocr


def test_all_of_many_messages_arrive(consumed: Consumed) -> None:
    many = wake_ups("preview", 37)
    consumed.topics.publish(many)
    assert set(consumed.receive("preview", 37)) == set(many)


def test_publishing_nothing_sends_nothing(consumed: Consumed) -> None:
    consumed.topics.publish([])
    assert consumed.receive("thumbnail", 1) == []


def test_running_topics_are_up(consumed: Consumed) -> None:
    assert consumed.topics.is_up()


def test_all_parts_of_bundles_reach_their_topic(consumed: Consumed) -> None:
    leads = wake_ups("text", 4)
    riders = [WakeUp(str(uuid.uuid4()), "text", 0, 1, joins_bundle=True) for _ in range(3)]
    consumed.topics.publish([leads[0], *riders[:2], leads[1], riders[2], leads[2], leads[3]])
    assert set(consumed.receive("text", 7)) == {*leads, *riders}


# --- SQS alone ---------------------------------------------------------------------------------------


def test_publishing_sends_a_work_signal_to_the_topic(queues: Queues) -> None:
    queues.sqs.publish(wake_ups("extraction", 1))
    assert queues.bell.wait("extraction", timeout_s=2)
    assert len(from_queue(queues.sqs, "extraction", 1)) == 1


def test_a_bundle_is_one_message(queues: Queues) -> None:
    lead, *riders = wake_ups("thumbnail", 3)
    queues.sqs.publish([lead, *(replace(one, joins_bundle=True) for one in riders), *wake_ups("preview", 1)])
    (message,) = queues.sqs.receive("thumbnail", most=10, wait_s=2)
    assert bundle_from_json(json.loads(message["body"])) == [lead, *riders]
    queues.sqs.delete("thumbnail", [message["receiptHandle"]])
    assert len(from_queue(queues.sqs, "preview", 1)) == 1


def test_a_returned_message_is_received_again_at_once(queues: Queues) -> None:
    (sent,) = wake_ups("textract", 1)
    queues.sqs.publish([sent])
    (message,) = queues.sqs.receive("textract", most=1, wait_s=2)
    assert queues.sqs.receive("textract", most=1, wait_s=0) == []
    queues.sqs.give_back("textract", [message["receiptHandle"]])
    assert from_queue(queues.sqs, "textract", 1) == [sent]


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
    queues.sqs._send("thumbnail-dead", [json.dumps(bundle_as_json([one])) for one in sent[:10]])
    queues.sqs._send("thumbnail-dead", [json.dumps(bundle_as_json([one])) for one in sent[10:]])
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
