"""The live workers as this process last saw them."""

from __future__ import annotations

from layers.domain.fleet import Fleet


class FleetView:
    """`current` is None on Lambda, where no workers register, and until a worker has registered."""

    def __init__(self) -> None:
        self.current: Fleet | None = None

    @property
    def workers(self) -> int:
        """How many workers are live; 0 if that is unknown."""
        return self.current.workers if self.current else 0
