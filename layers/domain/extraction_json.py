"""What was found in a window, as the status store keeps it until all windows of its text have ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layers.domain.page import Evidence, Extraction


def extraction_as_json(found: Extraction) -> dict[str, Any]:
    return {
        "fields": found.fields,
        "missing": list(found.missing),
        "unread": list(found.unread),
        "dropped": list(found.dropped),
        "evidence": {
            name: [proof.page, proof.text, proof.box, proof.confidence, proof.at]
            for name, proof in found.evidence.items()
        },
    }


def extraction_from_json(kept: Mapping[str, Any]) -> Extraction:
    return Extraction(
        dict(kept["fields"]),
        tuple(kept["missing"]),
        {name: _evidence(*proof) for name, proof in kept["evidence"].items()},
        tuple(kept["unread"]),
        tuple(kept["dropped"]),
    )


def _evidence(page: int, text: str, box: Any, confidence: float | None, at: int | None) -> Evidence:
    return Evidence(page, text, tuple(box) if box else None, confidence, at)
