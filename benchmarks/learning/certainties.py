"""How well the probabilities of values tell right records from wrong ones."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from benchmarks.learning.samples import FIELDS, Memory, Sample
from layers.domain.learning.certainty import rated
from layers.domain.page import Extraction

COVERAGES = (0.3, 0.5, 0.7)
SURE_FROM = (50, 70, 80, 90, 95)


class Judged(NamedTuple):
    """The probability of a value or a record, 0 to 1, and whether it is right."""

    share: float
    is_right: bool


def found_in(sample: Sample, memory: Memory | None) -> Extraction:
    return rated(memory.recall(sample)) if memory else sample.found


def values(samples: Iterable[Sample], memory: Memory | None, names: Sequence[str] = FIELDS) -> list[Judged]:
    """The values that were found."""
    judged = []
    for sample in samples:
        found = found_in(sample, memory)
        right = sample.right(found)
        judged += [Judged(share_of(found, name), right[name]) for name in names if name in found.fields]
    return judged


def records(samples: Iterable[Sample], memory: Memory | None, names: Sequence[str] = FIELDS) -> list[Judged]:
    """The records of samples: the product of their values' probabilities, 0 if one is missing."""
    judged = []
    for sample in samples:
        found = found_in(sample, memory)
        right = sample.right(found)
        judged.append(Judged(math.prod(share_of(found, name) for name in names), all(right[name] for name in names)))
    return judged


def share_of(found: Extraction, name: str) -> float:
    proof = found.evidence.get(name)
    return (proof.probability or 0.0) / 100 if proof and name in found.fields else 0.0


def area(judged: Sequence[Judged]) -> float | None:
    """The probability that a right one has a higher share than a wrong one (AUC)."""
    right, wrong = ([each.share for each in judged if each.is_right is wanted] for wanted in (True, False))
    if not right or not wrong:
        return None
    return sum((a > b) + (a == b) / 2 for a in right for b in wrong) / (len(right) * len(wrong))


def precision(judged: Sequence[Judged], coverage: float) -> float:
    """The share of right ones among the surest part."""
    surest = sorted(judged, key=lambda each: -each.share)[: max(1, round(coverage * len(judged)))]
    return sum(each.is_right for each in surest) / len(surest)


def calibration_error(judged: Sequence[Judged], bins: int = 10) -> float:
    """The mean difference between the probability and the share of right ones, in bins of equal width."""
    groups: dict[int, list[Judged]] = {}
    for each in judged:
        groups.setdefault(min(bins - 1, int(each.share * bins)), []).append(each)
    gaps = (abs(sum(each.share for each in group) - sum(each.is_right for each in group)) for group in groups.values())
    return sum(gaps) / len(judged)


def without_review(samples: Sequence[Sample], memory: Memory | None, sure_from: float, names: Sequence[str]) -> Judged:
    """The share of records of which all these values are sure, and the share of right ones among them."""
    sure = []
    for sample in samples:
        found = found_in(sample, memory)
        if all(100 * share_of(found, name) >= sure_from for name in names):
            right = sample.right(found)
            sure.append(all(right[name] for name in names))
    return Judged(len(sure) / len(samples), sum(sure) / len(sure) if sure else math.nan)  # type: ignore[arg-type]
