"""Draws pages as images for reading services: PNG or JPEG, upright, with limited edge and size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from layers.decoders import embedded, pdf
from layers.decoders.bands import LEAST_WIDTH_PX, is_tall, scale_for_ocr
from layers.decoders.drawings import drawn
from layers.decoders.images import frame, is_shown_everywhere, on_ground
from layers.domain.errors import PermanentError
from layers.domain.formats import Kind, format_of, kind_of

QUALITIES = (92, 80, 60)
MAX_TALL_EDGE_PX = 9000


def page_picture(
    path: str, media_type: str, number: int, into: str, edge_px: int, max_edge_px: int, max_bytes: int
) -> dict[str, Any]:
    """A page, counted from 1, with a longest edge of `edge_px`. The name is empty if the file itself can be sent."""
    if media_type in ("image/jpeg", "image/png") and is_shown_everywhere(path, max_edge_px, max_bytes):
        return {"name": "", "media_type": media_type}
    if format_of(media_type).holds_pictures:
        image = embedded.gray_page(path, media_type, number)
        if min(image.size) <= 1:
            raise PermanentError("no_text", f"page {number} of the document has no readable picture")
        return _saved(bounded(image, edge_px), Path(into), max_bytes)
    match kind_of(media_type):
        case Kind.PDF:
            size = pdf.shown_size(path, number)
            if is_tall(min(size), max(size)):
                image = pdf.render_scaled(path, number, scale_for_ocr(*size))
            else:
                image = pdf.render(path, number, edge_px)
        case Kind.DRAWING:
            image = on_ground(drawn(path, edge_px))
        case _:
            image = on_ground(frame(path, number))
    return _saved(bounded(image, edge_px), Path(into), max_bytes)


def bounded(image: Any, edge_px: int) -> Any:
    """The image with a longest edge of `edge_px`; tall ones keep a width at which they can be read."""
    if is_tall(min(image.size), max(image.size)):
        edge_px = min(round(LEAST_WIDTH_PX * max(image.size) / min(image.size)), MAX_TALL_EDGE_PX)
    if max(image.size) > edge_px:
        image.thumbnail((edge_px, edge_px), reducing_gap=2.0)
    return image if image.mode in ("RGB", "L") else image.convert("RGB")


def _saved(image: Any, into: Path, max_bytes: int) -> dict[str, Any]:
    """Save as PNG if that is small enough, else as JPEG of the best quality that is."""
    size = {"width": image.width, "height": image.height}
    image.save(into / "page.png", compress_level=4)
    if (into / "page.png").stat().st_size <= max_bytes:
        return {"name": "page.png", "media_type": "image/png", **size}
    for quality in QUALITIES:
        image.save(into / "page.jpg", quality=quality)
        if (into / "page.jpg").stat().st_size <= max_bytes:
            break
    return {"name": "page.jpg", "media_type": "image/jpeg", **size}
