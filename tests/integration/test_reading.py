"""Scans that are rotated, faint or in other languages, through the real readers in their sandboxes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pypdfium2
import pytest
from PIL import Image, ImageDraw, ImageFont, ImageOps

from layers.decoders import paper
from layers.decoding.active_time import decoder_pids
from layers.decoding.documents import Documents
from layers.domain.errors import PermanentError
from layers.domain.extraction.rules import extract
from layers.domain.file import ReadingLevel
from layers.domain.page import Page, Word
from tests.integration.test_documents import pdf, text_operator

SAMPLES = Path(__file__).parent.parent.parent / "events" / "samples"
SLIP = [
    "CORNER HARDWARE LIMITED", "12 Harbour Street", "Invoice number: 4711", "Date: 25/12/2023", "Hammer and nails 12.00",
    "Paint and brushes 30.50", "Total 42.50", "Thank you for your visit",
]  # fmt: skip
SCHEMA = {
    "type": "object",
    "required": ["total"],
    "properties": {"date": {"type": "string", "format": "date"}, "total": {"type": "number"}},
}


@pytest.fixture(scope="module")
def documents() -> Iterator[Documents]:
    made = Documents(max_children=2)
    yield made
    made.close()


def sheet(lines: list[str], size: tuple[int, int] = (900, 1200), print_px: int = 34) -> Image.Image:
    image = Image.new("L", size, 255)
    draw = ImageDraw.Draw(image)
    for row, line in enumerate(lines):
        draw.text((90, 80 + row * 2 * print_px), line, fill=20, font_size=print_px)
    return image


def printed(lines: list[str]) -> Image.Image:
    """The same in a font with Western European letters."""
    content = " ".join(text_operator(line, y=700 - 48 * row) for row, line in enumerate(lines))
    document = pypdfium2.PdfDocument(pdf(content))
    try:
        return document[0].render(scale=2, grayscale=True).to_pil()
    finally:
        document.close()


def read(documents: Documents, image: Image.Image, folder: Path, *languages: str) -> Page:
    image.save(folder / "original", "PNG")
    (page,) = documents.read_images(folder / "original", "image/png", (1,), languages or ("eng",))
    return page


def ink_inside(image: Image.Image, word: Word) -> float:
    """The share of dark pixels inside a word's box on the displayed page."""
    w, h = image.size
    box = (round(word.x0 * w), round(word.y0 * h), round(word.x1 * w), round(word.y1 * h))
    part = image.convert("L").crop(box)
    return part.point(lambda value: 255 * (value < 128)).histogram()[255] / (part.width * part.height)


@pytest.mark.parametrize("clockwise", [0, 90, 180, 270])
def test_a_scan_is_read_in_every_rotation(documents: Documents, tmp_path: Path, clockwise: int) -> None:
    lying = sheet(SLIP).rotate(-clockwise, expand=True)
    page = read(documents, lying, tmp_path)
    assert page.turned == (360 - clockwise) % 360
    assert "4711" in page.text and page.confidence > 80
    # The boxes refer to the displayed page, which stays rotated.
    (number,) = (word for word in page.words if word.text == "4711")
    assert (number.x1 - number.x0) * lying.width > (number.y1 - number.y0) * lying.height or clockwise % 180
    assert ink_inside(lying, number) > 0.1
    found = extract([page], SCHEMA)
    assert found.fields == {"date": "2023-12-25", "total": 42.5}
    box = found.evidence["total"].box
    assert box is not None and ink_inside(lying, Word("", *box)) > 0.05


def test_a_sample_that_was_scanned_upside_down_is_read(documents: Documents) -> None:
    (page,) = documents.read_images(SAMPLES / "receipt-upside-down.jpg", "image/jpeg", (1,), ("eng",))
    assert page.turned == 180
    found = extract([page], {**SCHEMA, "required": ["date", "total"]})
    assert found.fields == {"date": "2018-06-05", "total": 52.0}


def test_white_print_on_black_is_read(documents: Documents, tmp_path: Path) -> None:
    assert "4711" in read(documents, ImageOps.invert(sheet(SLIP)), tmp_path).text


def test_faint_print_in_a_shadow_is_read(documents: Documents, tmp_path: Path) -> None:
    faint = sheet(SLIP).point(lambda value: 200 + value * 40 // 255)
    shadow = Image.linear_gradient("L").resize(faint.size).point(lambda value: 90 + value // 2)
    page = read(documents, Image.composite(faint, shadow, Image.new("L", faint.size, 140)), tmp_path)
    assert "4711" in page.text and "42.50" in page.text


def test_columns_are_read_one_after_the_other(documents: Documents, tmp_path: Path) -> None:
    left = [
        "the quick brown fox and",
        "a lazy dog went down to",
        "the river where alpha is",
        "always the last word bar",
    ] * 5
    right = [
        "no bird was ever seen so",
        "high above the old house",
        "as this one that omega is",
        "the name of to this day",
    ] * 5
    image = sheet(left, (800, 1200), 24)
    image.paste(sheet(right, (420, 1200), 24).crop((80, 0, 420, 1200)), (400, 0))
    text = read(documents, image, tmp_path).text
    assert text.rindex("alpha") < text.index("omega")


def test_german_is_read_beside_english_if_the_dataset_names_both(documents: Documents, tmp_path: Path) -> None:
    lines = [
        "Rechnung für Müller und Söhne",
        "Straße der Übung 5, Köln",
        "Invoice for large brushes",
        "Größe: fünf Stück",
    ]
    page = read(documents, printed(lines), tmp_path, "eng", "deu")
    assert {"für", "Müller", "Söhne", "Straße", "brushes", "Größe:"} <= {word.text.rstrip(",") for word in page.words}


def test_the_error_for_a_missing_language_lists_the_installed_ones(documents: Documents, tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=r"tlh.*installed are.*deu.*eng") as refused:
        read(documents, sheet(SLIP), tmp_path, "eng", "tlh")
    assert refused.value.code == "unknown_language"


def test_a_language_file_in_the_configured_folder_adds_the_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from layers.decoders.tessdata import folder_with

    english = folder_with(["eng"])
    assert english
    (tmp_path / "added").mkdir()
    (tmp_path / "added" / "xyz.traineddata").write_bytes((Path(english) / "eng.traineddata").read_bytes())
    monkeypatch.setenv("FAIRWAY_TESSDATA", str(tmp_path / "added"))
    reader = Documents(max_children=1)
    try:
        assert "4711" in read(reader, sheet(SLIP), tmp_path, "xyz", "deu").text
    finally:
        reader.close()


@pytest.mark.parametrize("level", get_args(ReadingLevel))
def test_every_level_reads_the_same_slip(documents: Documents, tmp_path: Path, level: ReadingLevel) -> None:
    sheet(SLIP).save(tmp_path / "original", "PNG")
    (page,) = documents.read_images(tmp_path / "original", "image/png", (1,), ("eng",), level, SCHEMA)
    assert extract([page], SCHEMA).fields == {"date": "2023-12-25", "total": 42.5}


def test_french_is_read_without_a_language_of_tesseract(documents: Documents, tmp_path: Path) -> None:
    image = Image.new("L", (900, 400), 250)
    font = ImageFont.truetype(paper.packaged_fonts()[0], 34)
    for row, line in enumerate(["Établissements Lefèvre", "Montant dû 1445,40 €"]):
        ImageDraw.Draw(image).text((60, 60 + 80 * row), line, fill=25, font=font)
    page = read(documents, image, tmp_path, "fra")
    assert {"Établissements", "Lefèvre", "dû", "1445,40"} <= {word.text for word in page.words}


@pytest.mark.parametrize("degrees", [-5, 4])
def test_a_tilted_page_is_read_with_boxes_around_its_words(documents: Documents, tmp_path: Path, degrees: int) -> None:
    tilted = sheet(SLIP).rotate(degrees, Image.Resampling.BICUBIC, fillcolor=255)
    page = read(documents, tilted, tmp_path)
    found = extract([page], SCHEMA)
    assert found.fields == {"date": "2023-12-25", "total": 42.5}
    assert ink_inside(tilted, next(word for word in page.words if word.text == "4711")) > 0.1


def test_print_beside_a_page_in_another_direction_says_so(documents: Documents, tmp_path: Path) -> None:
    image = sheet(SLIP)
    margin = sheet(["Printed along the margin"], (700, 120)).crop((60, 60, 700, 120))
    image.paste(margin.rotate(90, expand=True), (820, 300))
    page = read(documents, image, tmp_path)
    turned = {word.text: word.turned for word in page.words}
    assert page.turned == 0 and turned["4711"] == 0 and turned["margin"] == 90


@pytest.mark.parametrize("clockwise", [0, 90])
def test_no_line_of_a_long_strip_is_read_twice(documents: Documents, tmp_path: Path, clockwise: int) -> None:
    strip = sheet(["Harbour tools and paint brushes for sale", "every Tuesday"], (1200, 240)).rotate(
        -clockwise, expand=True
    )
    page = read(documents, strip, tmp_path)
    assert page.text.split() == ["Harbour", "tools", "and", "paint", "brushes", "for", "sale", "every", "Tuesday"]


def test_tesseract_reads_all_pages_if_the_networks_are_switched_off(tmp_path: Path) -> None:
    made = Documents(max_children=1, ocr_engine="tesseract")
    try:
        page = read(made, sheet(SLIP), tmp_path)
        assert "4711" in page.text
        with pytest.raises(PermanentError, match="fra"):
            read(made, sheet(SLIP), tmp_path, "fra")
    finally:
        made.close()


def test_a_decoder_with_networks_uses_bounded_memory(tmp_path: Path) -> None:
    made = Documents(max_children=1)
    try:
        for level in get_args(ReadingLevel):
            sheet(SLIP, (2400, 3200), 40).save(tmp_path / "original", "PNG")
            made.read_images(tmp_path / "original", "image/png", (1,), ("eng",), level)
        (reaper,) = made._readers.idle_pids()
        status = Path(f"/proc/{decoder_pids(reaper)[0]}/status").read_text()
        (most_kib,) = re.findall(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
        assert int(most_kib) < 350 << 10
    finally:
        made.close()
