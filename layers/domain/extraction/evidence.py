"""Evidence: where a text shows a value, whatever the way it writes it; a value that it does not show has none.

What may differ between a value and its text: spaces, line breaks, hyphens, case, accents, a number's separators,
the form of a date, a currency's sign for its code. Nothing else: digits and letters must stand there, in order.
"""

from __future__ import annotations

import bisect
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from layers.domain.extraction import labels, values
from layers.domain.extraction.figures import PART_OF_MORE, figures, key_of
from layers.domain.extraction.windows import Span, Window
from layers.domain.page import Evidence, Page

MOST_HITS = 200
LONGEST_SHOWN = 300
WIDEST_JUMP = 40  # characters that may stand between two words of one value: another column's, mostly
TOKEN = re.compile(r"\d+|[^\W\d_]+")
BETWEEN_PARTS_OF_A_DATE = frozenset(
    ["st", "nd", "rd", "th", "er", "of", "de", "del", "den", "der", "le", "the", "年", "月", "日", "t"]
)
UNSURE = 70.0


@dataclass(frozen=True, slots=True)
class Hit:
    """A stretch of a page's text that shows a value; `rank` 0 is the plainest."""

    span: Span
    start: int
    end: int
    rank: int = 0

    @property
    def place(self) -> tuple[int, int]:
        return self.span.page.number, self.start


@dataclass
class Shown:
    """What a window shows, prepared for many questions."""

    window: Window
    _boxes: dict[int, _Places] = field(default_factory=dict)

    def hits(self, value: Any, schema: Mapping[str, Any]) -> list[Hit]:
        """Every place that shows a value of a plain schema, in order."""
        if isinstance(value, bool):
            return []
        if isinstance(value, int | float):
            found = self._numbers.get(key_of(value), [])
            if schema.get("type") == "number":  # a sum is not shown by a piece of a date; a year or a count may be
                found = [hit for hit in found if hit.rank < PART_OF_MORE]
            return found[:MOST_HITS]
        text = str(value)
        found = self._dates(text) if _is_date(text) else []
        if found or schema.get("format") == "date":
            return found[:MOST_HITS]
        found = self._texts(text)
        if not found and text.upper() in values.CODES:
            found = self._currencies(text.upper())
        return found[:MOST_HITS]

    def best(self, hits: Sequence[Hit], name: str, schema: Mapping[str, Any]) -> Hit | None:
        """The place that most likely is meant: beside one of the property's labels, else the plainest, else the first."""
        own_labels = labels.labels_of(name, schema) if name else ()
        return min(hits, key=lambda hit: (_label_distance(hit, own_labels), hit.rank), default=None)

    def evidence(self, hit: Hit) -> Evidence:
        """The proof that a hit is: its words as read, their box and the least confidence among them."""
        page = hit.span.page
        places = self._boxes.get(page.number)
        if places is None:
            places = self._boxes[page.number] = _Places(page)
        words = places.between(hit.start, hit.end)
        box = None
        if words:
            box = (
                min(word.x0 for word in words), min(word.y0 for word in words),
                max(word.x1 for word in words), max(word.y1 for word in words),
            )  # fmt: skip
        text = " ".join(page.text[hit.start : hit.end].split())[:LONGEST_SHOWN]
        sure = min((word.confidence for word in words), default=page.confidence)
        return Evidence(page.number, text, box, confidence=round(sure, 1), at=hit.start)

    # --- numbers -------------------------------------------------------------------------------------

    @cached_property
    def _numbers(self) -> dict[float, list[Hit]]:
        found: dict[float, list[Hit]] = {}
        for span in self.window.spans:
            for one in figures(span.text):
                hit = Hit(span, span.start + one.start, span.start + one.end, one.rank)
                found.setdefault(key_of(one.value), []).append(hit)
        return {value: sorted(hits, key=lambda hit: hit.place) for value, hits in found.items()}

    # --- dates ---------------------------------------------------------------------------------------

    @cached_property
    def _tokens(self) -> list[tuple[Span, list[re.Match[str]]]]:
        return [
            (span, [m for m in TOKEN.finditer(span.text) if m[0].lower() not in BETWEEN_PARTS_OF_A_DATE])
            for span in self.window.spans
        ]

    def _dates(self, text: str) -> list[Hit]:
        wanted = date.fromisoformat(text)
        hits = []
        for span, tokens in self._tokens:
            for place, token in enumerate(tokens):
                if len(token[0]) == 8 and token[0] in (wanted.strftime("%Y%m%d"), wanted.strftime("%d%m%Y")):
                    hits.append(Hit(span, span.start + token.start(), span.start + token.end(), 1))
                three = tokens[place : place + 3]
                if len(three) == 3 and _are(three, wanted) and three[2].start() - three[0].end() <= 24:
                    hits.append(Hit(span, span.start + token.start(), span.start + three[2].end()))
        return hits

    # --- texts ---------------------------------------------------------------------------------------

    @cached_property
    def _folded(self) -> list[tuple[Span, str, list[int]]]:
        return [(span, *_fold(span.text)) for span in self.window.spans]

    @cached_property
    def _folded_words(self) -> list[tuple[Span, list[tuple[str, int, int]]]]:
        return [
            (span, [(_fold(m[0])[0], m.start(), m.end()) for m in re.finditer(r"\S+", span.text)])
            for span in self.window.spans
        ]

    def _texts(self, text: str) -> list[Hit]:
        wanted, _ = _fold(text)
        if not wanted:
            return self._signs(text.strip())
        hits: list[Hit] = []
        for span, folded, places in self._folded:
            start = folded.find(wanted)
            while start >= 0 and len(hits) < MOST_HITS:
                first, last = places[start], places[start + len(wanted) - 1]
                if _is_whole(span.text, first, last):
                    hits.append(Hit(span, span.start + first, span.start + last + 1))
                start = folded.find(wanted, start + 1)
        return hits or list(self._with_jumps(text))

    def _with_jumps(self, text: str) -> Iterator[Hit]:
        """A text of several words that another column's words stand between: each whole, in order, not far apart."""
        words = [_fold(word)[0] for word in text.split()]
        words = [word for word in words if word]
        if len(words) < 3:
            return
        for span, folded in self._folded_words:
            for place, (word, start, _) in enumerate(folded):
                if word == words[0] and (end := _follow(folded, place, words)) is not None:
                    yield Hit(span, span.start + start, span.start + end, 1)
                    break

    def _signs(self, text: str) -> list[Hit]:
        if not text:
            return []
        return [
            Hit(span, span.start + at, span.start + at + len(text))
            for span in self.window.spans
            if (at := span.text.find(text)) >= 0
        ]

    def _currencies(self, code: str) -> list[Hit]:
        hits = []
        for span in self.window.spans:
            for found in values.currencies(span.text):
                if found.value == code or (found.value == "USD" and code in values.DOLLARS):
                    hits.append(Hit(span, span.start + found.start, span.start + found.end, found.value != code))
        return hits


# --- dates -------------------------------------------------------------------------------------------


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return bool(re.fullmatch(r"\d{4}-\d{2}-\d{2}", text))


def _are(tokens: Sequence[re.Match[str]], wanted: date) -> bool:
    """Whether three tokens are a date's day, month and year in any of the usual orders."""
    first, second, third = (token[0] for token in tokens)
    return any(
        _is_day(day, wanted) and _is_month(month, wanted) and _is_year(year, wanted)
        for day, month, year in ((first, second, third), (second, first, third), (third, second, first))
    )


def _is_day(token: str, wanted: date) -> bool:
    return token.isdecimal() and len(token) <= 2 and int(token) == wanted.day


def _is_month(token: str, wanted: date) -> bool:
    if token.isdecimal():
        return len(token) <= 2 and int(token) == wanted.month
    return values.MONTHS.get(token.lower()) == wanted.month


def _is_year(token: str, wanted: date) -> bool:
    return token.isdecimal() and (int(token) == wanted.year or (len(token) == 2 and int(token) == wanted.year % 100))


# --- texts -------------------------------------------------------------------------------------------


def _fold(text: str) -> tuple[str, list[int]]:
    """Letters and digits alone, without case and accents, and where each of them stands."""
    letters: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        if character.isascii():
            if character.isalnum():
                letters.append(character.lower())
                places.append(place)
            continue
        for one in unicodedata.normalize("NFKD", character).casefold():
            if one.isalnum():
                letters.append(one)
                places.append(place)
    return "".join(letters), places


def _is_whole(text: str, first: int, last: int) -> bool:
    """Whether a stretch begins and ends where words do: `art` is not shown by `party`."""
    begins = first == 0 or not (text[first - 1].isalnum() and _same_kind(text[first - 1], text[first]))
    ends = last + 1 >= len(text) or not (text[last + 1].isalnum() and _same_kind(text[last], text[last + 1]))
    return begins and ends


def _same_kind(one: str, other: str) -> bool:
    # Scripts without spaces have no words to be whole: there the characters alone must do.
    return one.isdecimal() == other.isdecimal() and max(one, other) < "\u2e80"


def _follow(folded: Sequence[tuple[str, int, int]], place: int, words: Sequence[str]) -> int | None:
    """Where the words end that begin at a place, or None where they don't all follow."""
    end = folded[place][2]
    for wanted in words[1:]:
        place += 1
        while place < len(folded) and folded[place][1] - end <= WIDEST_JUMP and folded[place][0] != wanted:
            place += 1
        if place >= len(folded) or folded[place][0] != wanted or folded[place][1] - end > WIDEST_JUMP:
            return None
        end = folded[place][2]
    return end


# --- places ------------------------------------------------------------------------------------------


def _label_distance(hit: Hit, own_labels: Sequence[str]) -> int:
    """How far from a label a hit stands: its trust in the label in its own line, in the line above, or in neither."""
    text = hit.span.page.text
    line_start = text.rfind("\n", 0, hit.start) + 1
    above_start = text.rfind("\n", 0, max(0, line_start - 1)) + 1
    for extra, line in ((0, text[line_start : hit.start]), (100, text[above_start:line_start])):
        lowered = line[-200:].lower()
        for tier, label in enumerate(own_labels):
            if labels.find_label(lowered, label):
                return tier + extra
    return 1000


class _Places:
    """Where the words of a page stand in its text: each looked for after the one before it."""

    def __init__(self, page: Page) -> None:
        at = 0
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._words = []
        for word in page.words:
            start = page.text.find(word.text, at, at + 2000)
            if start < 0:
                continue  # the text leaves it out, or has it elsewhere
            at = start + len(word.text)
            self._starts.append(start)
            self._ends.append(at)
            self._words.append(word)

    def between(self, start: int, end: int) -> list[Any]:
        first = bisect.bisect_right(self._ends, start)
        last = bisect.bisect_left(self._starts, end)
        return self._words[first:last]
