"""A base for in-memory topics: no delayed messages, no dead letters, and no broker that could be down."""

from __future__ import annotations

from collections.abc import Iterable


class WakeUpsOnly:
    """The methods of the port that such topics do not need. Subclasses add `publish`."""

    def dispatch_later(self, delay_s: float) -> None:
        return None

    def redrive_dead(self, topics: Iterable[str], limit: int) -> int:
        return 0

    def is_up(self) -> bool:
        return True
