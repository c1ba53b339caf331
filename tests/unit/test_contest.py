"""The contest: what counts as usable text and as a right value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.contest.inputs import Entry
from benchmarks.contest.scoring import Score, score

FILE = Path("a.pdf")
VALUES = {"date": "2026-03-07", "total": 7.5, "company": "Blue River Ltd"}
TEXT = "Blue River Ltd\nInvoice 7\nDate: 2026-03-07\nTotal: 7.50 EUR\n"


def test_three_quarters_of_the_known_words_are_usable() -> None:
    entry = Entry(FILE, "scan", "one two three four")
    assert score(entry, {"text": "one two four"}).is_usable
    assert not score(entry, {"text": "one two"}).is_usable


def test_of_a_file_with_unknown_words_some_are_enough() -> None:
    assert score(Entry(FILE, "document"), {"text": "sixteen letters or more"}).is_usable
    assert not score(Entry(FILE, "document"), {"text": "few - - - - - - - -"}).is_usable


@pytest.mark.parametrize("answer", [{}, {"died": True}, {"error": "locked"}])
def test_a_file_without_an_answer_has_nothing(answer: dict[str, Any]) -> None:
    assert score(Entry(FILE, "document", None, [VALUES]), answer) == Score(False, 0, 0, 3)


def test_values_that_a_system_extracts_are_taken_from_it() -> None:
    own = {"text": TEXT, "values": {"date": "2026-03-07", "total": "7.50", "company": "Red Hill"}}
    assert score(Entry(FILE, "invoice", None, [VALUES]), own) == Score(True, 2, 1, 3)


def test_without_values_the_rules_search_the_text() -> None:
    found = score(Entry(FILE, "invoice", None, [{"date": "2026-03-07", "total": 7.5}]), {"text": TEXT})
    assert (found.right, found.wrong, found.expected) == (2, 0, 2)


def test_the_best_of_several_right_readings_counts_and_a_forbidden_value_is_wrong() -> None:
    entry = Entry(FILE, "document", None, [{"total": 9.0}, {"total": 7.5}], {"date": "2026-03-07"})
    own = {"text": TEXT, "values": {"total": 7.5, "date": "2026-03-07"}}
    assert score(entry, own) == Score(True, 1, 1, 1)
