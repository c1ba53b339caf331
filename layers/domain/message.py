"""What topics carry: wake-ups that may be lost, doubled or late without harm, and news of arrivals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class WakeUp:
    """A part of a step was queued: whoever claims it first runs it."""

    file_id: str
    step: str
    part: int
    attempt: int

    def as_json(self) -> dict[str, Any]:
        return {"file_id": self.file_id, "step": self.step, "part": self.part, "attempt": self.attempt}

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> WakeUp:
        """The wake-up in a message's body. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(str(body["file_id"]), str(body["step"]), int(body["part"]), int(body["attempt"]))


@dataclass(frozen=True, slots=True)
class Arrival:
    """An object was created. `version_id` is None where the store keeps no versions."""

    object_key: str
    version_id: str | None = None
    size_bytes: int | None = None
