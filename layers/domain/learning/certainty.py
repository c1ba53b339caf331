"""How the memory of senders changes the probability of a value."""

from __future__ import annotations

from dataclasses import replace

from layers.domain.extraction.certainty import odds, share_right
from layers.domain.extraction.certainty_weights import CONTRADICTED, CORRECTED, SAME
from layers.domain.learning.memory import Recall, State
from layers.domain.page import Evidence, Extraction

LEAST, MOST = 0.001, 0.999  # shares whose odds are used


def rated(recall: Recall) -> Extraction:
    """The extraction, in which the probabilities of values take into account what the memory says of them."""
    evidence = {
        path: _rated(proof, recall.states[path]) if path in recall.states else proof
        for path, proof in recall.found.evidence.items()
    }
    return replace(recall.found, evidence=evidence)


def _rated(proof: Evidence, state: State) -> Evidence:
    if state in ("corrected", "taken"):
        return replace(proof, probability=round(100 * share_right(CORRECTED), 1))
    if proof.probability is None:  # of a model
        return proof
    share = min(MOST, max(LEAST, proof.probability / 100))
    shift = SAME if state == "same" else CONTRADICTED
    return replace(proof, probability=round(100 * share_right(odds(share) + shift), 1))
