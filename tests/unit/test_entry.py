"""Parsing of recorded events into messages, and which messages are returned to the topic."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from layers import entry
from layers.domain.errors import DependencyDown, StoreUnreachable, TransientError
from layers.domain.message import Arrival, WakeUp, bundle_as_json, bundle_from_json

EVENTS = Path(__file__).parent.parent.parent / "events"
KEY = "originals/0190a3f2-7c1e-7b3a-9d2f-1a2b3c4d5e6f/0190a3f2-8d2f-7c4b-8e3a-2b3c4d5e6f70"
VERSION = "kT3Zq8n0p1.VwYxqLrS5tUvW7xYzAbCd"


def recorded(name: str) -> dict[str, Any]:
    return json.loads((EVENTS / f"{name}.json").read_text())  # type: ignore[no-any-return]


def arrivals_of(event: dict[str, Any]) -> list[Arrival]:
    found: list[Arrival] = []
    assert entry.handle(event, lambda body: found.extend(entry.arrivals(body))) == {"batchItemFailures": []}
    return found


@pytest.mark.parametrize("name", ["s3_sqs", "eventbridge"])
def test_an_arrival_has_the_version_and_size_of_the_object(name: str) -> None:
    assert arrivals_of(recorded(name))[0] == Arrival(KEY, VERSION, 27315)


def test_a_percent_encoded_key_is_given_raw_and_decoded(capsys: pytest.CaptureFixture[str]) -> None:
    keys = [arrival.object_key for arrival in arrivals_of(recorded("s3_sqs"))]
    assert keys[1:] == ["inbox/r%C3%A9sum%C3%A9+2026+%281%29.pdf", "inbox/résumé 2026 (1).pdf"]


def test_an_arrival_by_kafka_may_have_no_version() -> None:
    assert Arrival(KEY, None, 27315) in arrivals_of(recorded("kafka_s3"))


# MinIO encodes keys; versitygw sends the events of the whole bucket, quoted eTags, mostly no version, and no size of
# multipart uploads. These were recorded. Ceph's is from its documentation, SeaweedFS's from its filer's protobuf schema.
DIALECTS = {
    "kafka_s3": [Arrival(KEY, None, 27315)],
    "kafka_versitygw": [
        Arrival(KEY, None, 27315),
        Arrival(f"{KEY[:-1]}1", "01M8HTCKJNDD4M7FSG8H80H7TG", None),
        Arrival("artifacts/a b+c.txt", None, 1),
        Arrival("artifacts/a b c.txt", None, 1),
    ],
    "kafka_ceph": [Arrival(KEY, None, 27315)],
    "kafka_seaweedfs": [Arrival(KEY)],
}


@pytest.mark.parametrize("name", DIALECTS)
def test_each_stores_dialect_names_the_created_objects(name: str) -> None:
    assert [arrival for arrival in arrivals_of(recorded(name)) if "%2F" not in arrival.object_key] == DIALECTS[name]


def test_a_worker_that_receives_from_kafka_reads_the_path_that_is_a_messages_key() -> None:
    record = {"messageId": "m", "body": "\x12&\n$", "key": f"/buckets/fairway/{KEY}"}
    assert arrivals_of({"Records": [record]}) == [Arrival(KEY)]


def test_the_test_event_has_no_arrivals() -> None:
    assert arrivals_of(recorded("s3_test_event")) == []


@pytest.mark.parametrize(
    "name", ["ObjectRemoved:Delete", "ObjectRemoved:DeleteMarkerCreated", "LifecycleExpiration:Delete", ""]
)
def test_an_event_that_is_no_creation_has_no_arrivals(name: str) -> None:
    event = recorded("s3_sqs")
    body = json.loads(event["Records"][0]["body"])
    body["Records"][0]["eventName"] = name
    event["Records"] = [{**event["Records"][0], "body": json.dumps(body)}]
    assert arrivals_of(event) == []


@pytest.mark.parametrize("name", ["Put", "Post", "Copy", "CompleteMultipartUpload"])
@pytest.mark.parametrize("prefix", ["", "s3:"])
def test_every_kind_of_creation_is_an_arrival(prefix: str, name: str) -> None:
    body = json.loads(recorded("s3_sqs")["Records"][0]["body"])
    body["Records"][0]["eventName"] = f"{prefix}ObjectCreated:{name}"
    assert entry.arrivals(body) == [Arrival(KEY, VERSION, 27315)]


def test_a_repeated_notification_is_a_repeated_arrival() -> None:
    event = recorded("s3_sqs")
    event["Records"] = [event["Records"][0]] * 2
    assert arrivals_of(event) == [Arrival(KEY, VERSION, 27315)] * 2


def test_a_notification_without_a_queue_is_one_message() -> None:
    event = json.loads(recorded("s3_sqs")["Records"][0]["body"])
    assert arrivals_of(event) == [Arrival(KEY, VERSION, 27315)]


def test_a_deletion_by_eventbridge_has_no_arrivals() -> None:
    body = json.loads(recorded("eventbridge")["Records"][0]["body"])
    assert entry.arrivals({**body, "detail-type": "Object Deleted"}) == []


@pytest.mark.parametrize("value", [None, "", "bm90IEpTT04=", "//79"])
def test_a_malformed_kafka_value_does_not_block_those_after_it(
    value: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    event = recorded("kafka_s3")
    (batch,) = event["records"].values()
    batch.insert(0, {**batch[0], "offset": 14, "value": value})
    assert Arrival(KEY, None, 27315) in arrivals_of(event)
    assert json.loads(capsys.readouterr().err)["event"] == "message_failed"


def test_a_null_version_is_none() -> None:
    event = recorded("s3_sqs")
    event["Records"] = [json.loads(json.dumps(event["Records"][0]).replace(VERSION, "null"))]
    assert arrivals_of(event) == [Arrival(KEY, None, 27315)]


def test_an_eventbridge_event_without_a_queue_is_one_message() -> None:
    event = json.loads(recorded("eventbridge")["Records"][0]["body"])
    assert arrivals_of(event) == [Arrival(KEY, VERSION, 27315)]


def test_a_wake_up_is_read_back_as_it_was_written() -> None:
    received = []
    entry.handle(recorded("wake_up_sqs"), lambda body: received.extend(entry.wake_ups(body)))
    assert received == [WakeUp("0190a3f2-8d2f-7c4b-8e3a-2b3c4d5e6f70", "ocr", 2, 1)]
    assert bundle_from_json(bundle_as_json(received)) == received


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "null",
        "[]",
        "7",
        '{"file_id": "x"}',
        '{"step": "ocr", "parts": []}',
        '{"step": "ocr", "parts": 3}',
        '{"step": "ocr", "parts": [{"file_id": "x"}]}',
        '{"file_id": 1, "step": 1, "part": "?", "attempt": 1}',
        '"\\ud800"',
    ],
)
def test_a_poison_message_is_logged_and_acknowledged(body: str, capsys: pytest.CaptureFixture[str]) -> None:
    event = recorded("wake_up_sqs")
    event["Records"][0]["body"] = body
    assert entry.handle(event, entry.wake_ups) == {"batchItemFailures": []}
    assert json.loads(capsys.readouterr().err)["event"] == "message_failed"


def test_a_message_is_returned_only_if_the_store_is_unreachable(capsys: pytest.CaptureFixture[str]) -> None:
    event = recorded("wake_up_sqs")
    event["Records"] = [{**copy.deepcopy(event["Records"][0]), "messageId": f"m{index}"} for index in range(4)]
    outcomes = iter([None, StoreUnreachable("no answer"), TransientError("x", "y"), None])
    taken = []

    def take(body: Any) -> None:
        outcome = next(outcomes)
        if outcome:
            raise outcome
        taken.append(body)

    assert entry.handle(event, take) == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    assert len(taken) == 2, "a failed message must not hold up the others"


def test_a_message_whose_dependency_is_down_is_no_fault_of_fairway(capsys: pytest.CaptureFixture[str]) -> None:
    def take(_body: Any) -> None:
        raise DependencyDown("object_store", "no answer")

    assert entry.handle(recorded("wake_up_sqs"), take) == {"batchItemFailures": []}
    assert json.loads(capsys.readouterr().err)["event"] == "dependency_down"


@pytest.mark.parametrize("count", [1, 4])
def test_messages_handled_together_are_returned_together(count: int, capsys: pytest.CaptureFixture[str]) -> None:
    event = {"Records": [{"messageId": f"m{index}", "body": "{}"} for index in range(count)]}

    def take(_bodies: list[Any]) -> None:
        raise StoreUnreachable("no answer")

    returned = {failure["itemIdentifier"] for failure in entry.handle_together(event, take)["batchItemFailures"]}
    assert returned == {f"m{index}" for index in range(count)}


@pytest.mark.parametrize("poison", ["{", '"poison"'])
def test_a_message_that_fails_the_whole_batch_is_dropped_alone(poison: str, capsys: pytest.CaptureFixture[str]) -> None:
    event = {"Records": [{"messageId": f"m{index}", "body": str(index)} for index in range(3)]}
    event["Records"].insert(1, {"messageId": "poison", "body": poison})
    taken: list[Any] = []

    def take(bodies: list[Any]) -> None:
        if "poison" in bodies:
            raise KeyError("poison")
        taken.extend(bodies)

    assert entry.handle_together(event, take) == {"batchItemFailures": []}
    assert taken == [0, 1, 2]
    assert json.loads(capsys.readouterr().err)["event"] == "message_failed"


def test_a_kafka_message_is_returned_by_its_offset() -> None:
    def take(_body: Any) -> None:
        raise StoreUnreachable("no answer")

    answer = entry.handle(recorded("kafka_s3"), take)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "fairway-arrivals-0-15"}]}


def test_an_event_without_message_ids_fails_as_a_whole() -> None:
    event = json.loads(recorded("eventbridge")["Records"][0]["body"])

    def take(_body: Any) -> None:
        raise StoreUnreachable("no answer")

    with pytest.raises(StoreUnreachable):
        entry.handle(event, take)


@pytest.mark.parametrize("body", [None, [], "text", 7, {}, {"Records": None}, {"Records": []}])
def test_a_body_without_objects_has_no_arrivals(body: Any) -> None:
    assert entry.arrivals(body) == []
