"""What OCR confuses: letters and digits of the same shape, resolved where the grammar of a value leaves one reading.

A value that was corrected is doubtful: its evidence still has what was read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

ALIKE = frozenset(
    frozenset(pair) for pair in (
        "0o", "0d", "0q", "od", "oq", "oc", "1i", "1l", "il", "i|", "l|", "1|", "1t", "lt", "i!", "5s", "8b", "8s", "bd", "be",
        "2z", "6g", "6b", "9g", "ce", "ec", "cg", "ef", "uv", "ud", "nh", "nm", "rn", "vy", "kx", "ft",
    )
)  # fmt: skip
# A number within an address or code: it begins with a digit.
NUMBER_LIKE = re.compile(r"(?<![^\W_])\d[\dOoQIlBSZG]{2,8}(?![^\W_])")
ALWAYS_DIGITS = str.maketrans({"O": "0", "o": "0", "Q": "0", "I": "1", "l": "1"})
IN_LONG_NUMBERS = str.maketrans({"B": "8", "S": "5", "Z": "2", "G": "6"})
DUTCH_POSTCODE = re.compile(r"\d{4}[A-Z]{2}")
LONG_NUMBER = 4


def looks_like(written: str, known: str) -> bool:
    """Whether a word may be a misreading of a known one: each letter is the same or looks like it."""
    if len(written) != len(known):
        return False
    pairs = zip(written.lower(), known.lower(), strict=True)
    return all(a == b or frozenset((a, b)) in ALIKE for a, b in pairs)


def known_word(written: str, known: Iterable[str]) -> str | None:
    """The known word of which another one is a misreading, in capitals if most of what was read is; None if none is, or if
    the word is known itself. `known` in lower case."""
    lowered = written.lower()
    words = list(known)
    if lowered in words:
        return None
    found = next((word for word in words if looks_like(lowered, word)), None)
    if found is None:
        return None
    return in_case_of(written, found)


def in_case_of(written: str, word: str) -> str:
    """The word in capitals if most of what was read is, or with its first letter as the one that was read."""
    if sum(map(str.isupper, written)) >= sum(map(str.islower, written)):
        return word.upper()
    return word.capitalize() if written[:1].isupper() else word.lower()


def with_digits(text: str) -> str:
    """The text with digits for the letters inside of its numbers: 29O, 2B1I. The suffix of a house number stays: 12B."""
    return NUMBER_LIKE.sub(lambda found: _digits(found[0]), text)


def _digits(number: str) -> str:
    if DUTCH_POSTCODE.fullmatch(number) or 2 * sum(map(str.isdigit, number)) < len(number):
        return number
    number = number.translate(ALWAYS_DIGITS)
    if len(number) < LONG_NUMBER:
        return number
    return number[:-1].translate(IN_LONG_NUMBERS) + number[-1]
