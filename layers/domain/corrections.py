"""Corrections: the values of a record that a person set, which take precedence over those that extraction found."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from layers.domain.page import property_of

# By property: {"value": ..., "evidence"?: ...}. The value None means that the document has no such value.
SetValues = Mapping[str, Mapping[str, Any]]


class Document(NamedTuple):
    """The record of one document. `evidence` is empty where it is not needed. `lost`: content of the file was lost; None:
    unknown. `remembered` names the values that are from the memory of senders."""

    fields: Mapping[str, Any]
    missing: list[str]
    doubtful: list[str]
    evidence: Mapping[str, Any]
    complete: bool
    lost: bool | None
    notes: list[str]
    remembered: Collection[str] = ()


def corrected(document: Document, set_values: SetValues) -> Document:
    """The document with a person's values. What a person set is neither missing nor doubtful, and has the evidence that
    the person named, or that of extraction if the value is the same."""
    if not set_values:
        return document
    given = {name for name, entry in set_values.items() if entry["value"] is not None}
    missing = [path for path in document.missing if property_of(path) not in given]
    lost = bool(document.notes) if document.lost is None else document.lost
    return document._replace(
        fields={**document.fields, **{name: entry["value"] for name, entry in set_values.items()}},
        missing=missing,
        doubtful=[path for path in document.doubtful if property_of(path) not in set_values],
        evidence=_evidence(document, set_values),
        complete=document.complete or bool(document.missing and not missing and not lost),
    )


def _evidence(document: Document, set_values: SetValues) -> dict[str, Any]:
    kept = {}
    for path, proof in document.evidence.items():
        name = property_of(path)
        entry = set_values.get(name)
        if entry is None or ("evidence" not in entry and entry["value"] == document.fields.get(name)):
            kept[path] = proof
    named = {name: entry["evidence"] for name, entry in set_values.items() if entry.get("evidence")}
    return kept | named


def sources(document: Document, set_values: SetValues, found_by: str) -> dict[str, str]:
    """Who each value of a corrected document is from: a `person`, the `memory` of senders, the `rules` or a `model`."""
    found = dict.fromkeys(document.fields, found_by) | dict.fromkeys(document.remembered, "memory")
    return {name: "person" if name in set_values else found[name] for name in document.fields}


def review_shown(review: str, doubtful: bool, missing: bool) -> str:
    """A record's review as it is shown: an open one is `needed` if the record has doubtful or missing values."""
    return "needed" if review == "open" and (doubtful or missing) else review
