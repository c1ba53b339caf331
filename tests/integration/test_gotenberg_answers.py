"""Fairway's client with the answers that a real Gotenberg gave: pages, passwords, damaged documents, and garbage that it prints."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pypdfium2 as pdfium
import pytest

from layers.adapters.printing.gotenberg_printer import FIRST_PAGE, GotenbergPrinter
from layers.decoding.documents import Documents
from layers.domain.errors import PermanentError, TransientError
from tests.integration.test_documents import pdf, text_operator
from tests.integration.test_printers import WORD
from tests.standins.gotenberg import Gotenberg, serving
from tests.standins.gotenberg_answers import CASES, recorded

ANSWERS = recorded()
OUTCOMES = {
    "all pages": 3,
    "the first page by a range": 1,
    "a range that is none": "corrupt",
    "a letter": 1,
    "a letter with a password": "password_protected",
    "garbage under the name of a letter": "corrupt",
    "a damaged letter": "corrupt",
    "a program": "corrupt",
    "no document": "corrupt",
}
# Gotenberg prints these; Fairway has to refuse them by their content before they get there.
PRINTED_BY_MISTAKE = {"a text under the name of a letter": 1, "an empty letter": 1}


@pytest.fixture
def service() -> Iterator[Gotenberg]:
    with serving(Gotenberg()) as gotenberg:
        yield gotenberg


def printed(service: Gotenberg, name: str, folder: Path) -> int | str:
    """Let the service answer as Gotenberg did. Returns what the client makes of it: a number of pages, or an error."""
    answer = ANSWERS[name]
    service.status, service.refusal = answer["status"], answer.get("text", "")
    service.pdf = pdf(*(text_operator(f"Page {number}") for number in range(answer.get("pages", 0))))
    path = folder / "original"
    path.write_bytes(CASES[name].content)
    try:
        made = GotenbergPrinter(service.url).to_pdf(path, WORD, folder)
    except (PermanentError, TransientError) as error:
        return error.code
    document = pdfium.PdfDocument(folder / made.name)
    try:
        return len(document)
    finally:
        document.close()


@pytest.mark.parametrize(("name", "outcome"), [*OUTCOMES.items(), *PRINTED_BY_MISTAKE.items()])
def test_what_the_client_makes_of_an_answer(service: Gotenberg, tmp_path: Path, name: str, outcome: int | str) -> None:
    assert printed(service, name, tmp_path) == outcome


def test_gotenberg_ignores_the_number_of_the_first_page_so_the_client_sends_a_range() -> None:
    assert ANSWERS["the first page by its number"]["pages"] == ANSWERS["all pages"]["pages"] == 3
    assert CASES["the first page by a range"].fields == {"nativePageRanges": FIRST_PAGE}
    assert ANSWERS["the first page by a range"]["pages"] == 1


@pytest.mark.parametrize("name", [*PRINTED_BY_MISTAKE, "a letter with a password"])
def test_a_document_is_identified_by_its_content_before_it_is_printed(tmp_path: Path, name: str) -> None:
    path = tmp_path / "original"
    path.write_bytes(CASES[name].content)
    documents = Documents(max_children=1)
    try:
        found = documents.identify(path, "letter.docx").media_type
    except PermanentError as error:
        found = error.code
    finally:
        documents.close()
    assert found != WORD
