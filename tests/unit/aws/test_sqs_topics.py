"""The adapter of queues on moto: publishing, receiving, deleting, delays, dead letters."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from layers.adapters.aws.sqs_topics import LONGEST_DELAY_S, SqsTopics
from layers.domain.message import WakeUp, bundle_from_json

Client = Callable[[str], Any]


@pytest.fixture
def sqs(client: Client) -> Any:
    """An SDK client, with queues for three topics."""
    sqs = client("sqs")
    for topic in ("text", "text-dead", "ocr", "dispatch"):
        sqs.create_queue(QueueName=f"fairway-{topic}", Attributes={"VisibilityTimeout": "60"})
    return sqs


@pytest.fixture
def signals() -> list[tuple[str, int]]:
    """The work signals that were sent: topic and count."""
    return []


@pytest.fixture
def topics(sqs: Any, signals: list[tuple[str, int]]) -> SqsTopics:
    return SqsTopics(lambda: sqs, lambda topic, count: signals.append((topic, count)))


def wake_up(step: str, part: int = 0, *, joins: bool = False) -> WakeUp:
    return WakeUp("a-file", step, part, 1, joins)


def receive_all(topics: SqsTopics, topic: str) -> list[WakeUp]:
    found: list[WakeUp] = []
    while messages := topics.receive(topic, most=10, wait_s=0):
        found += [wake_up for message in messages for wake_up in bundle_from_json(json.loads(message["body"]))]
    return found


def events(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]


def test_each_wake_up_is_published_on_its_steps_queue(topics: SqsTopics, signals: list[tuple[str, int]]) -> None:
    topics.publish([wake_up("text", 1), wake_up("ocr", 2), wake_up("text", 3)])
    assert sorted(wake_up.part for wake_up in receive_all(topics, "text")) == [1, 3]
    assert [wake_up.part for wake_up in receive_all(topics, "ocr")] == [2]
    assert sorted(signals) == [("ocr", 1), ("text", 2)]


def test_more_than_ten_messages_are_published_in_several_requests(
    topics: SqsTopics, signals: list[tuple[str, int]]
) -> None:
    topics.publish([wake_up("text", part) for part in range(23)])
    assert sorted(wake_up.part for wake_up in receive_all(topics, "text")) == list(range(23))
    assert signals == [("text", 10), ("text", 10), ("text", 3)]


def test_wake_ups_of_one_bundle_are_one_message(topics: SqsTopics) -> None:
    topics.publish([wake_up("text", 1), wake_up("text", 2, joins=True)])
    (message,) = topics.receive("text", most=10, wait_s=0)
    assert [wake_up.part for wake_up in bundle_from_json(json.loads(message["body"]))] == [1, 2]


def test_a_deleted_message_is_gone_and_another_is_received_again(topics: SqsTopics) -> None:
    topics.publish([wake_up("text", 1), wake_up("text", 2)])
    first, second = topics.receive("text", most=10, wait_s=0)
    topics.delete("text", [first["receiptHandle"]])
    topics.give_back("text", [second])
    (again,) = topics.receive("text", most=10, wait_s=0)
    assert again["messageId"] == second["messageId"]


def test_deleting_nothing_sends_no_request() -> None:
    def no_client() -> Any:
        raise AssertionError("a client was made")

    SqsTopics(no_client).delete("text", [])


def test_a_received_message_is_hidden_until_its_visibility_timeout(topics: SqsTopics) -> None:
    topics.publish([wake_up("text")])
    assert topics.holds_messages("text")
    assert len(topics.receive("text", most=1, wait_s=0)) == 1
    assert topics.receive("text", most=1, wait_s=0) == []
    assert not topics.holds_messages("text")


def test_the_dispatcher_is_woken_after_a_delay_without_a_signal(
    topics: SqsTopics, sqs: Any, signals: list[tuple[str, int]]
) -> None:
    topics.dispatch_later(2.1)
    url = sqs.get_queue_url(QueueName="fairway-dispatch")["QueueUrl"]
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    assert (attributes[names[0]], attributes[names[1]]) == ("0", "1")
    assert signals == []


def test_no_delay_is_longer_than_sqs_allows(topics: SqsTopics, capsys: pytest.CaptureFixture[str]) -> None:
    topics.dispatch_later(10 * LONGEST_DELAY_S)
    assert events(capsys) == []


def test_dead_letters_return_to_their_topic(topics: SqsTopics, sqs: Any) -> None:
    url = sqs.get_queue_url(QueueName="fairway-text-dead")["QueueUrl"]
    for part in range(3):
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"part": part}))
    assert topics.redrive_dead(["text", "ocr"], 10) == 3
    messages = topics.receive("text", most=10, wait_s=0)
    assert sorted(json.loads(message["body"])["part"] for message in messages) == [0, 1, 2]
    assert not topics.holds_messages("text-dead")


def test_a_missing_queue_is_logged_and_the_others_are_published(
    topics: SqsTopics, capsys: pytest.CaptureFixture[str]
) -> None:
    topics.publish([wake_up("unknown"), wake_up("text")])
    assert [(event["event"], event["topic"]) for event in events(capsys)] == [("publish_failed", "unknown")]
    assert len(receive_all(topics, "text")) == 1


def test_topics_are_up_where_the_dispatchers_queue_exists(topics: SqsTopics, sqs: Any) -> None:
    assert topics.is_up()
    assert not SqsTopics(lambda: sqs, prefix="another-").is_up()
