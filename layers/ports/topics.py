"""Ports for messages: topics for wake-ups, and notifications of changes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from layers.domain.message import WakeUp


class Topics(Protocol):
    """Named streams of messages."""

    def publish(self, wake_ups: Iterable[WakeUp]) -> None:
        """Publish each wake-up to the topic of its step. Those with `joins_bundle` share a message with the one
        before."""

    def holds_messages(self, topic: str) -> bool:
        """Whether a topic has messages that were not received yet; False if that is unknown."""

    def dispatch_later(self, delay_s: float) -> None:
        """Call the dispatcher after `delay_s` seconds."""

    def redrive_dead(self, topics: Iterable[str], limit: int) -> int:
        """Move up to `limit` messages from each dead-letter queue back to its topic. Returns how many were moved."""

    def is_up(self) -> bool:
        """Whether messages can be published."""


class ChangeNotifications(Protocol):
    """Notifies clients that watch a dataset of changes in it. Only a hint: notifications may be lost."""

    def publish(self, dataset_ids: Iterable[str]) -> None:
        """Notify of changes, after they were committed."""


class NoChangeNotifications:
    """Sends no notifications."""

    def publish(self, dataset_ids: Iterable[str]) -> None:
        return None
