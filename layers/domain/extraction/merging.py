"""Merging: what was found in the windows of one text, made one record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from layers.domain.extraction.evidence import UNSURE
from layers.domain.extraction.schemas import Path, format_path, missing_paths, resolve_references
from layers.domain.page import Evidence, Extraction

Item = tuple[Any, dict[Path, Evidence], int]  # an item, the proof of its parts, and the window that it comes from


def merge(found: Mapping[int, Extraction], schema: Mapping[str, Any], unread: Sequence[str] = ()) -> Extraction:
    """One extraction of several, by window in order; `unread` names the text that none of them covers.

    A single value is the first that was found with sure evidence, else the first; lists are joined, an item that
    two neighbouring windows both show counted once.
    """
    schema = resolve_references(schema)
    windows = [found[place] for place in sorted(found)]
    merged = _Merged(windows)
    fields = merged.of_object([one.fields for one in windows], schema, ())
    missing = tuple(format_path(path) for path in missing_paths(schema, fields))
    dropped = [name for one in windows for name in one.dropped if "[" not in name and not _has(fields, name)]
    dropped += merged.dropped
    return Extraction(
        fields,
        missing,
        {format_path(path): one for path, one in merged.evidence.items()},
        tuple(dict.fromkeys([word for one in windows for word in one.unread] + list(unread))),
        tuple(name for name in dict.fromkeys(dropped) if name not in missing),
    )


class _Merged:
    def __init__(self, windows: Sequence[Extraction]) -> None:
        self.windows = windows
        self.evidence: dict[Path, Evidence] = {}
        self.dropped: list[str] = []

    def of_object(self, parts: Sequence[Any], schema: Mapping[str, Any], path: Path) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for name, one in (schema.get("properties") or {}).items():
            here = (*path, name)
            values = [part.get(name) if isinstance(part, dict) else None for part in parts]
            if all(value is None for value in values):
                continue
            if one.get("type") == "array":
                fields[name] = self.of_list(values, here)
            elif one.get("type") == "object":
                fields[name] = self.of_object(values, one, here)
            else:
                fields[name] = self.of_value(values, here)
        return fields

    def of_value(self, values: Sequence[Any], path: Path) -> Any:
        name = format_path(path)
        given = [place for place, value in enumerate(values) if value is not None]
        proofs = {place: self.windows[place].evidence.get(name) for place in given}
        place = min(given, key=lambda one: (_doubt(proofs[one]), one))
        if proof := proofs[place]:
            self.evidence[path] = proof
        return values[place]

    def of_list(self, values: Sequence[Any], path: Path) -> list[Any]:
        kept: list[Item] = []
        notes: list[tuple[Item, list[str]]] = []
        for place, items in enumerate(values):
            # Only neighbours overlap: a list of thousands is not compared with itself.
            neighbours = [n for n, old in enumerate(kept) if old[2] == place - 1]
            for number, item in enumerate(items or ()):
                name = format_path((*path, number))
                proofs = _beneath(self.windows[place].evidence, name)
                dropped = [
                    one[len(name) :] for one in self.windows[place].dropped if one.startswith((f"{name}.", f"{name}["))
                ]
                new: Item = (item, proofs, place)
                same = next((n for n in neighbours if _are_one(kept[n], new)), None)
                if same is None:
                    kept.append(new)
                elif _fullness(item) > _fullness(kept[same][0]):
                    kept[same] = new
                else:
                    continue
                notes.append((new, dropped))
        for number, one in enumerate(kept):
            self.evidence |= {(*path, number, *leaf): proof for leaf, proof in one[1].items()}
            self.dropped += [
                format_path((*path, number)) + tail for new, tails in notes if new is one for tail in tails
            ]
        return [item for item, _, _ in kept]


def _doubt(proof: Evidence | None) -> int:
    if proof is None:
        return 2
    return 1 if proof.confidence is not None and proof.confidence < UNSURE else 0


def _are_one(old: Item, new: Item) -> bool:
    """Whether two items of two windows are the same lines of the text: a place in common and none at odds."""
    if old[2] == new[2]:
        return False
    if not old[1] and not new[1]:
        return bool(old[0] == new[0])
    both = old[1].keys() & new[1].keys()
    alike = [(old[1][leaf].page, old[1][leaf].at) == (new[1][leaf].page, new[1][leaf].at) for leaf in both]
    return bool(alike) and all(alike)


def _beneath(evidence: Mapping[str, Evidence], name: str) -> dict[Path, Evidence]:
    """The proofs of an item, by their place in it."""
    return {
        _parsed(place[len(name) :]): proof
        for place, proof in evidence.items()
        if place == name or place.startswith((f"{name}.", f"{name}["))
    }


def _parsed(tail: str) -> Path:
    words: list[str | int] = []
    for word in tail.replace("[", ".[").split("."):
        if word:
            words.append(int(word[1:-1]) if word[:1] == "[" and word[1:-1].isdecimal() else word)
    return tuple(words)


def _fullness(item: Any) -> int:
    if isinstance(item, dict):
        return sum(_fullness(one) for one in item.values())
    return sum(_fullness(one) for one in item) if isinstance(item, list) else int(item is not None)


def _has(fields: Any, name: str) -> bool:
    for word in name.split("."):
        if not isinstance(fields, dict) or word not in fields:
            return False
        fields = fields[word]
    return True
