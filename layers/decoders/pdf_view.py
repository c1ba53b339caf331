"""What a person sees on a PDF's page: whether a word is shown, and how much print is not among its words.

The page is drawn at a small size. A word is hidden if nothing is drawn in its box: it is white on white, on a layer that
is switched off, covered by a shape, or beyond the page's edge. Sharp edges outside of all words are print that only OCR
can read: a scan, a picture with text, or letters that were turned into shapes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache, cached_property
from itertools import islice
from typing import Any

from layers.domain.page import Box

VIEW_PIXELS = 500_000  # A4 at 72 dots an inch
MAX_EDGE_PX = 5000
MIN_CONTRAST = 8  # of 255, within the box of a word that is shown
SHARP = 40  # difference of two neighbouring pixels at the edge of a letter
CELL_PX = 8
INK_PX = 4
MIN_SHARP_SHARE = 12  # of 255, in a cell of print
MIN_UNREAD_CELLS = 10
MAX_PICTURES = 2000
NEARLY_ALL_READ = 0.25
MOSTLY_READ = 0.5
MIN_PICTURE_SHARE = 0.1


class View:
    """A drawn page, in gray, and in color if gray is not conclusive."""

    def __init__(self, page: Any, scale: float) -> None:
        self._page, self._scale = page, scale
        self._gray = _drawn(page, scale, is_gray=True)
        self._across = _differences(self._gray, 1, 0)
        ink = self._across.point(_threshold(MIN_CONTRAST)).reduce(INK_PX)
        self._ink, self._ink_width = ink.tobytes(), ink.width

    @cached_property
    def _color(self) -> Any:
        return _drawn(self._page, self._scale, is_gray=False)

    def shows(self, box: Box) -> bool:
        """Whether anything is drawn in a box, in fractions of the page."""
        width, height = self._gray.size
        if box[0] >= 1 or box[1] >= 1 or box[2] <= 0 or box[3] <= 0:
            return False
        column = int((box[0] + box[2]) / 2 * width) // INK_PX
        row = int((box[1] + box[3]) / 2 * height) // INK_PX
        cell = row * self._ink_width + column
        if 0 <= column < self._ink_width and 0 <= cell < len(self._ink) and self._ink[cell]:
            return True  # nearly always
        # A pixel more on each side: letters such as I fill their boxes.
        left, top = math.floor(box[0] * width) - 1, math.floor(box[1] * height) - 1
        right, bottom = math.ceil(box[2] * width) + 1, math.ceil(box[3] * height) + 1
        shown = (max(0, left), max(0, top), min(width, right), min(height, bottom))
        darkest, brightest = self._gray.crop(shown).getextrema()
        if brightest - darkest > MIN_CONTRAST:  # at least one color differs as much
            return True
        extrema = self._color.crop(shown).getextrema()
        return any(high - low >= MIN_CONTRAST for low, high in extrema)

    def print_cells(self, boxes: Sequence[Box]) -> tuple[int, int]:
        """The cells of print within these boxes, and outside of them."""
        from PIL import Image, ImageChops, ImageDraw

        gray = self._gray
        # Letters have edges in both directions, lines of tables and forms in one.
        cells = ImageChops.multiply(_sharp_cells(self._across), _sharp_cells(_differences(gray, 0, 1)))
        words = Image.new("L", cells.size, 0)
        draw = ImageDraw.Draw(words)
        for x0, y0, x1, y1 in boxes:
            left, top = x0 * gray.width / CELL_PX, y0 * gray.height / CELL_PX
            right, bottom = x1 * gray.width / CELL_PX, y1 * gray.height / CELL_PX
            draw.rectangle((left - 0.6, top - 0.6, right + 0.1, bottom + 0.1), fill=255)
        within = ImageChops.multiply(cells, words).histogram()[255]
        return within, cells.histogram()[255] - within

    def is_read(self, boxes: Sequence[Box]) -> bool:
        """Whether the words in these boxes are nearly all that the page shows; without pictures, most of it.

        Drawings and diagrams have sharp edges too, so that print outside of pictures has to be the greater part.
        """
        within, outside = self.print_cells(boxes)
        share = outside / max(1, within + outside)
        if outside < MIN_UNREAD_CELLS or share < NEARLY_ALL_READ:
            return True
        return bool(share < MOSTLY_READ and not has_pictures(self._page, MIN_PICTURE_SHARE))


def _differences(gray: Any, dx: int, dy: int) -> Any:
    from PIL import ImageChops

    return ImageChops.difference(gray, ImageChops.offset(gray, dx, dy))


def _sharp_cells(differences: Any) -> Any:
    return differences.point(_threshold(SHARP)).reduce(CELL_PX).point(_threshold(MIN_SHARP_SHARE))


@cache
def _threshold(least: int) -> list[int]:
    return [255 * (value >= least) for value in range(256)]


def view_of(page: Any) -> View | None:
    """The page drawn small, or None if pdfium can't draw it."""
    from pypdfium2 import PdfiumError

    width, height = page.get_size()
    scale = math.sqrt(VIEW_PIXELS / max(1.0, width * height))
    scale = min(scale, MAX_EDGE_PX / max(width, height, 1.0))
    try:
        return View(page, scale)
    except (PdfiumError, ValueError):
        return None


def _drawn(page: Any, scale: float, *, is_gray: bool) -> Any:
    image = page.render(scale=scale, may_draw_forms=False, grayscale=is_gray, rev_byteorder=True).to_pil()
    mode = "L" if is_gray else "RGB"
    return image if image.mode == mode else image.convert(mode)


def has_pictures(page: Any, min_share: float) -> bool:
    """Whether pictures cover at least this share of the page."""
    areas = (max(0.0, right - left) * max(0.0, top - bottom) for left, bottom, right, top in picture_boxes(page))
    width, height = page.get_size()
    return bool(sum(areas) >= min_share * width * height)


def is_invisible(text_page: Any, index: int) -> bool:
    """Whether the character is text that is never drawn, as in the text layers of scans."""
    from pypdfium2 import raw

    text = raw.FPDFText_GetTextObject(text_page.raw, index)
    return bool(text) and raw.FPDFTextObj_GetTextRenderMode(text) == raw.FPDF_TEXTRENDERMODE_INVISIBLE


def picture_boxes(page: Any) -> list[Box]:
    from pypdfium2 import PdfiumError, raw

    try:
        found = page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=4)
        return [picture.get_bounds() for picture in islice(found, MAX_PICTURES)]
    except PdfiumError:
        return []
