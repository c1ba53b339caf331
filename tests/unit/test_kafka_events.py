"""Events on Kafka with a fake producer: their keys, and what is no delivery."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from layers.adapters.kafka.events import KafkaEvents
from layers.domain.webhook import WebhookEvent, headers
from layers.domain.webhook_address import KAFKA_URL, Refused, check_url
from layers.settings import Settings

EVENT = WebhookEvent("id", 1, "file.done", "/datasets/d", "file", "2026-01-15T09:30:00.000Z", {})
VARIABLES = {"FAIRWAY_TOPICS": "kafka", "FAIRWAY_KAFKA_BROKERS": "b-1:9092"}


@dataclass
class Producer:
    """`error`: what the brokers report; None: they confirm. `is_silent`: they report nothing."""

    error: Any = None
    is_silent: bool = False
    is_full: bool = False
    sent: list[dict[str, Any]] = field(default_factory=list)
    reports: list[Any] = field(default_factory=list)

    def produce(self, topic: str, *, on_delivery: Any, **message: Any) -> None:
        if self.is_full:
            raise BufferError
        self.sent.append({"topic": topic, **message})
        self.reports.append(on_delivery)

    def poll(self, _timeout: float) -> None:
        if not self.is_silent:
            for report in self.reports:
                report(self.error, None)


class Others:
    def connect(self, url: str) -> Any:
        return url


def publish(producer: Producer) -> Any:
    events = KafkaEvents(lambda: producer, "fairway-events", Others(), timeout_s=0.02)
    body = EVENT.body()
    return events.connect(KAFKA_URL).post(headers([b"s"], EVENT.event_id, 1, body), body)


def test_an_event_is_published_with_its_subject_as_the_key() -> None:
    producer = Producer()
    assert publish(producer).is_accepted
    assert producer.sent == [
        {
            "topic": "fairway-events",
            "value": EVENT.body(),
            "key": b"file",
            "headers": {"content-type": "application/cloudevents+json", "webhook-id": "id"},
        }
    ]


@pytest.mark.parametrize(
    ("producer", "error"),
    [(Producer(error="refused"), "kafka"), (Producer(is_silent=True), "timeout"), (Producer(is_full=True), "kafka")],
)
def test_what_the_brokers_do_not_confirm_is_no_delivery(producer: Producer, error: str) -> None:
    sent = publish(producer)
    assert (sent.is_accepted, sent.error) == (False, error)


def test_other_urls_are_not_for_kafka() -> None:
    events = KafkaEvents(Producer, "t", Others())
    assert events.connect("https://hooks.example/") == "https://hooks.example/"


def test_a_webhook_may_publish_on_kafka_only_where_a_topic_is_set() -> None:
    check_url(KAFKA_URL, publishes=True)
    with pytest.raises(Refused):
        check_url(KAFKA_URL)
    with pytest.raises(ValueError, match="FAIRWAY_KAFKA_EVENTS"):
        Settings.from_environment({"FAIRWAY_KAFKA_EVENTS": "events"})
    assert Settings.from_environment(VARIABLES | {"FAIRWAY_KAFKA_EVENTS": "events"}).kafka_events == "events"
