"""A file that contains several documents is divided into them."""

from __future__ import annotations

import pytest

from layers.domain.extraction.segments import documents_of
from layers.domain.page import Page


def invoice(number: str, day: int, total: str, more: str = "") -> str:
    return f"NORTHWIND HARDWARE LTD\nInvoice number: {number}\nInvoice date: {day} March 2024\nTotal due GBP {total}\n{more}"


def receipt(shop: str, day: int, total: str, more: str = "") -> str:
    return f"{shop}\nDate: {day:02}/03/2024\nSoap 1.00\nTOTAL {total}\nThank you\n{more}"


CASES = {
    "three invoices": (
        [invoice("NW-1", 11, "90.00"), invoice("NW-2", 12, "20.00"), invoice("NW-3", 13, "75.50")],
        [1, 2, 3],
    ),
    "two pages each": (
        [
            invoice("NW-1", 11, "90.00"),
            "Steel hinge 4 x 12.50\nOak board",
            invoice("NW-2", 12, "20.00"),
            "Oak board 6 x 95.00",
        ],
        [1, 1, 2, 2],
    ),
    "the number on each page": (
        [invoice("NW-1", 11, "90.00"), "Invoice number: NW-1\nOak board", invoice("NW-2", 12, "20.00")],
        [1, 1, 2],
    ),
    "page numbers in words": (
        ["Letter\nPage 1 of 2", "more of it\nPage 2 of 2", "Another letter\nPage 1 of 1"],
        [1, 1, 2],
    ),
    "page numbers in German": (["Brief\nSeite 1 von 2", "weiter\nSeite 2 von 2", "Brief\nSeite 1 von 1"], [1, 1, 2]),
    "page numbers alone": (["Letter\n1/2", "more of it\n2/2", "Another letter\n1/1"], [1, 1, 2]),
    "receipts": (
        [receipt("CORNER SHOP", 11, "9.00"), receipt("BAKERY", 12, "4.50"), receipt("GARAGE", 13, "60.00")],
        [1, 2, 3],
    ),
    "separator sheets": (
        ["Letter one", "more of it", "SEPARATOR SHEET", "Letter two", "Patch T", "Letter three"],
        [1, 1, 0, 2, 0, 3],
    ),
    "the second page has the total": (
        [
            "Invoice number: NW-1\nDate: 11 March 2024\nOak board",
            "Total due GBP 90.00\nPage 2 of 2",
            invoice("NW-2", 12, "8.00"),
        ],
        [1, 1, 2],
    ),
}
WHOLE = {
    "one page": [invoice("NW-1", 11, "90.00")],
    "one invoice of two pages": [
        invoice("NW-1", 11, "90.00", "Page 1 of 2"),
        invoice("NW-1", 11, "90.00", "Page 2 of 2"),
    ],
    "a total that is carried forward": [
        receipt("SHOP", 11, "9.00", "carried forward"),
        receipt("SHOP", 12, "19.00", "brought forward 9.00"),
    ],
    "terms behind an invoice": [invoice("NW-1", 11, "90.00"), "Terms\nPayment within 30 days of the invoice date"],
    "a letter": ["Dear customer", "we write to you", "Yours sincerely"],
    "page numbers of one document": [f"Report\nPage {n} of 4" for n in range(1, 5)],
    "dates like page numbers": ["Log\n1/2 cup of flour", "Log\n1/2 cup of milk"],
    "a statement": [f"Statement of account\n{n}/03/2024 Invoice 10{n} 20.00\nBalance 20.00" for n in range(1, 4)],
}


def pages_of(texts: list[str]) -> list[Page]:
    return [Page(number, text, source="native", confidence=100.0) for number, text in enumerate(texts, 1)]


@pytest.mark.parametrize("name", list(CASES))
def test_the_documents_in_a_file_are_separated(name: str) -> None:
    texts, belongs = CASES[name]
    found = [[page.number for page in pages] for pages in documents_of(pages_of(texts))]
    wanted = [
        [n for n, document in enumerate(belongs, 1) if document == wanted_number]
        for wanted_number in range(1, max(belongs) + 1)
    ]
    assert found == wanted


@pytest.mark.parametrize("name", list(WHOLE))
def test_one_document_stays_whole(name: str) -> None:
    assert len(documents_of(pages_of(WHOLE[name]))) == 1


def test_a_long_file_is_one_document() -> None:
    texts = [invoice(f"NW-{n}", 11, "9.00") for n in range(2)] + ["text"] * 400
    assert len(documents_of(pages_of(texts))) == 1
