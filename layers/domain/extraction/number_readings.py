"""Number readings: every number that a run of digits in a text may mean, whichever separator marks the decimals."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from layers.domain.extraction import currency
from layers.domain.extraction.numerals import NUMERAL, SIMPLE_DIGITS, corrected, plain, readings

DIGITS = re.compile(NUMERAL)
PART_OF_MORE = 10  # the rank of digits inside a date or a code
MULTIPLIERS = {
    "k": 1e3, "thousand": 1e3, "tsd": 1e3, "mio": 1e6, "million": 1e6, "millionen": 1e6, "millions": 1e6, "m": 1e6,
    "mn": 1e6, "mrd": 1e9, "milliarden": 1e9, "billion": 1e9, "bn": 1e9,
}  # fmt: skip
CREDIT = re.compile(r"\s{0,2}(?:CR|Cr|H)(?![^\W_])")


@dataclass(frozen=True, slots=True)
class NumberReading:
    """A number, and the span of the text that may be read as this number.

    `rank` 0 is the most literal reading. Digits inside a date or a code (`12/03/2024`, `A-17`) have at least the rank
    PART_OF_MORE.
    """

    value: float
    start: int
    end: int
    rank: int


def number_readings(text: str) -> Iterator[NumberReading]:
    """Each reading of each run of digits."""
    text = corrected(plain(text))
    seen: set[tuple[int, float]] = set()
    for pattern in (DIGITS, SIMPLE_DIGITS):
        for match in pattern.finditer(text):
            for value, rank in _readings(text, match):
                if (match.start(), value) not in seen:
                    seen.add((match.start(), value))
                    yield NumberReading(value, match.start(), match.end(), rank)


def lookup_key(value: float) -> float:
    """The key under which readings of a value are stored and looked up: readings that are equal after rounding."""
    try:
        return round(float(value), 6)
    except OverflowError:
        return math.inf  # an integer too large for a float; no page shows it


def _readings(text: str, match: re.Match[str]) -> Iterator[tuple[float, int]]:
    """The values that a run of digits may mean, each with its rank: as written, negative, as a percentage, and
    multiplied by a word such as "million"."""
    before, after = text[: match.start()][-4:], text[match.end() :][:16]
    letters = re.search(r"[^\W\d_]+\.?\Z", before)
    if letters and letters[0] < "\u2e80" and not currency.codes_of(letters[0]):
        return  # the digits belong to a code such as `INV2023`
    rank = PART_OF_MORE if re.search(r"[\w)][-/]\Z|\d:\Z|#\s?\Z", before) or re.match(r"[/:-]\w", after) else 0
    for reading in readings(match[0]):
        value = reading.value
        yield value, rank
        if (
            re.search(r"[-–(]\s?(?:[^\W\d_]{1,3}|[$€£¥₹])?\s?\Z", before)
            or re.match(r"\s?-(?!\d)", after)
            or CREDIT.match(after)
        ):
            yield -value, rank
        if re.match(r"\s?%", after):
            yield value / 100, rank + 1
        if (word := re.match(r"\s?([^\W\d_]+)", after)) and word[1].lower() in MULTIPLIERS:
            yield value * MULTIPLIERS[word[1].lower()], rank + 1
