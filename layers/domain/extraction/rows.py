"""Rows of a page: words at the same height. Scans are tilted and paper is curved, so a row may rise or fall.

The words that a reader gave one after the other and beside each other are a run, which is never divided. Runs in one row
do not overlap horizontally, and each is at the height at which the others would go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from layers.domain.extraction.directions import runs_to_the_left
from layers.domain.page import Page, Word

WIDE_GAP = 2.5  # in heights of a word: a wider gap separates two columns, not two words
RUN_GAP = 1.0  # what follows behind a wider gap may be of another line that the reader put beside it
LEAST_SLOPE, LEAST_SLOPES = 0.01, 6  # of a page that is tilted, measured from one word to the next
LONG_RUN = 6.0  # in heights of its words: a shorter run has the slope of the page
STEEPEST = 0.2  # of a run; a steeper one is noise
LOOKS_BACK = 6  # rows
SAME_HEIGHT = 0.5  # in heights of a word
DOUBLE_PRINT = 0.25  # words printed over each other, as for bold print, are within this of the same height
OVERLAP = 0.3  # of the narrower of two runs: what may overlap at the ends of boxes


@dataclass(slots=True)
class _Run:
    """Words beside each other. Lengths are in widths of the page; `slope` is how far it falls from left to right, which
    short runs don't show: they have that of the page."""

    words: list[Word]
    ratio: float
    slope: float = 0.0
    shows_slope: bool = False
    left: float = field(init=False)
    right: float = field(init=False)
    height: float = field(init=False)
    middle: float = field(init=False)
    centre: float = field(init=False)

    def __post_init__(self) -> None:
        self.left, self.right = min(word.x0 for word in self.words), max(word.x1 for word in self.words)
        self.height = median(word_height(word, self.ratio) for word in self.words)
        self.middle = sum(_middle(word) for word in self.words) / len(self.words) * self.ratio
        self.centre = sum(word.x0 + word.x1 for word in self.words) / (2 * len(self.words))

    def at(self, x: float) -> float:
        """The height of its line at this place."""
        return self.middle + self.slope * (x - self.centre)


def rows_of(page: Page) -> list[list[Word]]:
    """The words of an upright page in rows from top to bottom, each from left to right."""
    ratio = page.height / page.width if page.width and page.height else 1.4
    runs = [_Run(words, ratio) for words in _runs(page.words, ratio)]
    if page.source != "native" and page.width and page.height:
        _set_slopes(runs, page.words, ratio)
    rows: list[list[_Run]] = []
    for run in sorted(runs, key=lambda run: (run.at(0.5), run.left)):
        row = next((row for row in reversed(rows[-LOOKS_BACK:]) if _belongs_to(run, row)), None)
        if row is None:
            rows.append([run])
        else:
            row.append(run)
    return [sorted((word for run in row for word in run.words), key=lambda word: word.x0) for row in rows]


def word_height(word: Word, ratio: float) -> float:
    """The height of a word in widths of the page."""
    return max((word.y1 - word.y0) * ratio, 0.005)


def _runs(words: Iterable[Word], ratio: float) -> Iterable[list[Word]]:
    run: list[Word] = []
    for word in words:
        if run and not _is_beside(run[-1], word, ratio):
            yield run
            run = []
        run.append(word)
    if run:
        yield run


def _is_beside(before: Word, after: Word, ratio: float) -> bool:
    """Whether a word follows another one in a line. Words of scripts such as Hebrew also follow at the left."""
    height = min(word_height(before, ratio), word_height(after, ratio))
    gap = after.x0 - before.x1
    if runs_to_the_left((before, after)):
        gap = max(gap, before.x0 - after.x1)
    overlap = min(before.y1, after.y1) - max(before.y0, after.y0)
    return -0.5 * height <= gap < RUN_GAP * height and overlap * ratio > SAME_HEIGHT * height


def _set_slopes(runs: Sequence[_Run], words: Sequence[Word], ratio: float) -> None:
    of_page = _slope_of_page(words, ratio)
    for run in runs:
        own = _slope(run, ratio) if run.right - run.left > LONG_RUN * run.height and len(run.words) > 1 else None
        run.shows_slope = own is not None and abs(own - of_page) <= STEEPEST
        run.slope = own if own is not None and run.shows_slope else of_page


def _slope_of_page(words: Sequence[Word], ratio: float) -> float:
    slopes = [
        (_middle(after) - _middle(before)) * 2 * ratio / ((after.x0 + after.x1) - (before.x0 + before.x1))
        for before, after in pairwise(words)
        if 0 <= after.x0 - before.x1 < WIDE_GAP * word_height(before, ratio)
        and min(before.y1, after.y1) > max(before.y0, after.y0)
    ]
    slope = median(slopes) if len(slopes) >= LEAST_SLOPES else 0.0
    return slope if abs(slope) >= LEAST_SLOPE else 0.0


def _slope(run: _Run, ratio: float) -> float:
    """The slope of the line that fits the middles of a run's words best."""
    places = [(word.x0 + word.x1) / 2 for word in run.words]
    centre = sum(places) / len(places)
    spread = sum((place - centre) ** 2 for place in places)
    if not spread:
        return 0.0
    rises = sum(
        (place - centre) * (_middle(word) * ratio - run.middle) for place, word in zip(places, run.words, strict=True)
    )
    return rises / spread


def _middle(word: Word) -> float:
    return (word.y0 + word.y1) / 2


def _belongs_to(run: _Run, row: Sequence[_Run]) -> bool:
    """Whether a run is at the height of the nearest run of a row, and beside all of its runs."""
    nearest = min(row, key=lambda other: max(run.left - other.right, other.left - run.right))
    height = min(run.height, nearest.height)
    at = _where_compared(run, nearest)
    apart = abs(run.at(at) - nearest.at(at))
    if any(_overlaps(run, other) for other in row):
        return apart < DOUBLE_PRINT * height
    return apart < SAME_HEIGHT * max(height, 0.6 * max(run.height, nearest.height))


def _where_compared(run: _Run, other: _Run) -> float:
    """Where the lines of two runs are compared: in the middle between them, or in the one that shows no slope."""
    if run.shows_slope != other.shows_slope:
        return other.centre if run.shows_slope else run.centre
    return (max(run.left, other.left) + min(run.right, other.right)) / 2


def _overlaps(run: _Run, other: _Run) -> bool:
    shared = min(run.right, other.right) - max(run.left, other.left)
    return shared > OVERLAP * min(run.right - run.left, other.right - other.left)
