"""Hidden content of a document is not part of its text, and a note mentions it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from layers.decoders import embedded, identify, web_pages
from layers.decoders.visible_markup import visible_markup
from tests.hostile.hostile_files import ODF_SPACES, docx, paragraph, xlsx

SHOWN, SECRET = "Total due GBP 1,190.00", "Grand total GBP 9,999.99"
SHEETS = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
SLIDES = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
RELATED = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'


def changed(content: bytes, **parts: str) -> bytes:
    """A zip with members added or replaced; `/` in their names is written as `__`, and `.` as `_dot_`."""
    new = {name.replace("__", "/").replace("_dot_", "."): text for name, text in parts.items()}
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as target:
        for name in old.namelist():
            if name not in new:
                target.writestr(name, old.read(name))
        for name, text in new.items():
            target.writestr(name, text)
    return out.getvalue()


def sheet(rows: str, columns: str = "") -> str:
    return f"<worksheet {SHEETS}>{columns}<sheetData>{rows}</sheetData></worksheet>"


def row(number: int, text: str, more: str = "", cell: str = "A") -> str:
    return f'<row r="{number}" {more}><c r="{cell}{number}" t="inlineStr"><is><t>{text}</t></is></c></row>'


def workbook_with(state: str) -> bytes:
    book = f'<workbook {SHEETS} {RELATED}><sheets><sheet name="One" sheetId="1" r:id="rId1"/><sheet name="Two" sheetId="2" state="{state}" r:id="rId2"/></sheets></workbook>'
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"
    relations = f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="{kind}" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="{kind}" Target="worksheets/sheet2.xml"/></Relationships>'
    return changed(
        xlsx([["a"]]),
        xl__workbook_dot_xml=book,
        xl___rels__workbook_dot_xml_dot_rels=relations,
        xl__worksheets__sheet1_dot_xml=sheet(row(1, SHOWN)),
        xl__worksheets__sheet2_dot_xml=sheet(row(1, SECRET)),
    )


def one_sheet(rows: str, columns: str = "") -> bytes:
    return changed(xlsx([["a"]]), xl__worksheets__sheet1_dot_xml=sheet(rows, columns))


def packed(members: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as target:
        for name, text in members.items():
            target.writestr(name, text)
    return out.getvalue()


def ods(table: str, styles: str = "") -> bytes:
    body = f"<office:automatic-styles>{styles}</office:automatic-styles><office:body><office:spreadsheet>{table}</office:spreadsheet></office:body>"
    return packed(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "content.xml": f"<office:document-content {ODF_SPACES}>{body}</office:document-content>",
            "META-INF/manifest.xml": "<m/>",
        }
    )


def ods_row(text: str, more: str = "") -> str:
    return f'<table:table-row {more}><table:table-cell office:value-type="string"><text:p>{text}</text:p></table:table-cell></table:table-row>'


def odp() -> bytes:
    styles = '<style:style style:name="dp1" style:family="drawing-page"><style:drawing-page-properties presentation:visibility="hidden"/></style:style>'
    slides = "".join(
        f'<draw:page draw:name="p" draw:style-name="{style}"><draw:frame><draw:text-box><text:p>{text}</text:p></draw:text-box></draw:frame></draw:page>'
        for style, text in (("dp0", SHOWN), ("dp1", SECRET))
    )
    body = f"<office:automatic-styles>{styles}</office:automatic-styles><office:body><office:presentation>{slides}</office:presentation></office:body>"
    return packed(
        {
            "mimetype": "application/vnd.oasis.opendocument.presentation",
            "content.xml": f"<office:document-content {ODF_SPACES}>{body}</office:document-content>",
            "META-INF/manifest.xml": "<m/>",
        }
    )


def shape(text: str, more: str = "") -> str:
    return f'<p:sp><p:nvSpPr><p:cNvPr id="1" name="s" {more}/></p:nvSpPr><p:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>'


def pptx(*slides: tuple[str, str]) -> bytes:
    """Slides as (attributes, shapes)."""
    ids = "".join(f'<p:sldId id="{256 + i}" r:id="rId{i}"/>' for i in range(len(slides)))
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    relations = "".join(
        f'<Relationship Id="rId{i}" Type="{kind}/slide" Target="slides/slide{i}.xml"/>' for i in range(len(slides))
    )
    space = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
    types = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/ppt/presentation.xml" ContentType="application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml"/></Types>'
    return packed(
        {
            "[Content_Types].xml": types,
            "_rels/.rels": f'<Relationships {space}><Relationship Id="r" Type="{kind}/officeDocument" Target="ppt/presentation.xml"/></Relationships>',
            "ppt/presentation.xml": f"<p:presentation {SLIDES} {RELATED}><p:sldIdLst>{ids}</p:sldIdLst></p:presentation>",
            "ppt/_rels/presentation.xml.rels": f"<Relationships {space}>{relations}</Relationships>",
        }
        | {
            f"ppt/slides/slide{i}.xml": f"<p:sld {SLIDES} {more}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>"
            for i, (more, shapes) in enumerate(slides)
        }
    )


def page(hidden: str, head: str = "") -> bytes:
    return f"<!doctype html><html><head>{head}</head><body><p>{SHOWN}</p>{hidden}</body></html>".encode()


def hidden_run(properties: str, text: str = SECRET) -> str:
    return f"<w:p><w:r><w:rPr>{properties}</w:rPr><w:t>{text}</w:t></w:r></w:p>"


CASES: dict[str, Callable[[], bytes]] = {
    "hidden sheet.xlsx": lambda: workbook_with("hidden"),
    "very hidden sheet.xlsx": lambda: workbook_with("veryHidden"),
    "hidden row.xlsx": lambda: one_sheet(row(3, SHOWN) + row(5, SECRET, 'hidden="1"')),
    "hidden row named late.xlsx": lambda: one_sheet(
        row(1, SHOWN) + f'<row hidden="true" r="9"><c r="A9" t="inlineStr"><is><t>{SECRET}</t></is></c></row>'
    ),
    "hidden column.xlsx": lambda: one_sheet(
        row(2, SHOWN, cell="B") + row(3, SECRET, cell="D"), '<cols><col min="3" max="5" width="9" hidden="1"/></cols>'
    ),
    "hidden table.ods": lambda: ods(
        f'<table:table table:name="One">{ods_row(SHOWN)}</table:table><table:table table:name="Two" table:style-name="ta2">{ods_row(SECRET)}</table:table>',
        '<style:style style:name="ta2" style:family="table"><style:table-properties table:display="false"/></style:style>',
    ),
    "collapsed row.ods": lambda: ods(
        f'<table:table table:name="One">{ods_row(SHOWN)}{ods_row(SECRET, "table:visibility=" + chr(34) + "collapse" + chr(34))}</table:table>'
    ),
    "filtered row.ods": lambda: ods(
        f'<table:table table:name="One">{ods_row(SECRET, "table:visibility=" + chr(34) + "filter" + chr(34))}{ods_row(SHOWN)}</table:table>'
    ),
    "hidden slide.pptx": lambda: pptx(("", shape(SHOWN)), ('show="0"', shape(SECRET))),
    "hidden first slide.pptx": lambda: pptx(('show="false"', shape(SECRET)), ("", shape(SHOWN))),
    "hidden slide.odp": odp,
    "hidden run.docx": lambda: docx(paragraph(SHOWN) + hidden_run("<w:vanish/>")),
    "hidden bold run.docx": lambda: docx(paragraph(SHOWN) + hidden_run('<w:b/><w:vanish w:val="true"/>')),
    "not displayed.html": lambda: page(f"<div style='display: none'>{SECRET}</div>"),
    "not displayed in a table.html": lambda: page(
        f"<table><tr style='display:none !important'><td>{SECRET}<td></tr></table>"
    ),
    "invisible.html": lambda: page(f"<span style='visibility:hidden'>{SECRET}</span>"),
    "attribute.html": lambda: page(f"<div hidden><p>{SECRET}</p></div>"),
    "no size.html": lambda: page(f"<div style='font-size:0px;line-height:0'>{SECRET}</div>"),
    "transparent.html": lambda: page(f"<div style='opacity: 0'>{SECRET}</div>"),
    "white.html": lambda: page(f"<p style='color: #FFFFFF'>{SECRET}</p>"),
    "white font.html": lambda: page(f"<font color='white'>{SECRET}</font>"),
    "by class.html": lambda: page(
        f"<div class='pre header'>{SECRET}</div>", "<style>.a{color:red} .header, #x { display:none }</style>"
    ),
    "by id.html": lambda: page(f"<div id='x'><b>{SECRET}</b></div>", "<style>div#x{display:none;}</style>"),
}
# These have no note: hidden shapes are helpers of the layout.
WITHOUT_NOTE: dict[str, Callable[[], bytes]] = {
    "hidden shape.pptx": lambda: pptx(("", shape(SHOWN) + shape(SECRET, 'hidden="1"'))),
}
SHOWN_ANYWAY: dict[str, Callable[[], bytes]] = {
    "white on a dark ground.html": lambda: page(
        f"<table><tr><td style='background:#333;color:#fff'>{SECRET}</td></tr></table>"
    ),
    "shown on a phone only.html": lambda: page(
        f"<div class='m'>{SECRET}</div>", "<style>@media print { .m { display:none } }</style>"
    ),
    "small.html": lambda: page(f"<div style='font-size:0.9em'>{SECRET}</div>"),
    "shown run.docx": lambda: docx(paragraph(SHOWN) + hidden_run('<w:vanish w:val="0"/>')),
    "shown sheet.xlsx": lambda: workbook_with("visible"),
    "after a paragraph without end.html": lambda: page(f"<p hidden>x<p>{SECRET}"),
    "after a row without end.html": lambda: page(f"<table><tr hidden><td>x<tr><td>{SECRET}</table>"),
    "after an open element.html": lambda: page(f"<ul><li hidden>x</ul><p>{SECRET}</p>"),
}


def read(content: bytes, name: str, folder: Path) -> tuple[str, list[Any]]:
    path = folder / name
    path.write_bytes(content)
    media_type = identify.identify(str(path), name)["media_type"]
    pages = embedded.read_text(str(path), media_type)
    assert all(page["source"] == "native" for page in pages)
    return "\n".join(page["text"] for page in pages), [note for page in pages for note in page.get("notes", ())]


@pytest.mark.parametrize("name", list(CASES))
def test_hidden_content_is_no_text_and_is_noted(tmp_path: Path, name: str) -> None:
    text, notes = read(CASES[name](), name, tmp_path)
    assert SHOWN in text
    assert "9,999" not in text
    assert len(notes) == 1
    assert "not read" in notes[0][0]
    assert notes[0][1] is False


def preview(content: bytes, name: str, folder: Path) -> str:
    path = folder / name
    path.write_bytes(content)
    return web_pages.body_of(str(path), identify.identify(str(path), name)["media_type"])


@pytest.mark.parametrize("name", [*CASES, *WITHOUT_NOTE])
def test_hidden_content_is_in_no_preview(tmp_path: Path, name: str) -> None:
    page = preview((CASES | WITHOUT_NOTE)[name](), name, tmp_path)
    assert SHOWN in page
    assert "9,999" not in page


def test_a_mails_hidden_words_are_in_no_preview(tmp_path: Path) -> None:
    head = b"From: a@example.com\r\nSubject: s\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n"
    markup = preview(head + CASES["not displayed.html"](), "hidden.eml", tmp_path)
    assert SHOWN in markup
    assert "9,999" not in markup


@pytest.mark.parametrize("name", list(SHOWN_ANYWAY))
def test_what_is_shown_is_in_the_preview(tmp_path: Path, name: str) -> None:
    assert SECRET in preview(SHOWN_ANYWAY[name](), name, tmp_path)


def test_markup_that_hides_nothing_is_kept_as_it_is() -> None:
    markup = "<p style='visibility:visible'>a &lt; b &amp; c<br><img alt='x' src='data:,'><!-- hidden -->"
    assert visible_markup(markup) is markup


def test_what_is_left_of_markup_keeps_its_elements_and_escapes() -> None:
    markup = "<ul><li hidden>x<li>a &lt;b&gt; <i>c</i></ul><table><tr hidden><td>y<tr><td>z</table>"
    assert visible_markup(markup) == "<ul><li>a &lt;b&gt; <i>c</i></ul><table><tr><td>z</table>"


@pytest.mark.parametrize("name", list(WITHOUT_NOTE))
def test_hidden_shapes_are_no_text(tmp_path: Path, name: str) -> None:
    text, _ = read(WITHOUT_NOTE[name](), name, tmp_path)
    assert SHOWN in text
    assert "9,999" not in text


@pytest.mark.parametrize("name", list(SHOWN_ANYWAY))
def test_what_is_shown_is_read(tmp_path: Path, name: str) -> None:
    text, _ = read(SHOWN_ANYWAY[name](), name, tmp_path)
    assert SHOWN in text
    assert SECRET in text
