"""What topics need that only carry wake-ups: no timers, no dead letters, and no broker that could be away."""

from __future__ import annotations

from collections.abc import Iterable


class WakeUpsOnly:
    """The part of the port that such topics have no use for; `publish` is theirs."""

    def dispatch_later(self, delay_s: float) -> None:
        return None

    def redrive_dead(self, topics: Iterable[str], limit: int) -> int:
        return 0

    def is_up(self) -> bool:
        return True
