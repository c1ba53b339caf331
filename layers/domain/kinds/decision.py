"""The decision about a file: its kind, how sure that is, and by what it was recognised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from layers.domain.kinds.learnt import SURE_FROM, Model, decided
from layers.domain.kinds.rules import Kind, looks_of, scores
from layers.domain.page import Page

KindBy = Literal["rules", "learnt", "person"]
RULES_ALONE = Model()


@dataclass(frozen=True, slots=True)
class Recognised:
    """The kind of a document. `probability` is 0 to 100; `by`: the rules alone, the rules with the learnt model, or a person."""

    kind: Kind
    probability: float
    by: KindBy

    @property
    def is_sure(self) -> bool:
        return self.by == "person" or self.probability >= 100 * SURE_FROM


def recognise(pages: Sequence[Page], model: Model = RULES_ALONE) -> Recognised:
    """The kind of one document, by its first pages."""
    looks = looks_of(pages)
    by_rules = scores(looks)
    kind, probability = decided(model.scores(looks, by_rules))
    return Recognised(kind, round(100 * probability, 1), "learnt" if model.weight else "rules")


def recognise_all(documents: Sequence[Sequence[Page]], model: Model = RULES_ALONE) -> list[Recognised]:
    """The kind of each document in a file, at most MOST_DOCUMENTS."""
    return [recognise(document, model) for document in documents[:MOST_DOCUMENTS]]


MOST_DOCUMENTS = 20
