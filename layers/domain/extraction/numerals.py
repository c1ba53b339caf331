"""Numerals: the only grammar of written numbers, for amounts that are searched for and values that are looked up.

Digits may be of any script. Groups have three digits, or two before the last three (lakh and crore). All patterns are
bounded, so that even a hostile line takes time in proportion to its length.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

MINUS = "-"  # what every minus sign becomes; an en dash stays, because it also joins phrases
EN_DASH = "\u2013"
LONGEST = 60  # characters of a number
ARABIC_POINT = "\u066b"  # always marks decimals
_PLAIN = str.maketrans(
    {
        **dict.fromkeys("\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " "),
        **dict.fromkeys("\u200b\u200c\u200d\u200e\u200f\u061c\u2060\u202a\u202b\u202c\u202d\u202e\ufeff", " "),
        **dict.fromkeys("\u2018\u2019\u02bc\u2032\u00b4`\uff07\u02b9\u066c", "'"),
        **dict.fromkeys("\u2212\u2010\u2011\ufe63\uff0d\u207b", MINUS),
        **dict.fromkeys("\u2014\u2015\u2012", EN_DASH),
        "\uff0c": ",",
        "\uff0e": ".",
        "\uff08": "(",
        "\uff09": ")",
        "\uff05": "%",
        "\uff1a": ":",
        "\uff0f": "/",
        "\uff04": "$",
        "\uffe5": "¥",
        "\uffe6": "₩",
        "\uffe1": "£",
        "\u060c": ",",
    }
)
OTHER_DIGIT = re.compile(r"[^\D0-9]")
NOT_A_DIGIT = re.compile(r"\D")
# Begins with the letter, not with the lookbehind: searching for a set of characters is fast.
LETTER_FOR_ZERO = re.compile(r"[OoQ](?<=[\d.,][OoQ])(?=[OoQ]?(?:[\d.,\s]|$))")

LAKHS = r"\d?,\d\d(?:,\d\d){0,5},\d{3}(?!\d)(?:[.]\d{1,2}(?!\d))?"
GROUPS = rf"\d{{0,2}}(?P<group>[ ,.'])\d{{3}}(?:(?P=group)\d{{3}}){{0,5}}(?!\d)(?:(?!(?P=group))\s?[.,{ARABIC_POINT}]\s?\d{{1,20}})?"
SIMPLE = rf"\d{{0,15}}(?:[.,{ARABIC_POINT}]\d{{1,20}}|\s?[.,]\s?\d{{2}}(?!\d))?"
NUMERAL = rf"\d(?<!\d\d)(?:{LAKHS}|{GROUPS}|{SIMPLE})"
SIMPLE_DIGITS = re.compile(rf"\d+(?:[.,{ARABIC_POINT}]\d+)*")
PLAIN_DECIMALS = re.compile(r"\d{1,15}[.]\d\d?")
SPACES_BESIDE_A_POINT = re.compile(rf"\s(?=[.,{ARABIC_POINT}])|(?<=[.,{ARABIC_POINT}])\s")


def plain(text: str) -> str:
    """The text with ASCII digits, and one form for each kind of space, apostrophe, minus and point. The length stays the
    same, so that positions in it are positions in the text."""
    if text.isascii():
        return text
    return OTHER_DIGIT.sub(lambda digit: str(unicodedata.decimal(digit[0])), text.translate(_PLAIN))


def corrected(text: str) -> str:
    """The text with 0 for each O or Q among digits, which OCR confuses. The length stays the same."""
    return LETTER_FOR_ZERO.sub("0", text) if "O" in text or "o" in text or "Q" in text else text


class Numeral(NamedTuple):
    """A reading of a written number: its value, and how many decimals it is written with."""

    value: float
    decimals: int


def readings(written: str, decimals_of_currency: int | None = None) -> list[Numeral]:
    """What a plain written number may mean, the most likely first; empty if its separators make no number.

    Three digits after a single separator are a group (`1.190`), unless a zero precedes it (`0.190`) or the amount's
    currency is written with three decimals.
    """
    if len(written) > LONGEST:
        return []
    if PLAIN_DECIMALS.fullmatch(written):
        return [
            Numeral(float(written), len(written) - written.index(".") - 1)
        ]  # most amounts, at a fraction of the cost
    digits = SPACES_BESIDE_A_POINT.sub("", written)
    parts = re.split(r"\D", digits)
    separators = NOT_A_DIGIT.findall(digits)
    grouped = _as_groups(parts, separators)
    with_point = _with_point(parts, separators)
    first = grouped or with_point
    if grouped and with_point and (decimals_of_currency == 3 or parts[0] == "0"):
        first = with_point
    return [reading for reading in dict.fromkeys((first, grouped, with_point)) if reading]


def _as_groups(parts: list[str], separators: list[str]) -> Numeral | None:
    """The whole number, if all separators separate groups."""
    if not separators:
        return Numeral(float(parts[0]), 0)
    if len(set(separators)) == 1 and separators[0] != ARABIC_POINT and _are_groups(parts):
        return Numeral(float("".join(parts)), 0)
    return None


def _with_point(parts: list[str], separators: list[str]) -> Numeral | None:
    """The number, if the last separator marks decimals."""
    if not separators or separators[-1] not in (".", ",", ARABIC_POINT) or separators[-1] in separators[:-1]:
        return None
    whole = parts[:-1]
    if len(set(separators[:-1])) > 1 or not (len(whole) == 1 or _are_groups(whole)):
        return None
    return Numeral(float(f"{''.join(whole)}.{parts[-1]}"), len(parts[-1]))


def _are_groups(parts: list[str]) -> bool:
    """Whether digits are grouped as thousands, or as lakhs and crores: twos before the last three."""
    first, *middle, last = parts
    if not 1 <= len(first) <= 3 or len(last) != 3 or first == "0":
        return False
    return all(len(part) == 3 for part in middle) or (len(first) < 3 and all(len(part) == 2 for part in middle))
