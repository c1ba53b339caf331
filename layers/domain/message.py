"""What topics carry: wake-ups that may be lost, doubled or late without harm, and news of arrivals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class WakeUp:
    """A part of a step was queued: whoever claims it first runs it.

    One that `rides` goes in one message with the one before it, which is of the same step.
    """

    file_id: str
    step: str
    part: int
    attempt: int
    joins_bundle: bool = field(default=False, compare=False)


def bundle_as_json(load: Sequence[WakeUp]) -> dict[str, Any]:
    """A message's body that names parts of one step."""
    parts = [{"file_id": one.file_id, "part": one.part, "attempt": one.attempt} for one in load]
    return {"step": load[0].step, **(parts[0] if len(parts) == 1 else {"parts": parts})}


def bundle_from_json(body: dict[str, Any]) -> list[WakeUp]:
    """The wake-ups in a message's body, at least one. Raises KeyError, TypeError or ValueError for anything else."""
    step, parts = str(body["step"]), body.get("parts", [body])
    if not parts:
        raise ValueError("a message that names no part")
    return [WakeUp(str(one["file_id"]), step, int(one["part"]), int(one["attempt"])) for one in parts]


def bundles(wake_ups: Sequence[WakeUp]) -> list[list[WakeUp]]:
    """The wake-ups, message by message."""
    found: list[list[WakeUp]] = []
    for one in wake_ups:
        if one.joins_bundle and found:
            found[-1].append(one)
        else:
            found.append([one])
    return found


@dataclass(frozen=True, slots=True)
class Arrival:
    """An object was created. `version_id` is None where the store keeps no versions."""

    object_key: str
    version_id: str | None = None
    size_bytes: int | None = None
