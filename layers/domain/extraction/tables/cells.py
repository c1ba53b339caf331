"""Cells of a line: what stands between rules, separators or wide gaps, with its extent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from layers.domain.extraction import currency
from layers.domain.extraction.amounts import Amount, amounts
from layers.domain.extraction.lines import Line

SEPARATORS = ("\t", ";", "|", ",")
LEAST_SEPARATORS = 2
CELL_GAP = 1.1  # in heights of a word
MOST_CELLS = 40
UNIT = (
    "kg|g|mg|lb|oz|l|ml|cl|m|mm|cm|km|m2|m²|m3|m³|h|hrs?|hours?|days?|std|min|tage?|jours?|stk|stück|st|pcs?|pz|ea|each|units?|un|unid|uds?|"
    "box|packs?|pkts?|sets?|szt|ks|kom|db|kpl|шт|個|台"
)
ALMOST_A_NUMBER = re.compile(
    rf"[x×@*]?\s?(?:{currency.BESIDE_AN_AMOUNT}\s?)?[-(]?\d[\d.,' ]*\)?\s?(?:{currency.BESIDE_AN_AMOUNT}|%|[x×@*]|{UNIT})?\.?",
    re.IGNORECASE,
)
ONLY_A_UNIT = re.compile(rf"(?:{UNIT})\.?", re.IGNORECASE)
ONLY_A_SIGN = re.compile(rf"(?:{currency.BESIDE_AN_AMOUNT}|[x×@*])\.?", re.IGNORECASE)


RULE = re.compile(r"[|¦│]+")


@dataclass(frozen=True, slots=True)
class Cell:
    """A part of a line, from `start` to `end` in its text. Its extent is in fractions of the page, in characters, or the
    number of its column between separators."""

    text: str
    start: int
    end: int
    x0: float
    x1: float

    @property
    def is_number(self) -> bool:
        return ALMOST_A_NUMBER.fullmatch(self.text) is not None

    @property
    def number(self) -> float | None:
        """The only number in it."""
        found = [each.value for each in amounts(re.sub(r"[x×@*%]", " ", self.text))]
        return found[0].value if len(found) == 1 and isinstance(found[0], Amount) else None

    def extent_of(self, start: int, end: int) -> tuple[float, float]:
        """The extent of a part of the line that begins or ends in this cell."""
        width = (self.x1 - self.x0) / max(1, self.end - self.start)
        left, right = max(start, self.start) - self.start, min(end, self.end) - self.start
        return self.x0 + left * width, self.x0 + right * width


def separator_of(text: str) -> str | None:
    """The character that separates the cells of a line of plain text."""
    return next((mark for mark in SEPARATORS if text.count(mark) >= LEAST_SEPARATORS), None)


def cells_of(line: Line, separator: str | None = None) -> list[Cell]:
    """The cells of a line from left to right: by words and the gaps between them, or at a separator."""
    if separator:
        return list(_separated(line.text, separator))[:MOST_CELLS]
    pieces = list(_words(line) if line.words else _words_of_text(line.text))
    cells: list[Cell] = []
    for piece in pieces[: 10 * MOST_CELLS]:
        if cells and _continues(cells[-1], piece, line):
            last = cells.pop()
            piece = Cell(line.text[last.start : piece.end], last.start, piece.end, last.x0, max(last.x1, piece.x1))
        cells.append(piece)
    return cells[:MOST_CELLS]


def _continues(cell: Cell, word: Cell, line: Line) -> bool:
    """Whether a word belongs to the cell before it: near to it, and not beside it as a number of its own."""
    between = line.text[cell.end : word.start]
    if len(between) > 2 or RULE.search(between):
        return False
    if line.words:
        height = _height(line)
        if word.x0 - cell.x1 > CELL_GAP * height:
            return False
    if word.is_number or cell.is_number:
        is_unit = cell.is_number and ONLY_A_UNIT.fullmatch(word.text)
        return bool(is_unit or ONLY_A_SIGN.fullmatch(cell.text) or ONLY_A_SIGN.fullmatch(word.text))
    return True


def _height(line: Line) -> float:
    """The usual height of the words of a line, in widths of the page: from their letters, which are about half as wide."""
    widths = sorted((word.x1 - word.x0) / max(1, len(word.text)) for word in line.words)
    return 2.0 * widths[len(widths) // 2]


def _words(line: Line) -> Iterator[Cell]:
    for word, start in zip(line.words, line.starts, strict=True):
        if not RULE.fullmatch(word.text):
            yield Cell(word.text, start, start + len(word.text), word.x0, word.x1)


def _words_of_text(text: str) -> Iterator[Cell]:
    for found in re.finditer(r"[^\s|¦│]+", text):
        yield Cell(found[0], *found.span(), float(found.start()), float(found.end()))


def _separated(text: str, separator: str) -> Iterator[Cell]:
    """The parts between separators. A separator within quotation marks separates nothing."""
    start, is_quoted, number = 0, False, 0
    for at, character in enumerate(text + separator):
        is_quoted ^= character == '"'
        if character == separator and (not is_quoted or at == len(text)):
            part = text[start:at]
            bare = part.strip(' "')
            begin = start + (part.find(bare) if bare else 0)
            yield Cell(bare, begin, begin + len(bare), float(number), number + 0.9)
            start, number = at + 1, number + 1
