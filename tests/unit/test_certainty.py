"""The probability of a value: what makes it higher and what makes it lower."""

from __future__ import annotations

import pytest

from layers.domain.extraction.candidate import Candidate
from layers.domain.extraction.certainty import Certainty, kind_of
from layers.domain.extraction.certainty_weights import SIGNS, WEIGHTS
from layers.domain.extraction.lines import Lines
from layers.domain.extraction.rules import extract
from layers.domain.extraction.sums import sums_of
from layers.domain.page import Evidence, Page, Word

SCHEMA = {
    "type": "object",
    "properties": {
        "company": {"type": "string"},
        "date": {"type": "string", "format": "date"},
        "total": {"type": "number"},
    },
}
LINES = ("ACME TOOLS SDN BHD", "Date: 25/03/2018", "Cash 20.00", "Change 10.50", "TOTAL 9.50")


def evidence(*lines: str, confidence: float = 98.0, unsure: str = "") -> dict[str, Evidence]:
    """The evidence of a page. Words of `unsure` were read with a low confidence."""
    words = tuple(
        Word(
            word,
            0.1 * at,
            0.03 * row,
            0.1 * at + 0.09,
            0.03 * row + 0.02,
            40.0 if word in unsure.split() else confidence,
        )
        for row, line in enumerate(lines)
        for at, word in enumerate(line.split())
    )
    return extract([Page(1, "\n".join(lines), words, "ocr", confidence, 800, 1000)], SCHEMA).evidence


def probability(name: str, *lines: str, confidence: float = 98.0, unsure: str = "") -> float:
    found = evidence(*lines, confidence=confidence, unsure=unsure)[name].probability
    assert found is not None
    return found


@pytest.mark.parametrize("name", ["company", "date", "total"])
def test_a_value_is_less_probable_if_its_words_were_read_with_less_confidence(name: str) -> None:
    assert probability(name, *LINES, confidence=50.0) < probability(name, *LINES, confidence=90.0)


def test_only_the_words_of_a_value_count() -> None:
    found = evidence(*LINES, unsure="TOOLS")
    assert (found["company"].confidence, found["total"].confidence) == (40.0, 98.0)
    assert found["total"].probability == evidence(*LINES)["total"].probability


def test_a_total_that_other_sums_confirm_is_more_probable() -> None:
    assert probability("total", *LINES) > probability("total", *LINES[:2], "Cash 20.00", LINES[4])


def test_a_date_whose_day_may_be_its_month_is_less_probable() -> None:
    other = ("ACME TOOLS SDN BHD", "Date: 04/03/2018", *LINES[2:])
    assert probability("date", *other) < probability("date", *LINES)


@pytest.mark.parametrize(
    ("value", "is_clean"),
    [
        ("ACME TOOLS SDN BHD", True),
        ("7-ELEVEN", True),
        ("AC_ME TOOLS SDN BHD", False),
        ("ACME T00LS SDN BHD", False),
        ("ACME 10239 TOOLS SDN BHD", False),
        ('ACME "TOOLS SDN BHD', False),
        ("ACME (TOOLS SDN BHD", False),
    ],
)
def test_a_name_with_stray_marks_or_digits_is_not_clean(value: str, is_clean: bool) -> None:
    candidate = Candidate(value, lambda: Evidence(1, value, None), 50.0)
    signs = Certainty((), lambda: sums_of(Lines(()))).signs([98.0], value, "company", candidate, [candidate])
    assert signs["clean"] == is_clean


def test_a_page_without_words_is_as_sure_as_it_was_read() -> None:
    for source, expected in (("native", 100.0), ("ocr", 60.0)):
        found = extract([Page(1, "\n".join(LINES), (), source, 60.0)], SCHEMA)  # type: ignore[arg-type]
        assert found.evidence["total"].confidence == expected


def test_each_kind_has_a_weight_for_each_sign() -> None:
    assert {len(weights) for weights in WEIGHTS.values()} == {len(SIGNS)}
    assert {kind_of(name, each) for name, each in SCHEMA["properties"].items()} < set(WEIGHTS)  # type: ignore[attr-defined]
    assert kind_of("notes", {"type": "string"}) == kind_of("pages", {"type": "integer"}) == "other"


def doubts(*lines: str, source: str = "ocr", confidence: float = 98.0) -> tuple[str, ...]:
    words = tuple(
        Word(word, 0.1 * at, 0.03 * row, 0.1 * at + 0.09, 0.03 * row + 0.02, confidence)
        for row, line in enumerate(lines)
        for at, word in enumerate(line.split())
    )
    page = Page(1, "\n".join(lines), words, source, confidence, 800, 1000)  # type: ignore[arg-type]
    return extract([page], {"properties": SCHEMA["properties"] | {"title": {"type": "string"}}}).doubtful  # type: ignore[operator]


def test_a_name_that_ocr_read_with_a_letter_missing_between_points_is_doubtful() -> None:
    assert set(doubts("MR. D.I.. (M) SDN BHD", *LINES[1:])) == {"company", "title"}
    assert doubts("MR. D.I.Y. (M) SDN BHD", *LINES[1:]) == ()
    assert doubts("MR. D.I.. (M) SDN BHD", *LINES[1:], source="native", confidence=100.0) == ()


def test_a_value_that_is_more_likely_wrong_than_right_is_doubtful() -> None:
    assert {"company", "date"} <= set(doubts(*LINES, confidence=10.0))
    assert "total" not in doubts(*LINES, confidence=10.0)  # other sums confirm it
