"""Cells of CSV: a text that is taken as it is would not have been changed by a closer look."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from functions.api.records import _without_formulas, cell, is_harmless


@given(st.text(st.sampled_from("aZ09 =+-@;|,\t\r\n\"'\u00a0\u200b\uff1d\ufe66\u0301([{é")))
def test_a_harmless_text_has_nothing_to_escape(text: str) -> None:
    assert cell(text) == _without_formulas(text)
    assert not is_harmless(text) or cell(text) == text
