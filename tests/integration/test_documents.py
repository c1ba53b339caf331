"""Documents of many kinds through the real decoders in their sandbox."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pillow_heif
import pypdfium2 as pdfium
import pytest
from PIL import Image, ImageDraw

from layers.decoding.documents import Documents
from layers.domain.errors import PermanentError
from layers.domain.page import Page

SAMPLES = Path(__file__).parent.parent.parent / "events" / "samples"
Write = Callable[[str, bytes], Path]


@pytest.fixture(scope="module")
def documents() -> Iterator[Documents]:
    made = Documents(max_children=2)
    yield made
    made.close()


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def put(name: str, content: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return put


def picture(text: str = "", size: tuple[int, int] = (600, 300), mode: str = "RGB") -> Image.Image:
    image = Image.new("RGB", size, "white")
    if text:
        ImageDraw.Draw(image).text((30, 40), text, fill="black", font_size=48)
    return image.convert(mode)


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)  # type: ignore[arg-type]
    return stream.getvalue()


def words(page: Page) -> list[str]:
    return [word.text for word in page.words]


def pdf(*contents: str, media_box: str = "0 0 612 792", rotate: int = 0) -> bytes:
    """A PDF with one page for each content stream, in the built-in Helvetica."""
    kids = " ".join(f"{4 + 2 * index} 0 R" for index in range(len(contents)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(contents)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for index, content in enumerate(contents):
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [{media_box}] /Rotate {rotate} "
            f"/Resources << /Font << /F 3 0 R >> >> /Contents {5 + 2 * index} 0 R >>"
        )
        objects.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1")
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}".encode()
    return out + f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()


def text_operator(text: str, x: int = 72, y: int = 700) -> str:
    return f"BT /F 24 Tf {x} {y} Td ({text}) Tj ET"


# --- identification --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "media_type", "pages"),
    [
        ("photo.pdf", encoded(picture(), "JPEG"), "image/jpeg", 1),
        ("scan.txt", pdf(text_operator("hello"), text_operator("again")), "application/pdf", 2),
        ("a.pdf", b"junk before\n" + pdf(text_operator("hello")), "application/pdf", 1),
        ("a.jpg", encoded(picture(), "PNG"), "image/png", 1),
        ("a", encoded(picture(), "GIF"), "image/gif", 1),
        ("a.bmp", encoded(picture(), "BMP"), "image/bmp", 1),
        ("a.webp", encoded(picture(), "WEBP"), "image/webp", 1),
        ("a.tif", encoded(picture(), "TIFF", save_all=True, append_images=[picture()] * 2), "image/tiff", 3),
        ("a.exe", b"plain text with an odd name\n", "text/plain", None),
        ("table.csv", b"a,b\n1,2\n", "text/csv", None),
        ("drawing.txt", b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", 1),
        ("mail.txt", b"From: a@b.c\nTo: d@e.f\nSubject: in a text\n\nhello\n", "text/plain", None),
        ("letter.txt", "Grüße,\ta € b\r\n".encode() * 800, "text/plain", None),
        ("notes.md", b"# Notes\n\nof a day\n", "text/markdown", None),
        ("utf16.txt", "text in sixteen bits".encode("utf-16"), "text/plain", None),
    ],
)
def test_the_content_decides_the_type_and_not_the_name(
    documents: Documents, write: Write, name: str, content: bytes, media_type: str, pages: int | None
) -> None:
    found = documents.identify(write("original", content), name)
    assert (found.media_type, found.page_count) == (media_type, pages)


def png_header(width: int, height: int) -> bytes:
    """A PNG that declares a size and holds almost no data."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("empty.pdf", b"", "empty_file"),
        ("noise.pdf", bytes(range(256)) * 40, "unsupported_type"),
        ("program", b"\x7fELF\x02\x01\x01" + bytes(300), "unsupported_type"),
        ("archive.zip", b"PK\x03\x04" + bytes(18), "corrupt"),
        ("archive.7z", b"7z\xbc\xaf\x27\x1c\x00\x04" + bytes(200), "unsupported_type"),
        ("cut.pdf", pdf(text_operator("hello"))[:60], "corrupt"),
        ("only-header.pdf", b"%PDF-1.7\n", "corrupt"),
        ("cut.jpg", encoded(picture(), "JPEG")[:200], "corrupt"),
        ("bomb.png", png_header(60_000, 60_000), "decompression_bomb"),
        ("locked.pdf", (SAMPLES / "locked-invoice.pdf").read_bytes(), "password_protected"),
        ("long.pdf", pdf(*["" for _ in range(2001)]), "too_many_pages"),
    ],
)
def test_an_unsupported_file_is_refused_with_its_code(
    documents: Documents, write: Write, name: str, content: bytes, code: str
) -> None:
    with pytest.raises(PermanentError) as caught:
        documents.identify(write("original", content), name)
    assert caught.value.code == code
    assert len(caught.value.detail) > 10


# --- its own text ------------------------------------------------------------------------------------


def test_words_of_a_pdf_have_the_boxes_where_they_are_displayed(documents: Documents, write: Write) -> None:
    path = write("original", pdf(text_operator("Total 9.00 for the lot of it", x=306, y=396)))
    (page,) = documents.read_text(path, "application/pdf")
    assert page.text.strip() == "Total 9.00 for the lot of it" and page.source == "native"
    total = page.words[0]
    assert total.text == "Total"
    assert (total.x0, total.y1) == (pytest.approx(0.5, abs=0.01), pytest.approx(0.5, abs=0.02))
    assert 0 <= total.x0 < total.x1 <= 1 and 0 <= total.y0 < total.y1 <= 1


@pytest.mark.parametrize(
    ("rotate", "x", "y"), [(0, 0.12, 0.11), (90, 0.89, 0.12), (180, 0.88, 0.89), (270, 0.11, 0.88)]
)
def test_boxes_of_a_rotated_page_refer_to_the_displayed_page(
    documents: Documents, write: Write, rotate: int, x: float, y: float
) -> None:
    path = write("original", pdf(text_operator("Corner mark of the page"), rotate=rotate))
    (page,) = documents.read_text(path, "application/pdf")
    first = page.words[0]
    assert first.text == "Corner"
    assert min(abs(first.x0 - x), abs(first.x1 - x)) < 0.05
    assert min(abs(first.y0 - y), abs(first.y1 - y)) < 0.05


def test_only_pages_without_text_are_left_for_ocr(documents: Documents, write: Write) -> None:
    path = write(
        "original",
        pdf(
            text_operator("A page with a text of its own"), "0 0 m 100 100 l S", text_operator("And a third page here")
        ),
    )
    pages = documents.read_text(path, "application/pdf")
    assert [page.source for page in pages] == ["native", None, "native"]


def test_a_garbled_text_layer_is_ignored(documents: Documents, write: Write) -> None:
    garbled = "".join(f"\\{code:03o}" for code in (1, 2, 3, 4, 5, 6, 14, 15, 16, 17, 18, 19, 20) * 8)
    (page,) = documents.read_text(write("original", pdf(text_operator(garbled))), "application/pdf")
    assert page.source is None


def test_single_pages_can_be_read(documents: Documents, write: Write) -> None:
    path = write("original", pdf(*[text_operator(f"This is page number {number}") for number in range(1, 6)]))
    pages = documents.read_text(path, "application/pdf", (2, 4))
    assert [(page.number, words(page)[-1]) for page in pages] == [(2, "2"), (4, "4")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_plain_text_is_read_in_its_own_encoding(documents: Documents, write: Write, encoding: str) -> None:
    text = "Größe 5 €, naïve café\nsecond line\n" * 4
    (page,) = documents.read_text(write("original", text.encode(encoding)), "text/plain")
    assert page.text.strip() == text.strip()


# --- OCR ---------------------------------------------------------------------------------------------


def read_image(documents: Documents, path: Path, media_type: str) -> str:
    (page,) = documents.read_images(path, media_type, (1,), ("eng",))
    assert all(0 <= word.x0 < word.x1 <= 1 and 0 <= word.y0 < word.y1 <= 1 for word in page.words)
    return " ".join(words(page))


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P", "RGBA", "CMYK", "I;16"])
def test_a_picture_of_any_mode_is_read(documents: Documents, write: Write, mode: str) -> None:
    image = picture("Invoice 4711")
    if mode == "I;16":
        image = image.convert("I").point(lambda value: value * 257).convert("I;16")
    form = "JPEG" if mode == "CMYK" else "TIFF"
    path = write("original", encoded(image if mode == "I;16" else image.convert(mode), form))
    assert "4711" in read_image(documents, path, f"image/{form.lower()}")


def test_transparent_areas_are_read_as_white(documents: Documents, write: Write) -> None:
    image = Image.new("RGBA", (600, 300), (0, 0, 0, 0))
    ImageDraw.Draw(image).text((30, 40), "Receipt 815", fill=(0, 0, 0, 255), font_size=48)
    assert "815" in read_image(documents, write("original", encoded(image, "PNG")), "image/png")


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_photo_is_turned_as_its_exif_says(
    documents: Documents, write: Write, tmp_path: Path, orientation: int
) -> None:
    turned = {1: 0, 3: 180, 6: 90, 8: 270}[orientation]
    stored = picture("Upright 2024").rotate(turned, expand=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = write("original", encoded(stored, "JPEG", exif=exif, quality=95))
    assert "2024" in read_image(documents, path, "image/jpeg")
    for made in (documents.preview(path, "image/jpeg", tmp_path), documents.thumbnail(path, "image/jpeg", tmp_path)):
        assert made is not None and made.width and made.height
        assert made.width == 2 * made.height
        with Image.open(tmp_path / made.name if made.name else path) as thumbnail:
            assert thumbnail.size == (made.width, made.height)
            assert thumbnail.getexif().get(0x0112, 1) == 1


def test_each_page_of_a_tiff_is_read(documents: Documents, write: Write) -> None:
    content = encoded(picture("Alpha"), "TIFF", save_all=True, append_images=[picture("Bravo"), picture("Charlie")])
    pages = documents.read_images(write("original", content), "image/tiff", (1, 3), ("eng",))
    assert [(page.number, words(page)) for page in pages] == [(1, ["Alpha"]), (3, ["Charlie"])]


def test_a_heic_photo_is_read(documents: Documents, tmp_path: Path) -> None:
    pillow_heif.from_pillow(picture("Kiosk 1234")).save(tmp_path / "original", quality=90)
    assert documents.identify(tmp_path / "original", "IMG.HEIC").media_type == "image/heic"
    assert "1234" in read_image(documents, tmp_path / "original", "image/heic")


def test_a_scanned_page_of_a_pdf_is_read(documents: Documents, tmp_path: Path) -> None:
    picture("Scanned 99.50", (800, 1000)).save(tmp_path / "original", "PDF", resolution=100)
    (unread,) = documents.read_text(tmp_path / "original", "application/pdf")
    assert unread.source is None
    (page,) = documents.read_images(tmp_path / "original", "application/pdf", (1,), ("eng",))
    assert page.source == "ocr" and "99.50" in words(page)
    assert page.confidence > 60


def test_a_huge_page_is_rendered_at_a_limited_size(documents: Documents, write: Write) -> None:
    path = write("original", pdf(text_operator("Huge", x=100, y=100), media_box="0 0 200000 200000"))
    (page,) = documents.read_images(path, "application/pdf", (1,), ("eng",))
    assert page.number == 1


def test_an_empty_page_counts_as_read(documents: Documents, write: Write) -> None:
    (page,) = documents.read_images(write("original", encoded(picture(), "PNG")), "image/png", (1,), ("eng",))
    assert page.text.strip() == "" and page.words == ()


# --- pictures ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(4000, 1000), (3000, 5000), (100, 80), (1, 1), (5000, 3)])
def test_pictures_keep_their_aspect_ratio_within_the_limits(
    documents: Documents, write: Write, tmp_path: Path, size: tuple[int, int]
) -> None:
    path = write("original", encoded(picture(size=size), "PNG"))
    for made, bound, is_itself in (
        (documents.preview(path, "image/png", tmp_path), 2000, max(size) <= 2000),
        (documents.thumbnail(path, "image/png", tmp_path), 320, False),
    ):
        form = "PNG" if is_itself else "WEBP"
        assert made is not None and made.media_type == Image.MIME[form] and (not made.name) == is_itself
        with Image.open(tmp_path / made.name if made.name else path) as thumbnail:
            assert thumbnail.format == form and max(thumbnail.size) == min(bound, max(size))
            assert min(thumbnail.size) == max(1, round(min(size) * max(thumbnail.size) / max(size)))


def test_a_pdf_is_its_own_preview_and_its_thumbnail_is_the_first_page(
    documents: Documents, write: Write, tmp_path: Path
) -> None:
    path = write("original", pdf(text_operator("First page"), text_operator("Second page")))
    preview = documents.preview(path, "application/pdf", tmp_path)
    assert preview is not None and (preview.name, preview.media_type) == ("", "application/pdf")
    thumbnail = documents.thumbnail(path, "application/pdf", tmp_path)
    assert thumbnail is not None
    with Image.open(tmp_path / thumbnail.name) as picture:
        assert picture.height == 320 and picture.width in (247, 248)
        darkest, lightest = picture.convert("L").getextrema()
        assert darkest < 128 < lightest, "the page's text is to be seen"


def test_a_text_is_shown_as_a_page_that_runs_and_loads_nothing(
    documents: Documents, write: Write, tmp_path: Path
) -> None:
    path = write("original", b"<script>alert(1)</script> <img src=http://example.com/x onerror=alert(2)> & more\n")
    preview = documents.preview(path, "text/plain", tmp_path)
    assert preview is not None and preview.media_type.startswith("text/html")
    page = (tmp_path / preview.name).read_text()
    assert "<script" not in page and "<img" not in page
    assert "&lt;script&gt;alert(1)" in page and "Content-Security-Policy" in page
    assert documents.thumbnail(path, "text/plain", tmp_path) is not None


def test_a_tiff_is_shown_with_all_its_pages(documents: Documents, write: Write, tmp_path: Path) -> None:
    content = encoded(picture("One"), "TIFF", save_all=True, append_images=[picture("Two")])
    preview = documents.preview(write("original", content), "image/tiff", tmp_path)
    assert preview is not None and (preview.media_type, preview.page_count) == ("application/pdf", 2)
    shown = pdfium.PdfDocument(tmp_path / preview.name)
    assert len(shown) == 2
    shown.close()


def test_an_unsupported_type_has_no_picture(documents: Documents, write: Write, tmp_path: Path) -> None:
    path = write("original", b"ID3")
    assert documents.preview(path, "audio/mpeg", tmp_path) is None
    assert documents.thumbnail(path, "audio/mpeg", tmp_path) is None
