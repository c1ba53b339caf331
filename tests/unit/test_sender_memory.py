"""The memory of senders: what is corrected, what is left alone, and what becomes doubtful."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from layers.domain.extraction.rules import extract
from layers.domain.learning import memory
from layers.domain.learning.certainty import rated
from layers.domain.learning.likeness import letters_likeness, likeness, share_shown, trigrams
from layers.domain.learning.memory import Example, Recall, recall
from layers.domain.learning.properties import sender_properties, sender_values
from layers.domain.learning.rewording import reworded
from layers.domain.learning.sender_keys import is_identifying, keys_of_text, keys_of_values
from layers.domain.learning.senders import alike, senders_of
from layers.domain.page import Evidence, Page, Word

SCHEMA = {
    "type": "object",
    "properties": {"company": {"type": "string"}, "address": {"type": "string"}, "total": {"type": "number"}},
}
NAME, ADDRESS = "LIAN HING STATIONERY SDN BHD", "NO. 32 & 33, JALAN SR 1/9, 43300 SERI KEMBANGAN, SELANGOR"
REST = ["TEL: 03-5886 4100", "TAX INVOICE", "Pen 2.00", "TOTAL 2.00"]


def page(*lines: str, confidence: float = 80.0, source: Any = "ocr") -> Page:
    """A page with these lines, whose words were read with one confidence."""
    words = [
        Word(word, 0.1 * at, 0.03 * row, 0.1 * at + 0.09, 0.03 * row + 0.02, confidence)
        for row, line in enumerate(lines)
        for at, word in enumerate(line.split())
    ]
    return Page(1, "\n".join(lines), tuple(words), source, confidence, 800, 1000)


def example(company: str = NAME, address: str = ADDRESS, *, lines: list[str] | None = None) -> Example:
    values = {"company": company, "address": address}
    keys = keys_of_text(lines or [company, address, *REST]) | keys_of_values(values)
    return Example(values, keys)


def recalled(shown: Page, *examples: Example) -> Recall:
    """What the memory makes of a page. Each example has only the keys that it shares with the page."""
    keys = keys_of_text(shown.text.splitlines())
    shared = [known._replace(keys=known.keys & keys) for known in examples]
    return recall(extract([shown], SCHEMA), [shown], SCHEMA, shared)


# --- likeness ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("read", "known", "is_like"),
    [
        ("LAN HING STATIONERY SDN BHD", NAME, True),
        ("LlAN HlNG STATI0NERY 5DN BHD", NAME, True),
        ("LIAN HING STATIONERYSDN BHD", NAME, True),  # a space was lost
        ("LIAN HING STATIONERY", NAME, False),
        ("LIAN SENG STATIONERY SDN BHD", NAME, False),  # half of a word differs
        ("KIAN FATT HARDWARE SDN BHD", NAME, False),
        ("NO 29O, JALAN AIR PANAS", "NO 290, JALAN AIR PANAS", True),
        ("NO 291, JALAN AIR PANAS", "NO 290, JALAN AIR PANAS", False),
        ("Müller & Söhne GmbH", "MULLER & SOHNE GMBH", True),
        ("", NAME, False),
    ],
)
def test_a_misread_value_is_like_the_known_one_and_other_values_are_not(read: str, known: str, is_like: bool) -> None:
    assert (likeness(read, known) >= 0.75) == is_like


def test_figures_that_differ_make_values_different_whatever_the_letters() -> None:
    assert letters_likeness("JALAN SS21/60 PETALING JAYA", "JALAN SS21/61 PETALING JAYA") == 0.0


def test_a_text_shows_a_value_that_is_spread_over_its_lines() -> None:
    assert share_shown(NAME, trigrams("LIAN HING\nSTATIONERY SDN BHD")) == 1.0
    assert share_shown(NAME, trigrams("KIAN FATT HARDWARE")) < 0.2


# --- keys --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("TEL: 03-5886 4100", "n:58864100"),
        ("GST ID : 002139201536", "n:39201536"),
        ("(123456-X)", "n:123456"),
        ("info@acme-tools.de", "d:acme-tools.de"),
        ("www.acme-tools.de", "d:acme-tools.de"),
        ("USt-IdNr. DE 812345678", "n:12345678"),
    ],
)
def test_a_number_or_a_domain_identifies_a_sender(line: str, key: str) -> None:
    assert {found for found in keys_of_text([line]) if is_identifying(found)} == {key}


@pytest.mark.parametrize(
    "line",
    [
        "Invoice no. 2024001234",
        "12/03/2024 14:55",
        "TOTAL 1,234,567.89",
        "shop@gmail.com",
        "43300 SERI KEMBANGAN",
        "Card 4111111111111111",
    ],
)
def test_what_differs_between_documents_or_belongs_to_everybody_identifies_nobody(line: str) -> None:
    assert not [found for found in keys_of_text([line]) if is_identifying(found)]


def test_words_have_the_same_key_with_letters_that_ocr_confuses() -> None:
    assert keys_of_text(["STATI0NERY"]) == keys_of_text(["Stationery"])


# --- properties --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "is_of_sender"),
    [("company", True), ("vendorAddress", True), ("iban", True), ("vat_number", True), ("customer", False),
     ("customer_address", False), ("invoice_number", False), ("notes", False), ("shipping_address", False)],
)  # fmt: skip
def test_only_properties_of_the_sender_are_remembered(name: str, is_of_sender: bool) -> None:
    assert (sender_properties({"properties": {name: {"type": "string"}}}) == (name,)) == is_of_sender


def test_only_texts_are_remembered() -> None:
    assert sender_values({"company": "ACME", "address": None, "total": 2.0}, SCHEMA) == {"company": "ACME"}
    assert not sender_properties({"properties": {"company": {"enum": ["A"]}, "shop": {"type": "number"}}})


# --- memory ------------------------------------------------------------------------------------------


def test_a_misread_name_becomes_the_known_one_and_keeps_its_evidence() -> None:
    found, states = recalled(page("LlAN HING STATIONERY SDN BHD", ADDRESS, *REST), example())
    assert (found.fields["company"], states["company"]) == (NAME, "corrected")
    assert found.evidence["company"].text == "LlAN HING STATIONERY SDN BHD"
    assert found.remembered == ("company",)


def test_a_known_name_that_the_rules_missed_is_taken_from_the_head() -> None:
    lines = ["WELCOME TO OUR SHOP", "LIAN HING", "STATIONERY SDN BHD", ADDRESS, *REST]
    found, states = recalled(page(*lines), example(lines=lines))
    assert (found.fields["company"], states["company"]) in [(NAME, "taken"), (NAME, "same")]
    proof = found.evidence["company"]
    assert "LIAN HING" in proof.text and "STATIONERY SDN BHD" in proof.text and proof.box is not None


def test_nothing_is_taken_that_the_document_does_not_show() -> None:
    """Only its telephone number says that this may be the known sender."""
    shown = page("SUPER TRADING", "12 OTHER ROAD, 50000 KUALA LUMPUR", *REST, confidence=88.0)
    found, states = recalled(shown, example())
    assert found.fields["company"] == "SUPER TRADING"
    assert not states and not found.doubtful  # one example is too little for a contradiction


def test_a_sender_that_differs_from_what_is_known_of_its_number_is_doubtful() -> None:
    shown = page("SUPER TRADING", "12 OTHER ROAD, 50000 KUALA LUMPUR", *REST)
    found, states = recalled(shown, example(), example())
    assert found.fields["company"] == "SUPER TRADING"
    assert (states["company"], "company" in found.doubtful) == ("contradicted", True)


def test_a_number_that_several_senders_share_contradicts_nobody() -> None:
    shown = page("SUPER TRADING", "12 OTHER ROAD, 50000 KUALA LUMPUR", *REST)
    others = [example("KIAN FATT HARDWARE", "LOT 1, TAMAN JAYA, 43000 KAJANG", lines=REST)] * 2
    _, states = recalled(shown, example(), example(), *others)
    assert "company" not in states


def test_one_mistyped_correction_does_not_spread_over_surely_read_values() -> None:
    shown = page(NAME, ADDRESS, "TEL: 03-1111 2222", confidence=99.0)
    found, states = recalled(shown, example("LIAN HlNG STATIONARY SDN BHD", lines=["LIAN HING STATIONERY SDN BHD"]))
    assert (found.fields["company"], states["company"]) == (NAME, "contradicted")
    assert "company" in found.doubtful


def test_what_several_people_confirmed_wins_over_one_mistyped_correction() -> None:
    shown = page("LIAN HING STATl0NERY SDN BHD", ADDRESS, *REST)
    found, _ = recalled(shown, example("LIAN HING STATIONARY SDN BHD"), example(), example())
    assert found.fields["company"] == NAME


def test_another_branch_keeps_its_own_address() -> None:
    other = "LOT 7, JALAN BESAR 9, 50000 KUALA LUMPUR"
    found, _ = recalled(page(NAME, other, *REST), example())
    assert found.fields["address"] == other


def test_misread_words_of_a_branch_are_corrected_and_its_own_words_stay() -> None:
    shown = "NO. 32 & 33, JALAN SR 1/9, 43300 SERL KEMBANGAN, SELANGOR BRANCH 1317 TRILLIUM"
    other = "NO. 32 & 33, JALAN SR 1/9, 43300 SERI KEMBANGAN, SELANGOR BRANCH 1245 HARTAMAS"
    found, states = recalled(page(NAME, shown, *REST), example(address=other))
    assert found.fields["address"] == shown.replace("SERL", "SERI")
    assert states["address"] == "corrected"


@pytest.mark.parametrize(
    ("read", "is_doubtful"),
    [
        ("LOT 9, JALAN BESAR 4, TAMAN MAJU", True),
        ("LOT 9, JALAN BESAR 4, TAMAN MAJU 43300 KAJANG SELANGOR", False),
        ("LOT 8, JALAN BESAR 4, TAMAN MAJU", False),
    ],
)
def test_a_value_that_is_only_the_beginning_of_a_known_one_is_doubtful(read: str, is_doubtful: bool) -> None:
    known = "LOT 9, JALAN BESAR 4, TAMAN MAJU 43300 KAJANG SELANGOR 1317 TRILLIUM"
    found = extract([page(NAME, *REST)], SCHEMA)
    found = replace(found, fields={**found.fields, "address": read})
    compared, _ = memory._compared(found, "address", [memory.KnownValue(known, 1, False)], memory._head([page(NAME)]))
    assert ("address" in compared.doubtful) == is_doubtful


@pytest.mark.parametrize(
    ("read", "known", "expected"),
    [
        (
            "LOT 2B11, JALAN ANGSA, 41150 KLANG 7",
            "LOT 2811, JALAN ANGSA, 41150 KLANG 9",
            "LOT 2811, JALAN ANGSA, 41150 KLANG 7",
        ),
        ("LOT 2812, JALAN ANGSA, 41150 KLANG 7", "LOT 2811, JALAN ANGSA, 41150 KLANG 9", None),  # another number
        ("LOT 5, SEK 9, SHAH ALAM", "LOT 5, SEKSYEN 9, SHAH ALAM", None),  # an abbreviation
        ("LOT 5, JALAN BESAR, KAJANG", "LOT 7, JALAN BESAR, KLANG", None),  # at the end, without a word behind it
    ],
)
def test_only_words_between_equal_ones_that_look_misread_are_replaced(
    read: str, known: str, expected: str | None
) -> None:
    assert reworded(read, [known]) == (expected or read)


def test_a_value_that_the_file_contains_as_data_is_never_replaced() -> None:
    shown = page("LlAN HING STATIONERY SDN BHD", ADDRESS, *REST)
    read = extract([shown], SCHEMA)
    data = Evidence(1, "LlAN HING STATIONERY SDN BHD", None, xpath="/Invoice/Name")
    read.evidence["company"] = data
    found, states = recall(read, [shown], SCHEMA, [example()])
    assert "company" not in states and found.fields["company"] == "LlAN HING STATIONERY SDN BHD"


def test_without_examples_nothing_changes() -> None:
    shown = page(NAME, ADDRESS, *REST)
    assert recall(extract([shown], SCHEMA), [shown], SCHEMA, []) == (extract([shown], SCHEMA), {})


# --- probabilities -----------------------------------------------------------------------------------


def probabilities(recall_: Recall) -> Mapping[str, float | None]:
    return {name: proof.probability for name, proof in rated(recall_).evidence.items()}


def test_a_known_value_is_more_probable_and_a_contradicted_one_is_not() -> None:
    lines = ("SUPER TRADING", "12 OTHER ROAD, 50000 KUALA LUMPUR", *REST)
    alone = probabilities(recalled(page(*lines)))["company"]
    known = probabilities(recalled(page(*lines), example("SUPER TRADING", lines=list(lines))))["company"]
    denied = probabilities(recalled(page(*lines), example(), example()))["company"]
    assert alone and known and denied and denied <= alone < known


# --- the list of senders -----------------------------------------------------------------------------


def test_examples_are_listed_by_sender_with_their_values() -> None:
    branch = "LOT 7, JALAN BESAR 9, 50000 KUALA LUMPUR"
    senders = senders_of(
        [example(), example("LIAN HING STATIONERY  SDN.BHD", branch), example("ACME", "1 Road")],
        list(SCHEMA["properties"]),
    )
    assert [(sender.name, sender.examples) for sender in senders] == [(NAME, 2), ("ACME", 1)]
    assert senders[0].values["address"] == {ADDRESS: 1, branch: 1}


def test_names_that_differ_by_a_letter_or_share_a_number_may_be_one_sender() -> None:
    examples = [
        example(),
        example("LIAN HlNG STATIONARY SDN BHD", lines=["A"]),  # a name that differs by two letters
        example("SUPER TRADING", lines=REST),  # the number of the first
        example("KIAN FATT HARDWARE", "LOT 1, TAMAN JAYA, 43000 KAJANG", lines=["TEL 03-9999 8888"]),
    ]
    senders = senders_of(examples, ["company"])
    pairs = {frozenset((senders[first].name, senders[second].name)) for first, second in alike(senders)}
    assert pairs == {frozenset({NAME, "LIAN HlNG STATIONARY SDN BHD"}), frozenset({NAME, "SUPER TRADING"})}
