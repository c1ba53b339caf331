"""Values that OCR misread: corrected where their grammar leaves one reading, and marked as doubtful."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from layers.domain.extraction.confusions import known_word, looks_like, with_digits
from layers.domain.extraction.legal_forms import with_read_form
from layers.domain.extraction.misread_words import meant_by
from layers.domain.extraction.rules import extract
from layers.domain.page import Extraction, Page, Word

TEXT, DAY, NUMBER = {"type": "string"}, {"type": "string", "format": "date"}, {"type": "number"}


def read(text: str, **properties: Any) -> Extraction:
    return extract([Page(1, text, source="ocr")], {"properties": properties}, date(2024, 6, 1))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("NO 29O, JALAN", "NO 290, JALAN"),
        ("LOT 2B1I", "LOT 2811"),
        ("Hafenweg 12B", "Hafenweg 12B"),
        ("1012ZS Amsterdam", "1012ZS Amsterdam"),
        ("K1A 0B1", "K1A 0B1"),
        ("BS1 4RW", "BS1 4RW"),
        ("SS21/60", "SS21/60"),
    ],
)
def test_letters_within_numbers_are_digits(written: str, meant: str) -> None:
    assert with_digits(written) == meant


def test_a_word_is_compared_by_the_shapes_of_its_letters() -> None:
    assert looks_like("J1n", "jln") and looks_like("Malaysla", "malaysia")
    assert not looks_like("Jan", "jln") and not looks_like("Malaysi", "malaysia")
    assert known_word("MALAYSLA", ["malaysia"]) == "MALAYSIA"
    assert known_word("Malaysia", ["malaysia"]) is None


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("ONE SEAFOOD RESTAURANT SDN DHD", "ONE SEAFOOD RESTAURANT SDN BHD"),
        ("Chef Lee Sun Bhd", "Chef Lee Sdn Bhd"),
        ("99 SPEED MART 5/B", "99 SPEED MART S/B"),
        ("Hafen 6MBH", "Hafen Gmbh"),
        ("Nordsee GM8H", "Nordsee GMBH"),
        ("Acme Trading Pte Lto", "Acme Trading Pte Ltd"),
        ("BEMED (SP) SDN. BHD. P", "BEMED (SP) SDN. BHD."),
        ("Kookaburra Coffee Pty Ltd", "Kookaburra Coffee Pty Ltd"),
        ("Smith & Son Ltd", "Smith & Son Ltd"),
        ("Müller GmbH & Co. KG", "Müller GmbH & Co. KG"),
    ],
)
def test_a_misread_legal_form_at_the_end_of_a_name_is_corrected(written: str, meant: str) -> None:
    assert with_read_form(written).lower() == meant.lower()


def test_a_corrected_name_or_address_is_doubtful_and_its_evidence_shows_what_was_read() -> None:
    found = read("ACME TOOLS SDN DHD\nNO 29O, JALAN BESAR\n45600 BATANG\nCASH", company=TEXT, address=TEXT)
    assert found.fields == {"company": "ACME TOOLS SDN BHD", "address": "NO 290, JALAN BESAR 45600 BATANG"}
    assert set(found.doubtful) == {"company", "address"}
    assert found.evidence["company"].text == "ACME TOOLS SDN DHD"
    assert "29O" in found.evidence["address"].text


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("01:34PM 568017 05 02-18", "2018-02-05"),
        ("27032018 No. CS-20242", "2018-03-27"),
        ("Date: O6/0l/2O18", "2018-01-06"),
        ("Datum 2018.03 27", "2018-03-27"),
        ("Tel 05 02-18 44", None),
        ("rows 1 2 12 and 3 4 10", None),
        ("order 99999999", None),
        ("12:30:45", None),
    ],
)
def test_a_damaged_date_is_read_if_there_is_no_other_and_is_doubtful(line: str, expected: str | None) -> None:
    found = read(f"Corner shop\n{line}\nTotal 3.00", date=DAY)
    assert found.fields.get("date") == expected
    assert ("date" in found.doubtful) == (expected is not None)


def test_a_damaged_date_never_replaces_one_that_was_read() -> None:
    assert read("27032018\nDate: 28/03/2018", date=DAY).fields["date"] == "2018-03-28"


@pytest.mark.parametrize(
    ("line", "expected"),
    [("NET TOTAL : 19-80", 19.8), ("Total 21 20", 21.2), ("TOTAL RM l9.8O", 19.8), ("Total due: 3_50", 3.5)],
)
def test_an_amount_with_a_misread_point_behind_a_label_is_doubtful(line: str, expected: float) -> None:
    found = read(f"Corner shop\n{line}", total=NUMBER)
    assert found.fields == {"total": expected}
    assert found.doubtful == ("total",)


@pytest.mark.parametrize(
    ("read_as", "expected"), [("7T.90", 71.9), ("7T.9O", 71.9), ("T1.90", 71.9), ("8T.90", None), ("7T.80", None)]
)
def test_a_letter_in_a_total_is_the_digit_that_payment_and_change_show(read_as: str, expected: float | None) -> None:
    found = read(f"Corner shop\nTOTAL RM {read_as}\nCASH   RM 72.00\nCHANGE   RM 0.10", total=NUMBER)
    assert found.fields.get("total") == expected
    assert ("total" in found.doubtful) == (expected is not None)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("tota1", "total"),
        ("lotal", "total"),
        ("subt0t31", "subtotal"),
        ("ciange", "change"),
        ("chanige", "change"),
        ("adjugtment", "adjustment"),
        ("total", None),
        ("charge", None),
        ("coral", None),
        ("metal", None),
        ("11111", None),
    ],
)
def test_a_misread_word_beside_a_sum_is_the_known_word_that_is_one_letter_away(written: str, meant: str | None) -> None:
    assert meant_by(written, is_sure=False) == meant


def test_a_surely_read_word_of_letters_is_what_it_says() -> None:
    assert meant_by("lotal", is_sure=True) is None
    assert meant_by("tota1", is_sure=True) == "total"


def of_words(*lines: str, confidence: float = 90.0, unsure: str = "") -> Extraction:
    """The total of a page whose words have this confidence, and those of `unsure` a lower one."""
    words = tuple(
        Word(word, 0.15 * at, 0.03 * row, 0.15 * at + 0.14, 0.03 * row + 0.02, 40.0 if word in unsure.split() else confidence)
        for row, line in enumerate(lines)
        for at, word in enumerate(line.split())
    )  # fmt: skip
    page = Page(1, "\n".join(lines), words, "ocr", confidence, 800, 1000)
    return extract([page], {"properties": {"total": NUMBER}})


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("Corner shop", "Fries 6.80", "Tota1 Rounded 18.90", "Cash 50.00", "Ch4nge 31.10"), 18.9),
        (("Corner shop", "Total Sales 20.90", "CASH 21.00", "CHANGE .10"), 20.9),
        (("Corner shop", "TakeOut 18.90", "Cash 50.00", "Change 31.10", "TOTAL INCLUDES 6% CST 1.07"), 18.9),
        (("Corner shop", "Total (Inclusive of GST) 65.53", "Rounding 0.02", "VISA 65.55"), 65.55),
        (("Corner shop", "Tea 11.25", "Pagsent -20.00", "Cash -20.00", "Change 8.75"), 11.25),
    ],
)
def test_the_total_is_found_beside_misread_words_and_by_other_sums(lines: tuple[str, ...], expected: float) -> None:
    assert of_words(*lines).fields == {"total": expected}


def test_of_totals_that_differ_the_one_that_more_lines_show_counts() -> None:
    lines = ("Corner shop", "Total Amount 234.40", "Credit Card 234.40", "Total Amount Collected 239.40")
    assert of_words(*lines).fields == {"total": 234.4}


def test_of_totals_that_differ_the_surely_read_one_counts() -> None:
    lines = ("Corner shop", "Tea 3.00", "Total 9.20", "Total 0.28")
    assert of_words(*lines).fields == {"total": 0.28}
    assert of_words(*lines, unsure="0.28").fields == {"total": 9.2}


def test_a_total_without_its_decimal_point_is_doubtful_and_gets_it_back_if_the_bill_shows_the_sum() -> None:
    with_sum = of_words("Corner shop", "SUB TOTAL 7.70", "GRAND TOTAL 770", "CASH 8.00")
    assert (with_sum.fields, with_sum.doubtful) == ({"total": 7.7}, ("total",))
    without = of_words("Corner shop", "Tea 7.70", "Sugar 1.20", "GRAND TOTAL 8900")
    assert (without.fields, without.doubtful) == ({"total": 8900.0}, ("total",))
    native = of_words("Corner shop", "SUB TOTAL 7.70", "GRAND TOTAL 770", confidence=100.0)
    assert native.fields == {"total": 770.0} and not native.doubtful


def test_without_a_label_the_largest_amount_that_several_lines_show_is_a_doubtful_total() -> None:
    found = of_words("Corner shop", "2 Tea 9.90 19.80", "19.80", "x 18.68")
    assert (found.fields, found.doubtful) == ({"total": 19.8}, ("total",))
    assert not of_words("Corner shop", "2 Tea 9.90 19.80", "19.80", confidence=100.0).fields


def test_a_total_behind_a_loose_dash_is_doubtful() -> None:
    assert of_words("Corner shop", "Total Payable: — 60.24").doubtful == ("total",)
    assert of_words("Corner shop", "Total Payable: -60.24").doubtful == ()


PAID = ("CASH 101.00", "CHANGE 0.10")
TAXED = ("Total Sales (Excluding GST) 95.17", "Total GST 5.71", "Rounding 0.02")


@pytest.mark.parametrize(
    "lines, expected, is_doubtful",
    [
        # Payment less change, and net sum plus tax, make 100.90.
        (("Total Sales (Inclusive of GST) 100.00", *PAID, *TAXED), 100.9, True),
        (("Total Sales (Inclusive of GST) 100.90", *PAID, *TAXED), 100.9, False),
        # One sum alone may be the misread one.
        (("Total 100.00", *PAID), 100.0, True),
        # Two lines show the total, so that the change was misread.
        (("Total 100.00", "Amount due 100.00", *PAID), 100.0, False),
        # More digits differ: the lines belong to something else.
        (("Total 86.40", *PAID, *TAXED), 86.4, False),
        # Less than a coin of ten cents is rounding.
        (("Total 100.97", *PAID), 100.97, False),
    ],
)
def test_a_total_with_another_digit_than_other_sums_make_is_doubtful_and_two_sums_restore_it(
    lines: tuple[str, ...], expected: float, is_doubtful: bool
) -> None:
    found = of_words("Corner shop", *lines)
    assert (found.fields["total"], "total" in found.doubtful) == (expected, is_doubtful)


def test_the_total_of_a_text_that_no_ocr_has_read_is_never_changed_by_other_sums() -> None:
    found = of_words("Corner shop", "Total 100.00", *PAID, *TAXED, confidence=100.0)
    assert (found.fields["total"], found.doubtful) == (100.0, ())
