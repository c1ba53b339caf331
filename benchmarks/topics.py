"""A base for in-memory topics: no delayed messages, no dead letters, and no broker that could be down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence


class WakeUpsOnly:
    """The methods of the port that such topics do not need. Subclasses add `publish`."""

    is_buffered = False

    def announce(self, object_keys: Sequence[str]) -> None:
        return None

    def dispatch_later(self, delay_s: float) -> None:
        return None

    def start(self, threads: Mapping[str, int]) -> None:
        return None

    def stop(self) -> None:
        return None

    def redrive_dead(self, topics: Iterable[str], limit: int) -> int:
        return 0

    def is_up(self) -> bool:
        return True
