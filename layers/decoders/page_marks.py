"""Finds the marks that tell the pages of a scan apart: barcodes, and how much ink is on each page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from layers.decoders import bands, patch_codes, pdf
from layers.decoders.drawings import drawn
from layers.decoders.images import INCOMPLETE, frame, is_incomplete, on_ground
from layers.decoders.page_pictures import bounded
from layers.domain.formats import Kind, kind_of

EDGE_PX = 2600  # of the longest edge: A4 at about 220 dots an inch
MOST_BARCODES, LONGEST_TEXT = 50, 1000

# Ink is measured in cells of CELL_PX pixels, so that the grain of a single pixel is no ink.
CELL_PX = 4
PAPER_RADIUS = 12  # cells around a cell, whose lightest ones are its paper
LEAST_CONTRAST = 24  # of 255, between a cell with ink and its paper
NOISE_FACTOR = 6  # a cell with ink is this much darker than the noise of the page
DARKER_THAN = 140  # of 255: no paper, whatever is around it
MOST_NOISE = 6  # on a noisier page ink can't be told from noise, so it is not blank
MOST_INK = 1.5e-5  # of the cells of a blank page: about three of a page of A4, a speck of dust or a full stop


def page_marks(path: str, media_type: str, page_numbers: Sequence[int]) -> list[dict[str, Any]]:
    """For each page `{"number", "barcodes": [[page, format, text, [x0, y0, x1, y1]], ...], "ink", "is_blank"}`."""
    return [_marks(path, media_type, number) for number in page_numbers]


def _marks(path: str, media_type: str, number: int) -> dict[str, Any]:
    image, shows_text = _gray(path, media_type, number)
    ink, is_clean = ink_of(image)
    barcodes = barcodes_on(image, number)
    is_blank = is_clean and ink <= MOST_INK and not shows_text and not barcodes and not is_incomplete(image)
    return {"number": number, "barcodes": barcodes, "ink": round(ink, 6), "is_blank": is_blank}


def _gray(path: str, media_type: str, number: int) -> tuple[Any, bool]:
    """The page in gray as it is shown, and whether it has text as characters."""
    if media_type == "application/pdf":
        size = pdf.shown_size(path, number)
        if bands.is_tall(min(size), max(size)):
            image = pdf.render_scaled(path, number, bands.scale_for_ocr(*size), gray=True)
        else:
            image = pdf.render(path, number, EDGE_PX, dpi=220, gray=True)
        return image, _has_characters(path, number)
    picture = drawn(path, EDGE_PX) if kind_of(media_type) is Kind.DRAWING else frame(path, number)
    incomplete = is_incomplete(picture)
    image = bounded(on_ground(picture), EDGE_PX)
    image = image if image.mode == "L" else image.convert("L")
    return (_marked_incomplete(image) if incomplete else image), False


def _marked_incomplete(image: Any) -> Any:
    image.info[INCOMPLETE] = True
    return image


def _has_characters(path: str, number: int) -> bool:
    from pypdfium2 import PdfiumError

    with pdf.opened_page(path, number) as page:
        try:
            return bool(page.get_textpage().get_text_bounded().strip())
        except PdfiumError:
            return True  # not known to be blank


def barcodes_on(image: Any, number: int) -> list[list[Any]]:
    """The barcodes on a gray page, from top to bottom: `[page, format, text, [x0, y0, x1, y1]]` in fractions of it."""
    import zxingcpp

    found: list[list[Any]] = []
    for barcode in zxingcpp.read_barcodes(image, try_invert=False):
        text = "".join(sign if sign.isprintable() else " " for sign in barcode.text).strip()
        if not text or len(text) > LONGEST_TEXT:
            continue
        place = barcode.position
        corners = place.top_left, place.top_right, place.bottom_left, place.bottom_right
        xs = [min(1.0, max(0.0, corner.x / image.width)) for corner in corners]
        ys = [min(1.0, max(0.0, corner.y / image.height)) for corner in corners]
        box = [round(value, 4) for value in (min(xs), min(ys), max(xs), max(ys))]
        found.append([number, str(barcode.format), text, box])
    if box_of_stripes := patch_codes.patch_t_on(image):
        found.append([number, patch_codes.FORMAT, patch_codes.TEXT, box_of_stripes])
    return sorted(found, key=lambda each: (each[3][1], each[3][0]))[:MOST_BARCODES]


def ink_of(image: Any) -> tuple[float, bool]:
    """The share of a gray page that has ink, 0 to 1, and whether the page is clean enough to tell ink from noise."""
    from PIL import Image, ImageChops, ImageFilter

    cells = image.reduce(CELL_PX) if min(image.size) >= CELL_PX else image
    coarse = cells.resize((max(1, cells.width // 4), max(1, cells.height // 4)), Image.Resampling.BOX)
    paper = coarse.filter(ImageFilter.MaxFilter(2 * (PAPER_RADIUS // 4) + 1)).filter(ImageFilter.BoxBlur(2))
    ink = ImageChops.subtract(paper.resize(cells.size, Image.Resampling.BILINEAR), cells)
    histogram = ink.histogram()
    noise = _noise(histogram)
    threshold = max(LEAST_CONTRAST, round(NOISE_FACTOR * noise))
    inked = max(sum(histogram[threshold:]), sum(cells.histogram()[:DARKER_THAN]))
    return inked / sum(histogram), noise <= MOST_NOISE


def _noise(histogram: Sequence[int]) -> float:
    """How dark the paper itself is: the value that nine of ten cells do not exceed."""
    counted, target = 0, 0.9 * sum(histogram)
    for value, count in enumerate(histogram):
        counted += count
        if counted >= target:
            return float(value)
    return 255.0
