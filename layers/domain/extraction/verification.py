"""Verification: looks up every value of a model's answer in the text, and removes those that the text does not show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from layers.domain.extraction.evidence import WindowIndex
from layers.domain.extraction.hit import Hit
from layers.domain.extraction.schemas import Path, format_path, missing_paths, needs_evidence
from layers.domain.extraction.windows import Window
from layers.domain.page import Evidence, Extraction

REMOVED = object()
Leaves = dict[Path, tuple[Any, Mapping[str, Any]]]
Position = tuple[int, int]  # the number of a page and an offset in its text


def verify(answer: Mapping[str, Any], schema: Mapping[str, Any], window: Window) -> Extraction:
    """The values of an answer that the window's text shows, each with its evidence.

    `schema` is resolved, and the answer fits it. Properties that the schema does not name are left out.
    """
    verifier = _Verifier(WindowIndex(window))
    fields = verifier.verify_object(answer, schema, ())
    missing = tuple(format_path(path) for path in missing_paths(schema, fields))
    evidence = {format_path(path): found for path, found in verifier.evidence.items()}
    dropped = tuple(name for name in dict.fromkeys(map(format_path, verifier.dropped)) if name not in missing)
    return Extraction(fields, missing, evidence, dropped=dropped)


@dataclass
class _Verifier:
    index: WindowIndex
    evidence: dict[Path, Evidence] = field(default_factory=dict)
    dropped: list[Path] = field(default_factory=list)

    def verify_object(self, answer: Mapping[str, Any], schema: Mapping[str, Any], path: Path) -> dict[str, Any]:
        fields = {}
        for name, property_schema in (schema.get("properties") or {}).items():
            if answer.get(name) is not None:
                value = self.verify_value(answer[name], property_schema, (*path, name))
                if value is not REMOVED:
                    fields[name] = value
        return fields

    def verify_value(self, value: Any, schema: Mapping[str, Any], path: Path) -> Any:
        """The value as far as the text shows it, or REMOVED."""
        if isinstance(value, dict):
            return self.verify_object(value, schema, path) or REMOVED
        if isinstance(value, list):
            return self.verify_list(value, schema.get("items") or {}, path)
        name = str(next((part for part in reversed(path) if isinstance(part, str)), ""))
        hits = self.index.hits(value, schema)
        if hit := self.index.best(hits, name, schema):
            self.evidence[path] = self.index.evidence(hit)
        elif needs_evidence(schema):
            self.dropped.append(path)
            return REMOVED
        return value

    def verify_list(self, items: Sequence[Any], schema: Mapping[str, Any], path: Path) -> list[Any]:
        """The items that the text shows, each at different positions.

        Two equal lines of the text are evidence for two equal items; a third such item is dropped.
        """
        kept: list[Any] = []
        used: set[tuple[Path, Position]] = set()
        for index, item in enumerate(items):
            item_path = (*path, len(kept))
            leaves = _leaves(item, schema, ())
            hits = {
                leaf: self.index.hits(value, leaf_schema)
                for leaf, (value, leaf_schema) in leaves.items()
                if not isinstance(value, bool)
            }
            not_shown = [
                leaf for leaf, (_, leaf_schema) in leaves.items() if not hits.get(leaf) and needs_evidence(leaf_schema)
            ]
            chosen = _nearest_hits(hits, used)
            if not chosen and not _needs_no_evidence(leaves):
                self.dropped.append((*path, index))
                continue
            used |= {(leaf, hit.position) for leaf, hit in chosen.items()}
            self.dropped += [(*item_path, *leaf) for leaf in not_shown]
            self.evidence |= {(*item_path, *leaf): self.index.evidence(hit) for leaf, hit in chosen.items()}
            kept.append(_remove_leaves(item, schema, set(not_shown), ()))
        return kept


def _needs_no_evidence(leaves: Leaves) -> bool:
    """Whether an item has values, and none of them has to be shown by the text."""
    return bool(leaves) and not any(needs_evidence(schema) for _, schema in leaves.values())


def _leaves(value: Any, schema: Mapping[str, Any], path: Path) -> Leaves:
    """The single values of an item by their path in it, each with its schema."""
    leaves: Leaves = {}
    if isinstance(value, dict):
        for name, property_schema in (schema.get("properties") or {}).items():
            if value.get(name) is not None:
                leaves |= _leaves(value[name], property_schema, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            leaves |= _leaves(inner, schema.get("items") or {}, (*path, index))
    else:
        leaves[path] = (value, schema)
    return leaves


def _remove_leaves(value: Any, schema: Mapping[str, Any], leaves: set[Path], path: Path) -> Any:
    """A value without these leaves, without nulls, and without properties that the schema does not name."""
    if isinstance(value, dict):
        properties = schema.get("properties") or {}
        return {
            name: _remove_leaves(inner, properties[name], leaves, (*path, name))
            for name, inner in value.items()
            if name in properties and (*path, name) not in leaves and inner is not None
        }
    if isinstance(value, list):
        items = schema.get("items") or {}
        return [
            _remove_leaves(inner, items, leaves, (*path, index))
            for index, inner in enumerate(value)
            if (*path, index) not in leaves
        ]
    return value


def _nearest_hits(hits: Mapping[Path, Sequence[Hit]], used: set[tuple[Path, Position]]) -> dict[Path, Hit]:
    """For each leaf of an item the hit nearest to the item's anchor: the first unused hit of its rarest value.

    Empty if earlier items use every hit of every leaf.
    """
    unused = {leaf: [hit for hit in all_hits if (leaf, hit.position) not in used] for leaf, all_hits in hits.items()}
    anchors = [leaf for leaf, free in unused.items() if free]
    if not anchors:
        return {}
    anchor = min(anchors, key=lambda leaf: (len(hits[leaf]), unused[leaf][0].start - unused[leaf][0].end))
    centre = unused[anchor][0]

    def distance(hit: Hit) -> Position:
        return abs(hit.position[0] - centre.position[0]), abs(hit.position[1] - centre.position[1])

    return {
        leaf: centre if leaf == anchor else min(unused[leaf] or all_hits, key=distance)
        for leaf, all_hits in hits.items()
        if all_hits
    }
