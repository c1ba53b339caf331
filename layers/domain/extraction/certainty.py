"""Certainty: how probable it is that a value which the rules found is right.

Each sign of a value has a weight, by the kind of the value; their sum is the logarithm of the odds. `python -m
benchmarks.learning --fit` fits the weights on every second of the labelled scans and reports how well they do on the others.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from layers.domain.extraction import labels
from layers.domain.extraction.address_candidates import POSTCODE
from layers.domain.extraction.candidate import Candidate
from layers.domain.extraction.certainty_weights import SIGNS, WEIGHTS
from layers.domain.extraction.corrected_words import corrected
from layers.domain.extraction.known_words import may_be_misread, unknown
from layers.domain.extraction.legal_forms import has_legal_form
from layers.domain.extraction.spelling import folded
from layers.domain.extraction.sums import Sums
from layers.domain.page import Evidence, Page, Word

SUREST, LEAST_SURE = 0.995, 0.02  # probabilities of a word, between which its logarithm of the odds is used
UNSURE_BELOW = 85.0  # the confidence of a word
MOST_UNSURE = 0.5  # share of a page's words; a larger one counts as this
FULL_LEAD = 40.0  # a lead of this score over the next candidate counts as 1
SHORT_ADDRESS = 5  # words
SPELLED = ("company", "address")  # kinds of values whose words are compared with known ones if they were read
EVEN = 50.0  # a value with a lower probability is more likely wrong than right
MONTHS = 12
NAMED_OR_YEAR_FIRST = re.compile(r"[^\W\d_]{3}|^\D{0,2}\d{4}\D")
STRAY = re.compile(r"[\"_*|~^=<>{}\\]|\.\.|,,|\w\W?$(?<=[\s]\w)")
# Digits within a name; a zero at the end of a word, as in `HAI-0`, was mostly an O.
NUMBER_IN_NAME = re.compile(r"\d{3}|[^\W\d_]\d+[^\W\d_]|\d/[A-Z]\b|[^\W\d_]{2}-?0\b")
WITHOUT_STREET = re.compile(r"\W*\d{4,6}\b\D*")  # only a postcode and a town
MIXED = re.compile(r"[^\W\d_]\d[^\W\d_]|\d[OoIlSBZ](?:\d|\b)|\b[OoIlZ]\d")


@dataclass(frozen=True)
class Certainty:
    """Rates the values that were found on some pages."""

    pages: Sequence[Page]
    sums: Callable[[], Sums]  # of the bill, when they are needed

    def spelled(self, proof: Evidence, name: str, schema: Mapping[str, Any], best: Candidate) -> Candidate:
        """The candidate with the words of a name or address that OCR misread corrected; then it is doubtful."""
        if kind_of(name, schema) not in SPELLED or not self._was_read(proof.page):
            return best
        value = corrected(best.value, ((word.text, word.confidence) for word in self._words_of(proof)))
        return best if value == best.value else best._replace(value=value, doubtful=True)

    def rated(
        self, proof: Evidence, name: str, schema: Mapping[str, Any], best: Candidate, rivals: Sequence[Candidate]
    ) -> Evidence:
        """The evidence of a value with the confidence of its least sure word, and with its probability, both 0 to 100. `rivals`
        are the candidates with another value."""
        words = [(word.text, word.confidence) for word in self._words_of(proof)]
        if not words:
            page = self._pages.get(proof.page)
            words = [("", page.confidence if page and page.source == "ocr" else 100.0)]
        signs = self.signs(proof, words, kind_of(name, schema), best, rivals)
        probability = round(100 * share_right(weighted(kind_of(name, schema), signs)), 1)
        return replace(proof, confidence=round(min(sure for _, sure in words), 1), probability=probability)

    def is_doubtful(self, proof: Evidence, name: str, best: Candidate) -> bool:
        """Whether a value is doubtful whatever a dataset asks for: it may mean another value, or OCR has read it and it is more
        likely wrong than right, a name with marks that no name has, or an address without its street."""
        page = self._pages.get(proof.page)
        if best.doubtful or page is None or page.source != "ocr":
            return best.doubtful
        if (proof.probability or 0.0) < EVEN:
            return True
        words = labels.words_of(name)
        if words in labels.TITLES and isinstance(best.value, str):
            return STRAY.search(best.value) is not None
        return words in labels.ADDRESSES and WITHOUT_STREET.fullmatch(str(best.value)) is not None

    def signs(
        self,
        proof: Evidence,
        words: Sequence[tuple[str, float]],
        kind: str,
        best: Candidate,
        rivals: Sequence[Candidate],
    ) -> dict[str, float]:
        """What speaks for and against a value, by the names in SIGNS, each about 0 to 1. `words` are those of its evidence with
        their confidences, 0 to 100."""
        is_spelled = kind in SPELLED and self._was_read(proof.page)
        value = folded(str(best.value))
        # The unknown parts of each word that were not corrected, or the word itself if the lists of words can't tell.
        spelled = [
            ([part for part in unknown(word) if part in value] if is_spelled else [word], confidence)
            for word, confidence in words
        ]
        return {
            "always": 1.0,
            "least sure word": _odds_of_least(confidence for _, confidence in words),
            "least sure unknown word": _odds_of_least(confidence for found, confidence in spelled if found),
            "misread word": float(is_spelled and any(may_be_misread(each) for found, _ in spelled for each in found)),
            "all words": math.prod(_share(confidence) for _, confidence in words),
            "unsure words of the page": self._unsure_share(proof.page),
            "lead": min(1.0, (best.score - max(rival.score for rival in rivals)) / FULL_LEAD) if rivals else 1.0,
            "form": float(_has_form(kind, best.value, proof.text)),
            "clean": float(_is_clean(kind, best)),
            "sums": float(kind == "total" and self._confirms(best.value)),
            "doubtful": float(best.doubtful),
        }

    def _was_read(self, page_number: int) -> bool:
        """Whether a page has no text of its own."""
        page = self._pages.get(page_number)
        return page is not None and page.source != "native"

    def _words_of(self, proof: Evidence) -> list[Word]:
        """The words within a piece of evidence."""
        page = self._pages.get(proof.page)
        if page is None or proof.box is None:
            return []
        x0, y0, x1, y1 = proof.box
        return [
            word
            for word in page.words
            if x0 <= (word.x0 + word.x1) / 2 <= x1 and y0 <= (word.y0 + word.y1) / 2 <= y1 and word.text in proof.text
        ]

    def _unsure_share(self, page_number: int) -> float:
        """The share of the words on a page that OCR was unsure of: where print is hard to read, sure words are wrong more often."""
        page = self._pages.get(page_number)
        if page is None or not page.words:
            return 0.0
        return min(MOST_UNSURE, sum(word.confidence < UNSURE_BELOW for word in page.words) / len(page.words))

    def _confirms(self, value: float) -> bool:
        """Whether other sums of the bill confirm a total."""
        sums = self.sums()
        return sums.is_paid_less_change(value) or sums.is_net_and_tax(value) or sums.was_paid_exactly(value)

    @cached_property
    def _pages(self) -> Mapping[int, Page]:
        return {page.number: page for page in self.pages}


def _odds_of_least(confidences: Iterable[float]) -> float:
    """The logarithm of the odds of the lowest of some confidences, as a share of its largest value; 1 if there are none."""
    return odds(_share(min(confidences, default=100.0))) / odds(SUREST)


def _share(confidence: float) -> float:
    return min(SUREST, max(LEAST_SURE, confidence / 100))


def _has_form(kind: str, value: Any, text: str) -> bool:
    """Whether a value looks as values of its kind mostly do. Of a date: whether its day can't be its month."""
    match kind:
        case "company":
            return has_legal_form(value)
        case "address":
            return bool(POSTCODE.search(labels.lowered(value))) and len(value.split()) >= SHORT_ADDRESS
        case "total":
            return bool(value > 0)
        case "date":
            month, day = int(value[5:7]), int(value[8:10])
            return day > MONTHS or day == month or bool(NAMED_OR_YEAR_FIRST.search(text))
        case _:
            return True


def _is_clean(kind: str, best: Candidate) -> bool:
    """Whether a text has no word that mixes letters and digits as misread ones do, no stray marks, and was not corrected."""
    value = best.value
    if not isinstance(value, str) or kind == "date":
        return True
    if best.doubtful or STRAY.search(value) or value.count("(") != value.count(")"):
        return False
    return not (NUMBER_IN_NAME if kind == "company" else MIXED).search(value)


def kind_of(name: str, schema: Mapping[str, Any]) -> str:
    """The kind of a property, by which signs are weighed: a key of WEIGHTS."""
    words = labels.words_of(name)
    if schema.get("format") == "date":
        return "date"
    if schema.get("type") in ("number", "integer"):
        return "total" if labels.meaning_of(name, schema) == "total" else "other"
    if words in labels.COMPANIES:
        return "company"
    return "address" if words in labels.ADDRESSES else "other"


def weighted(kind: str, signs: Mapping[str, float]) -> float:
    """The logarithm of the odds that a value is right."""
    return sum(weight * signs[name] for name, weight in zip(SIGNS, WEIGHTS[kind], strict=True))


def odds(share: float) -> float:
    """The logarithm of the odds of a share."""
    return math.log(share / (1 - share))


def share_right(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))
