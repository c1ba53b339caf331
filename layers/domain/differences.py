"""Differences between two versions of records, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOST_EXAMPLES = 5
MOST_FIELDS = 200
SAME, CHANGED, APPEARED, VANISHED = "same", "changed", "appeared", "vanished"
Differences = dict[str, dict[str, Any]]


def kind_of(before: Any, after: Any) -> str | None:
    """What happened to a value; None where there is none before and after."""
    if before is None and after is None:
        return None
    if before is None:
        return APPEARED
    if after is None:
        return VANISHED
    return SAME if before == after and isinstance(before, bool) == isinstance(after, bool) else CHANGED


def add(
    differences: Differences, file_id: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> None:
    """Add the differences of one file, with an example of each kind for the first files."""
    former, new = before or {}, after or {}
    for name in [*former, *(name for name in new if name not in former)]:
        kind = kind_of(former.get(name), new.get(name))
        if kind is None or (name not in differences and len(differences) >= MOST_FIELDS):
            continue
        field = differences.setdefault(name, {SAME: 0, CHANGED: 0, APPEARED: 0, VANISHED: 0, "examples": []})
        field[kind] += 1
        is_shown = sum(example["kind"] == kind for example in field["examples"]) < MOST_EXAMPLES
        if kind != SAME and is_shown:
            values = {"before": former.get(name), "after": new.get(name)}
            field["examples"].append({"file_id": file_id, "kind": kind, **values})
