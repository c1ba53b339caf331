"""Near-duplicates: whether two files are likely the same document, by the pictures of their first pages and their records.

Files of one template look alike, so the values decide: a number, date or number of a document that differs means that they
are different documents. A value that is misread therefore hides a near-duplicate; it never makes one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

HASH_DIGITS = 36
# The share of bits that differ. Of 16 receipts, a picture that is saved again differs from its original by 0.21 at most, one that
# is scanned again by 0.17 in the median, one that is photographed again by 0.20; pictures of two receipts by 0.24 or more.
ALIKE = 0.12
NOT_UNLIKE = 0.30
SAME_PIXELS = 0.02
MOST_SHOWN = 10
LONGEST_NUMBER = 40
DATE = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class Seen:
    """What is compared of a file: the hash of its first page, None without one; the values of its record; the number of
    its pages; whether it has text."""

    page_hash: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    page_count: int | None = None
    has_text: bool = True


@dataclass(frozen=True, slots=True)
class Likeness:
    """Why two files are likely the same: the share of their first pages' picture that is the same, None if unknown, and
    the names of the values that are."""

    picture: float | None
    fields: tuple[str, ...]

    @property
    def rank(self) -> tuple[int, float]:
        return len(self.fields), self.picture or 0.0


def likeness(one: Seen, other: Seen) -> Likeness | None:
    """Why two files are likely the same document; None if they are not."""
    if one.page_count and other.page_count and one.page_count != other.page_count:
        return None
    deciding, also = _compared(one.values), _compared(other.values)
    if any(deciding[name] != also[name] for name in deciding.keys() & also.keys()):
        return None
    same = {name: deciding[name][0] for name in deciding.keys() & also.keys()}
    differs = difference(one.page_hash, other.page_hash)
    if not _are_enough(one, other, same, differs, has_values=bool(deciding or also)):
        return None
    words = [name for name in one.values if _word(one.values[name]) and _same_words(one.values, other.values, name)]
    return Likeness(None if differs is None else round(1 - differs, 2), tuple(sorted({*same, *words})))


def _are_enough(one: Seen, other: Seen, same: Mapping[str, str], differs: float | None, *, has_values: bool) -> bool:
    if not has_values:  # pictures of things; a form that nothing was read from looks like any other
        return differs is not None and differs <= SAME_PIXELS and not (one.has_text or other.has_text)
    if not same:
        return False
    if differs is not None and differs <= ALIKE:
        return True
    kinds = set(same.values())
    if len(kinds) < 2 or not kinds & {"date", "code"}:
        return False
    if differs is not None and differs <= NOT_UNLIKE:
        return True
    return any(_same_words(one.values, other.values, name) for name in one.values if name not in same)


def difference(one: str | None, other: str | None) -> float | None:
    """The share of bits that differ between two hashes, 0 to 1; None without both."""
    if one is None or other is None or len(one) != len(other):
        return None
    return (int(one, 16) ^ int(other, 16)).bit_count() / (4 * len(one))


def _compared(values: Mapping[str, Any]) -> dict[str, tuple[str, Any]]:
    """The values that tell documents of one template apart, each with its kind: numbers, dates, and codes such as the
    number of an invoice."""
    found: dict[str, tuple[str, Any]] = {}
    for name, value in values.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            if value != 0:
                found[name] = ("number", float(value))
        elif isinstance(value, str):
            if DATE.fullmatch(value):
                found[name] = ("date", value)
            elif _is_code(code := _plain(value)):
                found[name] = ("code", code)
    return found


def _is_code(plain: str) -> bool:
    digits = sum(character.isdigit() for character in plain)
    return 4 <= len(plain) <= LONGEST_NUMBER and digits >= 3 and 2 * digits >= len(plain)


def _plain(text: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))


def _word(value: Any) -> str:
    """A text that is neither a date nor a code, without spaces and punctuation; empty for any other value."""
    if not isinstance(value, str) or DATE.fullmatch(value):
        return ""
    plain = _plain(value)
    return "" if _is_code(plain) or len(plain) < 5 else plain


def _same_words(one: Mapping[str, Any], other: Mapping[str, Any], name: str) -> bool:
    word = _word(one.get(name))
    return bool(word) and word == _word(other.get(name))
