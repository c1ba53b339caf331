"""Scores of the results: word recall, word order, reliability of the confidence, and correct fields."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any

from benchmarks.reading.engines import ReadingRun
from benchmarks.reading.truth import ITEMS, SCHEMA, Receipt, are_right, in_order, words_of
from layers.domain.extraction.rules import extract
from layers.domain.page import Page

BAD_RECALL = 0.7  # a page on which a smaller share of the words was read is a bad page
CONFIDENT = 70


def score(receipts: Sequence[Receipt], run: ReadingRun) -> dict[str, Any]:
    """A setting's scores for receipts: word recall, exact fields out of all, confidence, and seconds per page."""
    pages, count = run.pages, len(receipts)
    found = [sum((receipt.words & words_of(page.text)).values()) for receipt, page in zip(receipts, pages, strict=True)]
    recalls = [words / receipt.words.total() for words, receipt in zip(found, receipts, strict=True)]
    result: dict[str, Any] = {"recall": round(sum(found) / sum(receipt.words.total() for receipt in receipts), 3)}
    result |= field_scores([(page, receipt.fields) for page, receipt in zip(pages, receipts, strict=True)])
    if any(word.confidence < 100 for page in pages for word in page.words):  # a text layer has no confidence
        result |= _confidence(receipts, pages, recalls)
    return result | {"CPU s/page": round(run.cpu_s / count, 2), "wall s/page": round(run.wall_s / count, 2)}


def _confidence(
    receipts: Sequence[Receipt], pages: Sequence[Page], recalls: Sequence[float]
) -> dict[str, float | None]:
    auc = area([page.confidence for page in pages], [recall < BAD_RECALL for recall in recalls])
    return {"AUC of confidence for bad pages": auc, **precision_by_confidence(receipts, pages)}


def field_scores(read: Sequence[tuple[Page | Sequence[Page], Mapping[str, Any]]]) -> dict[str, str]:
    """By field, how many values the built-in rules find exactly. Each document comes with its true fields."""
    tally: dict[str, list[bool]] = {}
    for pages, truth in read:
        fields = extract([pages] if isinstance(pages, Page) else pages, SCHEMA, date.today()).fields
        rights = are_right(fields, truth)
        for name, right in (rights | {"all of them": all(rights.values())}).items():
            tally.setdefault(name, []).append(right)
    return {name: f"{sum(rights)}/{len(rights)}" for name, rights in tally.items()}


def items_found(documents: Sequence[Sequence[Page]]) -> dict[str, str]:
    """How many documents have items, and how many of the lists are confirmed by a sum that the document shows."""
    found = [extract(pages, ITEMS) for pages in documents]
    lists = [each for each in found if "items" in each.fields]
    sure = [each for each in lists if "items" not in each.doubtful]
    return {"with items": f"{len(lists)}/{len(found)}", "confirmed by a sum": f"{len(sure)}/{len(lists)}"}


def area(confidences: Sequence[float], are_bad: Sequence[bool]) -> float | None:
    """How well the confidence identifies bad pages: the probability that a bad page has a lower confidence than a good
    one (AUC). None without bad or without good pages."""
    bad = [confidence for confidence, is_bad in zip(confidences, are_bad, strict=True) if is_bad]
    good = [confidence for confidence, is_bad in zip(confidences, are_bad, strict=True) if not is_bad]
    if not bad or not good:
        return None
    return round(sum((b < g) + (b == g) / 2 for b in bad for g in good) / (len(bad) * len(good)), 3)


def precision_by_confidence(receipts: Sequence[Receipt], pages: Sequence[Page]) -> dict[str, float | None]:
    """The share of correct words among those read with a high confidence, and among the others."""
    tally: Counter[tuple[bool, bool]] = Counter()
    for receipt, page in zip(receipts, pages, strict=True):
        left = receipt.words.copy()
        for word in sorted(page.words, key=lambda word: -word.confidence):
            for part in in_order(word.text):
                tally[word.confidence >= CONFIDENT, left[part] > 0] += 1
                left[part] -= 1
    shares = {
        high: round(tally[high, True] / (tally[high, True] + tally[high, False]), 3) if tally[high, True] else None
        for high in (True, False)
    }
    return {f"correct, confidence >= {CONFIDENT}": shares[True], f"correct, confidence < {CONFIDENT}": shares[False]}


def letters_wrong(truth: str, read: str) -> float:
    """The edit distance between two texts, as a share of the letters of the first. Spaces don't count."""
    expected, actual = ("".join(text.split()) for text in (truth, read))
    row = list(range(len(actual) + 1))
    for place, letter in enumerate(expected, 1):
        before, row = row, [place]
        for index, other in enumerate(actual):
            row.append(min(before[index] + (letter != other), before[index + 1] + 1, row[index] + 1))
    return row[-1] / max(1, len(expected))


def recall_and_order(truth: str, read: str) -> tuple[float, float]:
    """The share of a text's words that were read, and the share of its neighbouring words that were read as
    neighbours."""
    expected, actual = in_order(truth), in_order(read)
    return _share(expected, actual), _share(list(pairwise(expected)), list(pairwise(actual)))


def _share(expected: Sequence[Any], actual: Sequence[Any]) -> float:
    return (Counter(expected) & Counter(actual)).total() / max(1, len(expected))
