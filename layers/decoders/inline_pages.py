"""Shows pages of documents as pictures inside an HTML preview."""

from __future__ import annotations

import base64
import io
from typing import Any

from layers.domain.formats import Kind, kind_of

DRAWN = frozenset({Kind.PDF, Kind.PICTURE, Kind.DRAWING})  # as pictures; other kinds are shown as HTML
EDGE_PX = 1100
QUALITY = 70


def pages_as_html(path: str, media_type: str, count: int) -> str:
    """The first pages of a PDF, a picture or a drawing."""
    return "".join(_page(path, kind_of(media_type), number) for number in range(1, count + 1))


def _page(path: str, kind: Kind | None, number: int) -> str:
    image = _drawn(path, kind, number)
    image.thumbnail((EDGE_PX, EDGE_PX), reducing_gap=2.0)
    packed = io.BytesIO()
    image.save(packed, "WEBP", quality=QUALITY, method=2)
    return f"<p><img alt='' src='data:image/webp;base64,{base64.b64encode(packed.getvalue()).decode()}'></p>"


def _drawn(path: str, kind: Kind | None, number: int) -> Any:
    from layers.decoders import drawings, images, pdf

    if kind is Kind.PDF:
        return pdf.render(path, number, EDGE_PX)
    if kind is Kind.DRAWING:
        return images.on_ground(drawings.drawn(path, EDGE_PX)).convert("RGB")
    return images.on_ground(images.frame(path, number, draft_edge_px=EDGE_PX)).convert("RGB")
