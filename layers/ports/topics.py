"""Where wake-ups go, and who hears of changes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from layers.domain.message import WakeUp


class Topics(Protocol):
    """Named streams of messages."""

    def publish(self, wake_ups: Iterable[WakeUp]) -> None:
        """Publish each wake-up on its step's topic, those that ride in one message with the one before them."""

    def holds_messages(self, topic: str) -> bool:
        """Whether there are messages in a topic that nobody has received; False where that can't be told."""

    def dispatch_later(self, delay_s: float) -> None:
        """Wake the dispatcher after so many seconds."""

    def redrive_dead(self, topics: Iterable[str], limit: int) -> int:
        """Put up to `limit` messages of each dead-letter queue back on its topic; how many."""

    def is_up(self) -> bool:
        """Whether messages can be published."""


class ChangeNotifications(Protocol):
    """Tells those who watch a dataset that something of it changed. Only a hint."""

    def publish(self, dataset_ids: Iterable[str]) -> None:
        """Tell of changes that are committed."""


class NoChangeNotifications:
    """ChangeNotifications that nobody hears."""

    def publish(self, dataset_ids: Iterable[str]) -> None:
        return None
