"""Reads the text of SVG drawings, and renders them with resvg, which opens no file and no socket."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from layers.decoders.plain import decoded
from layers.decoders.text_pages import text_page
from layers.domain.errors import PermanentError

MAX_BYTES = 16 << 20
MAX_EDGE_PX = 4000
TEXT_TAGS = {"text", "title", "desc"}
BLOCKS = TEXT_TAGS | {"tspan", "textpath"}


def read_text(path: str) -> list[dict[str, Any]]:
    """The drawing's text as one page. `source` is None if it has no text elements."""
    from html.parser import HTMLParser

    class TextElements(HTMLParser):
        def __init__(self) -> None:
            super().__init__(convert_charrefs=True)
            self.lines: list[str] = []
            self.depth = 0

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.depth += tag in TEXT_TAGS
            if tag in TEXT_TAGS or (tag == "tspan" and {"x", "y", "dy"} & {name for name, _ in attrs}):
                self.lines.append("")

        def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            return None

        def handle_endtag(self, tag: str) -> None:
            self.depth -= tag in TEXT_TAGS and self.depth > 0

        def handle_data(self, data: str) -> None:
            if self.depth:
                self.lines[-1] += data

    parser = TextElements()
    parser.feed(decoded(path, MAX_BYTES))
    lines = (" ".join(line.split()) for line in parser.lines)
    return [text_page("\n".join(line for line in lines if line))]


def drawn(path: str, edge_px: int) -> Any:
    """The drawing as a Pillow image on white, its longest edge `edge_px`. Raises PermanentError if that is impossible."""
    import resvg_py
    from PIL import Image

    if Path(path).stat().st_size > MAX_BYTES:
        raise PermanentError("too_large", "the drawing is too large")
    source = decoded(path, MAX_BYTES)
    small = _rendered(resvg_py, source, width=64)
    with Image.open(io.BytesIO(small)) as image:
        width, height = image.size
    edge_px = min(edge_px, MAX_EDGE_PX)
    if height > 64 * MAX_EDGE_PX:
        raise PermanentError("too_large", "the drawing is too large")
    bound = {"height": edge_px} if height > width else {"width": edge_px}
    with Image.open(io.BytesIO(_rendered(resvg_py, source, **bound))) as image:
        background = Image.new("RGB", image.size, "white")
        whole = image.convert("RGBA")
        background.paste(whole, mask=whole.getchannel("A"))
        return background


def _rendered(resvg_py: Any, source: str, **bound: int) -> bytes:
    try:
        return bytes(resvg_py.svg_to_bytes(svg_string=source, **bound))
    except (ValueError, RuntimeError, OSError) as error:
        raise PermanentError("corrupt", f"the drawing is damaged and can't be drawn ({str(error)[:100]})") from None
