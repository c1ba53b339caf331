"""Messages of topics: wake-ups, which may be lost, repeated or late without harm, and object arrivals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

# The topics that belong to no step.
ARRIVALS, DISPATCH = "arrivals", "dispatch"
WAKE = {"wake": True}  # the content of a message to the dispatcher


@dataclass(frozen=True, slots=True)
class WakeUp:
    """A part of a step was queued. The first worker that claims it runs it.

    With `joins_bundle` it is in the same message as the wake-up before it, which is for the same step.
    """

    file_id: str
    step: str
    part: int
    attempt: int
    joins_bundle: bool = field(default=False, compare=False)


def bundle_as_json(bundle: Sequence[WakeUp]) -> dict[str, Any]:
    """The body of a message that names parts of one step."""
    parts = [{"file_id": wake_up.file_id, "part": wake_up.part, "attempt": wake_up.attempt} for wake_up in bundle]
    return {"step": bundle[0].step, **(parts[0] if len(parts) == 1 else {"parts": parts})}


def bundle_from_json(body: dict[str, Any]) -> list[WakeUp]:
    """The wake-ups in a message's body, at least one. Raises KeyError, TypeError or ValueError if it is malformed."""
    step, parts = str(body["step"]), body.get("parts", [body])
    if not parts:
        raise ValueError("the message names no part")
    return [WakeUp(str(part["file_id"]), step, int(part["part"]), int(part["attempt"])) for part in parts]


def bundles(wake_ups: Sequence[WakeUp]) -> list[list[WakeUp]]:
    """The wake-ups grouped by message."""
    groups: list[list[WakeUp]] = []
    for wake_up in wake_ups:
        if wake_up.joins_bundle and groups:
            groups[-1].append(wake_up)
        else:
            groups.append([wake_up])
    return groups


@dataclass(frozen=True, slots=True)
class Arrival:
    """An object was created. `version_id` is None where the store keeps no versions."""

    object_key: str
    version_id: str | None = None
    size_bytes: int | None = None


def announcement(object_keys: Sequence[str]) -> dict[str, Any]:
    """A message that announces created objects in the form of the object store's events, but with keys only."""
    return {
        "Records": [{"eventName": "ObjectCreated:Announced", "s3": {"object": {"key": key}}} for key in object_keys]
    }
