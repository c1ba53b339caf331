"""Words of a PDF's page from the boxes of its characters, in fractions of the page as it is displayed.

Each character has the direction in which its text runs. A word that runs in another direction than most of the page
carries the degrees by which the upright page has to be turned further to read it.
"""

from __future__ import annotations

import ctypes
import math
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from layers.domain.extraction.boxes import enclosing_box
from layers.domain.page import Box, turned_box

MAX_CHARACTERS = 200_000
MIN_STACKED = 3  # characters below each other that make a vertical line
CONTROLS = {"\x00", "\ufeff", "\ufffe", "\uffff"}


@dataclass(slots=True)
class PdfWord:
    """A word; `box` in page coordinates (origin bottom left, before rotation). `quarter`: its text runs at 90 degrees
    times this, counterclockwise in page coordinates. `first` and `last` are the indexes of its characters in the page's text."""

    text: str
    box: Box
    quarter: int
    first: int = -1
    last: int = -1

    def add(self, character: str, box: Box, index: int) -> None:
        mine = self.box
        self.text += character
        self.last = index
        self.box = (
            box[0] if box[0] < mine[0] else mine[0],
            box[1] if box[1] < mine[1] else mine[1],
            box[2] if box[2] > mine[2] else mine[2],
            box[3] if box[3] > mine[3] else mine[3],
        )


def characters(text_page: Any) -> list[str]:
    """The page's characters in reading order, with those that pdfium adds between words and lines."""
    from pypdfium2 import raw

    unicode_of = _by_address(raw.FPDFText_GetUnicode, ctypes.c_uint, 0)
    page = _address(text_page.raw)
    return [_character(unicode_of(page, index)) for index in range(min(text_page.count_chars(), MAX_CHARACTERS))]


def _by_address(function: Any, result: Any, pointers: int) -> Any:
    """A function of pdfium about a character, with plain addresses for its pointers: ctypes converts these fastest, and
    such a function runs for each character of a page."""
    arguments = (ctypes.c_void_p, ctypes.c_int, *[ctypes.c_void_p] * pointers)
    return ctypes.CFUNCTYPE(result, *arguments)(_address(function))


def _address(pointer: Any) -> int:
    return ctypes.cast(pointer, ctypes.c_void_p).value or 0


def _character(code: int) -> str:
    return "\ufffd" if code > 0x10FFFF or 0xD800 <= code < 0xE000 else chr(code)


def words_of(text_page: Any, letters: Sequence[str]) -> list[PdfWord]:
    """The words of these characters, each box joined from those of its characters."""
    boxes = _CharacterBoxes(text_page)
    box_of = boxes.box
    words: list[PdfWord] = []
    word: PdfWord | None = None
    last = along = (0.0, 0.0, 0.0, 0.0)
    for index, character in enumerate(letters):
        if character.isspace() or character in CONTROLS:
            word = None
            continue
        box = box_of(index)
        if box is None:
            continue
        if word is not None:
            along = _along(box, word.quarter) if word.quarter else box
            if _starts_new_word(last, along):
                word = None
        if word is None:
            word = PdfWord("", box, boxes.quarter(index), index, index)
            words.append(word)
            along = _along(box, word.quarter)
        word.add(character, box, index)
        last = along
    return list(_with_stacks_joined(words))


class _CharacterBoxes:
    """Reads the boxes and directions of characters into the same memory: this runs for each character of a page."""

    def __init__(self, text_page: Any) -> None:
        from pypdfium2 import raw

        self._page, self._text_page = _address(text_page.raw), text_page.raw
        self._read, self._angle = _by_address(raw.FPDFText_GetCharBox, ctypes.c_int, 4), raw.FPDFText_GetCharAngle
        self._memory = (ctypes.c_double * 4)()
        start = ctypes.addressof(self._memory)
        self._at = [start, start + 8, start + 16, start + 24]
        self._values = memoryview(self._memory).cast("B").cast("d")

    def box(self, index: int) -> Box | None:
        if not self._read(self._page, index, *self._at):
            return None
        left, right, bottom, top = self._values
        return (left, bottom, right, top) if isfinite(left + bottom + right + top) else None

    def quarter(self, index: int) -> int:
        """The quarter turns counterclockwise by which its text is turned. pdfium counts clockwise."""
        angle = self._angle(self._text_page, index)
        return -round(angle / (math.pi / 2)) % 4 if angle else 0


def _along(box: Box, quarter: int) -> Box:
    """The box in a frame in which its text runs from left to right."""
    if not quarter:
        return box
    left, bottom, right, top = box
    return {1: (bottom, -right, top, -left), 2: (-right, -top, -left, -bottom), 3: (-top, left, -bottom, right)}[
        quarter
    ]


def _starts_new_word(last: Box, box: Box) -> bool:
    last_left, last_bottom, last_right, last_top = last
    left, bottom, right, top = box
    height = max(last_top - last_bottom, top - bottom, 1e-6)
    if left - last_right > 2 * height or last_left - right > 2 * height or abs(bottom - last_bottom) > 1.5 * height:
        return True
    return not last_bottom - height <= (bottom + top) / 2 <= last_top + height


def _with_stacks_joined(words: Sequence[PdfWord]) -> Iterator[PdfWord]:
    """Single characters below each other joined into words that run downwards, as in vertical Japanese and Chinese."""
    stack: list[PdfWord] = []
    for word in [*words, None]:
        if word is not None and stack and _continues(stack[-1], word):
            stack.append(word)
            continue
        if len(stack) >= MIN_STACKED:
            text = "".join(word.text for word in stack)
            box = enclosing_box([word.box for word in stack])
            assert box is not None
            yield PdfWord(text, box, 3, stack[0].first, stack[-1].last)
        else:
            yield from stack
        stack = [word] if word is not None else []


def _continues(above: PdfWord, below: PdfWord) -> bool:
    if above.quarter or below.quarter or len(above.text) > 1 or len(below.text) > 1 or not _is_wide(above.text):
        return False
    size = max(above.box[2] - above.box[0], above.box[3] - above.box[1])
    same_column = abs((above.box[0] + above.box[2]) - (below.box[0] + below.box[2])) < size
    return same_column and 0 < above.box[3] - below.box[3] < 2 * size


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF"


# --- on the displayed page -----------------------------------------------------------------------------


def to_fractions(page: Any) -> Callable[[Box], Box]:
    """A function from page coordinates (origin bottom left, before rotation) to fractions of the displayed page, not
    limited to it."""
    left, bottom, right, top = page.get_bbox()
    width, height = (right - left) or 1.0, (top - bottom) or 1.0
    rotation = page.get_rotation() % 360

    def convert(box: Box) -> Box:
        shown = (
            (box[0] - left) / width,
            1 - (box[3] - bottom) / height,
            (box[2] - left) / width,
            1 - (box[1] - bottom) / height,
        )
        return turned_box(shown, rotation)

    return convert


def turn_of(word: PdfWord, rotation: int) -> int:
    """The degrees clockwise by which the displayed page has to be turned for the word to be upright."""
    return (90 * word.quarter - rotation) % 360


def main_turn(words: Sequence[PdfWord], rotation: int) -> int:
    """The turn of most characters."""
    letters: Counter[int] = Counter()
    for word in words:
        letters[turn_of(word, rotation)] += len(word.text)
    return letters.most_common(1)[0][0] if letters else 0
