"""Scores of the contest: which files ended with usable text, and how many values are right.

A file's text is usable if it has three quarters of the words that are known to be in it, or, where they are not known, at
least some words. Values are those that a system extracted; where it extracts none, those that Fairway's rules find in
its text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.contest.inputs import FIELDS, Entry
from benchmarks.documents.scoring import LEAST_CHARACTERS, pages_of, values_of
from benchmarks.reading.scoring import recall_and_order
from benchmarks.reading.truth import are_right

LEAST_RECALL = 0.75


@dataclass(frozen=True, slots=True)
class Score:
    """The score for one file: values that are right, wrong (another value was found), and expected."""

    is_usable: bool
    right: int
    wrong: int
    expected: int


def scores(entries: Sequence[Entry], answers: Mapping[Path, Mapping[str, Any]]) -> list[Score]:
    with ProcessPoolExecutor(1) as pool:
        return list(pool.map(score, entries, [answers.get(entry.path, {}) for entry in entries]))


def score(entry: Entry, answer: Mapping[str, Any]) -> Score:
    text = str(answer.get("text") or "")
    if entry.text is not None:
        is_usable = recall_and_order(entry.text, text)[0] >= LEAST_RECALL
    else:
        is_usable = sum(map(str.isalnum, text)) >= LEAST_CHARACTERS
    if not (entry.values or entry.never):
        return Score(is_usable, 0, 0, 0)
    found = answer["values"] if "values" in answer else values_of(pages_of({"text": text}))
    judged = [_compared(found, wanted) for wanted in entry.values]
    right, wrong = max(judged, key=lambda pair: (pair[0], -pair[1]), default=(0, 0))
    wrong += sum(any(are_right(_typed(found), {name: value}).values()) for name, value in entry.never.items())
    return Score(is_usable, right, wrong, max((len(wanted) for wanted in entry.values), default=0))


def _compared(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> tuple[int, int]:
    """How many wanted values are right, and how many are there but wrong."""
    rights = are_right(_typed(found), _typed(wanted))
    wrong = sum(not is_right and found.get(name) is not None for name, is_right in rights.items())
    return sum(rights.values()), wrong


def _typed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values with totals as numbers, as `are_right` compares them."""
    typed = {name: value for name, value in values.items() if name in FIELDS}
    try:
        typed["total"] = float(typed["total"])
    except (KeyError, TypeError, ValueError):
        typed.pop("total", None)
    return typed
