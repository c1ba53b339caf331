"""Ports for messages: topics for wake-ups, and notifications of changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from layers.domain.message import WakeUp


class Topics(Protocol):
    """Named streams of messages."""

    def publish(self, wake_ups: Iterable[WakeUp]) -> None:
        """Publish each wake-up to the topic of its step. Those with `joins_bundle` share a message with the one
        before."""

    def announce(self, object_keys: Sequence[str]) -> None:
        """Publish that these objects may have been created, as an event of the object store without its facts."""

    def holds_messages(self, topic: str) -> bool:
        """Whether a topic has messages that were not received yet; False if that is unknown."""

    def dispatch_later(self, delay_s: float) -> None:
        """Call the dispatcher after `delay_s` seconds."""

    def redrive_dead(self, topics: Iterable[str], limit: int) -> int:
        """Move up to `limit` messages from each dead-letter queue back to its topic. Returns how many were moved."""

    def is_up(self) -> bool:
        """Whether messages can be published."""


class MessageSource(Protocol):
    """Where a worker receives the messages of topics.

    With `is_buffered`, messages are in this process when they are received, so many threads may wait in `receive`.
    """

    is_buffered: bool

    def start(self, threads: Mapping[str, int]) -> None:
        """Receive from these topics, each read by so many threads; returns immediately."""

    def stop(self) -> None:
        """Receive nothing more; other processes get what was not received here."""

    def receive(self, topic: str, *, most: int, wait_s: float) -> list[dict[str, Any]]:
        """Up to `most` messages in the form of SQS records of a Lambda event: `messageId`, `receiptHandle`, `body`.
        Empty where none came within `wait_s` seconds."""

    def delete(self, topic: str, receipt_handles: list[str]) -> None:
        """Messages were handled."""

    def give_back(self, topic: str, records: list[dict[str, Any]]) -> None:
        """Make received messages receivable again at once."""


class ChangeNotifications(Protocol):
    """Notifies clients that watch a dataset of changes in it. Only a hint: notifications may be lost."""

    def publish(self, dataset_ids: Iterable[str]) -> None:
        """Notify of changes, after they were committed."""


class NoChangeNotifications:
    """Sends no notifications."""

    def publish(self, dataset_ids: Iterable[str]) -> None:
        return None
