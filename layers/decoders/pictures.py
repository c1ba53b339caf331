"""Draws previews and thumbnails as WebP, and pictures of many frames as one PDF."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from layers.decoders import pdf_envelopes
from layers.decoders.drawings import drawn
from layers.decoders.images import count_frames, frame, is_shown_everywhere, on_ground, whole_size
from layers.decoders.page_hash import page_hash
from layers.decoders.paper import sheet_with_text
from layers.decoders.pdf import opened, render
from layers.decoders.video import first_frame
from layers.domain.formats import Kind, kind_of

QUALITY = 80
MOST_ORIGINAL_BYTES = 500_000
MAX_PREVIEW_FRAMES = 50
SHEET_EDGE_PX = 1400


def picture_preview(path: str, media_type: str, into: str, name: str, edge_px: int) -> dict[str, Any] | None:
    """A picture as a person looks at it. The name is empty if the file itself can be displayed: encoding it again would take
    most of the time."""
    is_usual = media_type in ("image/jpeg", "image/png")
    if is_usual and is_shown_everywhere(path, edge_px, MOST_ORIGINAL_BYTES) and (size := whole_size(path)):
        return {"name": "", "media_type": media_type, "width": size[0], "height": size[1], "page_count": 1}
    return picture(path, media_type, into, name, edge_px)


def picture(
    path: str, media_type: str, into: str, name: str, edge_px: int, hashes: bool = False
) -> dict[str, Any] | None:
    """The first page as an upright WebP of at most `edge_px`, or None if no installed library can draw it.

    `hashes`: with its perceptual hash."""
    kind = kind_of(media_type)
    if kind is Kind.PDF:
        image = _first_page(path, edge_px)
    elif kind is Kind.DRAWING:
        image = drawn(path, edge_px)
    elif kind is Kind.VIDEO:
        image = first_frame(path, media_type)
    else:
        image = frame(path, 1, draft_edge_px=edge_px)
    if image is None:
        return None
    made = saved(image, into, name, edge_px)
    return made | {"page_hash": page_hash(on_ground(image))} if hashes and kind is not Kind.VIDEO else made


def _first_page(path: str, edge_px: int) -> Any:
    """The first page of a PDF, or a sheet with its text if the page can only be read and not rendered."""
    with opened(path) as document:
        text = document.attached.texts.get(1)
    return sheet_with_text(text, edge_px) if text is not None else render(path, 1, edge_px)


def pdf_preview(path: str, into: str, name: str) -> dict[str, Any]:
    """The pages of the documents in a PDF as one PDF, with sheets for those that are only text. The name is empty if the
    file itself can be displayed."""
    with opened(path) as document:
        if not document.attached.is_composed:
            return {"name": "", "media_type": "application/pdf"}
        for number, text in document.attached.texts.items():
            sheet = sheet_with_text(text, SHEET_EDGE_PX).convert("RGB")
            pdf_envelopes.draw_on(document, number, sheet)
        document.save(str(Path(into) / name))
        return {"name": name, "media_type": "application/pdf", "page_count": len(document)}


def pages_as_pdf(path: str, into: str, name: str, edge_px: int) -> dict[str, Any]:
    """The frames of a picture as one PDF, each of at most `edge_px`."""
    count = min(count_frames(path), MAX_PREVIEW_FRAMES)
    first, *rest = (_shrunk(on_ground(frame(path, number)), edge_px) for number in range(1, count + 1))
    first.save(str(Path(into) / name), "PDF", save_all=True, append_images=rest, resolution=150)
    return {"name": name, "media_type": "application/pdf", "page_count": count}


def saved(image: Any, into: str, name: str, edge_px: int, *, is_drawn: bool = False) -> dict[str, Any]:
    """Save an image as a WebP of at most `edge_px`.

    `is_drawn`: drawn by Fairway, with few shades and sharp edges. It is saved as PNG, which then needs a quarter of the time
    and fewer bytes.
    """
    image = _shrunk(on_ground(image), edge_px)
    if is_drawn:
        name, media_type = Path(name).with_suffix(".png").name, "image/png"
        image.save(Path(into) / name, "PNG", compress_level=3)
    else:
        media_type = "image/webp"
        image.save(Path(into) / name, "WEBP", quality=QUALITY, method=2)
    return {"name": name, "media_type": media_type, "width": image.width, "height": image.height, "page_count": 1}


def _shrunk(image: Any, edge_px: int) -> Any:
    if max(image.size) > edge_px:
        image.thumbnail((edge_px, edge_px), reducing_gap=2.0)
    return image
