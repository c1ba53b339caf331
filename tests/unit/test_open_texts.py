"""OpenDocument texts and books are read in the order in which a person reads them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from layers.decoders import books, open_texts, web_pages
from layers.domain.errors import PermanentError

SPACES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{prefix}:1.0"'
    for prefix in ("office", "text", "table", "style")
)
ODT = "application/vnd.oasis.opendocument.text"
CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/a.opf"/></rootfiles></container>'
)


def stored(path: Path, **parts: str) -> str:
    """A zip; in the names of parts, `__` stands for a slash and `_` for a dot."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), content)
    return str(path)


def text_document(tmp_path: Path, body: str, styles: str = "") -> str:
    content = f"<office:document-content {SPACES}><office:body><office:text>{body}</office:text></office:body></office:document-content>"
    masters = f"<office:document-styles {SPACES}><office:master-styles>{styles}</office:master-styles></office:document-styles>"
    return stored(tmp_path / "a.odt", mimetype=ODT, content_xml=content, styles_xml=masters)


def text_of(path: str) -> str:
    (page,) = open_texts.read_text(path, ODT)
    return str(page["text"])


def test_a_text_has_its_headers_paragraphs_tables_and_footers(tmp_path: Path) -> None:
    body = (
        "<text:h>Title</text:h><text:p>A<text:tab/>B<text:s/>C<text:line-break/>D</text:p>"
        "<table:table><table:table-row><table:table-cell><text:p>x</text:p></table:table-cell>"
        "<table:table-cell><text:p>y</text:p><text:p>z</text:p></table:table-cell></table:table-row></table:table>"
        "<text:list><text:list-item><text:p>item</text:p></text:list-item></text:list>"
    )
    styles = "<style:master-page><style:header><text:p>ACME</text:p></style:header><style:footer><text:p>VAT 7</text:p><text:p>3</text:p></style:footer></style:master-page>"
    path = text_document(tmp_path, body, styles)
    assert text_of(path) == "ACME\nTitle\nA B C D\nx\ty z\nitem\nVAT 7"
    shown = web_pages.body_of(path, ODT)
    assert "<h1>Title</h1>" in shown and "<td><p>x</p></td>" in shown and "<li><p>item</p></li>" in shown


def test_comments_and_deleted_text_are_left_out_and_what_follows_them_stays(tmp_path: Path) -> None:
    body = (
        "<text:tracked-changes><text:p>deleted</text:p></text:tracked-changes>"
        "<text:p>A<office:annotation><text:p>note</text:p></office:annotation>B<text:span>C</text:span>"
        "<office:annotation/>D</text:p>"
    )
    assert text_of(text_document(tmp_path, body)) == "ABCD"


def test_a_text_that_is_nested_without_end_is_damaged(tmp_path: Path) -> None:
    body = "<text:section>" * 2000 + "</text:section>" * 2000
    with pytest.raises(PermanentError, match="damaged"):
        text_of(text_document(tmp_path, body))


def test_a_text_without_a_body_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="damaged"):
        text_of(stored(tmp_path / "a.odt", mimetype=ODT, content_xml="<a"))


def book(tmp_path: Path, **more: str) -> str:
    package = (
        '<package><metadata><meta name="cover" content="p"/></metadata><manifest>'
        '<item id="two" href="2%20b.xhtml" media-type="application/xhtml+xml"/>'
        '<item id="one" href="text/1.xhtml" media-type="application/xhtml+xml"/>'
        '<item id="p" href="../p.png" media-type="image/png"/></manifest>'
        '<spine><itemref idref="one"/><itemref idref="two"/><itemref idref="none"/></spine></package>'
    )
    chapters = {
        "OEBPS__text__1_xhtml": "<html><head><title>T</title></head><body><h1>One</h1><p hidden=''>no</p></body></html>",
        "OEBPS__2 b_xhtml": "<html><body><p>Zw\u00f6lf</p></body></html>",
    }
    parts = {"META-INF__container_xml": CONTAINER, "OEBPS__a_opf": package, "p_png": "picture", **chapters, **more}
    return stored(tmp_path / "a.epub", **parts)


def test_a_book_has_its_chapters_in_the_order_of_its_spine(tmp_path: Path) -> None:
    path = book(tmp_path)
    (page,) = books.read_text(path, "application/epub+zip")
    assert [line for line in page["text"].splitlines() if line] == ["T", "One", "Zw\u00f6lf"]
    assert books.cover_of(path) == b"picture"
    assert "<h1>One</h1>" in web_pages.body_of(path, "application/epub+zip")


def test_a_book_whose_chapters_are_encrypted_is_refused_and_one_with_encrypted_fonts_is_read(tmp_path: Path) -> None:
    def encryption(part: str) -> str:
        return f'<encryption xmlns:e="urn:e"><e:CipherReference URI="{part}"/></encryption>'

    assert list(books.chapters(book(tmp_path, **{"META-INF__encryption_xml": encryption("OEBPS/font.otf")})))
    with pytest.raises(PermanentError) as refused:
        list(books.chapters(book(tmp_path, **{"META-INF__encryption_xml": encryption("OEBPS/2%20b.xhtml")})))
    assert refused.value.code == "password_protected"


def test_a_book_without_chapters_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="no readable chapters"):
        list(books.chapters(book(tmp_path, OEBPS__a_opf="<package><spine/></package>")))
