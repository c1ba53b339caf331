"""Fits the weights of the signs of a value: a logistic regression for each kind, drawn to the one of all kinds."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from benchmarks.learning.samples import SCHEMA, Memory, Sample
from layers.domain.extraction import certainty
from layers.domain.extraction.certainty_weights import SIGNS
from layers.domain.extraction.rules import extract

ROUNDS = 30
PULL_TO_ALL, PULL_TO_ZERO = 3.0, 3.0  # of the weights of a kind, and of those of all kinds


class Seen(NamedTuple):
    """The signs of a value that was found, its kind, and whether it is right."""

    kind: str
    signs: dict[str, float]
    is_right: bool


def seen(samples: Sequence[Sample]) -> list[Seen]:
    """The signs of all values that the rules find in these samples."""
    found: list[Seen] = []
    rated = certainty.Certainty.signs

    def noted(self: Any, proof: Any, words: Any, kind: str, best: Any, rivals: Any) -> dict[str, float]:
        noted_signs[kind] = rated(self, proof, words, kind, best, rivals)
        return noted_signs[kind]

    certainty.Certainty.signs = noted  # type: ignore[method-assign]
    try:
        for sample in samples:
            noted_signs: dict[str, dict[str, float]] = {}
            right = sample.right(extract([sample.page], SCHEMA))
            found += [Seen(kind, signs, right[kind]) for kind, signs in noted_signs.items()]
    finally:
        certainty.Certainty.signs = rated  # type: ignore[method-assign]
    return found


def fitted(values: Sequence[Seen]) -> dict[str, tuple[float, ...]]:
    """The weights of each kind, and of all kinds together as `other`."""
    zero = np.zeros(len(SIGNS))
    of_all = _fit(values, zero, PULL_TO_ZERO)
    kinds = sorted({value.kind for value in values})
    weights = {kind: _fit([value for value in values if value.kind == kind], of_all, PULL_TO_ALL) for kind in kinds}
    return {
        kind: tuple(round(float(weight), 2) for weight in found)
        for kind, found in (weights | {"other": of_all}).items()
    }


def _fit(values: Sequence[Seen], centre: Any, pull: float) -> Any:
    """Newton's method for the most probable weights, with a normal distribution around `centre`."""
    signs = np.array([[value.signs[name] for name in SIGNS] for value in values])
    is_right = np.array([float(value.is_right) for value in values])
    weights = centre.copy()
    for _ in range(ROUNDS):
        share = 1 / (1 + np.exp(-signs @ weights))
        gradient = signs.T @ (is_right - share) - pull * (weights - centre)
        curvature = (signs * (share * (1 - share))[:, None]).T @ signs + pull * np.eye(len(SIGNS))
        weights = weights + np.linalg.solve(curvature, gradient)
    return weights


def memory_weights(samples: Sequence[Sample], draws: int) -> tuple[float, float, float]:
    """What the memory adds to the odds of values that it knows or contradicts, and the odds of those that it corrects. One half
    of the samples, drawn several times, teaches; the values of the other half are counted once each, with one more right and
    one more wrong value."""
    seen_once: dict[tuple[str, str, str], tuple[float, bool]] = {}
    for draw in range(draws):
        drawn = random.Random(draw).sample(list(samples), len(samples))
        memory = Memory(drawn[::2])
        for sample in drawn[1::2]:
            found, states = memory.recall(sample)
            right = sample.right(found)
            for name, state in states.items():
                group = "corrected" if state == "taken" else state
                share = (found.evidence[name].probability or 50.0) / 100
                seen_once[group, name, sample.receipt.path.name] = share, right[name]
    return (
        round(_observed(seen_once, "same") - _expected(seen_once, "same"), 1),
        round(min(0.0, _observed(seen_once, "contradicted") - _expected(seen_once, "contradicted")), 1),
        round(_observed(seen_once, "corrected"), 1),
    )


def _observed(values: Mapping[tuple[str, str, str], tuple[float, bool]], group: str) -> float:
    """The odds that a value of a group is right."""
    rights = [is_right for (of, *_), (_, is_right) in values.items() if of == group]
    return certainty.odds((sum(rights) + 1) / (len(rights) + 2))


def _expected(values: Mapping[tuple[str, str, str], tuple[float, bool]], group: str) -> float:
    """The same odds by the probabilities that the rules give."""
    shares = [share for (of, *_), (share, _) in values.items() if of == group]
    return certainty.odds((sum(shares) + 1) / (len(shares) + 2))
