"""Pictures for people: previews and thumbnails as WebP, many frames as one PDF, text as an image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from layers.decoders.images import count_frames, frame, on_white
from layers.decoders.pdf import render

QUALITY = 80
MOST_PREVIEW_FRAMES = 50


def picture(path: str, media_type: str, into: str, name: str, edge_px: int) -> dict[str, Any]:
    """The first page as a WebP of at most `edge_px`, upright."""
    if media_type == "application/pdf":
        image = render(path, 1, edge_px)
    else:
        image = frame(path, 1, draft_edge_px=edge_px)
    return _saved(image, into, name, edge_px)


def pages_as_pdf(path: str, into: str, name: str, edge_px: int) -> dict[str, Any]:
    """The frames of a picture as one PDF, each of at most `edge_px`."""
    count = min(count_frames(path), MOST_PREVIEW_FRAMES)
    first, *rest = (_shrunk(on_white(frame(path, number)), edge_px) for number in range(1, count + 1))
    first.save(str(Path(into) / name), "PDF", save_all=True, append_images=rest, resolution=150)
    return {"name": name, "media_type": "application/pdf", "page_count": count}


def picture_of_text(path: str, into: str, name: str, edge_px: int) -> dict[str, Any]:
    """The first lines of a text as they would stand on a sheet."""
    from PIL import Image, ImageDraw, ImageFont

    from layers.decoders.plain import decoded

    sheet = Image.new("L", (round(edge_px * 0.77), edge_px), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=max(8, edge_px // 36))
    line_px = max(11, edge_px // 27)
    for place, line in enumerate(decoded(path, most_bytes=8192).splitlines()[: (edge_px - 24) // line_px]):
        draw.text((12, 12 + place * line_px), line.expandtabs(4)[:80], fill=40, font=font)
    return _saved(sheet, into, name, edge_px)


def _saved(image: Any, into: str, name: str, edge_px: int) -> dict[str, Any]:
    image = _shrunk(image, edge_px)
    if image.mode not in ("RGB", "RGBA", "L"):
        image = image.convert("RGBA") if "transparency" in image.info or "A" in image.mode else on_white(image)
    image.save(Path(into) / name, "WEBP", quality=QUALITY, method=2)
    return {"name": name, "media_type": "image/webp", "width": image.width, "height": image.height, "page_count": 1}


def _shrunk(image: Any, edge_px: int) -> Any:
    if max(image.size) > edge_px:
        image.thumbnail((edge_px, edge_px), reducing_gap=2.0)
    return image
