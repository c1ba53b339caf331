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

from layers.decoders.letters import Letters

SHOWN_BYTES = 8192
LINE_CHARACTERS = 46
MAX_LINES = 27  # more than fit on a sheet
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
        lines += _wrapped(expanded) or ([""] if lines and lines[-1] else [])
    return lines


def _wrapped(line: str) -> list[str]:
    if EAST_ASIAN.search(line):
        return list(_wrapped_wide(line))
    if len(line) <= LINE_CHARACTERS:  # textwrap costs ten times as much
        return [line.rstrip()] if line.strip() else []
    return textwrap.wrap(line, LINE_CHARACTERS)


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
    sheet = Sheet(edge_px, lines)
    for number, line in enumerate(lines[: sheet.most_lines]):
        sheet.write(sheet.margin, sheet.margin + number * sheet.line_px, line)
    return sheet.image


class Sheet:
    """A white sheet and a font for these texts. `line_px` is the height of a line and `margin` that of the margin in pixels."""

    margin = 12

    def __init__(self, edge_px: int, texts: Sequence[str]) -> None:
        from PIL import Image, ImageDraw

        self.image = Image.new("L", (round(edge_px * 0.77), edge_px), "white")
        self.draw: Any = ImageDraw.Draw(self.image)
        self.line_px = max(11, edge_px // 27)
        self.most_lines = (edge_px - 2 * self.margin) // self.line_px
        is_east_asian = any(EAST_ASIAN.search(text) for text in texts)
        self._font, self._letters = _font(max(8, edge_px // 36), self.line_px, is_east_asian=is_east_asian)

    def width(self, text: str) -> float:
        """The width of a text in pixels."""
        if self._letters.draws(text):
            return self._letters.width(text)
        return float(self.draw.textlength(text, font=self._font))

    def write(self, left: float, top: int, text: str) -> None:
        if not self._letters.draws(text):
            self.draw.text((left, top), text, fill=INK, font=self._font)
        elif mask := self._letters.mask(text):
            self.image.paste(INK, (round(left), top), mask)


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
def _font(size_px: int, line_px: int, *, is_east_asian: bool) -> tuple[Any, Letters]:
    """A font, and its letters for lines of this height."""
    font = _font_of_host(size_px, is_east_asian)
    return font, Letters(font, line_px)


def _font_of_host(size_px: int, is_east_asian: bool) -> Any:
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
