"""Publishes on Kafka topics: one topic for each step, for the dispatcher and for arrivals."""

from __future__ import annotations

import itertools
import json
import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from layers.adapters.kafka import administration
from layers.adapters.kafka.access import Access
from layers.adapters.kafka.delays import Delays
from layers.domain.message import ARRIVALS, DISPATCH, WAKE, WakeUp, announcement, bundle_as_json, bundles
from layers.ports import Topics
from layers.telemetry.log import log

MAX_WAIT_S = 5  # for brokers; a wake-up that is lost is published again
PARTITIONS_KEPT_S = 10.0
POLLED_EVERY_S = 1.0
UNKNOWN = -1  # the client chooses the partition


class KafkaTopics:
    """Publishes wake-ups on the topic `<prefix><step>`. One that can't be sent is logged; upkeep publishes it again.

    `hand_over` gives a message to an idle thread of this process and returns whether there is one; the others are sent.
    Messages go to a topic's partitions in turn, so that all its consumers get the same share. This process keeps delays,
    unless there are `queues`, which are then used for everything but steps: on Lambda, no process lives long enough, and
    the object store can't publish to Kafka.
    """

    def __init__(
        self,
        access: Access,
        connect: Callable[[], Any],
        *,
        prefix: str = "fairway-",
        queues: Topics | None = None,
        hand_over: Callable[[str, str], bool] = lambda topic, body: False,
    ) -> None:
        self._access = access
        self._connect = connect
        self._prefix = prefix
        self._queues = queues
        self._hand_over = hand_over
        self._delays = Delays(lambda: self._send(DISPATCH, [WAKE]))
        self._producer: Any = None
        self._lock = threading.Lock()
        self._partitions: dict[str, tuple[int, float]] = {}
        self._turns = itertools.count(random.randrange(1000))

    def publish(self, wake_ups: Iterable[WakeUp]) -> None:
        by_topic: dict[str, list[Any]] = {}
        for bundle in bundles(list(wake_ups)):
            topic, body = bundle[0].step, bundle_as_json(bundle)
            if not self._hand_over(topic, json.dumps(body)):
                by_topic.setdefault(topic, []).append(body)
        for topic, bodies in by_topic.items():
            self._send(topic, bodies)
        if by_topic and self._queues:
            self._flush()

    def announce(self, object_keys: Sequence[str]) -> None:
        if self._queues:
            self._queues.announce(object_keys)
        else:
            self._send(ARRIVALS, [announcement(object_keys)])

    def holds_messages(self, topic: str) -> bool:
        if self._queues:
            return False  # unknown: the offsets are those of Lambda's consumers
        try:
            return administration.unreceived(self._access, group(self._prefix), self._prefix + topic) > 0
        except Exception as error:
            log("topic_unreachable", topic=topic, detail=str(error))
            return False

    def dispatch_later(self, delay_s: float) -> None:
        if self._queues:
            self._queues.dispatch_later(delay_s)
        elif delay_s > 0:
            self._delays.after(delay_s)
        else:
            self._send(DISPATCH, [WAKE])

    def redrive_dead(self, topics: Iterable[str], limit: int) -> int:
        return self._queues.redrive_dead(topics, limit) if self._queues else 0

    def is_up(self) -> bool:
        try:
            return administration.brokers_answer(self._access) and (not self._queues or self._queues.is_up())
        except Exception:
            return False

    def _send(self, topic: str, bodies: Sequence[Any]) -> None:
        """Pass messages to the client, which sends them in the background."""
        try:
            producer, name = self._client(), self._prefix + topic
            count = self._count(producer, name)
            for body in bodies:
                partition = next(self._turns) % count if count else UNKNOWN
                producer.produce(name, json.dumps(body).encode(), partition=partition, on_delivery=self._delivered)
            producer.poll(0)
        except Exception as error:  # the client raises many classes
            log("publish_failed", topic=topic, messages=len(bodies), detail=str(error))

    def _delivered(self, error: Any, message: Any) -> None:
        if error:
            self._partitions.pop(message.topic(), None)
            topic = str(message.topic()).removeprefix(self._prefix)
            log("publish_failed", topic=topic, messages=1, detail=error.str())

    def _flush(self) -> None:
        """Wait until the messages are sent: Lambda suspends a process that has answered."""
        if left := self._client().flush(MAX_WAIT_S):
            log("publish_unconfirmed", messages=left)

    def _count(self, producer: Any, name: str) -> int:
        """How many partitions a topic had some seconds ago; 0 if the brokers don't answer. Raises LookupError."""
        count, until = self._partitions.get(name, (0, 0.0))
        if time.monotonic() < until:
            return count
        # While a thread updates the count, the others use the older one.
        self._partitions[name] = count, time.monotonic() + PARTITIONS_KEPT_S
        try:
            found = producer.list_topics(name, timeout=MAX_WAIT_S).topics[name]
        except Exception as error:
            log("topic_unreachable", topic=name.removeprefix(self._prefix), detail=str(error))
            return count
        if found.error:
            self._partitions.pop(name, None)
            raise LookupError(f"Kafka has no topic {name}, or does not let this user see it: {found.error.str()}")
        self._partitions[name] = len(found.partitions), time.monotonic() + PARTITIONS_KEPT_S
        return len(found.partitions)

    def _client(self) -> Any:
        with self._lock:
            if self._producer is None:
                self._producer = self._connect()
                if not self._queues:
                    threading.Thread(target=self._poll, args=(self._producer,), name="kafka", daemon=True).start()
            return self._producer

    @staticmethod
    def _poll(producer: Any) -> None:
        """Let the client report messages that it could not send."""
        while True:
            producer.poll(POLLED_EVERY_S)


def group(prefix: str) -> str:
    """The consumer group of all workers. All members must use the same assignment strategy, so a change of it needs a
    new name; otherwise old and new workers could not run side by side."""
    return f"{prefix}fleet"


def producer(access: Access) -> Any:
    """A client that publishes."""
    from confluent_kafka import Producer

    return Producer(
        access.config(
            linger_ms=0,
            enable_idempotence=True,  # it keeps messages and their retries in order; a duplicate would have no effect
            message_timeout_ms=2 * MAX_WAIT_S * 1000,
            socket_keepalive_enable=True,
        )
    )
