"""Windows: a long text cut into pieces that a model can read, at the ends of lines, each overlapping the last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from layers.domain.page import Page

OVERLAP_BYTES = 400
LEAST_BYTES = 1000


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a page's text, in characters."""

    page: Page
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.page.text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Window:
    """One piece of a text, `number` from 1. `leaves_rest`: what follows the last window is read by none."""

    spans: tuple[Span, ...]
    number: int = 1
    count: int = 1
    leaves_rest: bool = False

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
    page: Page
    start: int
    end: int
    at: int  # bytes of the text before it
    size_bytes: int


def count_windows(text_bytes: int, window_bytes: int | None, most: int) -> int:
    """How many windows a text takes. Bytes of UTF-8 follow a model's tokens better than characters do."""
    if window_bytes is None or text_bytes <= window_bytes:
        return 1
    return max(1, min(most, -(-text_bytes // _share(window_bytes))))


def whole(pages: Sequence[Page]) -> Window:
    """All that was read, as one window."""
    return Window(tuple(Span(page, 0, len(page.text)) for page in pages))


def cut(pages: Sequence[Page], count: int, window_bytes: int | None) -> list[Window]:
    """`count` windows of about the same size, none over `window_bytes`; the same for the same pages every time."""
    if count == 1 and (window_bytes is None or sum(len(page.text.encode()) for page in pages) <= window_bytes):
        return [whole(pages)]
    share = _share(window_bytes) if window_bytes else None
    pieces = list(_pieces(pages, share or LEAST_BYTES))
    total = pieces[-1].at + pieces[-1].size_bytes if pieces else 0
    even = max(1, -(-total // count))
    share = min(even, share) if share else even
    groups: list[list[_Piece]] = [[] for _ in range(count)]
    rest = False
    for piece in pieces:
        place = piece.at // share
        if place >= count:
            rest = True
            break
        groups[place].append(piece)
    return [
        Window(_spans(_overlap(groups, place) + group), place + 1, count, rest and place == count - 1)
        for place, group in enumerate(groups)
    ]


def halves(window: Window) -> tuple[Window, Window]:
    """A window that was too much for a model, as two."""
    pieces = list(_pieces_of(window.spans, max(LEAST_BYTES, window.size_bytes // 8)))
    middle = window.size_bytes // 2
    groups = [[one for one in pieces if one.at < middle], [one for one in pieces if one.at >= middle]]
    first, second = (
        Window(_spans(_overlap(groups, place) + group), window.number, window.count)
        for place, group in enumerate(groups)
    )
    return first, second


def _share(window_bytes: int) -> int:
    return max(LEAST_BYTES, window_bytes - OVERLAP_BYTES)


def _pieces(pages: Sequence[Page], longest_bytes: int) -> Iterator[_Piece]:
    return _pieces_of(whole(pages).spans, longest_bytes)


def _pieces_of(spans: Sequence[Span], longest_bytes: int) -> Iterator[_Piece]:
    """The lines of the text; one that is too long comes in several pieces."""
    at = 0
    for span in spans:
        start = span.start
        for line in span.text.splitlines(keepends=True):
            size = len(line.encode())
            step = len(line) if size <= longest_bytes else max(1, longest_bytes // 4)
            for offset in range(0, len(line), step):
                part = line[offset : offset + step]
                size = len(part.encode())
                yield _Piece(span.page, start + offset, start + offset + len(part), at, size)
                at += size
            start += len(line)


def _overlap(groups: Sequence[list[_Piece]], place: int) -> list[_Piece]:
    """The last lines of the window before."""
    before: list[_Piece] = []
    size = 0
    for piece in reversed(groups[place - 1] if place else []):
        size += piece.size_bytes
        if size > OVERLAP_BYTES:
            break
        before.insert(0, piece)
    return before


def _spans(pieces: Sequence[_Piece]) -> tuple[Span, ...]:
    spans: list[Span] = []
    for piece in pieces:
        if spans and spans[-1].page is piece.page and spans[-1].end == piece.start:
            spans[-1] = Span(piece.page, spans[-1].start, piece.end)
        else:
            spans.append(Span(piece.page, piece.start, piece.end))
    return tuple(spans)
