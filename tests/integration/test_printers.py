"""Office documents printed to PDF by a service with Gotenberg's protocol, by LibreOffice, and without both."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pypdfium2 as pdfium
import pytest

from layers.adapters.printing.gotenberg_printer import GotenbergPrinter
from layers.adapters.printing.libreoffice_printer import LibreOfficePrinter, installed
from layers.decoding.documents import Documents
from layers.domain.errors import DependencyDown, PermanentError, Snooze, TransientError
from tests.integration.test_documents import pdf, text_operator
from tests.standins.gotenberg import Gotenberg, serving

SAMPLES = Path(__file__).parent.parent.parent / "events" / "samples"
OTHERS = Path(__file__).parent.parent / "samples"
CASES = SAMPLES.parent.parent / "tests" / "samples" / "cases"
OOXML = "application/vnd.openxmlformats-officedocument"
WORD, EXCEL, POWERPOINT = (f"{OOXML}.{kind}" for kind in ("wordprocessingml.document", "spreadsheetml.sheet", "presentationml.presentation"))  # fmt: skip
PROGRAM = installed()
needs_libreoffice = pytest.mark.skipif(PROGRAM is None, reason="LibreOffice is not installed")


def words_of(path: Path) -> str:
    document = pdfium.PdfDocument(path)
    try:
        return " ".join(page.get_textpage().get_text_range() for page in document)
    finally:
        document.close()


# --- the service -------------------------------------------------------------------------------------


@pytest.fixture
def service() -> Iterator[Gotenberg]:
    with serving(Gotenberg(pdf=pdf(text_operator("Printed by the service")))) as gotenberg:
        yield gotenberg


def test_the_service_gets_the_document_under_a_generated_name(service: Gotenberg, tmp_path: Path) -> None:
    made = GotenbergPrinter(service.url).to_pdf(SAMPLES / "joinery-invoice.docx", WORD, tmp_path)
    assert "Printed by the service" in words_of(tmp_path / made.name)
    assert service.names == ["document.docx"]
    assert service.forms[0] == {"files": (SAMPLES / "joinery-invoice.docx").read_bytes()}


def test_only_the_first_page_can_be_requested(service: Gotenberg, tmp_path: Path) -> None:
    GotenbergPrinter(service.url).to_pdf(SAMPLES / "order-review.pptx", POWERPOINT, tmp_path, first_page_only=True)
    assert service.forms[0]["nativePageRanges"] == b"1-1"


def test_a_service_that_can_not_be_reached_is_down(tmp_path: Path) -> None:
    printer = GotenbergPrinter("http://127.0.0.1:1")
    assert not printer.is_up()
    with pytest.raises(DependencyDown) as caught:
        printer.to_pdf(SAMPLES / "joinery-invoice.docx", WORD, tmp_path)
    assert caught.value.dependency == "preview"


@pytest.mark.parametrize("status", [500, 503])
def test_a_service_that_fails_and_is_unhealthy_is_down(service: Gotenberg, tmp_path: Path, status: int) -> None:
    service.status, service.works = status, False
    with pytest.raises(DependencyDown):
        GotenbergPrinter(service.url).to_pdf(SAMPLES / "joinery-invoice.docx", WORD, tmp_path)


@pytest.mark.parametrize("fails", [{"status": 503}, {"hangs_up": True}, {"pdf": b"<html>"}], ids=str)
def test_a_document_on_which_a_healthy_service_fails_spends_its_own_attempt(
    service: Gotenberg, tmp_path: Path, fails: dict[str, object]
) -> None:
    for name, value in fails.items():
        setattr(service, name, value)
    with pytest.raises(TransientError):
        GotenbergPrinter(service.url).to_pdf(SAMPLES / "joinery-invoice.docx", WORD, tmp_path)


# Answers of Gotenberg 8, from the tests in its repository and from a run of it.
OF_8_0 = "LibreOffice failed to process a document: a password may be required, or, if one has been given, it is"


@pytest.mark.parametrize(
    ("status", "text", "code"),
    [
        (400, "The document 'a.docx' is password-protected. Provide its password in the 'password' form field.", "password_protected"),
        (400, f"{OF_8_0} invalid. In any case, the exact cause is uncertain.", "password_protected"),
        (400, "The document 'a.docx' is not password-protected. Remove the 'password' form field.", "corrupt"),
        (400, "LibreOffice could not read the document 'a.docx'. Ensure the file is not corrupted and that its extension matches its actual format.", "corrupt"),
        (413, "Request Entity Too Large", "corrupt"),
    ],
)  # fmt: skip
def test_gotenbergs_refusals_are_told_apart(
    service: Gotenberg, tmp_path: Path, status: int, text: str, code: str
) -> None:
    service.status, service.refusal = status, text
    with pytest.raises(PermanentError) as caught:
        GotenbergPrinter(service.url).to_pdf(SAMPLES / "joinery-invoice.docx", WORD, tmp_path)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("status", "headers", "delay_s"),
    [
        (429, {}, 5.0),
        (503, {"Retry-After": "7"}, 7.0),
        (503, {"Retry-After": "9999"}, 60.0),
        (503, {"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}, 5.0),
    ],
)
def test_a_service_with_too_many_documents_spends_no_attempt(
    service: Gotenberg, tmp_path: Path, status: int, headers: dict[str, str], delay_s: float
) -> None:
    service.status, service.headers = status, headers
    with pytest.raises(Snooze) as caught:
        GotenbergPrinter(service.url).to_pdf(SAMPLES / "joinery-invoice.docx", WORD, tmp_path)
    assert caught.value.delay_s == delay_s


def test_garbage_that_gotenberg_would_print_never_gets_there(service: Gotenberg, tmp_path: Path) -> None:
    garbage = tmp_path / "original"
    garbage.write_bytes(b"PK\x03\x04" + bytes(range(256)) * 20)
    documents = Documents(max_children=1, printer=GotenbergPrinter(service.url))
    try:
        with pytest.raises(PermanentError):
            documents.identify(garbage, "letter.docx")
    finally:
        documents.close()
    assert service.forms == []


def test_a_document_that_the_service_refuses_is_shown_as_html(service: Gotenberg, tmp_path: Path) -> None:
    service.status = 400
    documents = Documents(max_children=1, printer=GotenbergPrinter(service.url))
    try:
        preview = documents.preview(SAMPLES / "joinery-invoice.docx", WORD, tmp_path)
        assert preview is not None and preview.media_type.startswith("text/html")
        assert documents.thumbnail(SAMPLES / "joinery-invoice.docx", WORD, tmp_path) is not None
    finally:
        documents.close()


def test_a_preview_by_the_service_has_a_page_count_and_a_thumbnail(service: Gotenberg, tmp_path: Path) -> None:
    service.pdf = pdf(text_operator("One"), text_operator("Two"), media_box="0 0 720 405")
    documents = Documents(max_children=1, printer=GotenbergPrinter(service.url))
    try:
        preview = documents.preview(SAMPLES / "order-review.pptx", POWERPOINT, tmp_path)
        thumbnail = documents.thumbnail(SAMPLES / "order-review.pptx", POWERPOINT, tmp_path)
    finally:
        documents.close()
    assert preview is not None and (preview.media_type, preview.page_count) == ("application/pdf", 2)
    assert thumbnail is not None and (thumbnail.width, thumbnail.height) == (320, 180)


# --- LibreOffice ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def office() -> Iterator[LibreOfficePrinter]:
    assert PROGRAM is not None
    printer = LibreOfficePrinter(PROGRAM, at_once=1)
    yield printer
    printer.close()


@needs_libreoffice
def test_one_libreoffice_process_prints_several_documents(office: LibreOfficePrinter, tmp_path: Path) -> None:
    for path, media_type, text in (
        (SAMPLES / "joinery-invoice.docx", WORD, "486.00"),
        (SAMPLES / "expenses-may.xlsx", EXCEL, "Hotel"),
        (SAMPLES / "order-review.pptx", POWERPOINT, "3,550.40"),
        (OTHERS / "joinery-invoice.odt", "application/vnd.oasis.opendocument.text", "Harbour"),
        (OTHERS / "joinery-invoice.rtf", "application/rtf", "Harbour"),
        (OTHERS / "expenses-may.xls", "application/vnd.ms-excel", "Hotel"),
    ):
        made = office.to_pdf(path, media_type, tmp_path)
        assert text in words_of(tmp_path / made.name), path.name
    assert len(office.idle_pids()) == 1


@needs_libreoffice
def test_a_date_or_amount_that_is_wider_than_its_column_is_printed_in_full(
    office: LibreOfficePrinter, tmp_path: Path
) -> None:
    for path, media_type, texts in (
        (SAMPLES / "expenses-may.xlsx", EXCEL, ("2024-05-02", "231.85")),
        (OTHERS / "expenses-may.xls", "application/vnd.ms-excel", ("2024-05-02", "231.85")),
        (CASES / "52-percent-currency-hidden.xlsx", EXCEL, ("2024-03-14", "1,190.00")),
    ):
        words = words_of(tmp_path / office.to_pdf(path, media_type, tmp_path).name)
        assert "###" not in words and all(text in words for text in texts), words


@needs_libreoffice
def test_a_hidden_column_stays_hidden(office: LibreOfficePrinter, tmp_path: Path) -> None:
    sheet = """<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><cols>
        <col min="1" max="1" width="2" customWidth="1"/><col min="2" max="2" width="9" hidden="1" customWidth="1"/></cols>
        <sheetData><row r="1"><c r="A1"><v>11900.25</v></c><c r="B1"><v>777.5</v></c></row></sheetData></worksheet>"""
    path = tmp_path / "narrow"
    with zipfile.ZipFile(SAMPLES / "expenses-may.xlsx") as source, zipfile.ZipFile(path, "w") as target:
        for entry in source.infolist():
            is_sheet = entry.filename.startswith("xl/worksheets/sheet")
            target.writestr(entry, sheet if is_sheet else source.read(entry))
    words = words_of(tmp_path / office.to_pdf(path, EXCEL, tmp_path).name)
    assert "11900.25" in words and "777.5" not in words


@needs_libreoffice
def test_a_thumbnail_prints_only_the_first_page(office: LibreOfficePrinter, tmp_path: Path) -> None:
    made = office.to_pdf(SAMPLES / "order-review.pptx", POWERPOINT, tmp_path, first_page_only=True)
    assert made.page_count == 1


@needs_libreoffice
def test_a_document_that_libreoffice_can_not_open_is_refused_and_the_next_is_printed(
    office: LibreOfficePrinter, tmp_path: Path
) -> None:
    broken = tmp_path / "original"
    with zipfile.ZipFile(broken, "w") as archive:
        archive.writestr("word/document.xml", "<w:document")
    with pytest.raises(PermanentError):
        office.to_pdf(broken, WORD, tmp_path)
    assert office.to_pdf(SAMPLES / "joinery-invoice.docx", WORD, tmp_path).page_count == 1


@needs_libreoffice
def test_a_document_can_not_include_another_file(office: LibreOfficePrinter, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("Xylophone in the attic")
    web = tmp_path / "original"
    web.write_text(
        '{\\rtf1 Letter {\\field{\\*\\fldinst INCLUDETEXT "file://'
        + str(secret)
        + '"}{\\fldrslt }} {\\field{\\*\\fldinst INCLUDETEXT "'
        + str(secret)
        + '"}{\\fldrslt }}}'
    )
    made = office.to_pdf(web, "application/rtf", tmp_path)
    shown = words_of(tmp_path / made.name)
    assert "Letter" in shown and "Xylophone" not in shown


@needs_libreoffice
def test_formulas_without_stored_values_are_computed_and_a_note_says_so(tmp_path: Path) -> None:
    assert PROGRAM is not None
    path = tmp_path / "original"
    path.write_bytes((OTHERS / "cases" / "50-formulas-without-cached-values.xlsx").read_bytes())
    documents = Documents(max_children=1, printer=LibreOfficePrinter(PROGRAM, at_once=1))
    try:
        (page,) = documents.read_text(path, EXCEL)
    finally:
        documents.close()
    assert "Total\t\t\t1190" in page.text and "=" not in page.text
    assert [note.lost for note in page.notes] == [False]
