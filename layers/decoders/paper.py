"""Blank sheets of paper, and lines of text on them, for pictures of text that has no pages of its own."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from functools import cache
from typing import Any

SHOWN_BYTES = 8192
LINE_CHARACTERS = 46
MAX_LINES = 60
INK = 40
WIDE_FONTS = ("NotoSans-Regular.ttf", "DejaVuSans.ttf", "LiberationSans-Regular.ttf")


def sheet_with_text(text: str, edge_px: int) -> Any:
    """A sheet with the first lines of a text, its longest edge `edge_px`, as a gray Pillow image."""
    return sheet_with_lines(wrapped(text), edge_px)


def wrapped(text: str) -> list[str]:
    """The first lines of a text, wrapped to the width of a sheet."""
    lines: list[str] = []
    for line in text[:SHOWN_BYTES].strip().splitlines()[:120]:
        if len(lines) >= MAX_LINES:
            break
        lines += textwrap.wrap(line.expandtabs(4), LINE_CHARACTERS) or ([""] if lines and lines[-1] else [])
    return lines


def sheet_with_lines(lines: Sequence[str], edge_px: int) -> Any:
    sheet, draw, font, line_px, margin = blank(edge_px)
    for number, line in enumerate(lines[: (edge_px - 2 * margin) // line_px]):
        draw.text((margin, margin + number * line_px), line, fill=INK, font=font)
    return sheet


def blank(edge_px: int) -> tuple[Any, Any, Any, int, int]:
    """A white sheet, what draws on it, a font, the height of a line and the margin in pixels."""
    from PIL import Image, ImageDraw

    sheet = Image.new("L", (round(edge_px * 0.77), edge_px), "white")
    return sheet, ImageDraw.Draw(sheet), _font(max(8, edge_px // 36)), max(11, edge_px // 27), 12


@cache
def _font(size_px: int) -> Any:
    """A font with many scripts if the host has one. Pillow's own font has Latin letters only."""
    from PIL import ImageFont

    for name in WIDE_FONTS:
        try:
            return ImageFont.truetype(name, size_px)
        except OSError:
            continue
    return ImageFont.load_default(size=size_px)
