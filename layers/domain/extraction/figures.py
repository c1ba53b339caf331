"""Figures: every number that a text may show, whichever of its separators marks the decimals."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from layers.domain.extraction import values

DIGITS = re.compile(
    r"\d{1,3}(?:[ \u00a0\u202f'’]\d{3})+(?:[.,]\d+)?(?!\d)"  # grouped by spaces or apostrophes
    r"|\d+\s?[.,]\s\d{2}(?!\d)"  # as readers part it: `9. 00`
    r"|\d+(?:[.,]\d+)*"
)
PART_OF_MORE = 10
SIMPLE_DIGITS = re.compile(r"\d+(?:[.,]\d+)*")
TIMES = {
    "k": 1e3, "thousand": 1e3, "tsd": 1e3, "mio": 1e6, "million": 1e6, "millionen": 1e6, "millions": 1e6, "m": 1e6,
    "mn": 1e6, "mrd": 1e9, "milliarden": 1e9, "billion": 1e9, "bn": 1e9,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figure:
    """A number and the span of the text that may be read as it; `rank` 0 is the plainest reading.

    Digits that stand in a date or a code (`12/03/2024`, `A-17`) have at least the rank PART_OF_MORE.
    """

    value: float
    start: int
    end: int
    rank: int


def figures(text: str) -> Iterator[Figure]:
    """Each reading of each run of digits."""
    text = _digits_mended(text)
    seen: set[tuple[int, float]] = set()
    for pattern in (DIGITS, SIMPLE_DIGITS):
        for match in pattern.finditer(text):
            for value, rank in _readings(text, match):
                if (match.start(), value) not in seen:
                    seen.add((match.start(), value))
                    yield Figure(value, match.start(), match.end(), rank)


def key_of(value: float) -> float:
    """The value by which figures are looked up."""
    try:
        return round(float(value), 6)
    except OverflowError:
        return math.inf  # a whole number that no page shows


def _readings(text: str, match: re.Match[str]) -> Iterator[tuple[float, int]]:
    """What a run of digits may mean, each with its rank: as it stands, negative, in percent, in millions."""
    before, after = text[: match.start()][-4:], text[match.end() :][:16]
    letters = re.search(r"[^\W\d_]+\.?\Z", before)
    if letters and letters[0].lower() not in values.SIGNS and letters[0].upper() not in values.CODES:
        return  # `INV2023` is a name, not a number
    rank = PART_OF_MORE if re.search(r"[\w)][-/]\Z|\d:\Z|#\s?\Z", before) or re.match(r"[/:-]\w", after) else 0
    for value in _values_of(match[0]):
        yield value, rank
        if re.search(r"[-−–(]\s?(?:[^\W\d_]{1,3}|[$€£¥₹])?\s?\Z", before) or re.match(r"\s?-(?!\d)", after):
            yield -value, rank
        if re.match(r"\s?%", after):
            yield value / 100, rank + 1
        if (word := re.match(r"\s?([^\W\d_]+)", after)) and word[1].lower() in TIMES:
            yield value * TIMES[word[1].lower()], rank + 1


def _values_of(digits: str) -> set[float]:
    """The numbers that digits with separators may stand for, whichever of them marks the decimals."""
    digits = re.sub(r"\s?([.,])\s", r"\1", digits)
    parts = re.split(r"[ \u00a0\u202f'’.,]", digits)
    separators = re.findall(r"[ \u00a0\u202f'’.,]", digits)
    if not separators:
        return {float(digits)}
    found = set()
    if len(set(separators)) == 1 and _are_groups(parts):
        found.add(float("".join(parts)))
    if separators[-1] in ".," and separators[-1] not in separators[:-1] and len(set(separators[:-1])) <= 1:
        whole = parts[:-1]
        if len(whole) == 1 or _are_groups(whole):
            found.add(float(f"{''.join(whole)}.{parts[-1]}"))
    return found


def _are_groups(parts: Sequence[str]) -> bool:
    """Thousands, or lakhs: groups of three, of which all but the last may have two."""
    return 1 <= len(parts[0]) <= 3 and len(parts[-1]) == 3 and all(len(part) in (2, 3) for part in parts[1:-1])


def _digits_mended(text: str) -> str:
    """The text with the letters that readers take for digits put right where digits stand around them, same length."""
    return re.sub(r"(?<=\d)[OoQ](?=[\d.,]|\s|$)|(?<=\d[.,])[OoQ]{1,2}(?=\s|$)", lambda m: "0" * len(m[0]), text)
