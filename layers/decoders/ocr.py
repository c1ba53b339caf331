"""OCR by Tesseract: pages evenly lit, of a size that reads well and the right way up; words with boxes and confidence.

Boxes are in fractions of the page as people see it: turned as its EXIF or its PDF says, which is how previews show
it. A page that was scanned sideways or upside down is turned for reading alone; `turned` says by how many degrees,
clockwise, and its boxes are given as the print stands in the picture.
"""

from __future__ import annotations

import math
import shlex
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from layers.decoders import embedded, scans, tessdata
from layers.decoders.images import frame, on_white
from layers.domain.errors import PermanentError
from layers.domain.formats import format_of
from layers.domain.page import turned_box

SHEET_EDGE_PX = 2300  # of a page that is drawn from a PDF
DRAFT_EDGE_PX = 2600
# Print of a block reads best at about this height; in columns, small print alone is enlarged.
BLOCK_PRINT_PX, COLUMN_PRINT_PX, SMALL_PRINT_PX = 20, 14, 10
MOST_ENLARGED, MOST_SHRUNK = 2.0, 0.3
MOST_PIXELS_ENLARGED, MOST_PIXELS = 2_800_000, 6_000_000
PAGE_S = 60
BLANK_DEVIATION = 3.0
DARK_MEAN = 110
# The share of a page's characters in longer words that were read surely: upside down at most .06, and .1 to .8
# the right way up, however poor the scan.
SURE_WORD = 75.0
LONG_WORD = 3
LEAST_SURE = 0.08


@dataclass(frozen=True, slots=True)
class Setting:
    """How pages are prepared and read: Tesseract's page segmentation by layout, whether shadows are taken out, and
    whether print is brought to a height that reads well."""

    columns_mode: int = 3  # finds columns
    block_mode: int = 6  # takes the page for one block of lines
    evens_light: bool = True
    scales_print: bool = True

    def mode(self, layout: scans.Layout) -> int:
        return self.columns_mode if layout == "columns" else self.block_mode


BY_LAYOUT = Setting()  # what `python -m benchmarks.reading` found best


@dataclass(frozen=True, slots=True)
class Reading:
    """Words as [text, x0, y0, x1, y1, confidence] and the text line by line.

    Tesseract reads lines that run from top to bottom as well; `runs_down` says that most do.
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
    """What Tesseract reads on each page. Raises PermanentError `timeout` when a page takes over a minute."""
    reader = _Tesseract(languages, setting)
    pages = [_read_page(gray_page(path, media_type, number), number, reader) for number in page_numbers]
    return settled(path, media_type, pages)


def settled(path: str, media_type: str, pages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The pages as they were read, with the text that stood beside pictures in a document."""
    if not format_of(media_type).holds_pictures:
        return pages
    return [embedded.beside_own_text(path, media_type, page) for page in pages]


def gray_page(path: str, media_type: str, number: int) -> Any:
    """A page as it is shown, in gray, of at most so many pixels as are of use."""
    if media_type == "application/pdf":
        return render_page(path, number)
    if format_of(media_type).holds_pictures:
        return embedded.gray_page(path, media_type, number)
    image = on_white(frame(path, number, draft_edge_px=DRAFT_EDGE_PX, draft_mode="L"))
    return image if image.mode == "L" else image.convert("L")


def render_page(path: str, number: int) -> Any:
    """A PDF's page in gray: by poppler, in a process of its own, where it is installed; else by pdfium."""
    if shutil.which("pdftoppm") is None:
        from layers.decoders.pdf import render

        return render(path, number, SHEET_EDGE_PX, gray=True)
    import pdf2image
    from pdf2image.exceptions import PDFPageCountError, PDFPopplerTimeoutError, PDFSyntaxError

    try:
        pages = pdf2image.convert_from_path(
            path, first_page=number, last_page=number, size=SHEET_EDGE_PX, grayscale=True, timeout=PAGE_S
        )
    except PDFPopplerTimeoutError:
        raise PermanentError("timeout", f"page {number} could not be drawn within {PAGE_S} seconds") from None
    except (PDFPageCountError, PDFSyntaxError, OSError):
        pages = []
    if not pages:
        from layers.decoders.pdf import render

        return render(path, number, SHEET_EDGE_PX, gray=True)
    return pages[0]


def turned_image(image: Any, degrees: int) -> Any:
    """The image turned clockwise by quarter turns."""
    from PIL import Image

    turns = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}
    return image.transpose(turns[degrees]) if degrees else image


def is_blank(image: Any) -> bool:
    from PIL import ImageStat

    return bool(ImageStat.Stat(image).stddev[0] < BLANK_DEVIATION)


def _read_page(shown: Any, number: int, reader: _Tesseract) -> dict[str, Any]:
    page = {"number": number, "width": shown.width, "height": shown.height, "source": "ocr", "turned": 0}
    if is_blank(shown):
        return page | {"text": "", "words": [], "confidence": 100.0}
    image = _lit(_scaled(shown, min(1.0, _to_pixels(shown, MOST_PIXELS))), reader.setting)
    reading, turned = _read(image, reader, number), 0
    if reading.sure_share < LEAST_SURE:
        reading, turned = _second_look(shown, image, reading, reader, number)
    if not reading.words:
        return page | {"text": "", "words": [], "source": None, "confidence": 0.0}
    words = [[word[0], *(round(v, 4) for v in turned_box(word[1:5], -turned)), word[5]] for word in reading.words]
    turned = (turned + (270 if reading.runs_down else 0)) % 360
    return page | {"text": reading.text, "words": words, "confidence": round(reading.confidence, 1), "turned": turned}


def _read(image: Any, reader: _Tesseract, number: int) -> Reading:
    layout = scans.layout_of(image)
    scale = _scale(image, layout) if reader.setting.scales_print else 1.0
    return reader.read(_scaled(image, scale), reader.setting.mode(layout), number)


def _lit(image: Any, setting: Setting) -> Any:
    return scans.evenly_lit(image) if setting.evens_light else image


def _scale(image: Any, layout: scans.Layout) -> float:
    """By how much the page is to be enlarged or shrunk, so that its print has a height that reads well."""
    print_px = scans.text_height_px(image)
    if not print_px or (layout == "columns" and print_px >= SMALL_PRINT_PX):
        return 1.0
    scale = (BLOCK_PRINT_PX if layout == "block" else COLUMN_PRINT_PX) / print_px
    if scale > 1:
        return max(1.0, min(scale, MOST_ENLARGED, _to_pixels(image, MOST_PIXELS_ENLARGED)))
    return max(scale, MOST_SHRUNK)


def _to_pixels(image: Any, most: int) -> float:
    return math.sqrt(most / (image.width * image.height))


def _scaled(image: Any, scale: float) -> Any:
    from PIL import Image

    if abs(scale - 1) < 0.05:
        return image
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def _second_look(shown: Any, image: Any, first: Reading, reader: _Tesseract, number: int) -> tuple[Reading, int]:
    """The page turned, or in negative where it is dark, if it can be read so; and by how much it was turned.

    Upside down comes first, and is mostly enough: lines that run upwards run down then.
    """
    from PIL import ImageOps, ImageStat

    for degrees in (180, 90, 270):
        again = _read(turned_image(image, degrees), reader, number)
        if again.sure_share >= max(LEAST_SURE, first.sure_share):
            return again, degrees
    if ImageStat.Stat(shown).mean[0] < DARK_MEAN:
        inverted = _scaled(ImageOps.invert(shown), image.width / shown.width)
        negative = _read(_lit(inverted, reader.setting), reader, number)
        return max(first, negative, key=lambda reading: reading.sure_share), 0
    return first, 0


# --- the engine ----------------------------------------------------------------------------------------


class _Tesseract:
    """Tesseract with its languages and how it is to read."""

    def __init__(self, languages: Sequence[str], setting: Setting) -> None:
        self.setting = setting
        folder = tessdata.folder_with(languages)
        if folder is None:
            known = ", ".join(tessdata.installed_languages())
            wanted = ", ".join(languages)
            raise PermanentError("unknown_language", f"{wanted} can't all be read here; installed are {known}")
        self._languages = "+".join(languages)
        self._folder = shlex.quote(folder)

    def read(self, image: Any, mode: int, number: int) -> Reading:
        import pytesseract

        pytesseract.pytesseract.tesseract_cmd = tessdata.program()
        # Handed over as plain pixels: packing them as PNG and unpacking costs more than the disk.
        with tempfile.NamedTemporaryFile(suffix=".pgm") as picture:
            image.save(picture, "PPM")
            picture.flush()
            try:
                data = pytesseract.image_to_data(
                    picture.name,
                    lang=self._languages,
                    config=f"--tessdata-dir {self._folder} --psm {mode} -c tessedit_do_invert=0",
                    timeout=PAGE_S,
                    output_type=pytesseract.Output.DICT,
                )
            except RuntimeError as error:
                if "timeout" in str(error).lower():
                    raise PermanentError(
                        "timeout", f"page {number} could not be read within {PAGE_S} seconds"
                    ) from None
                raise
        return _reading(data, *image.size)


def _reading(data: dict[str, list[Any]], width: int, height: int) -> Reading:
    words: list[list[Any]] = []
    lines: dict[tuple[int, int, int], list[str]] = {}
    for place, text in enumerate(data["text"]):
        confidence = float(data["conf"][place])
        if not text.strip() or confidence < 0:
            continue
        left, top = data["left"][place], data["top"][place]
        right, bottom = left + data["width"][place], top + data["height"][place]
        words.append([text, left / width, top / height, right / width, bottom / height, confidence])
        line = (data["block_num"][place], data["par_num"][place], data["line_num"][place])
        lines.setdefault(line, []).append(text)
    runs_down = _runs_down(
        [data["width"][at], data["height"][at]] for at, text in enumerate(data["text"]) if len(text) >= LONG_WORD
    )
    return Reading(words, "\n".join(" ".join(line) for line in lines.values()), runs_down)


def _runs_down(sizes: Iterable[list[int]]) -> bool:
    tall = [height > width for width, height in sizes]
    return sum(tall) > 0.6 * len(tall)
