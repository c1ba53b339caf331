"""Windows: a long text cut at the ends of lines into pieces that a model can read; each overlaps the one before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from layers.domain.extraction.values import DateOrder
from layers.domain.page import Page

OVERLAP_BYTES = 400
LEAST_BYTES = 1000


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a page's text, from `start` to `end` in characters."""

    page: Page
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.page.text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Window:
    """One piece of a text, numbered from 1. `leaves_rest`: no window covers the text after this, the last, window.
    `date_order` is the dataset's setting. `examples` are records of similar documents that people have approved or corrected,
    the most similar first.
    """

    spans: tuple[Span, ...]
    number: int = 1
    count: int = 1
    leaves_rest: bool = False
    date_order: DateOrder = "auto"
    examples: tuple[Mapping[str, Any], ...] = ()

    @property
    def name(self) -> str:
        return f"window {self.number} of {self.count}"

    @property
    def pages(self) -> tuple[Page, ...]:
        return tuple(span.page for span in self.spans)

    @property
    def size_bytes(self) -> int:
        return sum(len(span.text.encode()) for span in self.spans)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A line of the text, or a part of a long line."""

    page: Page
    start: int
    end: int
    offset_bytes: int  # the size of the text before it
    size_bytes: int


def count_windows(text_bytes: int, window_bytes: int | None, most: int) -> int:
    """How many windows a text needs, at most `most`; one if `window_bytes` is None.

    Sizes are in bytes of UTF-8, because a model's number of tokens depends on these more than on characters.
    """
    if window_bytes is None or text_bytes <= window_bytes:
        return 1
    return max(1, min(most, -(-text_bytes // _bytes_without_overlap(window_bytes))))


def whole(pages: Sequence[Page]) -> Window:
    """The whole text as one window."""
    return Window(tuple(Span(page, 0, len(page.text)) for page in pages))


def cut(pages: Sequence[Page], count: int, window_bytes: int | None) -> list[Window]:
    """`count` windows of about the same size, none over `window_bytes`. The same pages always give the same windows."""
    if count == 1 and (window_bytes is None or sum(len(page.text.encode()) for page in pages) <= window_bytes):
        return [whole(pages)]
    most_bytes = _bytes_without_overlap(window_bytes) if window_bytes else None
    pieces = list(_pieces(whole(pages).spans, most_bytes or LEAST_BYTES))
    total_bytes = pieces[-1].offset_bytes + pieces[-1].size_bytes if pieces else 0
    even_bytes = max(1, -(-total_bytes // count))
    group_bytes = min(even_bytes, most_bytes) if most_bytes else even_bytes
    groups: list[list[_Piece]] = [[] for _ in range(count)]
    leaves_rest = False
    for piece in pieces:
        index = piece.offset_bytes // group_bytes
        if index >= count:
            leaves_rest = True
            break
        groups[index].append(piece)
    return [
        Window(_spans(_overlap(groups, index) + group), index + 1, count, leaves_rest and index == count - 1)
        for index, group in enumerate(groups)
    ]


def halves(window: Window) -> tuple[Window, Window]:
    """The two halves of a window that is too long for a model. Both keep its number."""
    pieces = list(_pieces(window.spans, max(LEAST_BYTES, window.size_bytes // 8)))
    middle = window.size_bytes // 2
    groups = [
        [piece for piece in pieces if piece.offset_bytes < middle],
        [piece for piece in pieces if piece.offset_bytes >= middle],
    ]
    first, second = (
        Window(_spans(_overlap(groups, index) + group), window.number, window.count)
        for index, group in enumerate(groups)
    )
    return first, second


def _bytes_without_overlap(window_bytes: int) -> int:
    """How many bytes of a window do not overlap the window before it."""
    return max(LEAST_BYTES, window_bytes - OVERLAP_BYTES)


def _pieces(spans: Sequence[Span], longest_bytes: int) -> Iterator[_Piece]:
    """The lines of the spans. A line of more than `longest_bytes` gives several pieces."""
    offset_bytes = 0
    for span in spans:
        start = span.start
        for line in span.text.splitlines(keepends=True):
            # A character has at most four bytes.
            step = len(line) if len(line.encode()) <= longest_bytes else max(1, longest_bytes // 4)
            for offset in range(0, len(line), step):
                part = line[offset : offset + step]
                size_bytes = len(part.encode())
                yield _Piece(span.page, start + offset, start + offset + len(part), offset_bytes, size_bytes)
                offset_bytes += size_bytes
            start += len(line)


def _overlap(groups: Sequence[list[_Piece]], index: int) -> list[_Piece]:
    """The last pieces of the group before, at most OVERLAP_BYTES."""
    before: list[_Piece] = []
    size_bytes = 0
    for piece in reversed(groups[index - 1] if index else []):
        size_bytes += piece.size_bytes
        if size_bytes > OVERLAP_BYTES:
            break
        before.insert(0, piece)
    return before


def _spans(pieces: Sequence[_Piece]) -> tuple[Span, ...]:
    """The stretches of text that the pieces cover, with adjacent pieces joined."""
    spans: list[Span] = []
    for piece in pieces:
        if spans and spans[-1].page is piece.page and spans[-1].end == piece.start:
            spans[-1] = Span(piece.page, spans[-1].start, piece.end)
        else:
            spans.append(Span(piece.page, piece.start, piece.end))
    return tuple(spans)
