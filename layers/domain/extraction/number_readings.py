"""Number readings: every number that a run of digits in a text may mean, whichever separator marks the decimals."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from layers.domain.extraction import values

DIGITS = re.compile(
    r"\d{1,3}(?:[ \u00a0\u202f'’]\d{3})+(?:[.,]\d+)?(?!\d)"  # grouped by spaces or apostrophes
    r"|\d+\s?[.,]\s\d{2}(?!\d)"  # with a space that OCR added: `9. 00`
    r"|\d+(?:[.,]\d+)*"
)
PART_OF_MORE = 10  # the rank of digits inside a date or a code
SIMPLE_DIGITS = re.compile(r"\d+(?:[.,]\d+)*")
MULTIPLIERS = {
    "k": 1e3, "thousand": 1e3, "tsd": 1e3, "mio": 1e6, "million": 1e6, "millionen": 1e6, "millions": 1e6, "m": 1e6,
    "mn": 1e6, "mrd": 1e9, "milliarden": 1e9, "billion": 1e9, "bn": 1e9,
}  # fmt: skip


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
    text = _ocr_corrected(text)
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
    if letters and letters[0].lower() not in values.SIGNS and letters[0].upper() not in values.CODES:
        return  # the digits belong to a code such as `INV2023`
    rank = PART_OF_MORE if re.search(r"[\w)][-/]\Z|\d:\Z|#\s?\Z", before) or re.match(r"[/:-]\w", after) else 0
    for value in _values_of(match[0]):
        yield value, rank
        if re.search(r"[-−–(]\s?(?:[^\W\d_]{1,3}|[$€£¥₹])?\s?\Z", before) or re.match(r"\s?-(?!\d)", after):
            yield -value, rank
        if re.match(r"\s?%", after):
            yield value / 100, rank + 1
        if (word := re.match(r"\s?([^\W\d_]+)", after)) and word[1].lower() in MULTIPLIERS:
            yield value * MULTIPLIERS[word[1].lower()], rank + 1


def _values_of(digits: str) -> set[float]:
    """The numbers that digits with separators may mean, whichever separator marks the decimals."""
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
    """Whether digits are grouped as thousands or as lakhs: in threes, where groups in the middle may have two."""
    return 1 <= len(parts[0]) <= 3 and len(parts[-1]) == 3 and all(len(part) in (2, 3) for part in parts[1:-1])


def _ocr_corrected(text: str) -> str:
    """The text with 0 for each O or Q among digits, which OCR confuses. The length stays the same."""
    return re.sub(r"(?<=\d)[OoQ](?=[\d.,]|\s|$)|(?<=\d[.,])[OoQ]{1,2}(?=\s|$)", lambda m: "0" * len(m[0]), text)
