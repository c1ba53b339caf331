"""Scores of a reader: how much of the known text it read, and how many known values are found in its text.

Fairway's rules search the text of every reader for the values, so that only the reading differs. They get the text of
Fairway in pages, and that of a peer as one page.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any

from benchmarks.documents.inputs import Document
from benchmarks.documents.readers import Reading
from benchmarks.reading.scoring import recall_and_order
from layers.domain.extraction.rules import extract
from layers.domain.extraction.segments import documents_of
from layers.domain.extraction.structured import with_facts
from layers.domain.page import Page, pages_as_read
from tests.acceptance.expectations import SCHEMA, is_same, starts_with

LEAST_CHARACTERS = 16
MOST_CHARACTERS = 1_000_000


@dataclass(frozen=True, slots=True)
class Score:
    """The score for one document. `recall` is None where its text is not known."""

    recall: float | None
    right: int
    wrong: int
    expected: int
    has_text: bool


def scores(documents: Sequence[Document], reading: Reading, pool: ProcessPoolExecutor) -> list[Score]:
    return list(pool.map(score, documents, reading.answers))


def score(document: Document, answer: Mapping[str, Any]) -> Score:
    pages = pages_of(answer)
    text = "\n".join(page.text for page in pages)
    recall = recall_and_order(document.text, text)[0] if document.text is not None else None
    found = values_of(pages) if document.values or document.never else {}
    best = max((_compared(wanted, found) for wanted in document.values), default=(0, 0))
    wrong = best[1] + sum(_is_taken(found.get(name), value) for name, value in document.never.items())
    expected = max((len(wanted) for wanted in document.values), default=0)
    return Score(recall, best[0], wrong, expected, _count(text) >= LEAST_CHARACTERS)


def pages_of(answer: Mapping[str, Any]) -> list[Page]:
    if "pages" in answer:
        return [page for page in pages_as_read(answer["pages"]) if page.source]
    text = str(answer.get("text") or "")[:MOST_CHARACTERS]
    return [Page(1, text, source="native", confidence=100.0)] if text.strip() else []


def values_of(pages: Sequence[Page]) -> dict[str, Any]:
    """The values of a file's record. If the file contains several documents, these are the values that all share."""
    records = [
        dict(with_facts(extract(document, SCHEMA, date.today()), document, SCHEMA).fields)
        for document in documents_of(pages)
    ]
    first, *others = records
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}


def _compared(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> tuple[int, int]:
    """How many wanted values were found, and how many differ from the found ones."""
    right = sum(name in found and is_same(found[name], value) for name, value in wanted.items())
    return right, sum(name in found for name in wanted) - right


def _is_taken(found: Any, never: Any) -> bool:
    return found is not None and (is_same(found, never) or (isinstance(never, str) and starts_with(found, never)))


def _count(text: str) -> int:
    return sum(character.isalnum() for character in text)


def row(name: str, reading: Reading, own: Sequence[Score], read_by_any: Sequence[bool]) -> dict[str, str]:
    """A row of the table. A reader has lost a document if it read hardly any text of it, and another reader did."""
    known = [score.recall for score in own if score.recall is not None]
    right, expected = sum(score.right for score in own), sum(score.expected for score in own)
    lost = sum(by_any and not score.has_text for score, by_any in zip(own, read_by_any, strict=True))
    return {
        "reader": name,
        f"text recall ({len(known)} files)": f"{sum(known) / max(1, len(known)):.3f}",
        "values right": f"{right} of {expected}",
        "values wrong": str(sum(score.wrong for score in own)),
        f"files lost of {len(own)}": str(lost),
        "crashed or too long": str(reading.deaths),
        "CPU seconds a file": f"{reading.cpu_s / len(own):.2f}",
    }


def details(documents: Sequence[Document], reading: Reading, own: Sequence[Score]) -> list[dict[str, Any]]:
    """The results for each document, for a closer look."""
    return [
        {
            "path": str(document.path),
            "error": answer.get("error") or ("died" if answer.get("died") else None),
            "found": json.loads(json.dumps(values_of(pages_of(answer)), default=str)) if document.values else None,
            "score": [score.recall, score.right, score.wrong, score.expected, score.has_text],
        }
        for document, answer, score in zip(documents, reading.answers, own, strict=True)
    ]
