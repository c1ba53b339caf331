"""Topics for wake-ups, and notifications of changes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from layers.domain.message import WakeUp


class Topics(Protocol):
    """Named streams of messages."""

    def publish(self, wake_ups: Iterable[WakeUp]) -> None:
        """Publish each wake-up on its step's topic; one with `joins_bundle` shares the message of the one before it."""

    def holds_messages(self, topic: str) -> bool:
        """Whether a topic has messages that no consumer has received; False where that is not known."""

    def dispatch_later(self, delay_s: float) -> None:
        """Wake the dispatcher after so many seconds."""

    def redrive_dead(self, topics: Iterable[str], limit: int) -> int:
        """Move up to `limit` messages from each dead-letter queue back to its topic; how many."""

    def is_up(self) -> bool:
        """Whether messages can be published."""


class ChangeNotifications(Protocol):
    """Notifies clients that watch a dataset of changes. Notifications may be lost."""

    def publish(self, dataset_ids: Iterable[str]) -> None:
        """Notify of committed changes to these datasets."""


class NoChangeNotifications:
    """Notifies nobody."""

    def publish(self, dataset_ids: Iterable[str]) -> None:
        return None
