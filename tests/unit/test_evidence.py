"""Evidence: which values are in a text, where, and which are not."""

from __future__ import annotations

from typing import Any

import pytest

from layers.domain.extraction.evidence import WindowIndex
from layers.domain.extraction.verification import verify
from layers.domain.extraction.windows import Span, Window, whole
from layers.domain.page import Extraction, Page, Word

NUMBER, TEXT, DAY = {"type": "number"}, {"type": "string"}, {"type": "string", "format": "date"}


def page(text: str, number: int = 1, confidence: float = 90.0) -> Page:
    """A page whose words are on a grid: columns and lines are a tenth of the page apart."""
    words = []
    for row, line in enumerate(text.splitlines()):
        for column, word in enumerate(line.split()):
            words.append(Word(word, column * 0.1, row * 0.1, column * 0.1 + 0.09, row * 0.1 + 0.05, confidence))
    return Page(number, text, tuple(words), "ocr", confidence, 1.0, 1.0)


def shows(text: str, value: Any, schema: dict[str, Any]) -> list[str]:
    index = WindowIndex(whole([page(text)]))
    return [index.evidence(hit).text for hit in index.hits(value, schema)]


def verified(text: str, answer: dict[str, Any], **properties: Any) -> Extraction:
    return verify(answer, {"type": "object", "properties": properties}, whole([page(text)]))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Total 1,234.50", 1234.5),
        ("Total 1.234,50 EUR", 1234.5),
        ("Total 1 234,50", 1234.5),
        ("Total 1'234.50", 1234.5),
        ("Total 1\u00a0234,50", 1234.5),
        ("Total 12,34,567.00", 1234567),
        ("Total RM9.00", 9),
        ("TOTAL\n9.00\nCASH", 9),
        ("Total $9.00", 9.0),
        ("Total 9. 00", 9.0),
        ("Total 1O.5O", 10.5),
        ("1.234", 1234),
        ("1.234", 1.234),
        ("Discount -5.00", -5.0),
        ("Discount (5.00)", -5.0),
        ("Discount 5.00-", -5.0),
        ("VAT 19 %", 0.19),
        ("VAT 19%", 19),
        ("Revenue 1.5 million", 1_500_000),
        ("2x Coffee", 2),
        ("weight 3kg", 3),
    ],
)
def test_a_number_is_found_in_every_usual_notation(text: str, value: float) -> None:
    assert shows(text, value, NUMBER)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Total 1,234.50", 1234.0),
        ("Total 1,234.50", 234.5),
        ("Total 12,50", 1250),
        ("INV9", 9),
        ("Total 100.00", -100.0),
        ("Total 10.00", 1.0),
        ("Total 10.00", 0.1),
        ("Total 1.50 and 2.50", 4.0),
        ("192.168.10.1", 192168101),
        ("12/03/2024 10:30", 12),
        ("12/03/2024 10:30", 30),
        ("Room A-17", 17),
        ("no number", 1),
        ("no number", 10**400),
    ],
)
def test_a_number_that_the_text_does_not_contain_is_not_found(text: str, value: float) -> None:
    assert not shows(text, value, NUMBER)


def test_an_integer_may_be_part_of_a_date_or_a_code() -> None:
    assert shows("12/03/2024", 2024, {"type": "integer"}) and shows("A-17", 17, {"type": "integer"})


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-05", "05.03.2024", "5/3/2024", "3/5/2024", "05/03/24", "5 March 2024", "March 5, 2024", "5th of March, 2024",
        "5. März 2024", "5 mars 2024", "05-MAR-24", "05MAR2024", "5 de marzo de 2024", "2024年3月5日", "20240305",
        "2024-03-05T10:00:00Z", "Tue, 5 Mar 2024", "5 March\n2024",
    ],
)  # fmt: skip
def test_a_date_is_found_in_every_usual_form(text: str) -> None:
    assert shows(f"Date: {text} 10:30", "2024-03-05", DAY)


@pytest.mark.parametrize(
    "text", ["6 March 2024", "5 March 2025", "5 April 2024", "March 2024", "2024", "15/03/2024", ""]
)
def test_a_different_date_is_not_found(text: str) -> None:
    assert not shows(f"Date: {text}", "2024-03-05", DAY)


@pytest.mark.parametrize(
    ("text", "value", "as_read"),
    [
        ("ACME  Trading\nSdn. Bhd.", "Acme Trading Sdn Bhd", "ACME Trading Sdn. Bhd"),
        ("Invoice no. INV-2023/08", "INV-2023/08", "INV-2023/08"),
        ("ex-\namination fee", "Examination", "ex- amination"),
        ("Müller & Söhne", "Muller & Sohne", "Müller & Söhne"),
        ("Call +60 3-8076 1234", "+60380761234", "60 3-8076 1234"),
        ("Straße 5", "strasse 5", "Straße 5"),
        ("株式会社東京", "東京", "東京"),
        ("12 High Street      Invoice 7\nLondon     Date", "12 High Street London", "12 High Street Invoice 7 London"),
    ],
)
def test_a_text_is_found_despite_different_spaces_hyphens_case_and_accents(text: str, value: str, as_read: str) -> None:
    assert shows(text, value, TEXT)[0] == as_read


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("party", "art"),
        ("A company", "ACME"),
        ("Total 9.00", "1"),
        ("one two", "two one"),
        ("", "x"),
        ("London", "Paris"),
    ],
)
def test_a_text_that_the_page_does_not_contain_is_not_found(text: str, value: str) -> None:
    assert not shows(text, value, TEXT)


@pytest.mark.parametrize(
    ("text", "code", "is_shown"),
    [
        ("9.00 €", "EUR", True),
        ("$ 9", "SGD", True),
        ("RM 9", "MYR", True),
        ("9 EUR", "EUR", True),
        ("9 €", "USD", False),
    ],
)
def test_a_currency_is_found_by_its_sign_or_code(text: str, code: str, is_shown: bool) -> None:
    assert bool(shows(text, code, TEXT)) is is_shown


def test_evidence_has_the_page_the_words_their_box_and_their_confidence() -> None:
    found = verify(
        {"total": 9.0},
        {"properties": {"total": NUMBER}},
        whole([page("first"), page("Thank you\nGrand Total 9.00", 2, confidence=64.0)]),
    )
    proof = found.evidence["total"]
    assert (proof.page, proof.text, proof.confidence) == (2, "9.00", 64.0)
    assert proof.box == pytest.approx((0.2, 0.1, 0.29, 0.15))


def test_the_place_beside_the_label_is_preferred_to_other_places() -> None:
    text = "Subtotal 9.00\nTotal 9.00\nCash 9.00"
    assert verified(text, {"total": 9}, total=NUMBER).evidence["total"].at == text.index("Total 9.00") + 6
    labelled = {"type": "number", "x-labels": ["Cash"]}
    assert verified(text, {"paid": 9}, paid=labelled).evidence["paid"].at == text.index("Cash 9.00") + 5


def test_values_that_the_text_does_not_show_are_dropped_and_reported() -> None:
    found = verified("Total 9.00", {"total": 1, "title": "ACME"}, total=NUMBER, title=TEXT)
    assert (found.fields, found.dropped, found.evidence) == ({}, ("total", "title"), {})


@pytest.mark.parametrize(
    "schema", [{"type": "boolean"}, {"type": "string", "enum": ["yes"]}, {"type": "string", "x-evidence": False}]
)
def test_booleans_enums_and_properties_without_x_evidence_need_no_evidence(schema: dict[str, Any]) -> None:
    value = True if schema["type"] == "boolean" else "yes"
    found = verified("nothing of it", {"one": value}, one=schema)
    assert (found.fields, found.dropped) == ({"one": value}, ())


def test_a_required_value_that_is_not_shown_is_missing_and_not_also_dropped() -> None:
    schema = {"properties": {"title": TEXT, "total": NUMBER}, "required": ["title", "total"]}
    found = verify({"title": "ACME"}, schema, whole([page("Total 9.00")]))
    assert (found.missing, found.dropped, found.is_complete) == (("title", "total"), (), False)


ITEMS = {
    "type": "array",
    "items": {"type": "object", "required": ["name"], "properties": {"name": TEXT, "price": NUMBER}},
}
MENU = "Coffee 3.00\nTea 2.00\nCoffee 3.00\nTotal 8.00"


def test_equal_items_have_different_positions_and_a_surplus_item_is_dropped() -> None:
    coffee = {"name": "Coffee", "price": 3.0}
    found = verified(MENU, {"items": [coffee, coffee, coffee]}, items=ITEMS)
    assert found.fields == {"items": [coffee, coffee]}
    assert [found.evidence[f"items[{n}].price"].at for n in (0, 1)] == [7, MENU.rindex("3.00")]
    assert found.dropped == ("items[2]",)


def test_the_evidence_of_an_items_parts_is_from_the_same_line() -> None:
    items = [{"name": "Tea", "price": 2.0}, {"name": "Coffee", "price": 3.0}]
    found = verified("Coffee 2.00\nTea 2.00\nCoffee 3.00", {"items": items}, items=ITEMS)
    assert found.evidence["items[0].price"].at == len("Coffee 2.00\nTea ")
    assert found.evidence["items[1].name"].at == len("Coffee 2.00\nTea 2.00\n")


def test_only_the_shown_parts_of_an_item_are_kept() -> None:
    found = verified(MENU, {"items": [{"name": "Tea", "price": 7.5}, {"name": "Cake", "price": 2.0}]}, items=ITEMS)
    assert found.fields == {"items": [{"name": "Tea"}, {"price": 2.0}]}
    assert (found.dropped, found.missing) == (("items[0].price",), ("items[1].name",))


def test_text_outside_the_window_is_no_evidence() -> None:
    two_lines = page("Total 9.00\nTotal 7.00")
    window = Window((Span(two_lines, 0, 11),))
    assert verify({"total": 7}, {"properties": {"total": NUMBER}}, window).dropped == ("total",)


def test_properties_that_the_schema_does_not_name_are_left_out() -> None:
    assert verified("Total 9.00", {"total": 9, "other": 9}, total=NUMBER).fields == {"total": 9}
