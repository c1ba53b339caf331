"""Texts of rows are used again only while the row is unchanged, for a minute, and not without a bound."""

from __future__ import annotations

import pytest

from functions.api.row_texts import FORGOTTEN_AT_ONCE, KEPT_S, RowTexts


class Clock:
    now = 1200.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rows(clock: Clock) -> RowTexts:
    kept = RowTexts(now=clock)
    kept.keep([("a", "1", "row of a"), ("b", "1", "row of b")])
    return kept


def test_a_text_is_used_while_the_version_is_the_same(rows: RowTexts) -> None:
    assert rows.candidates(["c", "b", "a"]) == ["b", "a"]
    assert rows.current({"a": "1", "b": "2", "c": "1"}) == {"a": "row of a"}


def test_a_newer_text_replaces_the_one_before(rows: RowTexts) -> None:
    rows.keep([("a", "2", "new row of a")])
    assert rows.current({"a": "1"}) == {} and rows.current({"a": "2"}) == {"a": "new row of a"}


def test_addresses_in_a_row_are_signed_anew_after_a_minute(rows: RowTexts, clock: Clock) -> None:
    clock.now += KEPT_S
    assert rows.candidates(["a"]) == [] and rows.current({"a": "1"}) == {}


def test_the_oldest_texts_are_forgotten_at_the_bound(clock: Clock) -> None:
    kept = RowTexts(most=2000, now=clock)
    kept.keep((str(number), "1", "row") for number in range(2001))
    assert len(kept.candidates(list(map(str, range(2001))))) == 2001 - FORGOTTEN_AT_ONCE
    assert kept.candidates(["0", "2000"]) == ["2000"]
