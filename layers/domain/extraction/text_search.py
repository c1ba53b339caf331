"""Text search: finds where a window shows a text, regardless of spaces, hyphens, case and accents."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cached_property

from layers.domain.extraction.hit import MOST_HITS, Hit
from layers.domain.extraction.windows import Span, Window

WIDEST_GAP = 40  # characters between two words of one value; they mostly belong to another column


class TextSearch:
    """Finds texts in a window. Folded text has only letters and digits, without case and accents."""

    def __init__(self, window: Window) -> None:
        self._window = window

    def hits(self, text: str) -> list[Hit]:
        """Every stretch that shows the text, in order.

        Without a contiguous match, words in the right order with short gaps between them count. A text without letters
        and digits must match as it is.
        """
        wanted, _ = _fold(text)
        if not wanted:
            return self._exact(text.strip())
        hits: list[Hit] = []
        for span, folded, offsets in self._folded:
            start = folded.find(wanted)
            while start >= 0 and len(hits) < MOST_HITS:
                first, last = offsets[start], offsets[start + len(wanted) - 1]
                if _is_whole(span.text, first, last):
                    hits.append(Hit(span, span.start + first, span.start + last + 1))
                start = folded.find(wanted, start + 1)
        return hits or list(self._with_gaps(text))

    @cached_property
    def _folded(self) -> list[tuple[Span, str, list[int]]]:
        return [(span, *_fold(span.text)) for span in self._window.spans]

    @cached_property
    def _folded_words(self) -> list[tuple[Span, list[tuple[str, int, int]]]]:
        return [
            (span, [(_fold(word[0])[0], word.start(), word.end()) for word in re.finditer(r"\S+", span.text)])
            for span in self._window.spans
        ]

    def _with_gaps(self, text: str) -> Iterator[Hit]:
        """For a text of three or more words: the first stretch of each span that has all its words in order, where words
        of another column may be in between."""
        words = [_fold(word)[0] for word in text.split()]
        words = [word for word in words if word]
        if len(words) < 3:
            return
        for span, folded in self._folded_words:
            for index, (word, start, _) in enumerate(folded):
                if word == words[0] and (end := _end_of_words(folded, index, words)) is not None:
                    yield Hit(span, span.start + start, span.start + end, 1)
                    break

    def _exact(self, text: str) -> list[Hit]:
        if not text:
            return []
        return [
            Hit(span, span.start + offset, span.start + offset + len(text))
            for span in self._window.spans
            if (offset := span.text.find(text)) >= 0
        ]


def _fold(text: str) -> tuple[str, list[int]]:
    """The letters and digits of a text without case and accents, and the offset in the text of each of them."""
    folded: list[str] = []
    offsets: list[int] = []
    for offset, character in enumerate(text):
        if character.isascii():
            if character.isalnum():
                folded.append(character.lower())
                offsets.append(offset)
            continue
        for part in unicodedata.normalize("NFKD", character).casefold():
            if part.isalnum():
                folded.append(part)
                offsets.append(offset)
    return "".join(folded), offsets


def _is_whole(text: str, first: int, last: int) -> bool:
    """Whether a stretch begins and ends at the boundaries of words: `party` does not show `art`."""
    begins = first == 0 or not (text[first - 1].isalnum() and _are_one_word(text[first - 1], text[first]))
    ends = last + 1 >= len(text) or not (text[last + 1].isalnum() and _are_one_word(text[last], text[last + 1]))
    return begins and ends


def _are_one_word(first: str, second: str) -> bool:
    """Whether two neighbouring characters belong to one word. A digit beside a letter begins another word."""
    # Scripts without spaces (from U+2E80 on) have no boundaries of words: any stretch of characters counts there.
    return first.isdecimal() == second.isdecimal() and max(first, second) < "\u2e80"


def _end_of_words(folded: Sequence[tuple[str, int, int]], index: int, words: Sequence[str]) -> int | None:
    """The end of the words that begin at an index and follow each other with short gaps, or None if they do not."""
    end = folded[index][2]
    for wanted in words[1:]:
        index += 1
        while index < len(folded) and folded[index][1] - end <= WIDEST_GAP and folded[index][0] != wanted:
            index += 1
        if index >= len(folded) or folded[index][0] != wanted or folded[index][1] - end > WIDEST_GAP:
            return None
        end = folded[index][2]
    return end
