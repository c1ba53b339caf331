"""Draws small text from pictures of single characters, each made once: at a tenth of the cost of laying out each line.

Letters of a few pixels need neither kerning nor fractions of a pixel between them. Scripts whose letters join, stack or run to
the left are left to the font's own layout.
"""

from __future__ import annotations

import re
from typing import Any

LARGEST_PX = 12  # of the font; larger letters would show that nothing is kerned
# Latin, Greek and Cyrillic letters, marks and signs of currencies. Without the soft hyphen and marks that join a letter.
SINGLE = re.compile("[ -~\xa0-\xac\xae-\u024f\u0370-\u0482\u048a-\u052f\u2010-\u2027\u2030-\u205e\u20a0-\u20bf]*")


class Letters:
    """The characters of a font, in cells of a height in pixels."""

    def __init__(self, font: Any, height_px: int) -> None:
        self._font, self._height_px = font, height_px
        self._cells: dict[str, tuple[bytes, ...]] = {}  # the rows of each character's picture

    def draws(self, text: str) -> bool:
        return self._font.size <= LARGEST_PX and SINGLE.fullmatch(text) is not None

    def width(self, text: str) -> int:
        """The width of a text in pixels."""
        return sum(len(self._cell(character)[0]) for character in text)

    def mask(self, text: str) -> Any:
        """A gray Pillow image that is white where the text is; None for a text without width."""
        from PIL import Image

        rows = [b"".join(row) for row in zip(*map(self._cell, text), strict=True)]
        return Image.frombytes("L", (len(rows[0]), self._height_px), b"".join(rows)) if rows else None

    def _cell(self, character: str) -> tuple[bytes, ...]:
        if (known := self._cells.get(character)) is not None:
            return known
        from PIL import Image, ImageDraw

        width = max(1, round(self._font.getlength(character)))
        picture = Image.new("L", (width, self._height_px), 0)
        ImageDraw.Draw(picture).text((0, 0), character, fill=255, font=self._font)
        content = picture.tobytes()
        rows = tuple(content[at : at + width] for at in range(0, len(content), width))
        return self._cells.setdefault(character, rows)
