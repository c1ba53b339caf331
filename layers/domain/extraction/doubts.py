"""Doubts: names the values whose words were read with too little confidence."""

from __future__ import annotations

from dataclasses import replace

from layers.domain.page import Extraction


def with_doubts(found: Extraction, sure_from: float) -> Extraction:
    """The extraction in which every value is doubtful whose evidence has a lower confidence than `sure_from` (0 to 100).

    Evidence has the confidence of its least sure word.
    """
    unsure = (
        path for path, proof in found.evidence.items() if proof.confidence is not None and proof.confidence < sure_from
    )
    further = tuple(with_doubts(document, sure_from) for document in found.further)
    return replace(found, doubtful=tuple(dict.fromkeys((*found.doubtful, *unsure))), further=further)
