"""Two releases side by side: each reads what the other has stored."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from layers.domain.breaker import CLOSED, Breaker, Mode
from layers.domain.budget import UNTOUCHED, Budget
from layers.domain.page import Fact, Word, facts_of, words_of

UPRIGHT, TURNED = Word("Total", 0.1, 0.2, 0.3, 0.4, 97.0), Word("Total", 0.1, 0.2, 0.3, 0.4, 97.0, 90)


@pytest.mark.parametrize("word", [UPRIGHT, TURNED])
def test_a_word_is_read_as_it_was_stored(word: Word) -> None:
    assert words_of([word.as_row()]) == (word,)


def test_an_upright_word_is_stored_as_older_releases_read_it() -> None:
    assert UPRIGHT.as_row() == ["Total", 0.1, 0.2, 0.3, 0.4, 97.0]


def test_what_a_newer_release_stores_beyond_ours_is_ignored() -> None:
    assert words_of([[*TURNED.as_row(), "new", 1]]) == (TURNED,)
    assert facts_of([["total", "12.00", "/Invoice/Total", "new"]]) == (Fact("total", "12.00", "/Invoice/Total"),)


@pytest.mark.parametrize("state", [replace(CLOSED, mode=Mode.OPEN, reason="refused"), replace(UNTOUCHED, part=2.0)])
def test_the_state_of_a_service_may_have_fields_of_a_newer_release(state: Breaker | Budget) -> None:
    stored: dict[str, Any] = {**state.as_json(), "new": 1}
    assert type(state).from_json(stored) == state
