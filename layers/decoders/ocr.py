"""Reads pages with Tesseract: removes shadows, scales print, rotates pages upright; returns words with boxes and confidence.

Boxes are fractions of the displayed page, with its EXIF or PDF rotation. A page that was scanned sideways or upside down
is rotated only for reading: `turned` is the number of degrees clockwise, and its boxes refer to the page as displayed.
"""

from __future__ import annotations

import math
import shlex
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from layers.decoders import bands, embedded, pdf_text, scans, tessdata
from layers.decoders.gray_pages import gray_page, notes_on
from layers.domain.errors import PermanentError
from layers.domain.extraction.lines import lines_of
from layers.domain.formats import format_of
from layers.domain.page import Page, Word, turned_box

# In a block, print of about this height is read best. In columns, only small print is enlarged.
BLOCK_PRINT_PX, COLUMN_PRINT_PX, SMALL_PRINT_PX = 20, 14, 10
MAX_ENLARGED, MAX_SHRUNK = 2.0, 0.3
MAX_PIXELS_ENLARGED, MAX_PIXELS = 2_800_000, 6_000_000
BLANK_DEVIATION = 3.0
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
class Reading:
    """Words as [text, x0, y0, x1, y1, confidence], and the text line by line.

    Tesseract also reads lines that run from top to bottom; `runs_down` means that most lines do.
    """

    words: list[list[Any]]
    text: str
    runs_down: bool = False

    @property
    def confidence(self) -> float:
        return sum(word[5] for word in self.words) / len(self.words) if self.words else 0.0

    @property
    def sure_share(self) -> float:
        sure = sum(
            len(text)
            for text, *_, sure in self.words
            if sure >= SURE_WORD and len(text) >= LONG_WORD and text.isalnum()
        )
        return sure / sum(len(word[0]) for word in self.words) if self.words else 0.0


def read_pages(
    path: str, media_type: str, page_numbers: Sequence[int], languages: Sequence[str], setting: Setting = BY_LAYOUT
) -> list[dict[str, Any]]:
    """Tesseract's result for each page."""
    reader = _Tesseract(languages, setting)
    pages = [_read_page(gray_page(path, media_type, number), number, reader) for number in page_numbers]
    return with_own_text(path, media_type, pages)


def with_own_text(path: str, media_type: str, pages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The pages as they were read, with the document's own text added if it has pictures or scans on pages."""
    if media_type == "application/pdf":
        return [pdf_text.add_own_text(path, page) for page in pages]
    if not format_of(media_type).holds_pictures:
        return pages
    return [embedded.add_own_text(path, media_type, page) for page in pages]


def turned_image(image: Any, degrees: int) -> Any:
    """The image turned clockwise by 0, 90, 180 or 270 degrees."""
    from PIL import Image

    rotations = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}
    return image.transpose(rotations[degrees]) if degrees else image


def is_blank(image: Any) -> bool:
    from PIL import ImageStat

    return bool(ImageStat.Stat(image).stddev[0] < BLANK_DEVIATION)


def _read_page(shown: Any, number: int, reader: _Tesseract) -> dict[str, Any]:
    page = {"number": number, "width": shown.width, "height": shown.height, "source": "ocr", "turned": 0}
    page["notes"] = notes_on(shown, number)
    if is_blank(shown):
        return page | {"text": "", "words": [], "confidence": 100.0}
    image = _lit(_scaled(shown, min(1.0, _to_pixels(shown, _max_pixels(shown)))), reader.setting)
    reading, turned = _read(image, reader), 0
    if reading.sure_share < MIN_SURE:
        reading, turned = _read_turned(shown, image, reading, reader)
    if not reading.words:
        return page | {"text": "", "words": [], "source": None, "confidence": 0.0}
    words = [[word[0], *(round(v, 4) for v in turned_box(word[1:5], -turned)), word[5]] for word in reading.words]
    turned = (turned + (270 if reading.runs_down else 0)) % 360
    return page | {"text": reading.text, "words": words, "confidence": round(reading.confidence, 1), "turned": turned}


def _max_pixels(image: Any) -> int:
    """The number of pixels at which a page is read: more for a page in bands."""
    tall = bands.is_tall(min(image.size), max(image.size))
    return bands.MAX_TALL_PIXELS if tall else MAX_PIXELS


def _read(image: Any, reader: _Tesseract) -> Reading:
    return _read_bands(image, reader) if bands.is_tall(*image.size) else _read_whole(image, reader)


def _read_bands(image: Any, reader: _Tesseract) -> Reading:
    words: list[list[Any]] = []
    for band in bands.cuts(image):
        rows = bands.with_overlap(band, image)
        reading = _read_whole(image.crop((0, rows[0], image.width, rows[1])), reader)
        words += bands.words_of_band(reading.words, band, rows, image.height)
    return Reading(words, text_of_words(words, image.size))


def text_of_words(words: Sequence[Sequence[Any]], size: tuple[int, int]) -> str:
    """Groups the words of one image into lines."""
    page = Page(1, words=tuple(Word(*word[:6]) for word in words), width=size[0], height=size[1])
    return "\n".join(line.text for line in lines_of([page]))


def _read_whole(image: Any, reader: _Tesseract) -> Reading:
    layout = scans.layout_of(image)
    scale = _scale(image, layout) if reader.setting.scales_print else 1.0
    return reader.read(_scaled(image, scale), reader.setting.mode(layout))


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


def _read_turned(shown: Any, image: Any, first: Reading, reader: _Tesseract) -> tuple[Reading, int]:
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
        return max(first, negative, key=lambda reading: reading.sure_share), 0
    return first, 0


# --- the engine ----------------------------------------------------------------------------------------


class _Tesseract:
    """Tesseract with its languages and settings."""

    def __init__(self, languages: Sequence[str], setting: Setting) -> None:
        self.setting = setting
        folder = tessdata.folder_with(languages)
        if folder is None:
            known = ", ".join(tessdata.installed_languages())
            wanted = ", ".join(languages)
            raise PermanentError("unknown_language", f"not all of {wanted} are installed; installed are {known}")
        self._languages = "+".join(languages)
        self._folder = shlex.quote(folder)

    def read(self, image: Any, mode: int) -> Reading:
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
        return _reading(data, *image.size)


def _reading(data: dict[str, list[Any]], width: int, height: int) -> Reading:
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
    return Reading(words, "\n".join(" ".join(line) for line in lines.values()), runs_down)


def _runs_down(sizes: Iterable[list[int]]) -> bool:
    tall = [height > width for width, height in sizes]
    return sum(tall) > 0.6 * len(tall)
