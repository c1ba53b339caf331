"""Publishes the events of webhooks with the URL `kafka:` on one Kafka topic, keyed by their subject."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from layers.adapters.kafka.topics import MAX_WAIT_S
from layers.domain.webhook import MEDIA_TYPE, Sent
from layers.domain.webhook_address import KAFKA_URL
from layers.ports.webhooks import WebhookConnection, WebhookSender

PUBLISHED = 200  # the log shows it like the status of a response
POLLED_EVERY_S = 0.05


class KafkaEvents:
    """The port `WebhookSender` for Kafka; all other URLs go to `others`. Messages with one key are in one partition, in the
    order in which they are published."""

    def __init__(
        self, connect: Callable[[], Any], topic: str, others: WebhookSender, *, timeout_s: float = 2 * MAX_WAIT_S
    ) -> None:
        self._connect, self._topic, self._others, self._timeout_s = connect, topic, others, timeout_s
        self._producer: Any = None
        self._lock = threading.Lock()

    def connect(self, url: str) -> WebhookConnection:
        return self if url == KAFKA_URL else self._others.connect(url)

    def post(self, headers: Mapping[str, str], body: bytes) -> Sent:
        """Publish an event, and wait until the brokers have confirmed it."""
        began, confirmed, errors = time.monotonic(), threading.Event(), []

        def on_delivery(error: Any, _message: Any) -> None:
            if error:
                errors.append(error)
            confirmed.set()

        try:
            producer = self._client()
            producer.produce(
                self._topic,
                value=body,
                key=str(json.loads(body)["subject"]).encode(),
                headers={"content-type": MEDIA_TYPE, "webhook-id": headers["webhook-id"]},
                on_delivery=on_delivery,
            )
            while not confirmed.is_set() and time.monotonic() - began < self._timeout_s:
                producer.poll(POLLED_EVERY_S)  # of several threads, each may get the confirmations of all
        except Exception:  # the client raises many classes
            return Sent(None, "kafka", time.monotonic() - began)
        took_s = time.monotonic() - began
        if not confirmed.is_set():
            return Sent(None, "timeout", took_s)
        return Sent(None, "kafka", took_s) if errors else Sent(PUBLISHED, None, took_s)

    def close(self) -> None:
        """The producer stays connected."""

    def _client(self) -> Any:
        with self._lock:
            if self._producer is None:
                self._producer = self._connect()
            return self._producer
