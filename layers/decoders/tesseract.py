"""Reads pages with Tesseract: removes shadows, scales print, rotates pages upright."""

from __future__ import annotations

import math
import shlex
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from layers.decoders import bands, calibration, scans, tessdata
from layers.decoders.readings import Reading, text_of_words, turned_image
from layers.domain.errors import PermanentError
from layers.domain.page import turned_box

# In a block, print of about this height is read best. In columns, only small print is enlarged.
BLOCK_PRINT_PX, COLUMN_PRINT_PX, SMALL_PRINT_PX = 20, 14, 10
MAX_ENLARGED, MAX_SHRUNK = 2.0, 0.3
MAX_PIXELS_ENLARGED, MAX_PIXELS = 2_800_000, 6_000_000
DARK_MEAN = 110
# The share of a page's characters in longer words with high confidence: at most 0.06 upside down, 0.1 to 0.8 upright,
# even on poor scans.
SURE_WORD = 75.0
LONG_WORD = 3
MIN_SURE = 0.08


@dataclass(frozen=True, slots=True)
class Setting:
    """How pages are prepared and read: Tesseract's page segmentation mode by layout, whether shadows are removed, and
    whether print is scaled to a good height."""

    columns_mode: int = 3  # detects columns
    block_mode: int = 6  # assumes one block of lines
    evens_light: bool = True
    scales_print: bool = True

    def mode(self, layout: scans.Layout) -> int:
        return self.columns_mode if layout == "columns" else self.block_mode


BY_LAYOUT = Setting()  # the best setting according to `python -m benchmarks.reading`


@dataclass(frozen=True, slots=True)
class _Result:
    """Words as [text, x0, y0, x1, y1, confidence], and the text line by line.

    Tesseract also reads lines that run from top to bottom; `runs_down` means that most lines do.
    """

    words: list[list[Any]]
    text: str
    runs_down: bool = False

    @property
    def sure_share(self) -> float:
        sure = sum(
            len(text)
            for text, *_, sure in self.words
            if sure >= SURE_WORD and len(text) >= LONG_WORD and text.isalnum()
        )
        return sure / sum(len(word[0]) for word in self.words) if self.words else 0.0


class Tesseract:
    """Tesseract with its languages and settings. Raises PermanentError if a language is not installed."""

    def __init__(
        self, languages: Sequence[str], setting: Setting = BY_LAYOUT, curve: calibration.Curve = calibration.TESSERACT
    ) -> None:
        folder = tessdata.folder_with(languages)
        if folder is None:
            known = ", ".join(tessdata.installed_languages())
            wanted = ", ".join(languages)
            raise PermanentError("unknown_language", f"not all of {wanted} are installed; installed are {known}")
        self.setting, self._curve = setting, curve
        self._languages = "+".join(languages)
        self._folder = shlex.quote(folder)

    def read(self, shown: Any) -> Reading:
        """Read a gray page."""
        image = _lit(_scaled(shown, min(1.0, _to_pixels(shown, _max_pixels(shown)))), self.setting)
        result, turned = _read(image, self), 0
        if result.sure_share < MIN_SURE:
            result, turned = _read_turned(shown, image, result, self)
        words = [
            [
                text,
                *(round(edge, 4) for edge in turned_box(box, -turned)),
                calibration.calibrated(confidence, self._curve),
            ]
            for text, *box, confidence in result.words
        ]
        return Reading(words, result.text, (turned + (270 if result.runs_down else 0)) % 360)

    def recognise(self, image: Any, mode: int) -> _Result:
        """Read an image upright, in a page segmentation mode."""
        import pytesseract

        pytesseract.pytesseract.tesseract_cmd = tessdata.program()
        # Plain pixels: compressing and decompressing a PNG would cost more than the larger file.
        with tempfile.NamedTemporaryFile(suffix=".pgm") as picture:
            image.save(picture, "PPM")
            picture.flush()
            data = pytesseract.image_to_data(
                picture.name,
                lang=self._languages,
                config=f"--tessdata-dir {self._folder} --psm {mode} -c tessedit_do_invert=0",
                output_type=pytesseract.Output.DICT,
            )
        return _result(data, *image.size)


def _max_pixels(image: Any) -> int:
    """The number of pixels at which a page is read: more for a page in bands."""
    tall = bands.is_tall(min(image.size), max(image.size))
    return bands.MAX_TALL_PIXELS if tall else MAX_PIXELS


def _read(image: Any, reader: Tesseract) -> _Result:
    return _read_bands(image, reader) if bands.is_tall(*image.size) else _read_whole(image, reader)


def _read_bands(image: Any, reader: Tesseract) -> _Result:
    words: list[list[Any]] = []
    for band in bands.cuts(image):
        rows = bands.with_overlap(band, image)
        result = _read_whole(image.crop((0, rows[0], image.width, rows[1])), reader)
        words += bands.words_of_band(result.words, band, rows, image.height)
    return _Result(words, text_of_words(words, image.size))


def _read_whole(image: Any, reader: Tesseract) -> _Result:
    layout = scans.layout_of(image)
    scale = _scale(image, layout) if reader.setting.scales_print else 1.0
    return reader.recognise(_scaled(image, scale), reader.setting.mode(layout))


def _lit(image: Any, setting: Setting) -> Any:
    return scans.evenly_lit(image) if setting.evens_light else image


def _scale(image: Any, layout: scans.Layout) -> float:
    """The factor that scales the page so that its print has a good height for Tesseract."""
    print_px = scans.text_height_px(image)
    if not print_px or (layout == "columns" and print_px >= SMALL_PRINT_PX):
        return 1.0
    scale = (BLOCK_PRINT_PX if layout == "block" else COLUMN_PRINT_PX) / print_px
    if scale > 1:
        return max(1.0, min(scale, MAX_ENLARGED, _to_pixels(image, MAX_PIXELS_ENLARGED)))
    return max(scale, MAX_SHRUNK)


def _to_pixels(image: Any, max_pixels: int) -> float:
    return math.sqrt(max_pixels / (image.width * image.height))


def _scaled(image: Any, scale: float) -> Any:
    from PIL import Image

    if abs(scale - 1) < 0.05:
        return image
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def _read_turned(shown: Any, image: Any, first: _Result, reader: Tesseract) -> tuple[_Result, int]:
    """The best result for the page in other rotations, or inverted if it is dark, and the degrees of this rotation.

    180 degrees is first and usually sufficient: lines that run upwards then run downwards.
    """
    from PIL import ImageOps, ImageStat

    for degrees in (180, 90, 270):
        again = _read(turned_image(image, degrees), reader)
        if again.sure_share >= max(MIN_SURE, first.sure_share):
            return again, degrees
    if ImageStat.Stat(shown).mean[0] < DARK_MEAN:
        inverted = _scaled(ImageOps.invert(shown), image.width / shown.width)
        negative = _read(_lit(inverted, reader.setting), reader)
        return max(first, negative, key=lambda result: result.sure_share), 0
    return first, 0


def _result(data: dict[str, list[Any]], width: int, height: int) -> _Result:
    words: list[list[Any]] = []
    lines: dict[tuple[int, int, int], list[str]] = {}
    for index, text in enumerate(data["text"]):
        confidence = float(data["conf"][index])
        if not text.strip() or confidence < 0:
            continue
        left, top = data["left"][index], data["top"][index]
        right, bottom = left + data["width"][index], top + data["height"][index]
        words.append([text, left / width, top / height, right / width, bottom / height, confidence])
        line = (data["block_num"][index], data["par_num"][index], data["line_num"][index])
        lines.setdefault(line, []).append(text)
    runs_down = _runs_down(
        [data["width"][index], data["height"][index]]
        for index, text in enumerate(data["text"])
        if len(text) >= LONG_WORD
    )
    return _Result(words, "\n".join(" ".join(line) for line in lines.values()), runs_down)


def _runs_down(sizes: Iterable[list[int]]) -> bool:
    tall = [height > width for width, height in sizes]
    return sum(tall) > 0.6 * len(tall)
