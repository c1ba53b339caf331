"""Pictures of text: lines wrapped to a sheet, in a font that has their characters."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageFont

from layers.decoders import letters, paper
from layers.decoders.text_thumbnails import picture_of_text

TEXTS = {
    "japanese": "請求書番号ガス代",
    "simplified Chinese": "发票号码合计金额",
    "traditional Chinese": "發票號碼總計應付",
    "Korean": "영수증합계금액원",
    "wide digits": "１２３４５６７８",
    "half-width katakana": "ｶﾞｽﾀﾞｲｷﾝｺｳ",
    "with Latin letters": "NW-20417 請求書",
    "rare characters": "𠮷野家髙﨑榮衞",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
def test_east_asian_characters_are_drawn_and_not_shown_as_boxes(text: str) -> None:
    drawn = [paper.sheet_with_lines([character], 320) for character in set(text) - {" "}]
    assert all(ImageChops.invert(sheet).getbbox() for sheet in drawn)
    assert len({sheet.tobytes() for sheet in drawn}) == len(drawn)


@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
def test_wide_lines_are_wrapped_to_the_sheet_and_nothing_is_lost(text: str) -> None:
    lines = paper.wrapped(text * 20)
    assert "".join(lines) == text * 20
    widths = [sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in line) for line in lines]
    assert max(widths) <= paper.LINE_CHARACTERS < max(widths) + 2


def test_composed_and_decomposed_text_look_the_same() -> None:
    for text in ("ガス代", "영수증"):
        first, second = (paper.wrapped(unicodedata.normalize(form, text)) for form in ("NFC", "NFD"))  # type: ignore[arg-type]
        assert first == second == [text]


@pytest.mark.parametrize(("name", "media_type"), [("a.txt", "text/plain"), ("a.csv", "text/csv")])
def test_a_thumbnail_of_an_east_asian_text_differs_with_its_characters(
    tmp_path: Path, name: str, media_type: str
) -> None:
    shown = []
    for text in ("請求書,合計\n", "領収証,税込\n"):
        (tmp_path / name).write_text(text)
        made = picture_of_text(str(tmp_path / name), media_type, str(tmp_path), "thumbnail.webp", 320)
        with Image.open(tmp_path / made["name"]) as image:
            shown.append(image.convert("L").tobytes())
    assert shown[0] != shown[1]


def ink_of(sheet: Image.Image) -> int:
    return sum(255 - shade for shade in sheet.get_flattened_data())


@pytest.mark.parametrize(
    "text",
    ["Total: 1,234.56 € (19 %)", "Müller & Söhne, Straße 17", "Привет, мир", "Ελληνικά κείμενο", "fjord AVA (To)"],
)
def test_text_from_single_letters_has_the_extent_and_the_ink_of_text_that_the_font_lays_out(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    from_letters = paper.sheet_with_lines([text], 320)
    monkeypatch.setattr(letters.Letters, "draws", lambda *_: False)
    laid_out = paper.sheet_with_lines([text], 320)
    boxes = [ImageChops.invert(sheet).getbbox() or (0, 0, 0, 0) for sheet in (from_letters, laid_out)]
    assert boxes[0] == pytest.approx(boxes[1], abs=2 + len(text) // 4)
    assert ink_of(from_letters) == pytest.approx(ink_of(laid_out), rel=0.15)


@pytest.mark.parametrize("text", ["قائمة الأسعار", "हिन्दी पाठ", "שלום", "e\u0301", "請求書", "a\u00adb"])
def test_scripts_whose_letters_join_stack_or_run_to_the_left_are_laid_out_by_the_font(text: str) -> None:
    font = ImageFont.load_default(8)
    assert not letters.Letters(font, 11).draws(text)
    assert letters.Letters(font, 11).draws("Total 12.50")
    assert not letters.Letters(ImageFont.load_default(38), 51).draws("Total 12.50")  # large letters show their kerning


def test_drawn_text_is_saved_as_png_under_a_name_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Total 12.50")
    made = picture_of_text(str(tmp_path / "a.txt"), "text/plain", str(tmp_path), "thumbnail.webp", 320)
    assert (made["name"], made["media_type"]) == ("thumbnail.png", "image/png")
    with Image.open(tmp_path / "thumbnail.png") as image:
        assert (image.format, image.size) == ("PNG", (made["width"], made["height"]))


def test_a_host_without_fonts_still_draws_a_sheet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paper, "EAST_ASIAN_FONTS", ())
    monkeypatch.setattr(paper, "PACKAGED_FONT", ("no_such_package", "none.otf"))
    paper._font.cache_clear()
    try:
        assert paper.east_asian_font() is None
        assert paper.sheet_with_lines(["請求書"], 320).size == (246, 320)
    finally:
        paper._font.cache_clear()
