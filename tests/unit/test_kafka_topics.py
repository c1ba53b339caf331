"""Publishing on Kafka with a fake producer: the partition of each message, outages of brokers, and delays."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from layers.adapters.kafka import administration
from layers.adapters.kafka.access import REPORTED_EVERY_S, Access, ErrorReport, iam_token
from layers.adapters.kafka.delays import Delays
from layers.adapters.kafka.topics import KafkaTopics
from layers.domain.message import WakeUp, bundle_as_json
from layers.settings import Settings
from tests.fakes import MemoryTopics

ACCESS = Access("b-1:9092")
VARIABLES = {"FAIRWAY_TOPICS": "kafka", "FAIRWAY_KAFKA_BROKERS": "b-1:9092"}


class Down(Exception):
    pass


def failure(text: str) -> Any:
    return SimpleNamespace(str=lambda: text, name=lambda: "A_CODE", fatal=lambda: False)


@dataclass
class Producer:
    """Topics of three partitions. Those in `lost` accept messages but never confirm them."""

    sent: list[tuple[str, int, Any]] = field(default_factory=list)
    lost: tuple[str, ...] = ()
    lookups: int = 0
    flushed: int = 0
    is_down: bool = False
    reports: list[Any] = field(default_factory=list)

    def list_topics(self, topic: str, timeout: float) -> Any:
        self.lookups += 1
        if self.is_down:
            raise Down("no broker")
        error = failure("unknown topic") if topic == "fairway-unknown" else None
        return SimpleNamespace(topics={topic: SimpleNamespace(error=error, partitions=range(0 if error else 3))})

    def produce(self, topic: str, value: bytes, partition: int, on_delivery: Any) -> None:
        self.sent.append((topic, partition, json.loads(value)))
        message = SimpleNamespace(topic=lambda: topic)
        error = failure("not confirmed in time") if topic in self.lost else None
        self.reports.append(lambda: on_delivery(error, message))

    def poll(self, timeout: float) -> int:
        reports, self.reports = self.reports, []
        for report in reports:
            report()
        time.sleep(min(timeout, 0.05))
        return len(reports)

    def flush(self, timeout: float) -> int:
        self.flushed += 1
        return self.poll(0) * 0


def wake_up(step: str, part: int = 0) -> WakeUp:
    return WakeUp("a-file", step, part, 1)


def topics(producer: Producer) -> KafkaTopics:
    return KafkaTopics(ACCESS, lambda: producer)


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_messages_are_spread_over_the_partitions_of_a_topic() -> None:
    producer = Producer()
    topics(producer).publish([wake_up("text", part) for part in range(6)])
    assert sorted(partition for _, partition, _ in producer.sent) == [0, 0, 1, 1, 2, 2]
    assert {topic for topic, _, _ in producer.sent} == {"fairway-text"}


def test_a_failing_topic_does_not_affect_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    producer = Producer(lost=("fairway-ocr",))
    topics(producer).publish([wake_up("unknown"), wake_up("ocr"), wake_up("text")])
    assert [topic for topic, _, _ in producer.sent] == ["fairway-ocr", "fairway-text"]
    failed = [(event["topic"], event["detail"]) for event in logged(capsys) if event["event"] == "publish_failed"]
    assert failed[0][0] == "unknown" and "Kafka has no topic fairway-unknown" in failed[0][1]
    assert failed[1] == ("ocr", "not confirmed in time")


def test_the_partitions_of_a_topic_are_counted_only_from_time_to_time() -> None:
    producer = Producer()
    kafka = topics(producer)
    for _ in range(5):
        kafka.publish([wake_up("text")])
    assert producer.lookups == 1


def test_while_brokers_are_down_messages_wait_in_the_client(capsys: pytest.CaptureFixture[str]) -> None:
    producer = Producer(is_down=True)
    topics(producer).publish([wake_up("text")])
    assert [(topic, partition) for topic, partition, _ in producer.sent] == [("fairway-text", -1)]
    assert [event["event"] for event in logged(capsys)] == ["topic_unreachable"]


def test_a_client_that_could_not_be_made_is_tried_again_at_the_next_wake_up() -> None:
    producer, tries = Producer(), iter([Down("no broker"), None])

    def connect() -> Producer:
        if error := next(tries):
            raise error
        return producer

    kafka = KafkaTopics(ACCESS, connect)
    kafka.publish([wake_up("text")])
    kafka.publish([wake_up("text")])
    assert len(producer.sent) == 1


def test_on_lambda_messages_are_sent_before_the_function_answers_and_queues_do_the_rest() -> None:
    producer, queues = Producer(), MemoryTopics()
    kafka = KafkaTopics(ACCESS, lambda: producer, queues=queues)
    kafka.publish([wake_up("text")])
    kafka.dispatch_later(4)
    kafka.announce(["a-key"])
    assert producer.flushed == 1 and len(producer.sent) == 1
    assert queues.delays_s == [4] and len(queues.receive("arrivals", most=9, wait_s=0)) == 1
    kafka.publish([])
    assert producer.flushed == 1


def test_it_is_up_when_both_brokers_and_queues_are(monkeypatch: pytest.MonkeyPatch) -> None:
    def down(_access: Access) -> bool:
        raise Down("no broker")

    monkeypatch.setattr(administration, "brokers_answer", lambda _access: True)
    assert topics(Producer()).is_up()
    queues = MemoryTopics()
    monkeypatch.setattr(queues, "is_up", lambda: False)
    assert not KafkaTopics(ACCESS, Producer, queues=queues).is_up()
    monkeypatch.setattr(administration, "brokers_answer", down)
    assert not topics(Producer()).is_up()


def test_delays_that_end_together_share_a_call() -> None:
    now = [100.0]
    delays = Delays(lambda: None, clock=lambda: now[0])
    delays._thread = object()  # type: ignore[assignment]  # the test is the thread
    for delay_s in (5.0, 5.01, 2.0):
        delays.after(delay_s)
    assert delays.take_due() == pytest.approx(2.0, abs=0.11)
    now[0] = 102.2
    assert delays.take_due() == 0
    assert delays.take_due() == pytest.approx(2.8, abs=0.11)
    now[0] = 106.0
    assert delays.take_due() == 0 and delays.take_due() is None


def test_a_delayed_dispatch_is_published_when_it_is_due() -> None:
    producer = Producer()
    kafka = topics(producer)
    kafka.dispatch_later(0.01)
    until = time.monotonic() + 30
    while not producer.sent and time.monotonic() < until:
        time.sleep(0.01)
    assert [(topic, body) for topic, _, body in producer.sent] == [("fairway-dispatch", {"wake": True})]


LOGINS = {
    "plain": {"sasl.mechanism": "PLAIN", "sasl.username": "me", "sasl.password": "secret"},
    "scram-sha-512": {"sasl.mechanism": "SCRAM-SHA-512", "sasl.username": "me", "sasl.password": "secret"},
    "oauthbearer": {
        "sasl.mechanism": "OAUTHBEARER",
        "sasl.oauthbearer.method": "oidc",
        "sasl.oauthbearer.client.id": "me",
        "sasl.oauthbearer.client.secret": "secret",
        "sasl.oauthbearer.token.endpoint.url": "https://id.example/token",
    },
}


@pytest.mark.parametrize("auth", LOGINS)
def test_a_client_logs_in_as_the_settings_say(auth: str) -> None:
    access = Access("b:1", auth, "me", "secret", tls=True, ca_path="ca.pem", token_url="https://id.example/token")
    config = access.config(linger_ms=0)
    assert {name: value for name, value in config.items() if name.startswith("sasl.")} == LOGINS[auth]
    assert config["security.protocol"] == "SASL_SSL" and config["ssl.ca.location"] == "ca.pem"
    assert config["linger.ms"] == 0
    assert "secret" not in repr(access)


@pytest.mark.parametrize(
    ("auth", "tls", "protocol"),
    [
        ("none", False, "PLAINTEXT"),
        ("none", True, "SSL"),
        ("plain", False, "SASL_PLAINTEXT"),
        ("iam", True, "SASL_SSL"),
    ],
)
def test_the_protocol_follows_from_login_and_encryption(auth: str, tls: bool, protocol: str) -> None:
    assert Access("b:1", auth, tls=tls).config()["security.protocol"] == protocol


def test_options_replace_properties_of_the_client() -> None:
    assert Access("b:1", options={"linger.ms": 50}).config(linger_ms=0)["linger.ms"] == 50


def test_the_token_for_msk_is_signed_for_the_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    token, expires_at = iam_token("eu-west-1")("")
    import base64

    url = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    assert url.startswith("https://kafka.eu-west-1.amazonaws.com/") and "Action=kafka-cluster%3AConnect" in url
    assert 0 < expires_at - time.time() <= 900


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"FAIRWAY_TOPICS": "kafka"}, "belong together"),
        ({"FAIRWAY_KAFKA_BROKERS": "b:1"}, "belong together"),
        ({**VARIABLES, "FAIRWAY_KAFKA_AUTH": "plain"}, "FAIRWAY_KAFKA_USER"),
        ({**VARIABLES, "FAIRWAY_KAFKA_AUTH": "oauthbearer", "FAIRWAY_KAFKA_USER": "u"}, "FAIRWAY_KAFKA_PASSWORD"),
        ({**VARIABLES, "FAIRWAY_KAFKA_AUTH": "kerberos"}, "must be one of"),
        ({**VARIABLES, "FAIRWAY_KAFKA_CERTIFICATE": "c.pem"}, "FAIRWAY_KAFKA_KEY"),
        ({**VARIABLES, "FAIRWAY_KAFKA_PARTITIONS": "0"}, "at least 1"),
        ({**VARIABLES, "FAIRWAY_KAFKA_OPTIONS": "[1]"}, "JSON object"),
    ],
)
def test_settings_that_can_not_work_are_refused(variables: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings.from_environment(variables)


@pytest.mark.parametrize(
    ("more", "uses_tls"),
    [
        ({}, False),
        ({"FAIRWAY_KAFKA_AUTH": "iam"}, True),
        ({"FAIRWAY_KAFKA_CA": "ca.pem"}, True),
        ({"FAIRWAY_KAFKA_TLS": "on"}, True),
        ({"FAIRWAY_KAFKA_AUTH": "iam", "FAIRWAY_KAFKA_TLS": "off"}, False),
    ],
)
def test_encryption_is_chosen_by_the_login_unless_it_is_set(more: dict[str, str], uses_tls: bool) -> None:
    assert Settings.from_environment({**VARIABLES, **more}).kafka_uses_tls is uses_tls


def test_an_error_that_repeats_is_logged_once_in_a_while(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    report = ErrorReport(clock=lambda: now[0])
    for now[0] in (0.0, 0.1, REPORTED_EVERY_S - 0.1, REPORTED_EVERY_S):
        report(failure("refused"))
    assert [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()] == ["kafka_error"] * 2


def test_a_message_that_an_idle_thread_takes_is_not_sent() -> None:
    producer, handed = Producer(), []

    def hand_over(topic: str, body: str) -> bool:
        handed.append((topic, json.loads(body)))
        return len(handed) == 1

    topics = KafkaTopics(ACCESS, lambda: producer, hand_over=hand_over)
    topics.publish([wake_up("text", 0), wake_up("text", 1)])
    assert [body for _, body in handed] == [bundle_as_json([wake_up("text", part)]) for part in (0, 1)]
    assert [body for _, _, body in producer.sent] == [bundle_as_json([wake_up("text", 1)])]
