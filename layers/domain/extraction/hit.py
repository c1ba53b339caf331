"""A hit: a stretch of a page's text that shows a value."""

from __future__ import annotations

from dataclasses import dataclass

from layers.domain.extraction.windows import Span

MOST_HITS = 200


@dataclass(frozen=True, slots=True)
class Hit:
    """A stretch of a page's text that shows a value, from `start` to `end`. `rank` 0 is the most literal match."""

    span: Span
    start: int
    end: int
    rank: int = 0

    @property
    def position(self) -> tuple[int, int]:
        """The number of its page and its offset in the page's text."""
        return self.span.page.number, self.start
