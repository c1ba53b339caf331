"""Recognises nonsense, which is the text of a PDF whose fonts name the wrong characters.

A broken font maps each glyph to another letter, so that the text consists of letters and is still nonsense. Such text
has pairs of letters that no language has. The mean log-frequency of pairs was above -2.7 on all 74 readable pages of
sample documents, and below -2.95 after each exchange of their letters.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from operator import add

from layers.decoders import letter_pairs

STEPS = "0123456789abcdefghijklmnopqrstuvwxyz"
LEAST_LOG = -5.0
PLAUSIBLE_LOG = -2.83
MIN_PAIRS = 45  # fewer prove nothing
MAX_BROKEN_SHARE = 0.2
MIN_READABLE_SHARE = 0.4
MIN_VISIBLE = 16
MAX_MIXED_SHARE = 0.2
SAMPLE_CHARACTERS = 4_000
WORD = re.compile(r"[^\W\d_]+")
LEADERS = re.compile(r"[\s._\-–—=*•·|/\\:]+")
SPELLED_OUT = str.maketrans(
    {"ł": "l", "đ": "d", "ø": "o", "æ": "ae", "œ": "oe", "ı": "i", "ə": "a", "þ": "th", "ð": "d"}
)


def basic_letters(text: str) -> str:
    """The text in lower case and without accents."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFD", text.casefold().translate(SPELLED_OUT))
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def is_plausible(text: str) -> bool:
    """Whether the text could be written in some language. True for short text, which can't be judged."""
    text = text[:SAMPLE_CHARACTERS]
    visible = LEADERS.sub("", text)
    if _broken_share(visible) > MAX_BROKEN_SHARE:
        return False
    if len(visible) < MIN_VISIBLE:
        return True
    readable = sum(character.isalnum() or unicodedata.combining(character) > 0 for character in visible)
    if readable < MIN_READABLE_SHARE * len(visible):
        return False
    words = WORD.findall(basic_letters(text))
    return _mixed_share(words) <= MAX_MIXED_SHARE and _mean_log(words) >= PLAUSIBLE_LOG


def _broken_share(visible: str) -> float:
    """The share of unassigned or private characters, which broken encodings lead to."""
    if visible.isascii() and visible.isprintable():
        return 0.0
    broken = sum(1 for c in visible if c == "\ufffd" or not c.isprintable() or "\ue000" <= c <= "\uf8ff")
    return broken / max(1, len(visible))


def _mixed_share(words: list[str]) -> float:
    """The share of words whose letters are of two of the alphabets."""
    long = [word for word in words if len(word) > 2]
    mixed = sum(
        sum(any(low <= c <= high for c in word) for low, high in RANGES) > 1 for word in long if not word.isascii()
    )
    return mixed / len(long) if len(long) >= 5 else 0.0


RANGES = (("a", "z"), ("\u0370", "\u03ff"), ("\u0400", "\u04ff"))


def _mean_log(words: list[str]) -> float:
    """The mean log-frequency of pairs of letters, of the alphabet that most words have; 0 if they are too few."""
    best, most = 0.0, 0
    for alphabet in (letter_pairs.LATIN, letter_pairs.CYRILLIC, letter_pairs.GREEK):
        is_own = frozenset(alphabet[0]).issuperset
        own = " ".join(word for word in words if len(word) > 2 and is_own(word))
        pairs = len(own) + 1 if own else 0
        if pairs >= MIN_PAIRS and pairs > most:
            total = sum(map(_table(alphabet).__getitem__, map(add, f" {own}", f"{own} ")))
            best, most = total / pairs, pairs
    return best


@cache
def _table(alphabet: tuple[str, str]) -> dict[str, float]:
    letters, digits = alphabet
    width = len(letters) + 1
    return {
        before + after: LEAST_LOG + STEPS.index(digits[row * width + column]) / 8
        for row, before in enumerate(f" {letters}")
        for column, after in enumerate(f"{letters} ")
    }
