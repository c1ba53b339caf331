"""Rich Text is read as a person sees it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.decoders.rich_text import text_of_markup


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        (rb"{\rtf1\ansi Hello\par World}", "Hello\nWorld"),
        (rb"{\rtf1\ansi A\tab B\line C}", "A\tB\nC"),
        (rb"{\rtf1\ansi\ansicpg1252 Caf\'e9 \u8364?9}", "Café €9"),
        (rb"{\rtf1\ansi\uc2 \u8364\'80\'809}", "€9"),
        (rb"{\rtf1\ansi\uc1 \u-10179?\u-8704?}", "\U0001f600"),
        (rb"{\rtf1\ansi\ansicpg1251 \'d1\'f7\'b8\'f2}", "Счёт"),
        (rb"{\rtf1\ansi{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset128 Gothic;}}\f1 \'90\'bf\'8b\'81\f0  A}", "請求 A"),
        (rb"{\rtf1{\stylesheet{\s0 Normal;}}{\info{\title No}}{\*\generator X;}Yes}", "Yes"),
        (rb"{\rtf1{\footer End\par}{\header Start\par}Middle\par}", "Start\nMiddle\nEnd"),
        (rb"{\rtf1 Shown{\v hidden} and{\deleted gone} here}", "Shown and here"),
        (rb"{\rtf1\trowd A\cell B\cell\row\trowd C\cell D\cell\row}", "A\tB\nC\tD"),
        (rb'{\rtf1{\field{\*\fldinst HYPERLINK "http://a"}{\fldrslt link}} text}', "link text"),
        (rb"{\rtf1{\pict\pngblip 89504e47}after}", "after"),
        (rb"{\rtf1{\pict\bin4 }{\\}after}", "after"),
        (rb"{\rtf1{\shp{\*\shpinst{\sp{\sn a}{\sv 1}}{\shptxt In a box\par}}}Outside}", "In a box\nOutside"),
        (rb"{\rtf1 A\~B\_C\-D \{E\} F\\G}", "A\u00a0B\u2011CD {E} F\\G"),
        (b"{\\rtf1 one\r\ntwo\\\nthree}", "onetwo\nthree"),
        (b"\xef\xbb\xbf{\\rtf1 after a mark}", "after a mark"),
        (rb"{\rtf1 open {\b group", "open group"),
        (rb"{\rtf1 closed}} too often", "closed too often"),
    ],
)
def test_a_document_has_its_visible_text(markup: bytes, text: str) -> None:
    assert text_of_markup(markup) == text


def test_what_is_no_rich_text_is_refused() -> None:
    with pytest.raises(ValueError, match="no Rich Text"):
        text_of_markup(b"\\rtf1 Hello")
    with pytest.raises(ValueError, match="too deep"):
        text_of_markup(b"{\\rtf1 " + b"{" * 5000)


@given(st.lists(st.sampled_from([*r"{}\'*u-8;1aé ", r"\par", r"\u99", r"\'e", r"\bin3", r"\fonttbl", r"\*", "\n"])))
def test_no_markup_breaks_the_reader(pieces: list[str]) -> None:
    assert isinstance(text_of_markup(b"{\\rtf1" + "".join(pieces).encode()), str)
