"""A document is known by what its container says about itself, and read however that container is written."""

from __future__ import annotations

import base64
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from layers.decoders import embedded, identify, packages, text_thumbnails, web_pages
from layers.domain.errors import PermanentError
from layers.domain.formats import IWORK, ODF, OOXML
from tests.hostile import hostile_files
from tests.hostile.hostile_files import ODF_SPACES, docx, paragraph, pdf_page, relation, xlsx, zipped
from tests.unit.test_mail import message, signed

WORD, SHEETS, SLIDES = (
    f"{OOXML}.{kind}" for kind in ("wordprocessingml.document", "spreadsheetml.sheet", "presentationml.presentation")
)
SAYS = "Total due GBP 1,190.00"
NAMESPACES = f'{ODF_SPACES} xmlns:xlink="http://www.w3.org/1999/xlink"'
Change = Callable[[str, bytes], tuple[str, bytes]]


def rebuilt(content: bytes, change: Change) -> bytes:
    """A zip with other names or contents of its parts."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as target:
        for part in old.infolist():
            target.writestr(*change(part.filename, old.read(part)))
    return out.getvalue()


def replaced(old: str, new: str) -> Change:
    """In names and contents."""
    return lambda name, content: (name.replace(old, new), content.replace(old.encode(), new.encode()))


def pptx(text: str) -> bytes:
    main, drawn = (f"http://schemas.openxmlformats.org/{kind}/2006/main" for kind in ("presentationml", "drawingml"))
    types = hostile_files.TYPES.format(part="/ppt/presentation.xml", kind="presentationml.presentation", more="")
    links = hostile_files.RELATIONS.format
    return zipped(
        {
            "[Content_Types].xml": types,
            "_rels/.rels": links(items=relation(1, "officeDocument", "ppt/presentation.xml")),
            "ppt/presentation.xml": f'<p:presentation xmlns:p="{main}" xmlns:r="{hostile_files.OFFICE}"><p:sldIdLst>'
            '<p:sldId id="256" r:id="rId1"/></p:sldIdLst></p:presentation>',
            "ppt/_rels/presentation.xml.rels": links(items=relation(1, "slide", "slides/slide1.xml")),
            "ppt/slides/slide1.xml": f'<p:sld xmlns:p="{main}" xmlns:a="{drawn}"><p:cSld><p:spTree><p:sp><p:txBody><a:p>'
            f"<a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp></p:spTree></p:cSld></p:sld>",
        }
    )  # fmt: skip


def strict(content: bytes) -> bytes:
    pattern = re.compile(rb"http://schemas\.openxmlformats\.org/(\w+)/2006/([\w-]+)")

    def change(name: str, part: bytes) -> tuple[str, bytes]:
        if name == "[Content_Types].xml":
            return name, part
        return name, pattern.sub(
            lambda one: one[0] if one[1] == b"package" else b"http://purl.oclc.org/ooxml/" + one[1] + b"/" + one[2],
            part,
        )

    return rebuilt(content, change)


BODIES = {
    "text": f"<office:text><text:p>{SAYS}</text:p></office:text>",
    "spreadsheet": '<office:spreadsheet><table:table table:name="S"><table:table-row><table:table-cell '
    f'office:value-type="string"><text:p>{SAYS}</text:p></table:table-cell></table:table-row></table:table>'
    "</office:spreadsheet>",
    "presentation": f'<office:presentation><draw:page draw:name="1"><draw:frame><draw:text-box><text:p>{SAYS}</text:p>'
    "</draw:text-box></draw:frame></draw:page></office:presentation>",
    "graphics": f'<office:drawing><draw:page draw:name="1"><draw:frame><draw:text-box><text:p>{SAYS}</text:p>'
    "</draw:text-box></draw:frame></draw:page></office:drawing>",
}


def open_document(kind: str, variant: str = "", with_mimetype: bool = True) -> bytes:
    declared = f"{ODF}.{kind}{variant}"
    parts: dict[str, bytes | str] = {"mimetype": declared} if with_mimetype else {}
    return zipped(
        parts
        | {
            "content.xml": f"<office:document-content {NAMESPACES}><office:body>{BODIES[kind]}</office:body>"
            "</office:document-content>",
            "META-INF/manifest.xml": f'<m:manifest xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><m:file-entry m:full-path="/" '
            f'm:media-type="{declared}"/></m:manifest>',
        }
    )


def flat(kind: str, variant: str = "", more: str = "") -> bytes:
    return (
        f'<?xml version="1.0"?><office:document {NAMESPACES} office:version="1.2" '
        f'office:mimetype="{ODF}.{kind}{variant}"><office:styles/><office:body>{BODIES[kind]}{more}</office:body>'
        "</office:document>"
    ).encode()


def read(tmp_path: Path, content: bytes, name: str = "a") -> tuple[str, list[dict[str, Any]]]:
    path = tmp_path / "original"
    path.write_bytes(content)
    media_type = identify.identify(str(path), name)["media_type"]
    return media_type, embedded.read_text(str(path), media_type)


def refusal(tmp_path: Path, content: bytes) -> str:
    with pytest.raises(PermanentError) as refused:
        read(tmp_path, content)
    return refused.value.code


PACKAGES = {WORD: docx(paragraph(SAYS)), SHEETS: xlsx([[SAYS]]), SLIDES: pptx(SAYS)}
ODD = {
    "backslashes": lambda content: rebuilt(content, lambda name, part: (name.replace("/", "\\"), part)),
    "a slash first": lambda content: rebuilt(content, lambda name, part: (f"/{name}", part)),
    "strict": strict,
    "strict with backslashes": lambda content: rebuilt(
        strict(content), lambda name, part: (name.replace("/", "\\"), part)
    ),
    "other main part": lambda content: rebuilt(
        content,
        lambda name, part: (
            re.sub(r"(document|workbook|presentation)\.xml", r"\g<1>2.xml", name),
            re.sub(rb"/(document|workbook|presentation)\.xml", rb"/\g<1>2.xml", part),
        ),
    ),
    "other folder": lambda content: rebuilt(
        content,
        lambda name, part: (
            re.sub(r"^(word|xl|ppt)/", r"content/", name),
            re.sub(rb"\"(/?)(word|xl|ppt)/", rb'"\1content/', part),
        ),
    ),
    "other letters": lambda content: rebuilt(
        content, lambda name, part: (name.replace("document.xml", "Document.xml"), part)
    ),
    "template": lambda content: rebuilt(
        content,
        lambda name, part: (name, re.sub(rb"\.(document|sheet|presentation)\.main", b".template.main", part)),
    ),
    "with macros": lambda content: rebuilt(
        content,
        lambda name, part: (
            name,
            part.replace(f"{SHEETS}.main+xml".encode(), b"application/vnd.ms-excel.sheet.macroEnabled.main+xml")
            .replace(f"{WORD}.main+xml".encode(), b"application/vnd.ms-word.document.macroEnabled.main+xml")
            .replace(f"{SLIDES}.main+xml".encode(), b"application/vnd.ms-powerpoint.slideshow.macroEnabled.main+xml"),
        ),
    ),
    "no relationships": lambda content: rebuilt(
        content, lambda name, part: ("_rels/lost", part) if name == "_rels/.rels" else (name, part)
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", ODD)
@pytest.mark.parametrize("media_type", PACKAGES)
def test_an_office_document_is_read_however_its_package_is_written(tmp_path: Path, media_type: str, how: str) -> None:
    found, (page,) = read(tmp_path, ODD[how](PACKAGES[media_type]))
    assert found == media_type and SAYS in page["text"] and not page.get("notes")
    path = str(tmp_path / "original")
    assert SAYS in web_pages.body_of(path, media_type)
    assert text_thumbnails.picture_of_text(path, media_type, str(tmp_path), "thumbnail.webp", 320)["width"]


def test_an_ordinary_document_is_not_copied(tmp_path: Path) -> None:
    for content in (*PACKAGES.values(), open_document("text"), b"text", hostile_files.locked_zip()):
        path = tmp_path / "original"
        path.write_bytes(content)
        with packages.canonical(str(path)) as readable:
            assert readable == str(path)


@pytest.mark.parametrize("variant", ["", "-template"])
@pytest.mark.parametrize("kind", BODIES)
def test_open_documents_and_their_templates_are_read(tmp_path: Path, kind: str, variant: str) -> None:
    found, (page,) = read(tmp_path, open_document(kind, variant))
    assert found == f"{ODF}.{kind}" and SAYS in page["text"]
    assert SAYS in web_pages.body_of(str(tmp_path / "original"), found)


@pytest.mark.parametrize("kind", BODIES)
def test_an_open_document_without_its_mimetype_is_known_by_its_manifest(tmp_path: Path, kind: str) -> None:
    found, (page,) = read(tmp_path, open_document(kind, with_mimetype=False))
    assert found == f"{ODF}.{kind}" and SAYS in page["text"]


@pytest.mark.parametrize("name", ["a.fodt", "a.xml", "a"])
@pytest.mark.parametrize("kind", BODIES)
def test_flat_open_documents_are_read(tmp_path: Path, kind: str, name: str) -> None:
    found, (page,) = read(tmp_path, flat(kind), name)
    assert found == f"{ODF}.{kind}" and SAYS in page["text"]
    assert SAYS in web_pages.body_of(str(tmp_path / "original"), found)


def test_a_picture_in_a_flat_document_is_a_page_for_ocr(tmp_path: Path) -> None:
    stream = io.BytesIO()
    Image.new("L", (900, 700), 120).save(stream, "PNG")
    picture = f"<draw:image><office:binary-data>{base64.encodebytes(stream.getvalue()).decode()}</office:binary-data></draw:image>"
    content = flat("text").replace(
        b"</office:text>", f"<text:p><draw:frame>{picture}</draw:frame></text:p></office:text>".encode()
    )
    found, pages = read(tmp_path, content)
    assert [page["source"] for page in pages] == ["native", None]
    assert embedded.gray_page(str(tmp_path / "original"), found, 2).size == (900, 700)


# --- inserted documents --------------------------------------------------------------------------------

BEFORE, AFTER = paragraph("before it"), paragraph("behind it")


def test_a_document_that_is_copied_is_analysed_once_for_all_its_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyses: list[str] = []
    analyze = embedded._analyze
    monkeypatch.setattr(embedded, "_analyze", lambda path, *rest: analyses.append(path) or analyze(path, *rest))
    path = tmp_path / "a.fodt"
    path.write_bytes(flat("text"))
    for number in (1, 2):
        embedded.gray_page(str(path), f"{ODF}.text", number)
        embedded.add_own_text(str(path), f"{ODF}.text", {"number": number, "words": [], "text": ""})
    assert len(analyses) == 1 and analyses != [str(path)]


def inserting(name: str, content: bytes, element: str = '<w:altChunk r:id="rId9"/>', outside: bool = False) -> bytes:
    made = docx(BEFORE + element + AFTER, relations=relation(9, "aFChunk", name, outside))
    with zipfile.ZipFile(stream := io.BytesIO(made), "a") as target:
        target.writestr(f"word/{name}", content)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("chunk.htm", lambda: f"<html><body><p>{SAYS}</p><script>x()</script></body></html>".encode()),
        ("chunk.docx", lambda: docx(paragraph(SAYS))),
        ("chunk.docx", lambda: strict(docx(paragraph(SAYS)))),
        ("chunk.docx", lambda: inserting("inner.htm", f"<p>{SAYS}</p>".encode())),
        ("chunk.txt", lambda: SAYS.encode("utf-16")),
        ("chunk.rtf", lambda: f"{{\\rtf1\\ansi {SAYS}}}".encode()),
        ("chunk.mht", lambda: message(SAYS).as_bytes()),
    ],
)
def test_an_inserted_document_is_read_in_its_place(tmp_path: Path, name: str, make: Callable[[], bytes]) -> None:
    media_type, (page,) = read(tmp_path, inserting(name, make()))
    lines = [line for line in page["text"].splitlines() if line.strip()]
    assert (
        lines.index("before it") < next(at for at, line in enumerate(lines) if SAYS in line) < lines.index("behind it")
    )
    assert not page.get("notes") and "x()" not in page["text"]
    assert SAYS in web_pages.body_of(str(tmp_path / "original"), media_type)


def nested(levels: int) -> bytes:
    content = docx(paragraph("the innermost text"))
    for _ in range(levels):
        content = inserting("chunk.docx", content)
    return content


@pytest.mark.parametrize(
    "make",
    [
        lambda: inserting("missing.htm", b""),
        lambda: inserting("chunk.docx", docx(paragraph("x"))[:300]),
        lambda: inserting("chunk.exe", hostile_files.elf()),
        lambda: inserting("chunk.htm", b"<p>x</p>", '<w:altChunk r:id="rId77"><w:altChunkPr/></w:altChunk>'),
        lambda: inserting("https://a.example/x.htm", b"<p>x</p>", outside=True),
        lambda: inserting("chunk.docx", hostile_files.docx_bomb(70)),
    ],
    ids=["missing", "damaged", "a program", "no such relation", "outside", "a bomb"],
)
def test_an_inserted_document_that_was_not_read_is_noted(tmp_path: Path, make: Callable[[], bytes]) -> None:
    _, (page,) = read(tmp_path, make())
    assert page["notes"] == [["1 documents that are inserted into this one were not read", True]]
    assert "before it" in page["text"] and "behind it" in page["text"]


def test_documents_inserted_in_each_other_are_read_up_to_a_limit(tmp_path: Path) -> None:
    _, (page,) = read(tmp_path, nested(3))
    assert "the innermost text" in page["text"] and not page.get("notes")
    _, (page,) = read(tmp_path, nested(9))
    assert "the innermost text" not in page["text"] and page["notes"][0][1] is True


# --- what is no document that can be read --------------------------------------------------------------


@pytest.mark.parametrize(
    "parts",
    [
        {"[Content_Types].xml": "<Types/>", "visio/document.xml": "<x/>"},
        {"[Content_Types].xml": "<Types/>", "FixedDocSeq.fdseq": "<x/>"},
        {"mimetype": f"{ODF}.database", "content.xml": "<x/>"},
        {"mimetype": f"{ODF}.formula", "content.xml": "<x/>"},
        {"mimetype": "image/openraster", "stack.xml": "<x/>"},
        {"META-INF/MANIFEST.MF": "Manifest-Version: 1.0", "A.class": "x"},
        {"AndroidManifest.xml": "x", "classes.dex": "x"},
        {"Index/Document.iwa": "x", "Metadata/Properties.plist": "x"},
        {"index.apxl": "<x/>"},
    ],
    ids=lambda parts: list(parts)[-1],
)
def test_a_container_that_is_known_but_can_t_be_read_is_refused(tmp_path: Path, parts: dict[str, str]) -> None:
    assert refusal(tmp_path, zipped(parts)) == "unsupported_type"


@pytest.mark.parametrize(
    "parts",
    [
        {"invoice.txt": "x"},
        {"2024\\March\\invoice.txt": "x"},
        {"letters/mimetype": "x", "content.xml": "<x/>"},
        {"mimetype": "a note about types", "a.txt": "x"},
        {"word/notes.txt": "x", "xl/list.csv": "x"},
        {"invoice.docx": docx(paragraph("x")), "index.html": "x"},
    ],
    ids=lambda parts: next(iter(parts)),
)
def test_a_zip_of_files_is_an_archive(tmp_path: Path, parts: dict[str, bytes | str]) -> None:
    path = tmp_path / "original"
    path.write_bytes(zipped(parts))
    assert identify.identify(str(path), "a.zip")["media_type"] == "application/zip"


# --- hostile containers --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "codes"),
    [
        (lambda: ODD["strict"](hostile_files.docx_bomb(70)), {"decompression_bomb", "too_large"}),
        (lambda: ODD["backslashes"](hostile_files.docx_bomb(70)), {"decompression_bomb", "too_large"}),
        (lambda: flat("text")[:-40], {"corrupt"}),
        (
            lambda: flat("text").replace(b"<office:document", b"<!DOCTYPE x [<!ENTITY a 'b'>]><office:document", 1),
            {"corrupt"},
        ),
        (lambda: zipped({**dict.fromkeys(("preview.jpg",), b"no picture"), "Index/A.iwa": b"x"}), {"corrupt"}),
        (lambda: zipped({"QuickLook/Preview.pdf": b"%PDF-1.4 none", "Index.zip": b"x"}), {"corrupt"}),
        (lambda: zipped({"QuickLook/Preview.pdf": bytes(70 << 20), "Index.zip": b"x"}), {"too_large"}),
    ],
)
def test_a_hostile_container_is_refused(tmp_path: Path, make: Callable[[], bytes], codes: set[str]) -> None:
    assert refusal(tmp_path, make()) in codes


def test_elements_that_never_end_are_searched_in_linear_time() -> None:
    from layers.decoders import inserted_documents

    content = b"<w:altChunk r:id='a'>" * 100_000
    assert inserted_documents.count_left(content) == 0
    assert inserted_documents.count_left(b"<w:altChunk " + b"x" * 1_000_000) == 0


# --- Pages, Numbers, Keynote ---------------------------------------------------------------------------


def test_an_iwork_document_is_read_by_its_preview(tmp_path: Path) -> None:
    page = pdf_page(b"BT /F 24 Tf 72 700 Td (Total due GBP 1,190.00) Tj ET")
    found, (shown,) = read(tmp_path, zipped({"Index.zip": b"x", "QuickLook/Preview.pdf": page}))
    assert found == IWORK and SAYS in shown["text"] and not shown.get("notes")
    assert "data:image/webp" in web_pages.body_of(str(tmp_path / "original"), IWORK)


def test_an_iwork_document_with_only_a_picture_has_a_note_of_lost_content(tmp_path: Path) -> None:
    found, (page,) = read(
        tmp_path, zipped({"Index/Document.iwa": b"x", "preview.jpg": hostile_files.picture("JPEG", SAYS)})
    )
    assert found == IWORK and page["source"] is None and page["notes"][0][1] is True
    assert embedded.gray_page(str(tmp_path / "original"), IWORK, 1).size == (600, 300)
    made = text_thumbnails.picture_of_text(str(tmp_path / "original"), IWORK, str(tmp_path), "thumbnail.webp", 320)
    assert (made["width"], made["height"]) == (320, 160)


def test_a_container_that_is_attached_to_a_mail_is_read_in_the_same_way(tmp_path: Path) -> None:
    made = message("See below.")
    for name, content in (
        ("a.xlsx", ODD["backslashes"](PACKAGES[SHEETS])),
        ("a.fods", flat("spreadsheet")),
        ("a.docx.p7m", signed(strict(PACKAGES[WORD]))),
    ):
        made.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    path = tmp_path / "mail.eml"
    path.write_bytes(made.as_bytes())
    pages = embedded.read_text(str(path), "message/rfc822")
    assert [SAYS in page["text"] for page in pages] == [False, True, True, True]


# --- formulas without values ---------------------------------------------------------------------------

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def calculated(cells: str) -> bytes:
    rows = f"<sheetData><row r='1'>{cells}</row></sheetData>"
    return rebuilt(
        xlsx([["x"]]),
        lambda name, part: (name, re.sub(rb"<sheetData>.*</sheetData>", rows.encode(), part)),
    )


WITH_NUMBER = "<c r='A1'><v>4</v></c>"


@pytest.mark.parametrize(
    ("cell", "is_lacking"),
    [
        ("<c r='B1'><f>A1*2</f><v></v></c>", True),
        ("<c r='B1'><f>A1*2</f><v/></c>", True),
        ("<c r='B1'><f>A1*2</f></c>", True),
        ("<c r='B1' t='n'><f t='shared' si='0'/></c>", True),
        ("<c r='B1'><f>A1*2</f><v>8</v></c>", False),
        ("<c r='B1' t='str'><f>IF(A1,\"\",\"\")</f><v></v></c>", False),
        ("<c r='B1' s='1'/>", False),
    ],
)
def test_a_formula_without_its_value_is_noted_and_never_read_as_a_value(
    tmp_path: Path, cell: str, is_lacking: bool
) -> None:
    _, (page,) = read(tmp_path, calculated(WITH_NUMBER + cell))
    assert "A1" not in page["text"] and "4" in page["text"]
    lost = [text for text, is_lost in page.get("notes") or () if is_lost]
    assert lost == (
        ["the file does not contain the values of 1 formulas of the sheet One; they were not read"]
        if is_lacking
        else []
    )


@pytest.mark.parametrize(
    ("attributes", "is_lacking"), [("", True), ("office:value-type='float' office:value='8'", False)]
)
def test_formulas_of_open_documents_are_noted_too(tmp_path: Path, attributes: str, is_lacking: bool) -> None:
    cell = f"<table:table-cell table:formula='of:=[.A1]*2' {attributes}/></table:table-row>".encode()
    _, (page,) = read(tmp_path, flat("spreadsheet").replace(b"</table:table-row>", cell))
    assert bool(page.get("notes")) is is_lacking and "of:=" not in page["text"]
