"""Extractions as JSON: the status store keeps what each window found until all windows of the text have ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layers.domain.page import Evidence, Extraction, Note


def extraction_as_json(found: Extraction) -> dict[str, Any]:
    return {
        "fields": found.fields,
        "missing": list(found.missing),
        "unread": list(found.unread),
        "dropped": list(found.dropped),
        "doubtful": list(found.doubtful),
        "notes": list(found.notes),
        "evidence": {
            name: [
                evidence.page,
                evidence.text,
                evidence.box,
                evidence.confidence,
                evidence.at,
                evidence.xpath,
                evidence.probability,
            ]
            for name, evidence in found.evidence.items()
        },
        "remembered": list(found.remembered),
    }


def extraction_from_json(stored: Mapping[str, Any]) -> Extraction:
    return Extraction(
        dict(stored["fields"]),
        tuple(stored["missing"]),
        {name: _evidence(*parts) for name, parts in stored["evidence"].items()},
        tuple(stored["unread"]),
        tuple(stored["dropped"]),
        tuple(stored.get("doubtful") or ()),
        tuple(Note(*note) for note in stored.get("notes") or ()),
        remembered=tuple(stored.get("remembered") or ()),
    )


def _evidence(
    page: int,
    text: str,
    box: Any,
    confidence: float | None,
    at: int | None,
    xpath: str | None = None,
    probability: float | None = None,
) -> Evidence:
    return Evidence(page, text, tuple(box) if box else None, confidence, at, xpath, probability)
