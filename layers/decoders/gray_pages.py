"""Draws pages in gray for OCR, upright as they are displayed and at a useful size."""

from __future__ import annotations

import shutil
from typing import Any

from layers.decoders import bands, pdf
from layers.decoders.images import INCOMPLETE, frame, is_incomplete, on_ground
from layers.domain.formats import format_of

DRAFT_EDGE_PX = 2600
MOST_OBJECTS = 50_000  # on a page that poppler renders: a page of a million shapes takes it 16 s, and pdfium 1.5 s


def gray_page(path: str, media_type: str, number: int) -> Any:
    """The displayed page in gray, at a size that is useful for OCR."""
    if media_type == "application/pdf":
        return render_page(path, number)
    if format_of(media_type).holds_pictures:
        from layers.decoders import embedded  # with the modules of all these formats

        return embedded.gray_page(path, media_type, number)
    picture = frame(path, number, draft_edge_px=DRAFT_EDGE_PX, draft_mode="L")
    image = on_ground(picture)
    image = image if image.mode == "L" else image.convert("L")
    if is_incomplete(picture):
        image.info[INCOMPLETE] = True
    return image


def notes_on(image: Any, number: int) -> list[list[Any]]:
    """Notes for a page that was drawn by `gray_page`."""
    return (
        [[f"page {number} is damaged: only a part of the picture could be read", True]] if is_incomplete(image) else []
    )


def render_page(path: str, number: int) -> Any:
    """A PDF's page in gray, drawn by poppler in a child process, or by pdfium if poppler is not installed, would show
    another page, or would be slow."""
    shown = pdf.shown_page(path, number)
    scale = bands.scale_for_ocr(shown.width, shown.height)
    if shown.is_composed or shown.objects > MOST_OBJECTS or shutil.which("pdftoppm") is None:
        return pdf.render_scaled(path, number, scale, gray=True)
    import pdf2image
    from pdf2image.exceptions import PDFPageCountError, PDFSyntaxError

    # The longest edge: poppler confuses width and height of rotated pages.
    size = max(1, round(max(shown.width, shown.height) * scale))
    try:
        pages = pdf2image.convert_from_path(
            path, first_page=number, last_page=number, size=size, grayscale=True, use_cropbox=True
        )
    except (PDFPageCountError, PDFSyntaxError, OSError):
        pages = []
    return pages[0] if pages else pdf.render_scaled(path, number, scale, gray=True)
