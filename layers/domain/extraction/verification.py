"""Proving: every value of an answer is looked up in the text, and what the text does not show is taken out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from layers.domain.extraction.evidence import Hit, Shown
from layers.domain.extraction.schemas import Path, format_path, missing_paths, needs_evidence
from layers.domain.extraction.windows import Window
from layers.domain.page import Evidence, Extraction

GONE = object()


def verify(answer: Mapping[str, Any], schema: Mapping[str, Any], window: Window) -> Extraction:
    """What of an answer the window's text shows, each value with its evidence; `schema` is plain.

    The answer fits the schema; properties that it does not name are left out.
    """
    proof = _Proof(Shown(window))
    fields = proof.of_object(answer, schema, ())
    missing = tuple(format_path(path) for path in missing_paths(schema, fields))
    evidence = {format_path(path): one for path, one in proof.evidence.items()}
    dropped = tuple(name for name in dict.fromkeys(map(format_path, proof.dropped)) if name not in missing)
    return Extraction(fields, missing, evidence, dropped=dropped)


@dataclass
class _Proof:
    shown: Shown
    evidence: dict[Path, Evidence] = field(default_factory=dict)
    dropped: list[Path] = field(default_factory=list)

    def of_object(self, answer: Mapping[str, Any], schema: Mapping[str, Any], path: Path) -> dict[str, Any]:
        found = {}
        for name, one in (schema.get("properties") or {}).items():
            if answer.get(name) is not None:
                value = self.of_value(answer[name], one, (*path, name))
                if value is not GONE:
                    found[name] = value
        return found

    def of_value(self, value: Any, schema: Mapping[str, Any], path: Path) -> Any:
        if isinstance(value, dict):
            return self.of_object(value, schema, path) or GONE
        if isinstance(value, list):
            return self.of_list(value, schema.get("items") or {}, path)
        name = str(next((one for one in reversed(path) if isinstance(one, str)), ""))
        hits = self.shown.hits(value, schema)
        if hit := self.shown.best(hits, name, schema):
            self.evidence[path] = self.shown.evidence(hit)
        elif needs_evidence(schema):
            self.dropped.append(path)
            return GONE
        return value

    def of_list(self, items: Sequence[Any], schema: Mapping[str, Any], path: Path) -> list[Any]:
        """The items that the text shows, each with places of its own: two equal lines are two, a third is made up."""
        kept: list[Any] = []
        used: set[tuple[Path, tuple[int, int]]] = set()
        for given, item in enumerate(items):
            at = (*path, len(kept))
            leaves = dict(_leaves(item, schema, ()))
            hits = {
                leaf: self.shown.hits(value, one)
                for leaf, (value, one) in leaves.items()
                if not isinstance(value, bool)
            }
            bare = [leaf for leaf, (_, one) in leaves.items() if not hits.get(leaf) and needs_evidence(one)]
            chosen = _neighbours(hits, used)
            shows_some = bool(chosen) or (bool(leaves) and not any(needs_evidence(one) for _, one in leaves.values()))
            if not shows_some:
                self.dropped.append((*path, given))
                continue
            used |= {(leaf, hit.place) for leaf, hit in chosen.items()}
            self.dropped += [(*at, *leaf) for leaf in bare]
            self.evidence |= {(*at, *leaf): self.shown.evidence(hit) for leaf, hit in chosen.items()}
            kept.append(_without(item, schema, set(bare), ()))
        return kept


def _leaves(value: Any, schema: Mapping[str, Any], path: Path) -> list[tuple[Path, tuple[Any, Mapping[str, Any]]]]:
    """The single values of an item, by their place in it, each with its schema."""
    if isinstance(value, dict):
        properties = schema.get("properties") or {}
        return [
            leaf
            for name, one in properties.items()
            if value.get(name) is not None
            for leaf in _leaves(value[name], one, (*path, name))
        ]
    if isinstance(value, list):
        return [leaf for n, one in enumerate(value) for leaf in _leaves(one, schema.get("items") or {}, (*path, n))]
    return [(path, (value, schema))]


def _without(value: Any, schema: Mapping[str, Any], bare: set[Path], path: Path) -> Any:
    if isinstance(value, dict):
        properties = schema.get("properties") or {}
        kept = {name: one for name, one in value.items() if name in properties and (*path, name) not in bare}
        return {
            name: _without(one, properties[name], bare, (*path, name)) for name, one in kept.items() if one is not None
        }
    if isinstance(value, list):
        inner = schema.get("items") or {}
        return [_without(one, inner, bare, (*path, n)) for n, one in enumerate(value) if (*path, n) not in bare]
    return value


def _neighbours(hits: Mapping[Path, Sequence[Hit]], used: set[tuple[Path, tuple[int, int]]]) -> dict[Path, Hit]:
    """For each leaf of an item the hit nearest to the item's anchor: the first unused hit of its rarest value.

    Empty where every place that shows any of it belongs to an earlier item.
    """
    free = {leaf: [hit for hit in some if (leaf, hit.place) not in used] for leaf, some in hits.items() if some}
    anchors = [leaf for leaf, some in free.items() if some]
    if not anchors:
        return {}
    anchor = min(anchors, key=lambda leaf: (len(hits[leaf]), -(free[leaf][0].end - free[leaf][0].start)))
    centre = free[anchor][0]

    def distance(hit: Hit) -> tuple[int, int]:
        return abs(hit.place[0] - centre.place[0]), abs(hit.place[1] - centre.place[1])

    return {
        leaf: centre if leaf == anchor else min(free[leaf] or some, key=distance) for leaf, some in hits.items() if some
    }
