"""Scans inside documents, slides and mail are read as part of their page if there is little other text."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from layers.decoding.documents import Documents
from layers.domain.extraction.rules import extract
from layers.domain.formats import ODF, OOXML
from layers.domain.page import Page

SLIP = ["CORNER HARDWARE LIMITED", "Date: 25/12/2023", "Hammer and nails 12.00", "Total 42.50"]
SCHEMA = {"type": "object", "properties": {"total": {"type": "number"}}}
LONG = "The committee met in the old town hall and heard about roads, schools and the harbour. " * 5
WORD, SLIDES = f"{OOXML}.wordprocessingml.document", f"{OOXML}.presentationml.presentation"
A = "http://schemas.openxmlformats.org/drawingml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
P = "http://schemas.openxmlformats.org/presentationml/2006/main"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OASIS = "urn:oasis:names:tc:opendocument:xmlns"


@pytest.fixture(scope="module")
def documents() -> Iterator[Documents]:
    made = Documents(max_children=1)
    yield made
    made.close()


def scan(lines: list[str] = SLIP, size: tuple[int, int] = (900, 700)) -> bytes:
    image = Image.new("L", size, 255)
    for row, line in enumerate(lines):
        ImageDraw.Draw(image).text((60, 60 + 80 * row), line, fill=20, font_size=40)
    return png(image)


def png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def zipped(members: dict[str, bytes | str]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as target:
        for name, content in members.items():
            target.writestr(name, content)
    return stream.getvalue()


def related(targets: dict[str, tuple[str, str]]) -> str:
    links = "".join(
        f'<Relationship Id="{identifier}" Type="{R}/{kind}" Target="{to}"/>'
        for identifier, (kind, to) in targets.items()
    )
    return f'<Relationships xmlns="{PACKAGE}/relationships">{links}</Relationships>'


def types(main: str, media_type: str) -> str:
    return (
        f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/>'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="png" ContentType="image/png"/><Override PartName="/{main}" ContentType="{media_type}"/></Types>'
    )


def docx(text: str, *pictures: bytes) -> bytes:
    drawn = "".join(
        f'<w:p><w:r><w:drawing><a:blip r:embed="p{at}"/></w:drawing></w:r></w:p>' for at in range(len(pictures))
    )
    members: dict[str, bytes | str] = {
        "[Content_Types].xml": types("word/document.xml", f"{WORD}.main+xml"),
        "_rels/.rels": related({"r": ("officeDocument", "word/document.xml")}),
        "word/document.xml": f'<w:document xmlns:w="{W}" xmlns:a="{A}" xmlns:r="{R}"><w:body><w:p><w:r><w:t>{text}</w:t>'
        f"</w:r></w:p>{drawn}</w:body></w:document>",
        "word/_rels/document.xml.rels": related(
            {f"p{at}": ("image", f"media/{at}.png") for at in range(len(pictures))}
        ),
    }
    return zipped(members | {f"word/media/{at}.png": picture for at, picture in enumerate(pictures)})


def pptx(*slides: tuple[str, bytes | None]) -> bytes:
    ids = "".join(f'<p:sldId id="{256 + at}" r:id="s{at}"/>' for at in range(len(slides)))
    members: dict[str, bytes | str] = {
        "[Content_Types].xml": types("ppt/presentation.xml", f"{SLIDES}.main+xml"),
        "ppt/presentation.xml": f'<p:presentation xmlns:p="{P}" xmlns:r="{R}"><p:sldIdLst>{ids}</p:sldIdLst></p:presentation>',
        "ppt/_rels/presentation.xml.rels": related(
            {f"s{at}": ("slide", f"slides/slide{at}.xml") for at in range(len(slides))}
        ),
    }
    for at, (text, picture) in enumerate(slides):
        blip = '<p:pic><p:blipFill><a:blip r:embed="p"/></p:blipFill></p:pic>' if picture else ""
        members[f"ppt/slides/slide{at}.xml"] = (
            f'<p:sld xmlns:p="{P}" xmlns:a="{A}" xmlns:r="{R}"><p:cSld><p:spTree><p:sp><p:txBody><a:p><a:r><a:t>{text}</a:t>'
            f"</a:r></a:p></p:txBody></p:sp>{blip}</p:spTree></p:cSld></p:sld>"
        )
        if picture:
            members[f"ppt/slides/_rels/slide{at}.xml.rels"] = related({"p": ("image", f"../media/{at}.png")})
            members[f"ppt/media/{at}.png"] = picture
    return zipped(members)


def opened(kind: str, inside: str, picture: bytes) -> bytes:
    content = (
        f'<office:document-content xmlns:office="{OASIS}:office:1.0" xmlns:text="{OASIS}:text:1.0" office:version="1.2" '
        f'xmlns:draw="{OASIS}:drawing:1.0" xmlns:xlink="http://www.w3.org/1999/xlink"><office:body>{inside}</office:body>'
        "</office:document-content>"
    )
    manifest = f'<manifest:manifest xmlns:manifest="{OASIS}:manifest:1.0"/>'
    return zipped(
        {
            "mimetype": f"{ODF}.{kind}",
            "content.xml": content,
            "META-INF/manifest.xml": manifest,
            "Pictures/1.png": picture,
        }
    )


def xlsx(*sheets: tuple[str, bytes | None]) -> bytes:
    """Sheets of one cell each, some with a picture."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    names = "".join(f'<sheet name="S{at}" sheetId="{at + 1}" r:id="s{at}"/>' for at in range(len(sheets)))
    members: dict[str, bytes | str] = {
        "[Content_Types].xml": types("xl/workbook.xml", f"{OOXML}.spreadsheetml.sheet.main+xml"),
        "_rels/.rels": related({"r": ("officeDocument", "xl/workbook.xml")}),
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{R}"><sheets>{names}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": related(
            {f"s{at}": ("worksheet", f"worksheets/sheet{at}.xml") for at in range(len(sheets))}
        ),
    }
    for at, (text, picture) in enumerate(sheets):
        cell = f'<row r="1"><c r="A1" t="inlineStr"><is><t>{text}</t></is></c></row>' if text else ""
        members[f"xl/worksheets/sheet{at}.xml"] = f'<worksheet xmlns="{main}"><sheetData>{cell}</sheetData></worksheet>'
        if picture:
            members[f"xl/worksheets/_rels/sheet{at}.xml.rels"] = related({"d": ("drawing", f"../drawings/d{at}.xml")})
            members[f"xl/drawings/d{at}.xml"] = f'<d xmlns:a="{A}" xmlns:r="{R}"><a:blip r:embed="p"/></d>'
            members[f"xl/drawings/_rels/d{at}.xml.rels"] = related({"p": ("image", f"../media/{at}.png")})
            members[f"xl/media/{at}.png"] = picture
    return zipped(members)


SHOWN = '<draw:frame><draw:image xlink:href="Pictures/1.png"/></draw:frame>'


def odt(text: str, picture: bytes) -> bytes:
    return opened("text", f"<office:text><text:p>{text}</text:p><text:p>{SHOWN}</text:p></office:text>", picture)


def ods(text: str, picture: bytes) -> bytes:
    table = 'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" table:name='
    cell = f'<table:table-row><table:table-cell office:value-type="string"><text:p>{text}</text:p></table:table-cell></table:table-row>'
    sheets = f'<table:table {table}"A">{cell}</table:table><table:table {table}"B"><table:shapes>{SHOWN}</table:shapes></table:table>'
    return opened("spreadsheet", f"<office:spreadsheet>{sheets}</office:spreadsheet>", picture)


def odp(text: str, picture: bytes) -> bytes:
    slides = f"<draw:page><draw:frame><text:p>{text}</text:p></draw:frame></draw:page><draw:page>{SHOWN}</draw:page>"
    return opened("presentation", f"<office:presentation>{slides}</office:presentation>", picture)


def eml(text: str, picture: bytes) -> bytes:
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = "Receipt", "a@example.com", "b@example.com"
    mail.set_content(text)
    mail.add_attachment(picture, maintype="image", subtype="png", filename="scan.png")
    return mail.as_bytes()


def read(documents: Documents, folder: Path, content: bytes, name: str) -> tuple[list[Page], list[Page]]:
    """The pages after the text step, and after OCR."""
    path = folder / "original"
    path.write_bytes(content)
    media_type = documents.identify(path, name).media_type
    pages = documents.read_text(path, media_type)
    unread = [page.number for page in pages if page.source is None]
    again = {page.number: page for page in documents.read_images(path, media_type, unread, ("eng",))} if unread else {}
    return pages, [again.get(page.number, page) for page in pages]


@pytest.mark.parametrize(
    ("name", "content", "number"),
    [
        ("a.docx", docx("See below", scan()), 2),
        ("a.docx", docx("", scan()), 1),
        ("a.odt", odt("See below", scan()), 2),
        ("a.eml", eml("See below", scan()), 2),
    ],
)
def test_a_scan_in_a_document_is_a_page_of_its_own_with_its_boxes(
    documents: Documents, tmp_path: Path, name: str, content: bytes, number: int
) -> None:
    pages, read_pages = read(documents, tmp_path, content, name)
    assert [page.source for page in pages] == ["native"] * (number - 1) + [None]
    assert [page.source for page in read_pages] == ["native"] * (number - 1) + ["ocr"]
    found = extract(read_pages, SCHEMA)
    assert found.fields == {"total": 42.5}
    proof = found.evidence["total"]
    assert proof.page == number and proof.box is not None
    assert 0.35 < proof.box[1] < proof.box[3] < 0.6


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pptx", pptx(("Agenda", None), ("Expenses", scan()), (LONG, scan()))),
        ("a.odp", odp("Agenda", scan())),
        ("a.xlsx", xlsx(("Agenda", None), ("Expenses", scan()), (LONG, scan()))),
        ("a.xlsx", xlsx(("Agenda", None), ("", scan()))),
        ("a.ods", ods("Agenda", scan())),
    ],
)
def test_a_scan_on_a_slide_or_a_sheet_adds_its_text_to_that_page(
    documents: Documents, tmp_path: Path, name: str, content: bytes
) -> None:
    pages, read_pages = read(documents, tmp_path, content, name)
    assert [page.number for page in pages if page.source is None] == [2]
    assert "42.50" in read_pages[1].text and read_pages[1].text.startswith(pages[1].text)
    found = extract(read_pages, SCHEMA)
    assert found.fields == {"total": 42.5} and found.evidence["total"].page == 2


def test_each_scan_is_a_page_in_the_order_of_the_document(documents: Documents, tmp_path: Path) -> None:
    _, pages = read(documents, tmp_path, docx("", scan(["First page"]), scan(["Second page"])), "a.docx")
    assert ["First" in page.text for page in pages] == [True, False]
    assert [page.number for page in pages] == [1, 2]


@pytest.mark.parametrize(
    "content",
    [
        docx(LONG, scan()),  # the document has enough text
        docx("See below", scan(["Logo"], (300, 190))),
        docx("See below", b"no picture at all"),
        docx("See below"),
    ],
)
def test_pictures_that_are_no_scans_are_not_read(documents: Documents, tmp_path: Path, content: bytes) -> None:
    pages, _ = read(documents, tmp_path, content, "a.docx")
    assert [page.source for page in pages] == ["native"]


def test_a_photograph_counts_as_read_beside_text_and_as_unread_alone(documents: Documents, tmp_path: Path) -> None:
    photo = png(Image.linear_gradient("L").resize((900, 700)))
    assert [page.source for page in read(documents, tmp_path, docx("A view", photo), "a.docx")[1]] == ["native"] * 2
    assert [page.source for page in read(documents, tmp_path, docx("", photo), "a.docx")[1]] == [None]


def test_a_small_picture_is_read_if_there_is_no_text_at_all(documents: Documents, tmp_path: Path) -> None:
    small = scan(["Total 42.50"], (420, 160))
    assert [page.source for page in read(documents, tmp_path, docx("See below", small), "a.docx")[1]] == ["native"]
    (page,) = read(documents, tmp_path, docx("", small), "a.docx")[1]
    assert "42.50" in page.text


def test_a_damaged_picture_is_read_in_part_and_does_not_affect_the_text(documents: Documents, tmp_path: Path) -> None:
    content = docx("See below", scan()[:-2000])
    text, picture = read(documents, tmp_path, content, "a.docx")[1]
    assert (text.source, picture.source) == ("native", "ocr")
    assert [note.lost for note in picture.notes] == [True]
    whole = docx("See below", scan())
    at = whole.index(b"IDAT") + 400
    broken = whole[:at] + bytes(200) + whole[at + 200 :]  # its checksum is wrong
    assert [page.source for page in read(documents, tmp_path, broken, "a.docx")[1]] == ["native"]


def test_a_decompression_bomb_in_a_document_is_not_opened(documents: Documents, tmp_path: Path) -> None:
    bomb = png(Image.new("1", (20_000, 20_000)))
    assert [page.source for page in read(documents, tmp_path, docx("See below", bomb), "a.docx")[0]] == ["native"]
