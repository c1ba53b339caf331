"""Batch separation: which pages become files, how barcodes and blank pages are found, and that pages are copied exactly."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from PIL import Image, ImageDraw

from layers.decoders.page_marks import page_marks
from layers.decoders.page_ranges import copy_pages
from layers.decoders.patch_codes import patch_t_on
from layers.domain.errors import PermanentError
from layers.domain.extraction.barcodes import with_barcodes
from layers.domain.page import Evidence, Extraction
from layers.domain.separation import (
    Barcode,
    BlankPages,
    LeftOut,
    PageMarks,
    Separation,
    name_of_part,
    separate,
    separated_from_json,
    separation_from_json,
)
from tests import scans

BOX = (0.1, 0.1, 0.3, 0.2)
CODES = {"T": "PATCHT", "I": "INV-7", "S": "SEP-B"}


def pages_of(pattern: str) -> list[PageMarks]:
    """A page for each sign: `.` has text, ` ` is blank, and a letter has that barcode of CODES."""
    return [
        PageMarks(
            number,
            (Barcode(number, "Code 128", CODES[sign], BOX),) if sign in CODES else (),
            0.0 if sign == " " else 0.05,
            sign == " ",
        )
        for number, sign in enumerate(pattern, 1)
    ]


SEPARATIONS: list[tuple[str, BlankPages, Sequence[str], list[list[int]], list[int]]] = [
    ("...", "keep", (), [], []),
    ("..T..", "keep", (), [[1, 2], [4, 5]], [3]),
    ("T..TT.T", "keep", (), [[2, 3], [6]], [1, 4, 5, 7]),
    (".T. ", "keep", (), [[1], [3, 4]], [2]),
    (".T . .", "drop", (), [[1], [4, 6]], [2, 3, 5]),
    (".T T.", "drop", (), [[1], [5]], [2, 3, 4]),
    (".T T.", "keep", (), [[1], [3], [5]], [2, 4]),
    (".. ..", "drop", (), [], []),
    (".. ..", "separate", (), [[1, 2], [4, 5]], [3]),
    ("TT", "keep", (), [], []),
    ("  ", "separate", (), [], []),
    ("I..I.", "keep", ("INV-*",), [[1, 2, 3], [4, 5]], []),
    ("..IT.", "keep", ("INV-*",), [[1, 2], [3], [5]], [4]),
    ("..S..", "keep", (), [], []),
    ("..I..", "keep", ("INV-",), [], []),
]


@pytest.mark.parametrize(("pattern", "blank_pages", "first_pages", "files", "left_out"), SEPARATIONS)
def test_a_scan_is_split_at_its_separators(
    pattern: str,
    blank_pages: BlankPages,
    first_pages: Sequence[str],
    files: list[list[int]],
    left_out: list[int],
) -> None:
    how = Separation(first_pages=tuple(first_pages), blank_pages=blank_pages)
    found = separate(pages_of(pattern), how)
    assert [list(pages) for pages in found.files] == files
    assert [page.page for page in found.left_out] == left_out
    if files:  # every page is in one file or left out, and only blank pages and separators are left out
        assert sorted([*left_out, *(number for pages in files for number in pages)]) == [*range(1, len(pattern) + 1)]
        assert all(pattern[number - 1] in "T " for number in left_out)
    assert separated_from_json(found.as_json()) == found and separation_from_json(how.as_json()) == how


def test_the_result_names_what_was_left_out() -> None:
    found = separate(pages_of(".T ."), Separation(blank_pages="drop"))
    assert found.reason == "separated into 2 files; separator page 2 left out; blank page 3 left out"
    assert found.left_out == (LeftOut(2, "separator", 0.05, "PATCHT"), LeftOut(3, "blank", 0.0))
    unsplit = separate(pages_of(". . "), Separation(blank_pages="drop"))
    assert unsplit.reason == "no separator page was found, so it stays one file with its blank pages 2, 4"


def test_parts_are_named_by_their_pages() -> None:
    assert name_of_part("in/scan.of.May.pdf", (2, 3, 5)) == "scan.of.May, pages 2-5.pdf"
    assert name_of_part("scan", (4,)) == "scan, page 4"


# --- marks on pages --------------------------------------------------------------------------------------


def marks_of(tmp_path: Path, content: bytes, media_type: str, count: int) -> list[dict[str, Any]]:
    path = tmp_path / "scan"
    path.write_bytes(content)
    return page_marks(str(path), media_type, range(1, count + 1))


@pytest.mark.parametrize("symbology", ["Code128", "Code39", "QRCode", "DataMatrix", "PDF417"])
def test_a_barcode_is_read_on_a_noisy_tilted_page(tmp_path: Path, symbology: str) -> None:
    pages = [
        scans.scanned(scans.with_barcode(scans.with_text(scans.sheet()), "PATCHT", symbology, (500, 400)), tilt, noise)
        for tilt, noise in ((0, 0), (-5, 12))
    ]
    found = marks_of(tmp_path, scans.pdf(pages), "application/pdf", len(pages))
    assert [[barcode[2] for barcode in page["barcodes"]] for page in found] == [["PATCHT"]] * len(pages)
    (x0, y0, x1, y1) = found[0]["barcodes"][0][3]
    assert 0.28 < x0 < x1 < 0.8 and 0.15 < y0 < y1 < 0.4


@pytest.mark.parametrize(("tilt", "noise"), [(0, 0), (2, 12), (-3, 12), (90, 6)])
def test_the_stripes_of_a_patch_t_are_found(tilt: float, noise: float) -> None:
    page = scans.scanned(scans.with_patch(scans.with_text(scans.sheet())), tilt, noise)
    box = patch_t_on(page)
    assert box is not None
    if tilt == 0:
        assert box[1] == pytest.approx(200 / 2339, abs=0.005) and box[3] == pytest.approx(360 / 2339, abs=0.005)


@pytest.mark.parametrize("bars", ["WNWN", "WNNW", "NWWN", "NNWW", "WWNN", "NWNWN", "NWN", ""])
def test_other_stripes_are_no_patch_t(bars: str) -> None:
    assert patch_t_on(scans.with_patch(scans.with_text(scans.sheet()), bars)) is None


def test_barcodes_and_tables_are_no_patch_t() -> None:
    page = scans.with_text(scans.sheet())
    for at, symbology in enumerate(("Code128", "Code39", "PDF417", "QRCode")):
        scans.with_barcode(page, "PATCHT-1234567", symbology, (100, 60 + 200 * at), 5)
    draw = ImageDraw.Draw(page)
    for row in range(20):
        draw.rectangle((100, 1000 + row * 32, 1500, 1000 + row * 32 + 15), fill=0)
    assert patch_t_on(page) is None


def test_pages_of_a_tiff_are_told_apart(tmp_path: Path) -> None:
    pages = [scans.with_text(scans.sheet()), scans.with_barcode(scans.sheet(), "PATCHT"), scans.sheet()]
    found = marks_of(tmp_path, scans.tiff([page.convert("1") for page in pages], compression="group4"), "image/tiff", 3)
    assert [len(page["barcodes"]) for page in found] == [0, 1, 0]
    assert [page["is_blank"] for page in found] == [False, False, True]


def drawn_on(page: Image.Image, what: str) -> Image.Image:
    draw = ImageDraw.Draw(page)
    match what:
        case "a small digit":
            draw.text((800, 2200), "3", fill=0, font_size=20)
        case "a faint pencil mark":
            draw.text((800, 200), "seen", fill=205, font_size=40)
        case "a hairline":
            draw.line((100, 100, 900, 110), fill=120)
        case "a punch hole":
            draw.ellipse((40, 1100, 110, 1170), fill=30)
        case "a stamp in a corner":
            draw.rectangle((1560, 2290, 1640, 2330), outline=90, width=3)
        case "a dark sheet":
            draw.rectangle((0, 0, *page.size), fill=60)
    return page


@pytest.mark.parametrize("noise", [0.0, 8.0])
@pytest.mark.parametrize(
    "what",
    ["a small digit", "a faint pencil mark", "a hairline", "a punch hole", "a stamp in a corner", "a dark sheet"],
)
def test_a_page_with_anything_on_it_is_not_blank(tmp_path: Path, what: str, noise: float) -> None:
    page = scans.scanned(drawn_on(scans.sheet(), what), noise=noise)
    (found,) = marks_of(tmp_path, scans.pdf([page]), "application/pdf", 1)
    assert not found["is_blank"] and found["ink"] > 0


def test_a_page_that_is_too_noisy_to_tell_ink_from_noise_is_not_blank(tmp_path: Path) -> None:
    (found,) = marks_of(tmp_path, scans.tiff([scans.scanned(scans.sheet(), noise=40)]), "image/tiff", 1)
    assert not found["is_blank"]


def test_blank_pages_with_grain_shade_and_specks_are_blank(tmp_path: Path) -> None:
    specks = scans.sheet()
    for place in range(40):
        specks.putpixel((37 + 41 * place, 50 + 57 * place), 0)
    shade = Image.linear_gradient("L").resize(scans.A4).point([150 + value * 105 // 255 for value in range(256)])
    pages = [scans.sheet(), specks, *(scans.scanned(page, noise=8) for page in (scans.sheet(), specks, shade))]
    found = marks_of(tmp_path, scans.tiff(pages), "image/tiff", len(pages))
    assert [page["is_blank"] for page in found] == [True] * len(pages)


def test_a_page_of_a_pdf_with_invisible_text_is_not_blank(tmp_path: Path) -> None:
    content = b"BT /F1 12 Tf 3 Tr 72 72 Td (hidden) Tj ET"
    document = (
        b"%%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj "
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1<</Type/Font"
        b"/Subtype/Type1/BaseFont/Helvetica>>>>>>>>endobj 4 0 obj<</Length %d>>stream\n%b\nendstream endobj "
        b"trailer<</Root 1 0 R>>" % (len(content), content)
    )
    (found,) = marks_of(tmp_path, document, "application/pdf", 1)
    assert (found["ink"], found["is_blank"]) == (0, False)


# --- copies of pages -------------------------------------------------------------------------------------


def copied(tmp_path: Path, content: bytes, media_type: str, ranges: list[list[int]]) -> list[bytes]:
    path = tmp_path / "scan"
    path.write_bytes(content)
    found = copy_pages(str(path), media_type, ranges, str(tmp_path))
    return [(tmp_path / each["stored_as"]).read_bytes() for each in found]


def test_pages_of_a_pdf_are_copied_into_the_same_bytes_each_time(tmp_path: Path) -> None:
    pages = [scans.with_text(scans.sheet((600, 800)), f"page {number}", 3, (50, 100)) for number in range(1, 6)]
    content = scans.pdf(pages)
    first = copied(tmp_path, content, "application/pdf", [[1, 2], [4]])
    assert copied(tmp_path, content, "application/pdf", [[1, 2], [4]]) == first
    with pypdfium2.PdfDocument(content) as whole, pypdfium2.PdfDocument(first[1]) as part:
        assert len(part) == 1
        assert part[0].render().to_pil().tobytes() == whole[3].render().to_pil().tobytes()
    assert len(first[1]) < len(content) / 3


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("1", {"compression": "group4"}),
        ("L", {"compression": "tiff_lzw"}),
        ("RGB", {"compression": "jpeg", "quality": 80}),
        ("RGB", {"compression": "tiff_adobe_deflate"}),
        ("L", {"big_tiff": True}),
    ],
)
def test_pages_of_a_tiff_are_copied_pixel_by_pixel(tmp_path: Path, mode: str, options: dict[str, Any]) -> None:
    pages = [scans.with_text(scans.sheet((400, 500)), f"page {n}", 3, (20, 100)).convert(mode) for n in range(4)]
    content = scans.tiff(pages, dpi=(200, 200), **options)
    first, second = copied(tmp_path, content, "image/tiff", [[1], [3, 4]])
    with Image.open(io.BytesIO(content)) as whole, Image.open(io.BytesIO(second)) as part:
        assert part.n_frames == 2  # type: ignore[attr-defined]
        for index in range(2):
            whole.seek(2 + index)
            part.seek(index)
            assert (part.mode, part.size, part.info["dpi"]) == (whole.mode, whole.size, whole.info["dpi"])
            assert part.tobytes() == whole.tobytes()
    assert len(first) < len(content) and copied(tmp_path, content, "image/tiff", [[1], [3, 4]]) == [first, second]


def test_a_tiff_whose_pixels_are_missing_is_refused(tmp_path: Path) -> None:
    content = scans.tiff([scans.sheet((400, 500)), scans.sheet((400, 500))])
    with pytest.raises(PermanentError, match="damaged"):
        copied(tmp_path, content[:9] + content[9:20].replace(b"\0", b"\xff") + content[20:], "image/tiff", [[1]])


# --- values ----------------------------------------------------------------------------------------------

SCHEMA = {
    "type": "object",
    "properties": {
        "asset": {"type": "string", "x-barcode": "A-"},
        "count": {"type": "integer", "x-barcode": True},
        "any": {"type": "string", "x-barcode": True},
        "total": {"type": "number"},
    },
    "required": ["asset", "total"],
}


def barcode(text: str, page: int = 1) -> Barcode:
    return Barcode(page, "Code 128", text, BOX)


def test_a_property_has_the_text_of_the_barcode_that_fits() -> None:
    read = Extraction({"asset": "A-text", "total": 2.0}, (), {"asset": Evidence(1, "A-text", None), "total": Evidence(1, "2", None)})  # fmt: skip
    found = with_barcodes(read, [barcode("12"), barcode("A-7", 2), barcode("A-7", 3)], SCHEMA)
    assert found.fields == {"asset": "A-7", "count": 12, "any": "12", "total": 2.0}
    assert found.evidence["asset"] == Evidence(2, "A-7", BOX, 100.0)
    assert (found.doubtful, found.missing) == (("any",), ())
    assert [note.text for note in found.notes] == ["2 barcodes fit any; the others are A-7"]


def test_a_property_without_a_barcode_has_no_value_that_was_read_as_text() -> None:
    read = Extraction({"asset": "A-text", "total": 2.0}, (), {"asset": Evidence(1, "A-text", None)}, doubtful=("asset",))  # fmt: skip
    found = with_barcodes(read, [barcode("B-7")], SCHEMA)
    assert found.fields == {"any": "B-7", "total": 2.0} and "asset" not in found.evidence
    assert (found.missing, found.doubtful) == (("asset",), ())
    assert with_barcodes(read, [barcode("B-7")], {"type": "object", "properties": {"asset": {}}}) is read
