"""From what was read to figures: word recall, order, confidence against truth, fields."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any

from benchmarks.reading.engines import Run
from benchmarks.reading.truth import SCHEMA, Receipt, are_right, in_order, words_of
from layers.domain.extraction.rules import extract
from layers.domain.page import Page

READ_BADLY = 0.7  # of the words, on a page
SURE = 70


def score(receipts: Sequence[Receipt], run: Run) -> dict[str, Any]:
    """A setting's figures for receipts: shares of all true words, exact fields out of all, CPU seconds a page."""
    pages, count = run.pages, len(receipts)
    found = [sum((one.words & words_of(page.text)).values()) for one, page in zip(receipts, pages, strict=True)]
    recalls = [got / one.words.total() for got, one in zip(found, receipts, strict=True)]
    result: dict[str, Any] = {"recall": round(sum(found) / sum(one.words.total() for one in receipts), 3)}
    result |= field_scores([(page, one.fields) for page, one in zip(pages, receipts, strict=True)])
    if any(word.confidence < 100 for page in pages for word in page.words):  # a text layer says nothing of its own
        result |= _confidence(receipts, pages, recalls)
    return result | {"CPU s/page": round(run.cpu_s / count, 2), "wall s/page": round(run.wall_s / count, 2)}


def _confidence(
    receipts: Sequence[Receipt], pages: Sequence[Page], recalls: Sequence[float]
) -> dict[str, float | None]:
    told = area([page.confidence for page in pages], [share < READ_BADLY for share in recalls])
    return {"confidence tells bad pages": told, **sure_words(receipts, pages)}


def field_scores(read: Sequence[tuple[Page | Sequence[Page], Mapping[str, Any]]]) -> dict[str, str]:
    """How many fields the built-in rules find exactly in pages, each with the fields that are true of it."""
    tally: dict[str, list[bool]] = {}
    for pages, truth in read:
        fields = extract([pages] if isinstance(pages, Page) else pages, SCHEMA, date.today()).fields
        for name, right in are_right(fields, truth).items():
            tally.setdefault(name, []).append(right)
    return {name: f"{sum(rights)}/{len(rights)}" for name, rights in tally.items()}


def area(confidences: Sequence[float], are_bad: Sequence[bool]) -> float | None:
    """How well confidence tells bad pages: the chance that a bad one has less of it than a good one (AUC)."""
    bad = [sure for sure, is_bad in zip(confidences, are_bad, strict=True) if is_bad]
    good = [sure for sure, is_bad in zip(confidences, are_bad, strict=True) if not is_bad]
    if not bad or not good:
        return None
    return round(sum((b < g) + (b == g) / 2 for b in bad for g in good) / (len(bad) * len(good)), 3)


def sure_words(receipts: Sequence[Receipt], pages: Sequence[Page]) -> dict[str, float | None]:
    """The share of true words among those that were read surely, and among the others."""
    tally: Counter[tuple[bool, bool]] = Counter()
    for one, page in zip(receipts, pages, strict=True):
        left = one.words.copy()
        for word in sorted(page.words, key=lambda word: -word.confidence):
            for part in in_order(word.text):
                tally[word.confidence >= SURE, left[part] > 0] += 1
                left[part] -= 1
    shares = {
        sure: round(tally[sure, True] / (tally[sure, True] + tally[sure, False]), 3) if tally[sure, True] else None
        for sure in (True, False)
    }
    return {f"true, sure >= {SURE}": shares[True], f"true, sure < {SURE}": shares[False]}


def recall_and_order(truth: str, read: str) -> tuple[float, float]:
    """The share of a text's words that were read, and of its pairs of neighbours that are neighbours still."""
    wanted, got = in_order(truth), in_order(read)
    return _share(wanted, got), _share(list(pairwise(wanted)), list(pairwise(got)))


def _share(wanted: Sequence[Any], got: Sequence[Any]) -> float:
    return (Counter(wanted) & Counter(got)).total() / max(1, len(wanted))
