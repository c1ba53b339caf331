"""Word positions: where the words of a page are in its text."""

from __future__ import annotations

import bisect

from layers.domain.page import Page, Word

MOST_SKIPPED = 2000  # characters of text between one word and the next


class WordPositions:
    """The offsets of a page's words in its text. Each word is searched for after the word before it."""

    def __init__(self, page: Page) -> None:
        end = 0
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._words: list[Word] = []
        for word in page.words:
            start = page.text.find(word.text, end, end + MOST_SKIPPED)
            if start < 0:
                continue  # the text omits the word, or has it in another order
            end = start + len(word.text)
            self._starts.append(start)
            self._ends.append(end)
            self._words.append(word)

    def between(self, start: int, end: int) -> list[Word]:
        """The words that overlap a span of the text, in order."""
        first = bisect.bisect_right(self._ends, start)
        last = bisect.bisect_left(self._starts, end)
        return self._words[first:last]
