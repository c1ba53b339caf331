"""The live workers as this process last saw them."""

from __future__ import annotations

from layers.domain.fleet import Fleet


class FleetView:
    """`current` is None where no workers register: on Lambda, and until a worker has registered itself."""

    def __init__(self) -> None:
        self.current: Fleet | None = None

    @property
    def workers(self) -> int:
        """How many workers are live; 0 where that is unknown."""
        return self.current.workers if self.current else 0
