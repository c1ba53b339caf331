"""docs/formats.md is generated from what the decoders make of a sample of each format, and a test checks it.

`python -m tests.integration.test_formats_page` writes the page.
"""

from __future__ import annotations

import gzip
import io
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from layers.adapters.printing.libreoffice_printer import LibreOfficePrinter, installed
from layers.decoding.documents import Documents
from layers.domain.file import File
from layers.domain.formats import FORMATS, OFFICE, Format, Kind

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "formats.md"
FOLDERS = (ROOT / "events" / "samples", ROOT / "tests" / "samples")
READERS = {
    "pdfium": "pdfium",
    "drawing": "its own text elements",
    "word": "kreuzberg, with headers and footers",
    "kreuzberg": "kreuzberg",
    "calamine": "calamine",
    "slides": "Fairway's own reader of slides and notes",
    "open_slides": "Fairway's own reader of slides and notes",
    "mail": "Python's email package",
    "outlook": "kreuzberg",
    "html": "Python's html.parser",
    "plain": "the file itself, in any encoding",
}
HEAD = """# Formats

This page lists every accepted format and what Fairway makes of it. It is generated from a sample of each format by
`python -m tests.integration.test_formats_page`, and a test checks it. Fairway identifies a format by the file's bytes.
Only among kinds of text does the file's name decide.

A page is a page of a PDF, a slide, or a sheet of a workbook. Other documents have one page. Documents and mails with
fewer than 200 letters, and slides and sheets with fewer than 100, are searched for scans: pictures of at least 150,000
pixels, or smaller ones if there is no text at all. In a document or a mail, each scan is a page of its own after the
page of text.

Office files are shown as PDF if a Gotenberg service or LibreOffice is available, and otherwise as sanitised HTML.
Thumbnails are WebP images of at most 320 pixels.

| format | extension | media type | text | preview | thumbnail |
|---|---|---|---|---|---|
"""


def picture(form: str) -> bytes:
    stream = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(stream, form)
    return stream.getvalue()


def archive(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as target:
        for name, content in members.items():
            target.writestr(name, content)
    return stream.getvalue()


def book() -> bytes:
    container = b"""<?xml version="1.0"?><container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="b.opf" media-type="application/oebps-package+xml"/></rootfiles></container>"""
    package = b"""<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="i">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:identifier id="i">1</dc:identifier><dc:title>Book</dc:title>
<dc:language>en</dc:language></metadata><manifest><item id="c" href="c.xhtml" media-type="application/xhtml+xml"/>
</manifest><spine><itemref idref="c"/></spine></package>"""
    chapter = b"""<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title>One</title></head>
<body><h1>Chapter one</h1><p>It was a bright cold day.</p></body></html>"""
    return archive(
        {"mimetype": b"application/epub+zip", "META-INF/container.xml": container, "b.opf": package, "c.xhtml": chapter}
    )


def film(form: str, codec: str) -> bytes:
    import av

    stream = io.BytesIO()
    with av.open(stream, "w", format=form) as target:
        track = target.add_stream(codec, rate=10)
        track.width, track.height, track.pix_fmt = 64, 48, "yuv420p"
        for _ in range(3):
            frame = av.VideoFrame.from_image(Image.new("RGB", (64, 48), "teal"))
            target.mux(track.encode(frame))
        target.mux(track.encode(None))
    return stream.getvalue()


MADE: dict[str, Callable[[], bytes]] = {
    ".gif": lambda: picture("GIF"),
    ".webp": lambda: picture("WEBP"),
    ".bmp": lambda: picture("BMP"),
    ".ppt": lambda: gzip.decompress((FOLDERS[1] / "order-review.ppt.gz").read_bytes()),
    ".epub": book,
    ".md": lambda: b"# Title\n\nA *paragraph* of text.\n",
    ".rst": lambda: b"Title\n=====\n\nA paragraph of text.\n",
    ".xml": lambda: b'<?xml version="1.0"?><order><total>9.00</total></order>',
    ".json": lambda: b'{"total": 9.0, "currency": "EUR"}',
    ".jsonl": lambda: b'{"total": 9.0}\n{"total": 8.0}\n',
    ".csv": lambda: b"item,price\nnails,9.00\n",
    ".tsv": lambda: b"item\tprice\nnails\t9.00\n",
    ".zip": lambda: archive({"a.txt": b"text"}),
    ".mp4": lambda: film("mp4", "mpeg4"),
    ".mov": lambda: film("mov", "mpeg4"),
    ".webm": lambda: film("webm", "libvpx"),
    ".mkv": lambda: film("matroska", "mpeg4"),
    ".avi": lambda: film("avi", "mpeg4"),
}


def sample(one: Format) -> bytes:
    if one.suffix in MADE:
        return MADE[one.suffix]()
    found = next(path for folder in FOLDERS for path in sorted(folder.iterdir()) if path.name.endswith(one.suffix))
    return found.read_bytes()


def row(documents: Documents, one: Format, folder: Path) -> str:
    """What is made of a sample of the format, as a row of the page."""
    path = folder / "original"
    path.write_bytes(sample(one))
    identity = documents.identify(path, f"sample{one.suffix}")
    assert identity.media_type == one.media_type, one.name
    preview = documents.preview(path, one.media_type, folder)
    thumbnail = documents.thumbnail(path, one.media_type, folder)
    cells = [one.name, one.suffix, one.media_type, _text(documents, one, path), _shown(one, preview)]
    return "| " + " | ".join([*cells, "yes" if thumbnail else "no"]) + " |\n"


def _text(documents: Documents, one: Format, path: Path) -> str:
    file = File("", "", "", "", "", "", None, 0, None, media_type=one.media_type)
    if file.is_kept_as_it_is:
        return (
            "none; the file is stored unchanged"
            if one.kind is not Kind.ARCHIVE
            else "none; each member is a file of its own if the batch expands archives"
        )
    if file.is_image:
        return "OCR"
    pages = documents.read_text(path, one.media_type)
    assert any(page.source for page in pages), one.name
    by = READERS[one.reader] + (", OCR of pages without text" if one.kind is Kind.PDF else "")
    by += ", OCR of pictures if there is little text" if one.holds_pictures else ""
    return f"{by}, page by page" if one.kind in (Kind.PDF, Kind.SHEETS, Kind.SLIDES) and one.suffix != ".ppt" else by


def _shown(one: Format, preview: object) -> str:
    media_type = getattr(preview, "media_type", None)
    if media_type is None:
        return "none"
    if getattr(preview, "name", "") == "":
        return "the file itself"
    name = {"application/pdf": "PDF", "image/webp": "WebP", "text/html": "sanitised HTML"}[media_type.split(";")[0]]
    return f"{name}, or sanitised HTML" if one.kind in OFFICE and name == "PDF" else name


def written() -> str:
    program = installed()
    assert program is not None, "writing the page needs LibreOffice"
    documents = Documents(max_children=1, printer=LibreOfficePrinter(program))
    try:
        rows = []
        for one in FORMATS:
            with tempfile.TemporaryDirectory() as folder:
                rows.append(row(documents, one, Path(folder)))
        return HEAD + "".join(rows)
    finally:
        documents.close()


@pytest.fixture(scope="module")
def without_libreoffice() -> Iterator[Documents]:
    made = Documents(max_children=1)
    yield made
    made.close()


@pytest.mark.skipif(installed() is None, reason="LibreOffice is not installed")
def test_the_page_of_formats_shows_what_the_decoders_make_of_each() -> None:
    assert PAGE.read_text() == written(), "run python -m tests.integration.test_formats_page"


@pytest.mark.parametrize("one", [one for one in FORMATS if one.kind in OFFICE], ids=lambda one: str(one.suffix))
def test_an_office_file_is_shown_without_libreoffice(
    one: Format, without_libreoffice: Documents, tmp_path: Path
) -> None:
    path = tmp_path / "original"
    path.write_bytes(sample(one))
    preview = without_libreoffice.preview(path, one.media_type, tmp_path)
    assert preview is not None and preview.media_type.startswith("text/html")
    assert "Content-Security-Policy" in (tmp_path / preview.name).read_text()
    assert without_libreoffice.thumbnail(path, one.media_type, tmp_path) is not None


if __name__ == "__main__":
    PAGE.write_text(written())
