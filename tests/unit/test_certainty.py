"""The probability of a value: what makes it higher and what makes it lower."""

from __future__ import annotations

import pytest

from layers.domain.extraction.candidate import Candidate
from layers.domain.extraction.certainty import Certainty, kind_of
from layers.domain.extraction.certainty_weights import SIGNS, WEIGHTS
from layers.domain.extraction.lines import Lines
from layers.domain.extraction.rules import extract
from layers.domain.extraction.sums import sums_of
from layers.domain.page import Evidence, Page, Source, Word

SCHEMA = {
    "type": "object",
    "properties": {
        "company": {"type": "string"},
        "date": {"type": "string", "format": "date"},
        "total": {"type": "number"},
    },
}
LINES = ("ACME TOOLS SDN BHD", "Date: 25/03/2018", "Cash 20.00", "Change 10.50", "TOTAL 9.50")


def page(*lines: str, source: Source = "ocr", confidence: float = 98.0, unsure: str = "") -> Page:
    """A page with these lines. Words of `unsure` were read with a low confidence."""
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
    return Page(1, "\n".join(lines), words, source, confidence, 800, 1000)


def evidence(*lines: str, confidence: float = 98.0, unsure: str = "") -> dict[str, Evidence]:
    return extract([page(*lines, confidence=confidence, unsure=unsure)], SCHEMA).evidence


def probability(name: str, *lines: str, confidence: float = 98.0, unsure: str = "") -> float:
    found = evidence(*lines, confidence=confidence, unsure=unsure)[name].probability
    assert found is not None
    return found


@pytest.mark.parametrize("name", ["company", "date", "total"])
def test_a_value_is_less_probable_if_its_words_were_read_with_less_confidence(name: str) -> None:
    assert probability(name, *LINES, confidence=50.0) < probability(name, *LINES, confidence=90.0)


def test_only_the_words_of_a_value_count_for_its_confidence() -> None:
    found = evidence(*LINES, unsure="TOOLS")
    assert (found["company"].confidence, found["total"].confidence) == (40.0, 98.0)
    sure, less_sure = probability("total", *LINES), probability("total", *LINES, unsure="TOOLS")
    assert less_sure == pytest.approx(sure, abs=0.5)  # the page alone has an unsure word


def test_a_value_is_less_probable_on_a_page_with_many_unsure_words() -> None:
    assert probability("total", *LINES, unsure="ACME TOOLS SDN BHD") < probability("total", *LINES, unsure="TOOLS")


def test_a_name_is_less_probable_if_a_long_word_is_one_letter_off_from_a_known_one() -> None:
    names = ("ACME CONFECTIONERY", "ACME CONFECTIUNERY")
    usual, misread = (probability("company", name, *LINES[1:]) for name in names)
    assert misread < 50 < usual


def test_the_spelling_of_a_text_that_nobody_had_to_read_does_not_count() -> None:
    names = ("ACME CONFECTIONERY", "ACME CONFECTIUNERY")
    usual, other = (extract([page(name, *LINES[1:], source="native")], SCHEMA).evidence["company"] for name in names)
    assert usual.probability == other.probability


def test_an_unsure_word_counts_less_against_a_name_if_it_is_a_known_one() -> None:
    names = ("ACME TRADING", "ACME TRODIXG")
    known, unknown = (probability("company", name, *LINES[1:], unsure=name.split()[1]) for name in names)
    assert unknown < known


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
        ("HAI-0 RAYA BHD", False),
        ("STUDIO 10", True),
        ("ACME 10239 TOOLS SDN BHD", False),
        ('ACME "TOOLS SDN BHD', False),
        ("ACME (TOOLS SDN BHD", False),
    ],
)
def test_a_name_with_stray_marks_or_digits_is_not_clean(value: str, is_clean: bool) -> None:
    proof = Evidence(1, value, None)
    candidate = Candidate(value, lambda: proof, 50.0)
    signs = Certainty((), lambda: sums_of(Lines(()))).signs(proof, [(value, 98.0)], "company", candidate, [candidate])
    assert signs["clean"] == is_clean


def test_a_page_without_words_is_as_sure_as_it_was_read() -> None:
    for source, expected in (("native", 100.0), ("ocr", 60.0)):
        found = extract([Page(1, "\n".join(LINES), (), source, 60.0)], SCHEMA)  # type: ignore[arg-type]
        assert found.evidence["total"].confidence == expected


def test_each_kind_has_a_weight_for_each_sign() -> None:
    assert {len(weights) for weights in WEIGHTS.values()} == {len(SIGNS)}
    assert {kind_of(name, each) for name, each in SCHEMA["properties"].items()} < set(WEIGHTS)  # type: ignore[attr-defined]
    assert kind_of("notes", {"type": "string"}) == kind_of("pages", {"type": "integer"}) == "other"


def doubts(*lines: str, source: Source = "ocr", confidence: float = 98.0) -> tuple[str, ...]:
    schema = {"properties": SCHEMA["properties"] | {"title": {"type": "string"}}}  # type: ignore[operator]
    return extract([page(*lines, source=source, confidence=confidence)], schema).doubtful


def test_a_name_that_ocr_read_with_a_letter_missing_between_points_is_doubtful() -> None:
    assert set(doubts("MR. D.I.. (M) SDN BHD", *LINES[1:])) == {"company", "title"}
    assert doubts("MR. D.I.Y. (M) SDN BHD", *LINES[1:]) == ()
    assert doubts("MR. D.I.. (M) SDN BHD", *LINES[1:], source="native", confidence=100.0) == ()


def test_a_value_that_is_more_likely_wrong_than_right_is_doubtful() -> None:
    assert {"company", "date"} <= set(doubts(*LINES, confidence=10.0))
    assert "total" not in doubts(*LINES, confidence=10.0)  # other sums confirm it


@pytest.mark.parametrize(
    ("address", "is_doubtful"),
    [
        ("41400 KLANG, SELANGOR", True),
        ("LOT 12, JALAN KAPAR, 41400 KLANG, SELANGOR", False),
    ],
)
def test_an_address_of_a_postcode_and_a_town_alone_is_doubtful(address: str, is_doubtful: bool) -> None:
    schema = {"type": "object", "properties": {"address": {"type": "string"}}}
    found = extract([page("ACME TOOLS SDN BHD", address, *LINES[1:])], schema)
    assert (found.fields["address"], found.doubtful) == (address, ("address",) if is_doubtful else ())


def test_a_misread_word_of_a_name_is_corrected_where_ocr_was_unsure_and_the_name_is_doubtful() -> None:
    found = extract([page("VERBENA CONFECTIUNERY LTD", unsure="CONFECTIUNERY")], SCHEMA)
    assert found.fields["company"] == "VERBENA CONFECTIONERY LTD"
    assert found.evidence["company"].text == "VERBENA CONFECTIUNERY LTD"  # what was read
    assert "company" in found.doubtful


def test_a_word_that_ocr_was_sure_of_or_that_nobody_had_to_read_is_not_corrected() -> None:
    name = "VERBENA CONFECTIUNERY LTD"
    pages = (page(name), page(name, unsure="VERBENA"), page(name, source="native", unsure="CONFECTIUNERY"))
    assert {extract([each], SCHEMA).fields["company"] for each in pages} == {name}
