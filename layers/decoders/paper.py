"""Blank sheets of paper, and lines of text on them, for pictures of text that has no pages of its own."""

from __future__ import annotations

import importlib.util
import re
import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

SHOWN_BYTES = 8192
LINE_CHARACTERS = 46
MAX_LINES = 60
INK = 40
WIDE_FONTS = ("NotoSans-Regular.ttf", "DejaVuSans.ttf", "LiberationSans-Regular.ttf")
# With Chinese, Japanese and Korean characters: on the host, and in a package that a local start installs.
EAST_ASIAN_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKjp-Regular.otf",
    "DroidSansFallbackFull.ttf",
    "wqy-microhei.ttc",
)
PACKAGED_FONT = ("noto_cjk_sans_jp_regular", "NotoSansCJKjp-Regular.otf")
EAST_ASIAN = re.compile(
    "[\u1100-\u11ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\ufe30-\ufe4f\uff01-\uffef\U00020000-\U0003ffff]"
)


def sheet_with_text(text: str, edge_px: int) -> Any:
    """A sheet with the first lines of a text, its longest edge `edge_px`, as a gray Pillow image."""
    return sheet_with_lines(wrapped(text), edge_px)


def wrapped(text: str) -> list[str]:
    """The first lines of a text, wrapped to the width of a sheet."""
    lines: list[str] = []
    for line in unicodedata.normalize("NFC", text[:SHOWN_BYTES]).strip().splitlines()[:120]:
        if len(lines) >= MAX_LINES:
            break
        expanded = line.expandtabs(4)
        pieces = _wrapped_wide(expanded) if EAST_ASIAN.search(expanded) else textwrap.wrap(expanded, LINE_CHARACTERS)
        lines += list(pieces) or ([""] if lines and lines[-1] else [])
    return lines


def _wrapped_wide(line: str) -> Iterator[str]:
    """Wraps a line with East Asian characters, which have no spaces between them and are twice as wide as others."""
    start = width = 0
    for index, character in enumerate(line):
        own_width = 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if width + own_width > LINE_CHARACTERS:
            yield line[start:index]
            start, width = index, 0
        width += own_width
    yield line[start:]


def sheet_with_lines(lines: Sequence[str], edge_px: int) -> Any:
    sheet, draw, font, line_px, margin = blank(edge_px, lines)
    for number, line in enumerate(lines[: (edge_px - 2 * margin) // line_px]):
        draw.text((margin, margin + number * line_px), line, fill=INK, font=font)
    return sheet


def blank(edge_px: int, texts: Sequence[str]) -> tuple[Any, Any, Any, int, int]:
    """A white sheet, its drawing context, a font for these texts, the height of a line and the margin in pixels."""
    from PIL import Image, ImageDraw

    sheet = Image.new("L", (round(edge_px * 0.77), edge_px), "white")
    font = _font(max(8, edge_px // 36), is_east_asian=any(EAST_ASIAN.search(text) for text in texts))
    return sheet, ImageDraw.Draw(sheet), font, max(11, edge_px // 27), 12


def east_asian_font() -> str | None:
    """The path or the name of a font with Chinese, Japanese and Korean characters, if there is one."""
    from PIL import ImageFont

    for name in (*EAST_ASIAN_FONTS, *packaged_fonts()):
        try:
            ImageFont.truetype(name, 8)
        except OSError:
            continue
        return name
    return None


@cache
def _font(size_px: int, *, is_east_asian: bool) -> Any:
    """A font with many scripts if the host has one. Pillow's own font has Latin letters only."""
    from PIL import ImageFont

    if is_east_asian and (name := east_asian_font()):
        return ImageFont.truetype(name, size_px)
    for name in WIDE_FONTS:
        try:
            return ImageFont.truetype(name, size_px)
        except OSError:
            continue
    return ImageFont.load_default(size=size_px)


def packaged_fonts() -> tuple[str, ...]:
    package, name = PACKAGED_FONT
    spec = importlib.util.find_spec(package)
    return tuple(str(Path(folder) / name) for folder in (spec and spec.submodule_search_locations) or ())
