"""Lines as they appear on the page: words at the same height, left to right, regardless of their order in the page."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, pairwise
from typing import overload

from layers.domain.extraction import labels, misread_words, values
from layers.domain.extraction.amounts import Amount, amounts, is_money, is_percent
from layers.domain.extraction.boxes import box_of_words
from layers.domain.extraction.directions import in_reading_order, runs_to_the_left
from layers.domain.extraction.rows import WIDE_GAP, rows_of, word_height
from layers.domain.page import Evidence, Page, Word, turned_box

MOST_LINES = 5000
MOST_LINE_CHARACTERS = 1000


@dataclass(frozen=True)
class Line:
    """A line of a page. `starts` has the offset in `text` of each of `words`; both are empty for plain text.

    The boxes of `words` are those of the upright page. The boxes of evidence are those of the page as it is displayed.
    """

    page: int
    text: str
    words: tuple[Word, ...] = ()
    starts: tuple[int, ...] = ()
    turned: int = 0

    @cached_property
    def amounts(self) -> tuple[values.Found, ...]:
        """Each number of the line. Cached, because several properties need them."""
        return tuple(amounts(self.text))

    @cached_property
    def money(self) -> tuple[tuple[values.Found, Amount], ...]:
        """The amounts of the line that are written like money, each with its span."""
        return tuple(
            [
                (found, found.value)
                for found in self.amounts
                if isinstance(found.value, Amount) and is_money(found.value) and not is_percent(self.text, found.end)
            ]
        )

    def evidence(self, start: int, end: int) -> Evidence:
        """The evidence for a span of the line."""
        inside = self.words_in(start, end) if self.words else []
        text = " ".join(word.text for word in inside) if inside else self.text[start:end]
        box = box_of_words(inside)
        return Evidence(self.page, text.strip(), turned_box(box, -self.turned) if box else None)

    def column(self, start: int, end: int) -> tuple[float, float] | None:
        """The horizontal extent of a span, or None if the positions of its words are unknown."""
        inside = self.words_in(start, end) if self.words else ()
        return (min(word.x0 for word in inside), max(word.x1 for word in inside)) if inside else None

    def words_in(self, start: int, end: int) -> list[Word]:
        """The words of a span."""
        return [
            word for word, at in zip(self.words, self.starts, strict=True) if at < end and at + len(word.text) > start
        ]

    def within(self, column: tuple[float, float]) -> tuple[int, int] | None:
        """The span of the words whose horizontal extents overlap a column, or None."""
        inside = [
            (at, at + len(word.text))
            for word, at in zip(self.words, self.starts, strict=True)
            if word.x0 < column[1] and word.x1 > column[0]
        ]
        return (inside[0][0], inside[-1][1]) if inside else None


def has_any(stems: Iterable[str], text: str) -> bool:
    """Whether a text contains one of these. Called for each line, so it is a loop, which costs half of `any`."""
    for stem in stems:  # noqa: SIM110
        if stem in text:
            return True
    return False


def cell_below(line: Line, below: Line, span: tuple[int, int]) -> tuple[int, int] | None:
    """The span of the cell below a label in a table whose cells are separated by tabs, semicolons or commas. None if the
    two lines are not rows of such a table."""
    for separator in ("\t", ";", "|", ","):
        count = line.text.count(separator)
        if count and below.text.count(separator) == count:
            at = line.text.count(separator, 0, span[0])
            cells = below.text.split(separator)
            start = sum(len(cell) + 1 for cell in cells[:at])
            return start, start + len(cells[at])
    return None


class SearchableText:
    """All lines as one text, each ended by a line feed.

    Most lines do not contain what is searched for. One search through the whole text skips them at a fraction of the
    cost of a search in each line.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        ended = [f"{text}\n" for text in texts]
        self.text = "".join(ended)
        self._starts = list(accumulate(map(len, ended), initial=0))
        self._matching: dict[re.Pattern[str], list[int]] = {}

    def changed_by(self, change: Callable[[str], str]) -> SearchableText:
        """The lines after a change of each word that keeps its length."""
        changed = copy(self)
        changed.text, changed.vocabulary = change(self.text), change(self.vocabulary)
        changed._matching = {}
        return changed

    def line(self, index: int) -> str:
        return self.text[self._starts[index] : self._starts[index + 1] - 1]

    @cached_property
    def vocabulary(self) -> str:
        """Each word of the text once, or in each of its spellings, separated by spaces."""
        return " ".join({*self.text.split()})

    def present_stems(self, stems: Iterable[str]) -> list[str]:
        """The stems (parts of words) that occur anywhere in the text: usually few."""
        return [stem for stem in stems if stem in self.vocabulary]

    def lines_matching(self, pattern: re.Pattern[str]) -> list[int]:
        """The index of each line in which a match begins. A match may end in the next line if the pattern allows it."""
        if pattern not in self._matching:  # several properties search for the same
            self._matching[pattern] = list(self._lines_matching(pattern))
        return self._matching[pattern]

    def first_line_matching(self, pattern: re.Pattern[str]) -> int | None:
        """The index of the first line in which a match begins."""
        return next(self._lines_matching(pattern), None)

    def _lines_matching(self, pattern: re.Pattern[str]) -> Iterator[int]:
        following = 0  # the index of the line after the last match
        while match := pattern.search(self.text, self._starts[following]):
            following = bisect_right(self._starts, match.start())
            if following == len(self._starts):
                return  # an empty match at the end of the text
            yield following - 1


class Lines(Sequence[Line]):
    """All lines of a document in order, and their text in the forms that are searched as a whole."""

    def __init__(self, lines: Iterable[Line], is_cut: bool = False) -> None:
        self._lines = tuple(lines)
        self.is_cut = is_cut  # whether the document has more lines

    def __len__(self) -> int:
        return len(self._lines)

    @overload
    def __getitem__(self, index: int) -> Line: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Line]: ...
    def __getitem__(self, index: int | slice) -> Line | Sequence[Line]:
        return self._lines[index]

    def __iter__(self) -> Iterator[Line]:
        return iter(self._lines)

    @cached_property
    def as_written(self) -> SearchableText:
        return SearchableText(line.text for line in self._lines)

    @cached_property
    def lowered(self) -> SearchableText:
        return self.as_written.changed_by(labels.lowered)

    @cached_property
    def ocr_corrected(self) -> SearchableText:
        if not any(line.words for line in self._lines):
            return self.as_written.changed_by(labels.ocr_corrected)
        return SearchableText(misread_words.corrected(line.text, line.words, line.starts) for line in self._lines)


def lines_of(pages: Sequence[Page]) -> Lines:
    """The lines of all pages in order, at most MOST_LINES, each of at most MOST_LINE_CHARACTERS."""
    lines: list[Line] = []
    for page in pages:
        if page.words:
            lines += _all_visual_lines(page.upright(), page.turned)
        else:
            lines += [Line(page.number, text[:MOST_LINE_CHARACTERS]) for text in page.text.splitlines() if text.strip()]
        if len(lines) >= MOST_LINES:
            break
    is_cut = len(lines) > MOST_LINES or (bool(pages) and page is not pages[-1])
    return Lines(lines[:MOST_LINES], is_cut)


def _all_visual_lines(page: Page, turned: int) -> list[Line]:
    """The lines of an upright page: first those that can be read as it is, then those that run in other directions."""
    lines: list[Line] = []
    for further in sorted({word.turned for word in page.words}):
        words = tuple(word for word in page.words if word.turned == further)
        one_way = replace(page, words=words, turned=further).upright()
        lines += _visual_lines(one_way, (turned + further) % 360)
    return lines


def _visual_lines(page: Page, turned: int) -> list[Line]:
    """The lines of an upright page, from the positions of its words. `turned` is passed on to each line."""
    to_the_left = runs_to_the_left(page.words)
    return [_line(page, row, turned, to_the_left) for row in rows_of(page)]


def _line(page: Page, in_row: list[Word], turned: int, to_the_left: bool) -> Line:
    """The line of these words, given from left to right: one space between words, three at a wide gap."""
    text = ""
    starts: list[int] = []
    kept: list[Word] = []
    ratio = (page.height / page.width) if page.width and page.height else 1.4
    after_wide_gap = {
        id(word) for before, word in pairwise(in_row) if word.x0 - before.x1 > WIDE_GAP * word_height(word, ratio)
    }
    words = in_reading_order(in_row, to_the_left)
    for word in words:
        if len(text) + len(word.text) > MOST_LINE_CHARACTERS:
            break
        if text:
            is_right = word.x0 >= kept[-1].x0
            text += "   " if id(word if is_right else kept[-1]) in after_wide_gap else " "
        starts.append(len(text))
        text += word.text
        kept.append(word)
    return Line(page.number, text, tuple(kept), tuple(starts), turned)
