"""Topics in memory."""

from __future__ import annotations

from collections.abc import Iterable

from layers.domain.message import WakeUp


class MemoryTopics:
    """Keeps published wake-ups in a list, in order."""

    def __init__(self) -> None:
        self.published: list[WakeUp] = []
        self.delays_s: list[float] = []

    def publish(self, wake_ups: Iterable[WakeUp]) -> None:
        self.published += wake_ups

    def dispatch_later(self, delay_s: float) -> None:
        self.delays_s.append(delay_s)

    def holds_messages(self, topic: str) -> bool:
        return False  # published messages are not received from here

    def redrive_dead(self, topics: Iterable[str], limit: int) -> int:
        return 0  # there are no dead-letter queues

    def is_up(self) -> bool:
        return True
