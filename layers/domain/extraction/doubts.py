"""Doubts: names the values that are too likely to be wrong."""

from __future__ import annotations

from dataclasses import replace

from layers.domain.page import Evidence, Extraction

SURE_FROM = 80.0  # of new datasets: a value that is wrong more often than one time in five is doubtful


def with_doubts(found: Extraction, sure_from: float) -> Extraction:
    """The extraction in which every value is doubtful whose probability is lower than `sure_from` (0 to 100).

    A value without a probability, such as one of a model, has the confidence of its least sure word instead.
    """
    unsure = (
        path
        for path, proof in found.evidence.items()
        if (sureness := _sureness(proof)) is not None and sureness < sure_from
    )
    further = tuple(with_doubts(document, sure_from) for document in found.further)
    return replace(found, doubtful=tuple(dict.fromkeys((*found.doubtful, *unsure))), further=further)


def _sureness(proof: Evidence) -> float | None:
    return proof.confidence if proof.probability is None else proof.probability
