"""The dataset's settings determine how a file with several documents is processed."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any, cast

import pytest

from functions.extraction import extraction
from layers.adapters.extraction.rules_extractor import RulesExtractor
from layers.attempts.work import Work
from layers.domain.errors import PermanentError
from layers.domain.extraction.mail_values import combined
from layers.domain.file import File, Several
from layers.domain.meter import Meter
from layers.domain.page import Extraction, Page
from layers.domain.step import Done

SCHEMA = {
    "type": "object",
    "required": ["total"],
    "properties": {"invoice_number": {"type": "string"}, "total": {"type": "number"}},
}
TEXTS = [
    "NORTHWIND\nInvoice number: NW-1\nInvoice date: 11 March 2024\nTotal due GBP 90.00",
    "NORTHWIND\nInvoice number: NW-2\nInvoice date: 12 March 2024\nTotal due GBP 20.00",
    "NORTHWIND\nInvoice number: NW-3\nInvoice date: 13 March 2024\nThank you",
]


class _Work:
    """The part of `Work` that the step uses for text of the file's own."""

    extractor, meter = RulesExtractor(), Meter()

    def __init__(self, texts: list[str]) -> None:
        self._pages = [Page(number, text, source="native", confidence=100.0) for number, text in enumerate(texts, 1)]

    def pages(self) -> list[Page]:
        return self._pages

    def text_sha256(self) -> str:
        return hashlib.sha256("\f".join(page.text for page in self._pages).encode()).hexdigest()


def extracted(several: Several, texts: list[str]) -> Done:
    work = _Work(texts)
    file = File("f", "t", "d", "b", "a.pdf", "k", None, 1, None, schema=SCHEMA, several=several)
    done = extraction.run(replace(file, text_sha256=work.text_sha256()), cast(Work, work))
    assert isinstance(done, Done)
    return done


def values(done: Done) -> list[dict[str, Any]]:
    assert done.extraction is not None
    return [dict(record.fields) for record in (done.extraction, *done.extraction.further)]


def test_each_document_has_a_record_with_its_own_values() -> None:
    done = extracted("records", TEXTS[:2])
    assert values(done) == [{"invoice_number": "NW-1", "total": 90.0}, {"invoice_number": "NW-2", "total": 20.0}]
    assert done.complete
    assert done.extraction is not None
    assert "2 documents" in done.extraction.notes[0].text
    assert "document 2 of 2" in done.extraction.further[0].notes[0].text


def test_evidence_names_the_page_in_the_file() -> None:
    done = extracted("records", TEXTS[:2])
    assert done.extraction is not None
    assert done.extraction.further[0].evidence["total"].page == 2


def test_a_file_is_partial_if_any_of_its_records_is() -> None:
    done = extracted("records", TEXTS)
    assert not done.complete
    assert done.extraction is not None
    assert done.extraction.is_complete
    assert done.extraction.further[1].missing == ("total",)


def test_only_the_first_document_is_read_if_the_dataset_says_so() -> None:
    done = extracted("first", TEXTS)
    assert values(done) == [{"invoice_number": "NW-1", "total": 90.0}]
    assert done.extraction is not None
    assert "3 documents" in done.extraction.notes[0].text
    assert "the first of them" in done.extraction.notes[0].text


def test_a_file_with_several_documents_fails_if_the_dataset_says_so() -> None:
    with pytest.raises(PermanentError) as error:
        extracted("fail", TEXTS)
    assert error.value.code == "several_documents"


def test_one_document_never_fails_for_being_several() -> None:
    assert values(extracted("fail", TEXTS[:1])) == [{"invoice_number": "NW-1", "total": 90.0}]


LETTER = (
    "Subject: Your order 4711\nFrom: Ann <ann@acme.example>\nDate: Wed, 20 Mar 2024 10:41:00 +0000\n\nSee the file."
)
MAIL_SCHEMA = {
    "type": "object",
    "required": ["total"],
    "properties": {
        "invoice_number": {"type": "string"},
        "date": {"type": "string", "format": "date"},
        "total": {"type": "number"},
        "currency": {"type": "string"},
    },
}


@pytest.mark.parametrize(
    ("letter", "document", "expected"),
    [
        (
            LETTER,
            "ACME\nInvoice number: AC-9\nDate: 14 March 2024\nTotal due EUR 345.60",
            {"invoice_number": "AC-9", "date": "2024-03-14", "total": 345.6, "currency": "EUR"},
        ),
        (
            f"{LETTER}\nInvoice number: AC-9\nTotal due EUR 345.60",
            "TERMS OF DELIVERY\nDate: 1 January 2020\nGoods stay ours until they are paid.",
            {"invoice_number": "AC-9", "date": "2024-03-20", "total": 345.6, "currency": "EUR"},
        ),
        (
            LETTER,
            "ACME\nInvoice number: AC-9\nTotal due EUR 345.60",
            {"invoice_number": "AC-9", "date": "2024-03-20", "total": 345.6, "currency": "EUR"},
        ),
        (
            f"{LETTER}\nYour deposit: total USD 50.00",
            "ACME\nDate: 20 March 2024\nTotal due 345.60",
            {"date": "2024-03-20", "total": 345.6},
        ),
    ],
)
def test_values_of_an_attachment_take_precedence_over_those_of_the_mail(
    letter: str, document: str, expected: dict[str, Any]
) -> None:
    work = _Work([letter, document])
    file = File("f", "t", "d", "b", "a.eml", "k", None, 1, None, schema=MAIL_SCHEMA, media_type="message/rfc822")
    done = extraction.run(replace(file, text_sha256=work.text_sha256()), cast(Work, work))
    assert isinstance(done, Done) and done.extraction is not None
    assert done.extraction.fields == expected
    assert set(done.extraction.evidence) == set(expected)


def test_the_title_of_a_mail_is_its_subject_and_not_a_line_of_an_attachment() -> None:
    letter = Extraction({"title": "Receipt for the hinges"}, (), {})
    document = Extraction({"title": "ZiePI2 012", "company": "Gin Kee", "total": 148.4}, (), {})
    assert combined(document, letter).fields == {
        "title": "Receipt for the hinges",
        "company": "Gin Kee",
        "total": 148.4,
    }
