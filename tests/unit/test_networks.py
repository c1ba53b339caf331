"""Reading with networks: lines are found, recognised, ordered and read again as far as they matter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from layers.decoders import calibration, ocr
from layers.decoders.nets import letters, models, pages, pruning, reading, recognition
from layers.decoders.nets.detection import lines_of_map
from layers.decoders.nets.models import SMALL, TINY, Net
from layers.decoders.nets.order import rows_in_order
from layers.decoders.nets.reading import FoundLine, ImageReading
from layers.decoders.nets.recognition import Letter, Line
from layers.decoders.readings import Reading
from layers.domain.page import Word

SURE = 0.99


def drawn(*shapes: tuple[int, int, int, int], tilt: float = 0.0) -> Any:
    """A map of likelihoods in which rectangles (left, top, right, bottom) are lines."""
    image = Image.new("L", (400, 300))
    for shape in shapes:
        image.paste(255, shape)
    return np.asarray(image.rotate(tilt, Image.Resampling.BILINEAR), np.float32) / 255


def line(text: str, confidence: float = SURE) -> Line:
    return Line(tuple(Letter(each, (at + 0.5) / len(text), confidence) for at, each in enumerate(text)))


def found_line(
    text: str, at: tuple[float, float], confidence: float = SURE, degrees: int = 0, width: float = 200.0
) -> FoundLine:
    (x, y), height = at, 20.0
    corners = np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]])
    return FoundLine(corners, degrees, line(text, confidence), TINY)


# --- lines -----------------------------------------------------------------------------------------------


def test_each_connected_patch_is_a_line_that_grows_around_it() -> None:
    (first, second) = sorted(lines_of_map(drawn((50, 40, 250, 50), (50, 100, 150, 110))), key=lambda each: each[0][1])
    assert first.min(0) == pytest.approx([50, 40], abs=9) and first.max(0) == pytest.approx([250, 50], abs=9)
    assert first[0][0] < 50 and first[2][1] > 50
    assert second.max(0) == pytest.approx([150, 110], abs=9)


def test_patches_that_touch_at_a_corner_are_one_line() -> None:
    assert len(lines_of_map(drawn((50, 40, 100, 50), (100, 50, 150, 60)))) == 1
    assert len(lines_of_map(drawn((50, 40, 100, 50), (102, 52, 150, 60)))) == 2


def test_the_corners_of_a_tilted_line_follow_its_tilt() -> None:
    (corners,) = lines_of_map(drawn((60, 140, 340, 160), tilt=-10))
    slope = np.degrees(np.arctan2(*(corners[1] - corners[0])[::-1]))
    assert slope == pytest.approx(10, abs=1)
    assert np.hypot(*(corners[1] - corners[0])) > 10 * np.hypot(*(corners[3] - corners[0])) / 2


def test_specks_and_unsure_patches_are_no_lines() -> None:
    assert lines_of_map(drawn((50, 40, 52, 42))) == []
    assert lines_of_map(drawn((50, 40, 250, 60)) * 0.3) == []
    assert lines_of_map(np.zeros((64, 64), np.float32)) == []


# --- words -----------------------------------------------------------------------------------------------


def test_the_words_of_a_line_have_their_places_and_confidences() -> None:
    words = line("ab cde").words()
    assert [word.text for word in words] == ["ab", "cde"]
    assert (words[0].start, words[0].end) == pytest.approx((0, 2 / 6))
    assert (words[1].start, words[1].end) == pytest.approx((3 / 6, 1))
    assert len(words[1].confidences) == 3
    assert Line().words() == []


@pytest.mark.parametrize(("degrees", "first"), [(0, 0), (270, 1), (180, 2), (90, 3)])
def test_a_line_is_cut_out_from_where_its_print_begins(degrees: int, first: int) -> None:
    image = Image.new("L", (300, 100), 255)
    image.paste(0, (10, 10, 50, 90))  # dark where print begins
    turned = image.rotate(degrees, expand=True)
    width, height = turned.size
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], float)
    pixels = recognition.cut_out(turned, np.roll(corners, -first, axis=0))
    assert pixels.shape == (recognition.HEIGHT_PX, 144)
    assert pixels[:, :25].mean() < 110 < pixels[:, 60:].mean()
    assert reading.DEGREES[first] == degrees


@pytest.mark.parametrize(("gap_px", "text"), [(4, "1,45"), (9, "1,45"), (14, "1, 45")])
@pytest.mark.parametrize("is_dark", [False, True])
def test_a_space_in_a_number_counts_only_if_the_print_has_a_gap(gap_px: int, text: str, is_dark: bool) -> None:
    image = Image.new("L", (120, recognition.HEIGHT_PX), 240)
    edges = [(10, 26), (30, 36), (36 + gap_px, 52 + gap_px), (56 + gap_px, 72 + gap_px)]
    for left, right in edges:
        image.paste(30, (left, 12, right, 38))
    pixels = np.asarray(ImageOps.invert(image) if is_dark else image)
    places = [(left + right) / 240 for left, right in edges]
    found = [Letter(each, place, SURE) for each, place in zip("1,45", places, strict=True)]
    spaced = [*found[:2], Letter(" ", (places[1] + places[2]) / 2, SURE), *found[2:]]
    assert "".join(letter.text for letter in recognition.without_false_spaces(spaced, pixels)) == text


# --- order -----------------------------------------------------------------------------------------------


def test_cells_of_a_row_are_read_from_left_to_right() -> None:
    boxes = [(200.0, 11.0, 240.0, 31.0), (10.0, 10.0, 60.0, 30.0), (10.0, 50.0, 60.0, 70.0)]
    assert rows_in_order(boxes) == [[1, 0], [2]]
    assert rows_in_order([]) == []


def test_columns_are_read_one_after_the_other_below_the_title_above_both() -> None:
    title = (10.0, 0.0, 900.0, 20.0)
    left = [(10.0, 40.0 + 30 * row, 400.0, 60.0 + 30 * row) for row in range(6)]
    right = [(500.0, 42.0 + 30 * row, 900.0, 62.0 + 30 * row) for row in range(6)]
    mixed = [title, *(box for pair in zip(left, right, strict=True) for box in pair)]
    rows = rows_in_order(mixed)
    assert [mixed[index] for row in rows for index in row] == [title, *left, *right]


def test_a_table_with_narrow_cells_is_read_row_by_row() -> None:
    boxes = [
        (column * 200.0, row * 30.0, column * 200.0 + 60, row * 30.0 + 20) for row in range(8) for column in range(2)
    ]
    assert rows_in_order(boxes) == [[2 * row, 2 * row + 1] for row in range(8)]


def test_ordering_a_thousand_lines_compares_each_with_few_others() -> None:
    boxes = [(10.0, 30.0 * row, 400.0, 30.0 * row + 20) for row in range(5000)]
    assert rows_in_order(boxes) == [[row] for row in range(5000)]


# --- languages -------------------------------------------------------------------------------------------


def test_a_recogniser_is_chosen_that_knows_the_letters_of_all_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    western, french = letters.of_languages(["eng", "deu"]), letters.of_languages(["eng", "fra"])
    chinese = letters.of_languages(["chi_sim"])
    assert western and french and chinese and "ß" in western and "Ä" in western and "œ" in french
    known = {TINY: western | chinese, SMALL: western | french | chinese}
    monkeypatch.setattr(models, "known_letters", known.__getitem__)
    assert models.recogniser(["eng", "deu"]) == replace(TINY, is_latin=True)
    assert models.recogniser(["eng", "deu"], SMALL) == replace(SMALL, is_latin=True)
    assert models.recogniser(["eng", "fra"]) == replace(SMALL, is_latin=True)
    assert models.recogniser(["eng", "chi_sim"]) == SMALL
    assert models.recogniser(["eng", "spa"]) is None
    assert models.recogniser(["eng", "rus"]) is None


@pytest.mark.parametrize("net", [TINY, SMALL])
def test_a_network_without_the_letters_of_other_scripts_ranks_its_own_as_before(net: Net) -> None:
    width = 64
    pixels = np.random.default_rng(4).random((1, 3, recognition.HEIGHT_PX, width), np.float32)
    latin = replace(net, is_latin=True)
    alphabet, used = models.classes(latin, ("deu",))
    whole_alphabet, of_whole = models.classes(net, ("deu",))
    place = dict(zip(whole_alphabet, of_whole, strict=True))
    whole = models.run(net, pixels)[0][:, [place[letter] for letter in alphabet]]
    own = models.run(latin, pixels)[0][:, used]
    assert own / own.sum(1, keepdims=True) == pytest.approx(whole / whole.sum(1, keepdims=True), abs=1e-4)
    assert "ß" in alphabet and "的" not in alphabet and "的" in whole_alphabet


def test_a_model_without_weights_for_these_classes_is_refused() -> None:
    with pytest.raises(ValueError, match="no weights of 7 classes"):
        pruning.pruned(b"", 7, np.arange(3))


# --- levels ----------------------------------------------------------------------------------------------


def test_doubtful_lines_that_show_values_are_read_again_first() -> None:
    doubtful = 0.6
    lines = [found_line(f"line {row}", (10, 40.0 * row), doubtful) for row in range(60)]
    lines[58] = found_line("Total 9.00", (10, 40.0 * 58), doubtful)
    lines[59] = found_line("surely read", (10, 40.0 * 59))
    found = ImageReading((400, 2600), tuple((each,) for each in lines))
    schema = {"type": "object", "properties": {"total": {"type": "number"}}}
    chosen = pages._doubtful_lines(found, schema)
    assert chosen[0] is lines[58]
    assert chosen[1 : 1 + pages.HEAD_ROWS] == lines[: pages.HEAD_ROWS]
    assert len(chosen) == int(pages.MOST_AGAIN * 60) and lines[59] not in chosen


def test_doubtful_rows_of_sums_are_read_again_before_the_head_if_the_schema_has_numbers() -> None:
    lines = [found_line(f"line {row}", (10, 40.0 * row), 0.6) for row in range(30)]
    words, amount = found_line("Tota1 Rounded", (10, 40.0 * 25), 0.6), found_line("9.O0", (240, 40.0 * 25), 0.6)
    rows = tuple((words, amount) if at == 25 else (each,) for at, each in enumerate(lines))
    found = ImageReading((600, 1400), rows)
    number, text = ({"properties": {name: {"type": kind}}} for name, kind in (("tax", "number"), ("note", "string")))
    assert set(pages._doubtful_lines(found, number)[:2]) == {words, amount}
    assert pages._doubtful_lines(found, text)[0] is lines[0]


def test_a_line_is_cut_where_doubtful_words_begin_or_end() -> None:
    sure, doubtful = line("ab cd "), line("EF GH ", 0.6)
    letters = (*sure.letters, *doubtful.letters, *line("ij").letters)
    whole = Line(tuple(each._replace(place=(at + 0.5) / 14) for at, each in enumerate(letters)))
    parts = whole.cut_at_doubts(0.9)
    assert [(start, end) for start, end, _ in parts] == [
        (0, pytest.approx(5.5 / 14)),
        (pytest.approx(5.5 / 14), pytest.approx(11.5 / 14)),
        (pytest.approx(11.5 / 14), 1),
    ]
    assert [part.text for *_, part in parts] == ["ab cd", "EF GH", "ij"]
    assert [part.words()[-1].end for *_, part in parts] == [pytest.approx(1, abs=0.1)] * 3
    assert [part.text for *_, part in sure.cut_at_doubts(0.9)] == ["ab cd"]
    assert Line().cut_at_doubts(0.9) == []


def test_only_the_doubtful_words_of_a_line_are_recognised_again(monkeypatch: pytest.MonkeyPatch) -> None:
    found = found_line("surely TQTAL", (10, 10), width=240.0)
    letters = tuple(each._replace(confidence=0.6) if at > 6 else each for at, each in enumerate(found.line.letters))
    image = ImageReading((400, 100), ((replace(found, line=Line(letters)),),))
    cut = image.cut_at_doubts(0.9)
    seen: list[Any] = []

    def recognised(pixels: Any, net: Net, languages: Sequence[str]) -> Line:
        seen.append(pixels)
        return line("TOTAL")

    monkeypatch.setattr(recognition, "cut_out", lambda image, corners: corners)
    monkeypatch.setattr(recognition, "recognise", recognised)
    again = reading.read_again(None, cut, frozenset(cut.lines[1:]), SMALL, ["eng"])
    assert (image.text, cut.text, again.text) == ("surely TQTAL", "surely TQTAL", "surely TOTAL")
    assert [corners[:, 0].tolist() for corners in seen] == [pytest.approx([140, 250, 250, 140], abs=1)]
    assert [each.net for each in again.lines] == [TINY, SMALL]


def test_words_of_lines_in_another_direction_say_how_far_they_are_turned() -> None:
    rows = ((found_line("upright", (10, 10)),), (found_line("sideways", (300, 300), degrees=90),))
    rows_of_words = pages._words(ImageReading((400, 400), rows))
    words = [Word(*row) for row in rows_of_words]
    assert [(word.text, word.turned) for word in words] == [("upright", 0), ("sideways", 90)]
    assert all(0 <= edge <= 1 for word in words for edge in word[1:5])


# --- engines ---------------------------------------------------------------------------------------------


class Says:
    """A reader with one answer."""

    def __init__(self, *words: tuple[str, float]) -> None:
        self.reading = Reading([[text, 0.1, 0.1, 0.2, 0.2, confidence] for text, confidence in words], "text")

    def read(self, shown: Any) -> Reading:
        return self.reading


def reader(networks: Says | None, tesseract: Says, languages: Sequence[str] = ("eng",)) -> ocr._Reader:
    made = ocr._Reader(languages, "fast", {}, "auto")
    made.__dict__.update(_networks=networks, _tesseract=tesseract)
    return made


def test_tesseract_reads_what_the_networks_can_not() -> None:
    tesseract = Says(("слово", 80.0))
    assert reader(None, tesseract).read(None) is tesseract.reading


def test_a_page_of_which_the_networks_are_unsure_keeps_the_reading_with_more_right_letters() -> None:
    sure, unsure, better = Says(("total", 90.0)), Says(("tctal", 40.0)), Says(("total", 60.0))
    assert reader(sure, better).read(None) is sure.reading
    assert reader(unsure, better).read(None) is better.reading
    assert reader(unsure, Says(("x", 99.0))).read(None) is unsure.reading
    assert reader(unsure, better, ["tlh"]).read(None) is unsure.reading  # Tesseract lacks the language


# --- confidence ------------------------------------------------------------------------------------------


def test_a_calibrated_confidence_lies_on_the_curve() -> None:
    curve = ((20.0, 10.0), (60.0, 50.0), (100.0, 98.0))
    assert [calibration.calibrated(said, curve) for said in (0, 20, 40, 80, 100)] == [10.0, 10.0, 30.0, 74.0, 98.0]


@pytest.mark.parametrize("curve", [calibration.TESSERACT, calibration.TINY, calibration.SMALL])
def test_a_surer_word_is_never_less_likely_to_be_right(curve: calibration.Curve) -> None:
    shares = [calibration.calibrated(said, curve) for said in range(101)]
    assert shares == sorted(shares) and shares[0] >= 0 and shares[-1] <= 100
