"""PDF pages are read as they are displayed."""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from layers.decoders import gray_pages, ocr, pdf, pdf_text, pictures
from layers.domain.errors import PermanentError
from layers.domain.extraction.lines import lines_of
from layers.domain.extraction.rules import extract
from layers.domain.page import Page, pages_as_read
from tests.pdf_making import A4, INVOICE, Pdf, filling, invoice, scan, text

SCHEMA = {
    "type": "object",
    "properties": {
        "invoice_number": {"type": "string"},
        "date": {"type": "string", "format": "date"},
        "total": {"type": "number"},
    },
}
FIELDS = {"invoice_number": "NW-20417", "date": "2024-03-14", "total": 1190.0}
LABELS = ("NORTHWIND HARDWARE LTD", "Please fill in on screen", "Invoice number:", "Invoice date:", "Total due:")
VALUES = ("NW-20417", "14 March 2024", "GBP 1,190.00")
Write = Callable[[bytes], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(content: bytes) -> str:
        path = tmp_path / "document.pdf"
        path.write_bytes(content)
        return str(path)

    return to_file


def read(path: str) -> list[Page]:
    """The pages after the steps `text` and `ocr`."""
    pages = pdf_text.read_text(path)
    unread = [page["number"] for page in pages if page["source"] is None]
    again = (
        {page["number"]: page for page in ocr.read_pages(path, "application/pdf", unread, ["eng"])} if unread else {}
    )
    return pages_as_read([again.get(page["number"], page) for page in pages])


def sources(path: str) -> list[str | None]:
    return [page["source"] for page in pdf_text.read_text(path)]


def fields(pages: list[Page]) -> dict[str, Any]:
    return extract([page for page in pages if page.source], SCHEMA).fields


def widget(value: str, index: int, kind: str = "/FT /Tx", more: str = "") -> str:
    y = 735 - 20 * index
    return f"<< /Type /Annot /Subtype /Widget {kind} /T (field{index}) /V ({value}) /F 4 /Rect [200 {y} 400 {y + 16}] {more} >>"


def form(annotations: list[str], needs_appearances: bool = False) -> bytes:
    pdf_file = Pdf()
    pdf_file.page(text(LABELS), annotations=annotations)
    references = [number for number, pdf_object in enumerate(pdf_file.objects, 1) if b"/Widget" in pdf_object]
    listed = " ".join(f"{number} 0 R" for number in references)
    font = "/DR << /Font << /Helv << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> /DA (/Helv 11 Tf 0 g)"
    needs = "/NeedAppearances true" if needs_appearances else ""
    pdf_file.catalog = f"/AcroForm << /Fields [{listed}] {font} {needs} >>"
    return pdf_file.content()


# --- fields, notes and stamps --------------------------------------------------------------------------


@pytest.mark.parametrize("needs_appearances", [True, False])
def test_values_of_fields_without_an_appearance_are_text_beside_their_labels(
    write: Write, needs_appearances: bool
) -> None:
    pages = read(write(form([widget(value, index) for index, value in enumerate(VALUES)], needs_appearances)))
    assert fields(pages) == FIELDS
    assert pages[0].source == "native"


def test_a_chosen_value_is_text(write: Write) -> None:
    options = "/Opt [(NW-20417) (other)]"
    annotations = [widget(VALUES[0], 0, "/FT /Ch /Ff 131072", options), widget(VALUES[1], 1), widget(VALUES[2], 2)]
    assert fields(read(write(form(annotations)))) == FIELDS


def test_a_hidden_field_and_a_password_are_no_text(write: Write) -> None:
    hidden = widget("SECRET-1", 0).replace("/F 4", "/F 2")
    path = write(form([hidden, widget("SECRET-2", 1, "/FT /Tx /Ff 8192"), widget(VALUES[2], 2)]))
    whole = read(path)[0].text
    assert "SECRET" not in whole
    assert "1,190.00" in whole


def test_marks_of_boxes_are_text(write: Write) -> None:
    marked = widget("", 0, "/FT /Btn").replace("/V ()", "/V /Yes /AS /Yes")
    assert "☒" in read(write(form([marked, widget("", 1, "/FT /Btn").replace("/V ()", "/V /Off /AS /Off")])))[0].text


def test_typed_notes_without_an_appearance_are_text(write: Write) -> None:
    notes = [
        f"<< /Type /Annot /Subtype /FreeText /F 4 /Contents ({value}) /DA (/Helv 11 Tf 0 g) /Rect [200 {735 - 20 * i} 400 {751 - 20 * i}] >>"
        for i, value in enumerate(VALUES)
    ]
    pdf_file = Pdf()
    pdf_file.page(text(LABELS), annotations=notes)
    assert fields(read(write(pdf_file.content()))) == FIELDS


def test_a_stamp_is_text(write: Write) -> None:
    pdf_file = Pdf()
    resources = "/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>"
    appearance = pdf_file.stream(
        "BT /F1 14 Tf 5 5 Td (PAID 20 March 2024) Tj ET",
        f"/Type /XObject /Subtype /Form /BBox [0 0 200 24] {resources}",
    )
    stamp = f"<< /Type /Annot /Subtype /Stamp /F 4 /Rect [300 400 500 424] /AP << /N {appearance} 0 R >> >>"
    pdf_file.page(text(INVOICE), annotations=[stamp])
    page = read(write(pdf_file.content()))[0]
    assert "PAID 20 March 2024" in page.text
    word = next(word for word in page.words if word.text == "PAID")
    assert 0.5 < word.x0 < 0.55
    assert 0.49 < word.y0 < 0.53


def test_the_thumbnail_shows_what_was_filled_in(write: Write, tmp_path: Path) -> None:
    empty = pdf.render(write(form([])), 1, 800, gray=True)
    filled = pdf.render(write(form([widget(value, index) for index, value in enumerate(VALUES)])), 1, 800, gray=True)
    box = tuple(round(value / 842 * empty.height) for value in (200, 842 - 751, 400, 842 - 695))
    assert empty.crop(box).getextrema() == (255, 255)
    assert filled.crop(box).getextrema()[0] < 128


# --- scans behind a little text ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "own",
    [
        ["Scanned with CamScanner"],
        ["Received 20 March 2024 by the post office of the company, reference EXT/2024/000/112"],
        ["Page 1 of 1"],
        ["37"],
    ],
)
def test_a_scan_with_an_own_line_is_read_by_ocr_and_keeps_the_line(write: Write, own: list[str]) -> None:
    pdf_file = Pdf()
    pdf_file.page(f"{filling()}\n{text(own, top=30, size=8)}", pictures=[scan()])
    pages = read(write(pdf_file.content()))
    assert fields(pages) == FIELDS
    assert own[0] in pages[0].text
    assert pages[0].text.count(own[0]) == 1


def test_a_scan_in_strips_is_read_by_ocr(write: Write) -> None:
    image = scan()
    strips = [image.crop((0, 350 * index, image.width, 350 * (index + 1))) for index in range(5)]
    height = A4[1] / 5
    drawn = "\n".join(filling(f"X{i}", (A4[0], height), y=A4[1] - height * (i + 1)) for i in range(5))
    pdf_file = Pdf()
    pdf_file.page(f"{drawn}\n{text(['Scanned with an app'], top=20)}", pictures=strips)
    assert fields(read(write(pdf_file.content()))) == FIELDS


def test_the_invisible_text_behind_a_scan_is_its_text(write: Write) -> None:
    image = scan()
    behind = "\n".join(
        f"BT 3 Tr /F1 {34 * 842 / 1754:.1f} Tf 1 0 0 1 {0.08 * 595:.1f} {842 - 34 * (2.8 + 1.8 * i) * 842 / 1754:.1f} Tm ({line}) Tj ET"
        for i, line in enumerate(INVOICE)
    )
    pdf_file = Pdf()
    pdf_file.page(f"{filling()}\n{behind}", pictures=[image])
    pages = read(write(pdf_file.content()))
    assert pages[0].source == "native"
    assert fields(pages) == FIELDS


def test_print_that_was_turned_into_shapes_is_read_by_ocr(write: Write) -> None:
    image = scan(size=(620, 877), print_px=18)
    pixels = image.load()
    shapes = [
        f"{x * 595 / 620:.2f} {842 - (y + 1) * 842 / 877:.2f} 1 1 re"
        for y in range(image.height)
        for x in range(image.width)
        if pixels[x, y] < 140
    ]
    pdf_file = Pdf()
    pdf_file.page("\n".join([*shapes, "f", text(["Made with a drawing program"], top=30, size=8)]))
    pages = read(write(pdf_file.content()))
    assert fields(pages) == FIELDS
    assert "Made with a drawing program" in pages[0].text


def test_a_letter_with_a_logo_and_lines_needs_no_ocr(write: Write) -> None:
    logo = scan(["LOGO"], (200, 100))
    rules = "\n".join(f"72 {y} m 500 {y} l S {72 + y / 4} 300 m {72 + y / 4} 700 l S" for y in range(400, 800, 20))
    pdf_file = Pdf()
    pdf_file.page("\n".join([filling(size=(80, 40), x=480, y=790), rules, text(INVOICE)]), pictures=[logo])
    assert sources(write(pdf_file.content())) == ["native"]


def test_a_page_with_a_single_word_and_nothing_else_needs_no_ocr(write: Write) -> None:
    pdf_file = Pdf()
    pdf_file.page(text(["Appendix"]))
    assert sources(write(pdf_file.content())) == ["native"]


# --- fonts that name the wrong characters --------------------------------------------------------------


def with_lying_font(wrong: dict[str, str]) -> bytes:
    """An invoice that displays the right letters, in a font with wrong character codes."""
    pdf_file = Pdf()
    shown = sorted(set("".join(INVOICE)))
    pairs = "\n".join(f"<{ord(c):02x}> <{ord(wrong.get(c, c)):04x}>" for c in shown)
    mapped = f"/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <00> <ff> endcodespacerange {len(shown)} beginbfchar\n{pairs}\nendbfchar endcmap end"
    unicode = pdf_file.stream(mapped)
    font = f"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding /ToUnicode {unicode} 0 R >>"
    pdf_file.page(text(INVOICE), font=font)
    return pdf_file.content()


def _shifted(by: int) -> dict[str, str]:
    return {c: chr(ord(c) + by) for c in string.printable if c.isalnum()}


def _shuffled(seed: int) -> dict[str, str]:
    letters = list(string.ascii_lowercase)
    random.Random(seed).shuffle(letters)
    lower = dict(zip(string.ascii_lowercase, letters, strict=True))
    return lower | {a.upper(): b.upper() for a, b in lower.items()}


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(_shifted(1), id="next letter"),
        pytest.param(_shifted(-29), id="glyph numbers"),
        pytest.param(_shuffled(1), id="shuffled"),
        pytest.param(_shuffled(2), id="shuffled otherwise"),
        pytest.param({c: chr(0xE000 + ord(c)) for c in string.printable if c.isalnum()}, id="private"),
        pytest.param({c: "\ufffd" for c in string.printable if c.isalnum()}, id="unknown"),
        pytest.param({c: chr(0x21 + i % 14) for i, c in enumerate(string.ascii_letters + string.digits)}, id="signs"),
        pytest.param({c: chr(ord("α") + i % 24) for i, c in enumerate("aeiou")}, id="two alphabets"),
    ],
)
def test_a_page_whose_text_is_nonsense_is_read_by_ocr(write: Write, wrong: dict[str, str]) -> None:
    pages = read(write(with_lying_font(wrong)))
    assert pages[0].source == "ocr"
    assert fields(pages) == FIELDS


def test_text_that_seems_to_be_nonsense_is_kept_if_ocr_reads_the_same(write: Write) -> None:
    codes = [f"PRTNR QTTY WGHTS HGHTS LNGTH CNTRY DLVRY {n}" for n in range(10, 20)]
    pdf_file = Pdf()
    pdf_file.page(text(codes, size=12))
    pages = read(write(pdf_file.content()))
    assert pages[0].source == "native"
    assert codes[3] in pages[0].text


# --- portfolios and XFA forms --------------------------------------------------------------------------


def portfolio(files: dict[str, bytes]) -> bytes:
    pdf_file = Pdf(catalog="/Collection << /Type /Collection /View /D >>")
    pdf_file.page(text(["For the best experience, open this PDF portfolio in Adobe Reader"]))
    pdf_file.attach(files)
    return pdf_file.content()


def jpeg(tmp_path: Path) -> bytes:
    scan().save(tmp_path / "scan.jpg")
    return (tmp_path / "scan.jpg").read_bytes()


def test_the_documents_of_a_portfolio_are_its_pages(write: Write, tmp_path: Path) -> None:
    path = write(
        portfolio({"letter.pdf": invoice(["Dear customer, find the invoice below"]), "scan.jpg": jpeg(tmp_path)})
    )
    assert pdf.count_pages(path) == 2
    pages = read(path)
    assert "Dear customer" in pages[0].text
    assert fields(pages) == FIELDS
    shown = pictures.pdf_preview(path, str(tmp_path), "preview.pdf")
    assert shown["page_count"] == 2
    assert pdf.count_pages(str(tmp_path / "preview.pdf")) == 2


def test_a_text_in_a_portfolio_is_a_page(write: Write) -> None:
    pages = read(write(portfolio({"invoice.txt": "\n".join(INVOICE).encode()})))
    assert fields(pages) == FIELDS


def test_a_portfolio_in_a_portfolio_is_read(write: Write) -> None:
    assert fields(read(write(portfolio({"inner.pdf": portfolio({"invoice.pdf": invoice()})})))) == FIELDS


def test_an_attachment_that_cannot_be_read_is_noted_as_lost(write: Write) -> None:
    pages = pdf_text.read_text(write(portfolio({"invoice.pdf": invoice(), "broken.pdf": b"%PDF-1.4 nothing"})))
    assert ["the attached file broken.pdf was not read", True] in pages[0]["notes"]


def test_attached_files_of_an_ordinary_pdf_are_named(write: Write) -> None:
    pdf_file = Pdf()
    pdf_file.page(text(INVOICE))
    pdf_file.attach({"terms.pdf": invoice(["Terms"])})
    pages = pdf_text.read_text(write(pdf_file.content()))
    assert fields(pages_as_read(pages)) == FIELDS
    assert pages[0]["notes"] == [["the PDF has attached files, which were not read: terms.pdf", False]]


def xfa(data: str, *, needs_rendering: bool = True, parts: bool = False) -> bytes:
    pdf_file = Pdf()
    namespace = 'xmlns:xfa="http://www.xfa.org/schema/xfa-data/1.0/"'
    datasets = f"<xfa:datasets {namespace}><xfa:data>{data}</xfa:data></xfa:datasets>"
    if parts:
        head, end = pdf_file.stream("<xdp:xdp xmlns:xdp='http://ns.adobe.com/xdp/'>"), pdf_file.stream("</xdp:xdp>")
        reference = f"[(preamble) {head} 0 R (datasets) {pdf_file.stream(datasets)} 0 R (postamble) {end} 0 R]"
    else:
        whole = pdf_file.stream(f"<xdp:xdp xmlns:xdp='http://ns.adobe.com/xdp/'>{datasets}</xdp:xdp>")
        reference = f"{whole} 0 R"
    flag = "/NeedsRendering true" if needs_rendering else ""
    pdf_file.catalog = f"/AcroForm << /Fields [] /XFA {reference} >> {flag}"
    pdf_file.page(text(["Please wait...", "If this message is not eventually replaced, your viewer can't show it."]))
    return pdf_file.content()


XFA_DATA = (
    "<form1><invoice><number>NW-20417</number><date>2024-03-14</date><total>1190.00</total></invoice></form1>",
    "<topmostSubform><InvoiceNumber>NW-20417</InvoiceNumber><InvoiceDate>14 March 2024</InvoiceDate><TotalDue>1,190.00</TotalDue></topmostSubform>",
)


@pytest.mark.parametrize("data", XFA_DATA)
@pytest.mark.parametrize("parts", [True, False])
@pytest.mark.parametrize("needs_rendering", [True, False])
def test_a_dynamic_form_is_read_by_its_data(write: Write, data: str, parts: bool, needs_rendering: bool) -> None:
    pages = read(write(xfa(data, parts=parts, needs_rendering=needs_rendering)))
    assert fields(pages) == FIELDS
    assert "Please wait" not in pages[0].text


@pytest.mark.parametrize("data", ["", "<form1><number/></form1>", "<a><b></a>"])
def test_a_dynamic_form_without_data_says_what_it_is(write: Write, data: str) -> None:
    with pytest.raises(PermanentError) as error:
        pdf.count_pages(write(xfa(data)))
    assert error.value.code == "xfa_form"


# --- hidden text ---------------------------------------------------------------------------------------


def hidden_cases() -> dict[str, bytes]:
    secret = text(["Grand total GBP 9,999.99"], top=500)
    cases = {}
    for name, added in {
        "white": f"1 1 1 rg {secret}",
        "nearly white": f"0.99 0.99 0.99 rg {secret}",
        "covered": f"{secret} 1 1 1 rg 60 490 300 30 re f",
        "black on black": f"0 0 0 rg 60 490 300 30 re f {secret}",
        "never drawn": f"3 Tr {secret}",
        "beyond the page": text(["Grand total GBP 9,999.99"], x=900, top=500),
        "clipped away": f"q 0 0 10 10 re W n {secret} Q",
    }.items():
        pdf_file = Pdf()
        pdf_file.page(f"{text(INVOICE)}\n{added}")
        cases[name] = pdf_file.content()
    for name, member in {"layer": "/L1 BDC", "membership": "/M1 BDC"}.items():
        pdf_file = Pdf()
        layer = pdf_file.add("<< /Type /OCG /Name (draft) >>")
        group = pdf_file.add(f"<< /Type /OCMD /OCGs [{layer} 0 R] >>")
        pdf_file.catalog = f"/OCProperties << /OCGs [{layer} 0 R] /D << /OFF [{layer} 0 R] >> >>"
        pdf_file.page(f"{text(INVOICE)}\n/OC {member} {secret} EMC", properties=f"/L1 {layer} 0 R /M1 {group} 0 R")
        cases[name] = pdf_file.content()
    return cases


@pytest.mark.parametrize("name", list(hidden_cases()))
def test_text_that_is_not_shown_is_no_text(write: Write, name: str) -> None:
    pages = pdf_text.read_text(write(hidden_cases()[name]))
    assert "9,999.99" not in pages[0]["text"]
    assert not any("9,999.99" in word[0] for word in pages[0]["words"])
    assert fields(pages_as_read(pages)) == FIELDS
    says_so = any("does not show" in note and not lost for note, lost in pages[0]["notes"])
    assert says_so or name == "beyond the page"


def test_light_text_and_text_on_color_is_shown(write: Write) -> None:
    pdf_file = Pdf()
    pdf_file.page(
        f"{text(INVOICE)}\n0.8 g {text(['light gray'], top=500)} 0 0 0.4 rg 60 440 300 30 re f 1 g {text(['white on blue'], top=450)}"
        f"\n1 0 0 rg 60 390 300 30 re f 0 0.5 0 rg {text(['green on red'], top=400)} 0 g {text(['I l | 1'], top=350, size=40)}"
    )
    page = pdf_text.read_text(write(pdf_file.content()))[0]
    for line in ("light gray", "white on blue", "green on red", "I l | 1"):
        assert line in page["text"]
    assert page["notes"] == []


# --- turned, cropped and tall pages --------------------------------------------------------------------


def turned_text(lines: tuple[str, ...], quarter: int, size: tuple[int, int]) -> str:
    """Lines whose text runs upwards (1), upside down (2) or downwards (3)."""
    matrix = {0: "1 0 0 1", 1: "0 1 -1 0", 2: "-1 0 0 -1", 3: "0 -1 1 0"}[quarter]
    shown = []
    for index, line in enumerate(lines):
        along, across = 72, 72 + 20 * index
        x, y = {
            0: (along, size[1] - across),
            1: (across, along),
            2: (size[0] - along, across),
            3: (size[0] - across, size[1] - along),
        }[quarter]
        shown.append(f"BT /F1 11 Tf {matrix} {x} {y} Tm ({line}) Tj ET")
    return "\n".join(shown)


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("quarter", [0, 1, 2, 3])
def test_text_in_any_direction_on_a_page_in_any_rotation_is_read_line_by_line(
    write: Write, rotate: int, quarter: int
) -> None:
    pdf_file = Pdf()
    pdf_file.page(turned_text(INVOICE, quarter, A4), entries=f"/Rotate {rotate}")
    path = write(pdf_file.content())
    page = pages_as_read(pdf_text.read_text(path))[0]
    assert [line.text for line in lines_of([page])] == list(INVOICE)
    assert fields([page]) == FIELDS
    image = pdf.render(path, 1, 1000, gray=True)
    for word in page.words:
        box = [round(v * s) for v, s in zip(word[1:5], image.size * 2, strict=True)]
        assert image.crop((box[0] - 1, box[1] - 1, box[2] + 1, box[3] + 1)).getextrema()[0] < 128, word


def test_a_line_along_the_margin_does_not_disturb_the_others(write: Write) -> None:
    pdf_file = Pdf()
    pdf_file.page(f"{text(INVOICE)}\n{turned_text(('Form 17 B printed by Example Press',), 1, A4)}")
    page = pages_as_read(pdf_text.read_text(write(pdf_file.content())))[0]
    found = [line.text for line in lines_of([page])]
    assert found[: len(INVOICE)] == list(INVOICE)
    assert found[len(INVOICE) :] == ["Form 17 B printed by Example Press"]


@pytest.mark.parametrize(
    "entries", ["/CropBox [50 400 545 842]", "/CropBox [50 400 545 842] /Rotate 90", "/UserUnit 3.5"]
)
def test_boxes_and_scans_refer_to_the_visible_part_of_the_page(write: Write, entries: str) -> None:
    pdf_file = Pdf()
    pdf_file.page(f"{text(INVOICE)}\n{text(['hidden below the fold'], top=200)}", entries=entries)
    path = write(pdf_file.content())
    page = pages_as_read(pdf_text.read_text(path))[0]
    assert fields([page]) == FIELDS
    assert ("hidden" in page.text) == ("CropBox" not in entries)
    image = gray_pages.gray_page(path, "application/pdf", 1)
    word = next(word for word in page.words if word.text == "NORTHWIND")
    box = [round(v * s) for v, s in zip(word[1:5], image.size * 2, strict=True)]
    assert image.crop(tuple(box)).getextrema()[0] < 128


RECEIPT = ("NORTHWIND MARKET", "Date: 14/03/2024", *(f"Soap {n} 1.00" for n in range(100, 200)), "TOTAL 100.00")


@pytest.mark.parametrize("rotate", [0, 90])
def test_a_receipt_of_a_meter_keeps_its_width(write: Write, rotate: int) -> None:
    size = (226.0, 2900.0)
    image = scan(RECEIPT, (640, 8212), 40)
    if rotate:
        image, size = image.transpose(Image.Transpose.ROTATE_90), (size[1], size[0])
    pdf_file = Pdf()
    pdf_file.page(filling(size=size), size=size, entries=f"/Rotate {rotate}", pictures=[image])
    page = read(write(pdf_file.content()))[0]
    lines = [line.text for line in lines_of([page])]
    read_right = sum(line in lines for line in RECEIPT)
    assert read_right >= 0.95 * len(RECEIPT)
    assert len(lines) == len(RECEIPT)
    assert lines[-1] == "TOTAL 100.00"


def test_a_page_without_text_is_not_drawn_to_see_which_text_it_shows(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = Pdf()
    document.page(filling(), pictures=[scan(RECEIPT[:4], (640, 905), 40)])
    path = write(document.content())
    drawn: list[Any] = []
    monkeypatch.setattr("layers.decoders.pdf_view.view_of", drawn.append)
    (page,) = pdf_text.read_text(path)
    assert (page["source"], page["text"], drawn) == (None, "", [])
    document.page(text(["Page 1 of 1"]))
    pdf_text.read_text(write(document.content()))
    assert len(drawn) == 1
