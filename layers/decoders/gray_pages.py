"""Draws pages in gray for OCR, upright as they are displayed and at a useful size."""

from __future__ import annotations

from typing import Any

from layers.decoders import bands, pdf
from layers.decoders.images import INCOMPLETE, frame, is_incomplete, on_ground
from layers.domain.formats import format_of

DRAFT_EDGE_PX = 2600


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
    """A PDF's page in gray."""
    return pdf.render_scaled(path, number, bands.scale_for_ocr(*pdf.shown_size(path, number)), gray=True)
