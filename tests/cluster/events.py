"""Webhooks with the URL `kafka:` on a real broker: the topic has what happened, in order for each file: `make test-cluster`.

The broker is real, and so are the database and the API; the steps of files are ended by the tests.
"""

from __future__ import annotations

import json
import os
import signal
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from functions.api import entry
from functions.webhooks import Deliverer
from infra.cluster import kafka, programs
from infra.local.ports import ADDRESS, choose_ports
from infra.local.supervisor import Supervisor
from layers.adapters.kafka import administration
from layers.adapters.kafka.access import Access
from layers.adapters.kafka.events import KafkaEvents
from layers.adapters.kafka.topics import producer
from layers.adapters.postgres.webhooks import PostgresWebhooks
from layers.adapters.webhooks.sender import HttpWebhookSender
from layers.domain.webhook import EVENT_TYPES, MEDIA_TYPE
from layers.domain.webhook_address import KAFKA_URL
from tests.cluster.ground import START_S, wait_for
from tests.integration.conftest import Api, api, replace_ports
from tests.integration.test_webhooks import Tenant, let_time_pass

__all__ = ["api"]
pytestmark = pytest.mark.timeout(600)
PARTITIONS, HOSTS, FILES = 4, 2, 60
DELIVERED_S = 120.0


@dataclass(frozen=True)
class Broker:
    """A running broker, which its supervisor starts again when it is killed."""

    access: Access
    supervisor: Supervisor

    def kill(self) -> None:
        os.kill(self.supervisor.pids()["kafka"], signal.SIGKILL)

    def answers(self) -> bool:
        try:
            return bool(administration.brokers_answer(self.access))
        except Exception:  # the client raises many classes
            return False


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    programs.check()
    home: Path = tmp_path_factory.mktemp("events")
    (home / "logs").mkdir()
    ports = choose_ports(home / "ports.json", ("kafka", "controller"), 0)
    supervisor = Supervisor(home / "logs")
    try:
        supervisor.start([kafka.declare(home / "kafka", ports["kafka"], ports["controller"], {})], START_S)
        found = Broker(Access(f"{ADDRESS}:{ports['kafka']}"), supervisor)
        wait_for(found.answers, START_S)
        yield found
    finally:
        supervisor.stop()


@dataclass
class Topic:
    """A topic for events, the hosts that deliver to it, and what the tests made happen: the events of each file in order."""

    broker: Broker
    name: str
    tenant: Tenant
    deliverers: Sequence[Deliverer]
    happened: dict[str, list[str]] = field(default_factory=dict)

    def end_files(self, *states: str) -> list[str]:
        ids = self.tenant.end_files(*states)
        for file_id, state in zip(ids, states, strict=True):
            self.happened[file_id] = [f"file.{state}"]
        return ids

    def remove(self, file_id: str) -> str:
        self.happened[file_id].append("file.removed")
        return str(self.tenant.caller.delete(f"/files/{file_id}").json()["id"])

    def restore(self, file_id: str, removal_id: str) -> None:
        self.happened[file_id].append("file.restored")
        assert self.tenant.caller.post(f"/removals/{removal_id}/undo").status_code == 200

    def deliver(self) -> None:
        """Let all hosts deliver what is due, at the same time."""
        with ThreadPoolExecutor(len(self.deliverers)) as hosts:
            list(hosts.map(lambda deliverer: deliverer.run_for(DELIVERED_S), self.deliverers))

    def waiting(self) -> int:
        rows = self.tenant.bench.database.rows("SELECT count(*) AS n FROM webhook_deliveries WHERE state = 'waiting'")
        return int(rows[0]["n"])

    def messages(self) -> list[Any]:
        """All messages of the topic, those of each partition in their order."""
        from confluent_kafka import Consumer, TopicPartition

        consumer = Consumer(self.broker.access.config(group_id="reader", enable_auto_commit=False))
        try:
            found: list[Any] = []
            for number in range(PARTITIONS):
                first, end = consumer.get_watermark_offsets(TopicPartition(self.name, number), timeout=30)
                consumer.assign([TopicPartition(self.name, number, first)])
                until = len(found) + end - first
                wait_for(lambda until=until: _polled(consumer, found) >= until, START_S)  # type: ignore[misc]
            return found
        finally:
            consumer.close()


def _polled(consumer: Any, found: list[Any]) -> int:
    """Add the next messages, if there are any. Returns the number of all."""
    found += [message for message in consumer.consume(1000, timeout=1.0) if not message.error()]
    return len(found)


@pytest.fixture
def topic(broker: Broker, api: Api, monkeypatch: pytest.MonkeyPatch) -> Topic:
    api.bench.empty()
    replace_ports(monkeypatch, settings=replace(entry.ports().settings, kafka_events="events"))
    name = f"fairway-events-{uuid.uuid4().hex[:8]}"
    administration.ensure_topics(broker.access, {name: PARTITIONS}, kafka.REPLICAS)
    tenant = Tenant(api)
    tenant.webhook(KAFKA_URL, *EVENT_TYPES)
    senders = [
        KafkaEvents(lambda: producer(broker.access), name, HttpWebhookSender((), "Fairway/test")) for _ in range(HOSTS)
    ]
    webhooks = PostgresWebhooks(api.bench.store._database)
    return Topic(broker, name, tenant, [Deliverer(webhooks, sender) for sender in senders])


def event_of(message: Any) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(message.value())
    assert message.key().decode() == event["subject"]
    headers = {name: value.decode() for name, value in message.headers()}
    assert headers == {"content-type": MEDIA_TYPE, "webhook-id": event["id"]}
    return event


def recorded(topic: Topic) -> list[str]:
    """The ids of the events that the database has recorded, in their order."""
    rows = topic.tenant.bench.database.rows("SELECT event_id FROM webhook_events ORDER BY event_seq")
    return [str(row["event_id"]) for row in rows]


def of_files(topic: Topic, events: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    """The types of the events of each file, in the order in which they are on the topic."""
    found: dict[str, list[str]] = {}
    for event in events:
        if event["subject"] in topic.happened:
            found.setdefault(event["subject"], []).append(event["type"])
    return found


def test_the_topic_has_exactly_the_events_that_happened_in_order_for_each_file(topic: Topic) -> None:
    ids = topic.end_files(*("done", "partial", "failed") * (FILES // 3))
    removals = {file_id: topic.remove(file_id) for file_id in ids[::2]}
    topic.deliver()
    for file_id, removal_id in list(removals.items())[::2]:
        topic.restore(file_id, removal_id)
        topic.remove(file_id)
    while topic.waiting():
        topic.deliver()
    messages = topic.messages()
    events = [event_of(message) for message in messages]
    assert sorted(event["id"] for event in events) == sorted(recorded(topic))
    assert of_files(topic, events) == topic.happened
    partitions = {(message.key(), message.partition()) for message in messages}
    assert len(partitions) == len({key for key, _ in partitions})
    assert len({partition for _, partition in partitions}) == PARTITIONS


def test_a_broker_that_is_killed_meanwhile_costs_no_event_and_no_order(topic: Topic) -> None:
    ids = topic.end_files(*("done",) * FILES)
    for file_id in ids:
        topic.remove(file_id)
    with ThreadPoolExecutor(1) as other:
        delivering = other.submit(topic.deliver)
        topic.broker.kill()
        delivering.result()
    wait_for(topic.broker.answers, START_S)

    def is_delivered() -> bool:
        let_time_pass(topic.tenant.bench)
        topic.deliver()
        return topic.waiting() == 0

    wait_for(is_delivered, DELIVERED_S)
    events: dict[str, dict[str, Any]] = {}
    for message in topic.messages():
        event = event_of(message)
        assert events.setdefault(event["id"], event) == event  # a repeated event is the same, under the same id
    assert sorted(events) == sorted(recorded(topic))
    assert of_files(topic, list(events.values())) == topic.happened
