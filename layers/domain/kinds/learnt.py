"""The learnt model: which words the documents of each kind have, by what people have moved and approved.

It is a naive Bayes model over words of the head and of the text. It only adds to the scores of the rules, with a weight that is
chosen by leaving each document out in turn: one at which the model makes no decision worse, and most better. Without such a
weight the rules decide alone.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from layers.domain.kinds.rules import KINDS, Kind, Looks, probabilities

SURE_FROM = 0.9  # a kind with a lower probability is doubtful
WORD = re.compile(r"[^\W\d_]{3,24}")
MOST_WORDS = 160  # of one document
LEAST_DOCUMENTS = 3  # that must have taught before the model is tried
WEIGHTS = (0.5, 1.0, 2.0, 4.0)
SMOOTHING = 0.5
LONGEST_STEP = 2.0  # what one word may add at most: a rare one proves little


@dataclass(frozen=True, slots=True)
class Example:
    """A document whose kind is known. `taught`: a person has moved or approved it; otherwise the rules were sure, and nobody
    has objected. `scores` are those of the rules."""

    kind: Kind
    words: frozenset[str]
    scores: Mapping[Kind, float]
    taught: bool = True


@dataclass(frozen=True, slots=True)
class Tally:
    """How many decisions of a model were sure and right, sure and wrong, or undecided."""

    right: int = 0
    wrong: int = 0
    undecided: int = 0


@dataclass(frozen=True, slots=True)
class Model:
    """What examples have taught. `weight` is 0 if the rules decide alone. `rules` and `learnt` compare both on the examples."""

    weight: float = 0.0
    by_word: Mapping[str, Mapping[Kind, int]] = field(default_factory=dict)
    documents: Mapping[Kind, int] = field(default_factory=dict)
    rules: Tally = Tally()
    learnt: Tally = Tally()

    def scores(self, looks: Looks, by_rules: Mapping[Kind, float]) -> dict[Kind, float]:
        """The scores of the rules with what the model adds."""
        if not self.weight:
            return dict(by_rules)
        added = _added(words_of(looks), self.by_word, self.documents)
        return {kind: by_rules[kind] + self.weight * added[kind] for kind in KINDS}


def words_of(looks: Looks) -> frozenset[str]:
    """The words of a document: those of its head apart from the same words elsewhere."""
    head = dict.fromkeys(f"^{word}" for line in looks.head[:12] for word in WORD.findall(line))
    text = dict.fromkeys(WORD.findall(looks.text))
    return frozenset([*list(head)[: MOST_WORDS // 3], *list(text)[:MOST_WORDS]])


def decided(scored: Mapping[Kind, float]) -> tuple[Kind, float]:
    """The most probable kind, and its probability, 0 to 1."""
    found = probabilities(scored)
    kind = max(found, key=lambda each: found[each])
    return kind, found[kind]


def trained(examples: Sequence[Example]) -> Model:
    """The model of these examples."""
    if sum(example.taught for example in examples) < LEAST_DOCUMENTS:
        return Model()
    documents = Counter(example.kind for example in examples)
    by_word: dict[str, Counter[Kind]] = {}
    for example in examples:
        for word in example.words:
            by_word.setdefault(word, Counter())[example.kind] += 1
    by_rules = _tally((example.kind, decided(example.scores)) for example in examples)
    without = [_added(example.words, by_word, documents, example.kind) for example in examples]
    best, weight = by_rules, 0.0
    for tried in WEIGHTS:
        made = [
            (example.kind, decided({kind: example.scores[kind] + tried * added[kind] for kind in KINDS}))
            for example, added in zip(examples, without, strict=True)
        ]
        found = _tally(made)
        if found.wrong <= best.wrong and found.right >= best.right and found != best:
            best, weight = found, tried
    return Model(weight, by_word if weight else {}, documents, by_rules, best)


def _tally(made: Iterable[tuple[Kind, tuple[Kind, float]]]) -> Tally:
    right = wrong = undecided = 0
    for kind, (found, probability) in made:
        if probability < SURE_FROM:
            undecided += 1
        elif found == kind:
            right += 1
        else:
            wrong += 1
    return Tally(right, wrong, undecided)


def _added(
    words: frozenset[str],
    by_word: Mapping[str, Mapping[Kind, int]],
    documents: Mapping[Kind, int],
    but_one_of: Kind | None = None,
) -> dict[Kind, float]:
    """What the known words tell about each kind against the others, scaled to a few words; as if one document of a kind, which
    has all of these words, were not among the examples."""
    whole = sum(documents.values()) - (but_one_of is not None)
    found = dict.fromkeys(KINDS, 0.0)
    known = 0
    for word in words:
        counts = by_word.get(word)
        if counts is None:
            continue
        total = sum(counts.values()) - (but_one_of is not None)
        if total <= 0:
            continue
        known += 1
        prior = 2 * SMOOTHING * (total + SMOOTHING) / (whole + 2 * SMOOTHING)
        shares = {
            kind: (counts.get(kind, 0) - (kind == but_one_of) + prior) / (of_kind + 2 * SMOOTHING)
            for kind in KINDS
            if (of_kind := documents.get(kind, 0) - (kind == but_one_of)) > 0
        }
        of_all = sum(shares.values()) / len(shares)  # each kind counts the same, however many documents it has
        for kind, share in shares.items():
            found[kind] += max(-LONGEST_STEP, min(LONGEST_STEP, math.log(share / of_all)))
    return {kind: score / math.sqrt(known) for kind, score in found.items()} if known else found
