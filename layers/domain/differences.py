"""Differences between two versions of records, field by field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

MOST_EXAMPLES = 5
MOST_FIELDS = 200
SAME, CHANGED, APPEARED, VANISHED = "same", "changed", "appeared", "vanished"
DOUBTFUL_BEFORE, DOUBTFUL_AFTER = "doubtful_before", "doubtful_after"
KINDS = (SAME, CHANGED, APPEARED, VANISHED)
COUNTS = (*KINDS, DOUBTFUL_BEFORE, DOUBTFUL_AFTER)
Differences = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in a file: the values of its first record, the paths of those that are doubtful, and how many records
    it has."""

    fields: Mapping[str, Any]
    doubtful: Set[str] = frozenset()
    records: int = 1

    def doubts(self, name: str) -> bool:
        """Whether the value of a field, or a part of it, is doubtful."""
        return any(path == name or path.startswith((f"{name}.", f"{name}[")) for path in self.doubtful)


NOTHING = Found({}, records=0)


def kind_of(before: Any, after: Any) -> str | None:
    """What happened to a value; None where there is none before and after."""
    if before is None and after is None:
        return None
    if before is None:
        return APPEARED
    if after is None:
        return VANISHED
    return SAME if before == after and isinstance(before, bool) == isinstance(after, bool) else CHANGED


def add(differences: Differences, file_id: str, before: Found, after: Found) -> None:
    """Add the differences of one file, with an example of each kind for the first files."""
    for name in [*before.fields, *(name for name in after.fields if name not in before.fields)]:
        values = {"before": before.fields.get(name), "after": after.fields.get(name)}
        kind = kind_of(**values)
        if kind is None or (name not in differences and len(differences) >= MOST_FIELDS):
            continue
        field = differences.setdefault(name, {"examples": []})
        for count in COUNTS:
            field.setdefault(count, 0)
        field[kind] += 1
        field[DOUBTFUL_BEFORE] += before.doubts(name)
        field[DOUBTFUL_AFTER] += after.doubts(name)
        is_shown = sum(example["kind"] == kind for example in field["examples"]) < MOST_EXAMPLES
        if kind != SAME and is_shown:
            field["examples"].append({"file_id": file_id, "kind": kind, **values})


def together(outcomes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Several outcomes, with the differences of their fields, as one."""
    counts = {name: sum(each.get(name, 0) for each in outcomes) for name in ("files", "failed", "skipped")}
    records = {when: sum(each.get("records", {}).get(when, 0) for each in outcomes) for when in ("before", "after")}
    fields: Differences = {}
    for each in outcomes:
        for name, changes in each.get("fields", {}).items():
            known = fields.get(name, {"examples": []})
            counted = {count: known.get(count, 0) + changes.get(count, 0) for count in COUNTS}
            fields[name] = {**counted, "examples": known["examples"] + changes["examples"]}
    return {**counts, "records": records, "fields": fields}


def add_file(outcome: dict[str, Any], file_id: str, before: Found, after: Found) -> None:
    """Add one file to an outcome: its differences, and its records before and after."""
    add(outcome.setdefault("fields", {}), file_id, before, after)
    records = outcome.setdefault("records", {"before": 0, "after": 0})
    records["before"] += before.records
    records["after"] += after.records
