"""Merging: combines the extractions from the windows of one text into one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from layers.domain.extraction.evidence import UNSURE_BELOW
from layers.domain.extraction.schemas import Path, format_path, missing_paths, resolve_references
from layers.domain.page import Evidence, Extraction, Note


@dataclass(frozen=True, slots=True, eq=False)
class _Item:
    """An item of a list, with its evidence and its dropped parts by their path in the item, and the index of its window."""

    value: Any
    evidence: dict[Path, Evidence]
    dropped: list[str]
    window: int


def merge(
    found: Mapping[int, Extraction],
    schema: Mapping[str, Any],
    unread: Sequence[str] = (),
    notes: Sequence[Note] = (),
) -> Extraction:
    """One extraction from those of several windows, by the index of the window.

    A single value is the first one with confident evidence, or the first one with evidence, or the first. Lists are
    concatenated; an item that two neighbouring windows both show counts once. `unread` names text that no window
    covers. `notes` of earlier steps come before those of the windows.
    """
    schema = resolve_references(schema)
    windows = [found[index] for index in sorted(found)]
    merger = _Merger(windows)
    fields = merger.merge_objects([window.fields for window in windows], schema, ())
    missing = tuple(format_path(path) for path in missing_paths(schema, fields))
    dropped = [name for window in windows for name in window.dropped if "[" not in name and not _has(fields, name)]
    dropped += merger.dropped
    return Extraction(
        fields,
        missing,
        {format_path(path): evidence for path, evidence in merger.evidence.items()},
        tuple(dict.fromkeys([name for window in windows for name in window.unread] + list(unread))),
        tuple(name for name in dict.fromkeys(dropped) if name not in missing),
        tuple(merger.doubtful),
        tuple(dict.fromkeys([*notes, *(note for window in windows for note in window.notes)])),
        remembered=tuple(merger.remembered),
    )


class _Merger:
    """Merges the windows' values, and collects the evidence, the dropped parts and the doubts of those that it keeps.

    Only single values outside of lists, and lists as a whole, can be doubtful: extractors name no others.
    """

    def __init__(self, windows: Sequence[Extraction]) -> None:
        self.windows = windows
        self.evidence: dict[Path, Evidence] = {}
        self.dropped: list[str] = []
        self.doubtful: list[str] = []
        self.remembered: list[str] = []

    def merge_objects(self, objects: Sequence[Any], schema: Mapping[str, Any], path: Path) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for name, property_schema in (schema.get("properties") or {}).items():
            property_path = (*path, name)
            values = [fields.get(name) if isinstance(fields, dict) else None for fields in objects]
            if all(value is None for value in values):
                continue
            if property_schema.get("type") == "array":
                fields[name] = self.merge_lists(values, property_path)
            elif property_schema.get("type") == "object":
                fields[name] = self.merge_objects(values, property_schema, property_path)
            else:
                fields[name] = self.choose_value(values, property_path)
        return fields

    def choose_value(self, values: Sequence[Any], path: Path) -> Any:
        name = format_path(path)
        evidence = {
            index: self.windows[index].evidence.get(name) for index, value in enumerate(values) if value is not None
        }
        best = min(evidence, key=lambda index: (_doubt(evidence[index]), index))
        if best_evidence := evidence[best]:
            self.evidence[path] = best_evidence
        if name in self.windows[best].doubtful:
            self.doubtful.append(name)
        if name in self.windows[best].remembered:
            self.remembered.append(name)
        return values[best]

    def merge_lists(self, lists: Sequence[Any], path: Path) -> list[Any]:
        kept: list[_Item] = []
        name = format_path(path)
        if any(name in window.doubtful for window in self.windows):
            self.doubtful.append(name)
        for window, values in enumerate(lists):
            evidence, dropped = _by_item(self.windows[window], name)
            # Only neighbouring windows overlap, so that a list of thousands is not compared with all of itself.
            neighbours = [index for index, item in enumerate(kept) if item.window == window - 1]
            for number, value in enumerate(values or ()):
                item = _Item(value, evidence.get(number, {}), dropped.get(number, []), window)
                same = next((index for index in neighbours if _are_same(kept[index], item)), None)
                if same is None:
                    kept.append(item)
                elif _count_values(value) > _count_values(kept[same].value):
                    kept[same] = item
        for number, item in enumerate(kept):
            self.evidence |= {(*path, number, *leaf): evidence for leaf, evidence in item.evidence.items()}
            self.dropped += [format_path((*path, number)) + tail for tail in item.dropped]
        return [item.value for item in kept]


def _doubt(evidence: Evidence | None) -> int:
    """0 for confident evidence, 1 for unsure evidence, 2 for none."""
    if evidence is None:
        return 2
    return 1 if evidence.confidence is not None and evidence.confidence < UNSURE_BELOW else 0


def _are_same(old: _Item, new: _Item) -> bool:
    """Whether items of two windows come from the same lines of the text.

    The leaves that both have must all be at the same positions, and there must be at least one. Without any evidence,
    equal items are the same.
    """
    if old.window == new.window:
        return False
    if not old.evidence and not new.evidence:
        return bool(old.value == new.value)
    common = old.evidence.keys() & new.evidence.keys()
    return bool(common) and all(
        (old.evidence[leaf].page, old.evidence[leaf].at) == (new.evidence[leaf].page, new.evidence[leaf].at)
        for leaf in common
    )


def _by_item(window: Extraction, name: str) -> tuple[dict[int, dict[Path, Evidence]], dict[int, list[str]]]:
    """The evidence and the dropped parts of each item of a list, by its index and their path in the item."""
    evidence: dict[int, dict[Path, Evidence]] = {}
    for path, found in window.evidence.items():
        if path.startswith(f"{name}["):
            index, *leaf = _parse_path(path[len(name) :])
            evidence.setdefault(int(index), {})[tuple(leaf)] = found
    dropped: dict[int, list[str]] = {}
    for path in window.dropped:
        number, closed, tail = path.removeprefix(f"{name}[").partition("]")
        if path.startswith(f"{name}[") and closed and tail:
            dropped.setdefault(int(number), []).append(tail)
    return evidence, dropped


def _parse_path(text: str) -> Path:
    """The inverse of `format_path`."""
    path: list[str | int] = []
    for part in text.replace("[", ".[").split("."):
        if part:
            path.append(int(part[1:-1]) if part[:1] == "[" and part[1:-1].isdecimal() else part)
    return tuple(path)


def _count_values(item: Any) -> int:
    """How many single values an item has."""
    if isinstance(item, dict):
        return sum(_count_values(value) for value in item.values())
    return sum(_count_values(value) for value in item) if isinstance(item, list) else int(item is not None)


def _has(fields: Any, name: str) -> bool:
    for part in name.split("."):
        if not isinstance(fields, dict) or part not in fields:
            return False
        fields = fields[part]
    return True
