"""Lines as a reader sees them: words that stand at one height, left to right, whatever order they came in."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import overload

from layers.domain.extraction import labels, values
from layers.domain.page import Evidence, Page, Word, turned_box

MOST_LINES = 5000
MOST_LINE_CHARACTERS = 1000
WIDE_GAP = 2.5  # in heights of a line: what parts two columns rather than two words


@dataclass(frozen=True)
class Line:
    """A line of a page. `starts` holds where in `text` each of `words` begins; both are empty for plain text.

    Words stand where they do when the page is turned upright; evidence shows them on the page as it is shown.
    """

    page: int
    text: str
    words: tuple[Word, ...] = ()
    starts: tuple[int, ...] = ()
    turned: int = 0

    @cached_property
    def amounts(self) -> tuple[values.Found, ...]:
        """Each number of the line; several properties ask for them."""
        return tuple(values.amounts(self.text))

    def shows(self, start: int, end: int) -> Evidence:
        """The evidence for a span of the line."""
        inside = self._words(start, end)
        text = " ".join(word.text for word in inside) if inside else self.text[start:end]
        return Evidence(self.page, text.strip(), turned_box(_union(inside), -self.turned) if inside else None)

    @property
    def y(self) -> float:
        return sum((word.y0 + word.y1) / 2 for word in self.words) / len(self.words) if self.words else 0.0

    def column(self, start: int, end: int) -> tuple[float, float] | None:
        """The horizontal extent of a span, or None where nothing is known of places."""
        inside = self._words(start, end)
        return (min(word.x0 for word in inside), max(word.x1 for word in inside)) if inside else None

    def _words(self, start: int, end: int) -> list[Word]:
        return [
            word for word, at in zip(self.words, self.starts, strict=True) if at < end and at + len(word.text) > start
        ]

    def within(self, column: tuple[float, float]) -> tuple[int, int] | None:
        """The span of the words that stand under a column."""
        inside = [
            (at, at + len(word.text))
            for word, at in zip(self.words, self.starts, strict=True)
            if word.x0 < column[1] and word.x1 > column[0]
        ]
        return (inside[0][0], inside[-1][1]) if inside else None


class Searched:
    """Lines as one text, each ended by a line feed: most lines hold nothing of what is looked for, and one search
    through all of them passes those by at a fraction of what a look at each costs."""

    def __init__(self, texts: Iterable[str]) -> None:
        ended = [f"{text}\n" for text in texts]
        self.text = "".join(ended)
        self._starts = list(accumulate(map(len, ended), initial=0))

    def line(self, place: int) -> str:
        return self.text[self._starts[place] : self._starts[place + 1] - 1]

    @cached_property
    def vocabulary(self) -> str:
        """Each word of the text once."""
        return " ".join({*self.text.split()})

    def those_in_it(self, stems: Iterable[str]) -> list[str]:
        """The stems, parts of words each, that stand anywhere in the text: mostly few."""
        return [stem for stem in stems if stem in self.vocabulary]

    def showing(self, pattern: re.Pattern[str]) -> Iterator[int]:
        """The place of each line in which a match begins; where the pattern lets it, it may end in the next line."""
        place = 0
        while match := pattern.search(self.text, self._starts[place]):
            place = bisect_right(self._starts, match.start())
            if place == len(self._starts):
                return  # an empty match at the very end
            yield place - 1


class Lines(Sequence[Line]):
    """All lines of a document in order, to look at one by one or to search all at once."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._lines = tuple(lines)

    def __len__(self) -> int:
        return len(self._lines)

    @overload
    def __getitem__(self, place: int) -> Line: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Line]: ...
    def __getitem__(self, place: int | slice) -> Line | Sequence[Line]:
        return self._lines[place]

    def __iter__(self) -> Iterator[Line]:
        return iter(self._lines)

    @cached_property
    def as_written(self) -> Searched:
        return Searched(line.text for line in self._lines)

    @cached_property
    def lowered(self) -> Searched:
        return Searched(labels.plain(line.text) for line in self._lines)

    @cached_property
    def readable(self) -> Searched:
        return Searched(labels.readable(line.text) for line in self._lines)


def lines_of(pages: Sequence[Page]) -> Lines:
    """All lines of all pages in order, bounded in number and length."""
    lines: list[Line] = []
    for page in pages:
        if page.words:
            lines += _visual_lines(page.upright(), page.turned)
        else:
            lines += [Line(page.number, text[:MOST_LINE_CHARACTERS]) for text in page.text.splitlines() if text.strip()]
        if len(lines) >= MOST_LINES:
            break
    return Lines(lines[:MOST_LINES])


def _visual_lines(page: Page, turned: int) -> list[Line]:
    rows: list[list[Word]] = []
    for word in sorted(page.words, key=lambda one: ((one.y0 + one.y1) / 2, one.x0)):
        row = next((row for row in reversed(rows[-4:]) if _stands_in(word, row)), None)
        if row is None:
            rows.append([word])
        else:
            row.append(word)
    return [_line(page, sorted(row, key=lambda one: one.x0), turned) for row in rows]


def _stands_in(word: Word, row: list[Word]) -> bool:
    middle = (word.y0 + word.y1) / 2
    neighbour = min(row, key=lambda one: abs(one.x0 - word.x0))
    overlap = min(word.y1, neighbour.y1) - max(word.y0, neighbour.y0)
    return neighbour.y0 <= middle <= neighbour.y1 or overlap > 0.5 * min(word.y1 - word.y0, neighbour.y1 - neighbour.y0)


def _line(page: Page, words: list[Word], turned: int) -> Line:
    text = ""
    starts: list[int] = []
    kept: list[Word] = []
    ratio = (page.height / page.width) if page.width and page.height else 1.4
    for word in words:
        if len(text) + len(word.text) > MOST_LINE_CHARACTERS:
            break
        if text:
            gap = word.x0 - kept[-1].x1
            height = (word.y1 - word.y0) * ratio
            text += "   " if gap > WIDE_GAP * max(height, 0.005) else " "
        starts.append(len(text))
        text += word.text
        kept.append(word)
    return Line(page.number, text, tuple(kept), tuple(starts), turned)


def _union(words: Sequence[Word]) -> tuple[float, float, float, float]:
    return (
        min(word.x0 for word in words),
        min(word.y0 for word in words),
        max(word.x1 for word in words),
        max(word.y1 for word in words),
    )
