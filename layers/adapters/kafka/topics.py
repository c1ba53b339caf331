"""Kafka topics for the steps' wake-ups, with queues for what Kafka does not have: delays and dead letters."""

from __future__ import annotations

import itertools
import json
import random
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from layers.domain.message import WakeUp, bundle_as_json, bundles
from layers.ports import Topics
from layers.telemetry.log import log

MAX_WAIT_S = 5  # for brokers; a wake-up that is lost is published again
BY_IAM = {"security_protocol": "SASL_SSL", "sasl_mechanism": "AWS_MSK_IAM"}


class KafkaTopics:
    """Publishes wake-ups on the topic `<prefix><step>`. One that can't be sent is logged; upkeep publishes it again.

    `connect` makes a producer; `brokers_answer` checks the brokers. Messages are spread over a topic's partitions in
    turn, since Lambda runs one invocation for each partition at a time.
    """

    def __init__(
        self,
        connect: Callable[[], Any],
        brokers_answer: Callable[[], bool],
        queues: Topics,
        *,
        prefix: str = "fairway-",
    ) -> None:
        self._connect = connect
        self._brokers_answer = brokers_answer
        self._producer: Any = None
        self._lock = threading.Lock()
        self._queues = queues
        self._prefix = prefix
        self._turns = itertools.count(random.randrange(1000))

    def publish(self, wake_ups: Iterable[WakeUp]) -> None:
        sent = [(load[0].step, self._send(load)) for load in bundles(list(wake_ups))]
        for topic, sending in sent:
            try:
                if sending:
                    sending.get(timeout=MAX_WAIT_S)
            except Exception as error:  # the client raises many classes
                log("publish_failed", topic=topic, messages=1, detail=str(error))

    def holds_messages(self, topic: str) -> bool:
        return False  # unknown: the offsets of the consumers are Lambda's

    def dispatch_later(self, delay_s: float) -> None:
        self._queues.dispatch_later(delay_s)

    def redrive_dead(self, topics: Iterable[str], limit: int) -> int:
        return self._queues.redrive_dead(topics, limit)

    def is_up(self) -> bool:
        try:
            return self._brokers_answer() and self._queues.is_up()
        except Exception:
            return False

    def _send(self, load: list[WakeUp]) -> Any:
        """The future of a message that is being sent, or None where that failed at once."""
        topic = self._prefix + load[0].step
        try:
            producer = self._connected()
            partitions = sorted(producer.partitions_for(topic))
            turn = partitions[next(self._turns) % len(partitions)]
            return producer.send(topic, json.dumps(bundle_as_json(load)).encode(), partition=turn)
        except Exception as error:
            log("publish_failed", topic=load[0].step, messages=1, detail=str(error))
            return None

    def _connected(self) -> Any:
        with self._lock:
            if self._producer is None:
                self._producer = self._connect()
            return self._producer


def producer(brokers: str, auth: str) -> Any:
    """A client that publishes; `brokers` are separated by commas."""
    from kafka import KafkaProducer

    wait_ms = MAX_WAIT_S * 1000
    return KafkaProducer(
        bootstrap_servers=brokers.split(","),
        enable_idempotence=False,  # a duplicate has no effect
        max_block_ms=wait_ms,
        bootstrap_timeout_ms=wait_ms,
        request_timeout_ms=wait_ms,
        delivery_timeout_ms=2 * wait_ms,
        **_access(auth),
    )


def brokers_answer(brokers: str, auth: str) -> bool:
    """Whether the brokers have any topics. Raises the client's errors where they can't be reached."""
    with _admin(brokers, auth) as admin:
        return bool(admin.list_topics())


def ensure_topics(brokers: str, auth: str, partitions: Mapping[str, int]) -> list[str]:
    """Create missing topics with so many partitions, and add partitions to those that have fewer; the changed topics."""
    with _admin(brokers, auth) as admin:
        known = set(admin.list_topics()) & set(partitions)
        held = (
            {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics(sorted(known))} if known else {}
        )
        new = {name: {"num_partitions": count} for name, count in partitions.items() if name not in held}
        if new:
            admin.create_topics(new)
        wider = {name: count for name, count in partitions.items() if 0 < held.get(name, 0) < count}
        if wider:
            admin.create_partitions(wider)
        return sorted({*new, *wider})


def _admin(brokers: str, auth: str) -> Any:
    from kafka import KafkaAdminClient

    wait_ms = MAX_WAIT_S * 1000
    return KafkaAdminClient(bootstrap_servers=brokers.split(","), bootstrap_timeout_ms=wait_ms, **_access(auth))


def _access(auth: str) -> dict[str, str]:
    return BY_IAM if auth == "iam" else {}
