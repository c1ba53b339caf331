"""Likeness: whether what was read is a known value whose letters were misread, and whether a text shows a known value.

OCR confuses letters, and letters with digits, and loses spaces. It rarely changes how many words a line has. Figures tell
similar values apart, such as two addresses in one street, so they have to be the same.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from difflib import SequenceMatcher

from layers.domain.extraction.spelling import folded

WORD = re.compile(r"[^\W_]+")
FIGURES = re.compile(r"\d+")
# Letters that OCR reads for digits, and for one another.
AS_DIGIT = str.maketrans("oqdilszgb", "000115268")
AS_LETTER = str.maketrans("01|58", "olisb")
LEAST_WORD_RATIO = 0.6  # of a misread word
LEAST_JOINED_RATIO = 0.97  # of all letters, if a space was lost or added


def words_in(text: str) -> tuple[str, ...]:
    """The words of a text without accents and case."""
    return tuple(WORD.findall(folded(text)))


def letters_in(text: str) -> str:
    """The letters and digits of a text without accents and case: what counts when values are compared."""
    return "".join(words_in(text))


def read_as_digits(word: str) -> str:
    """The word with every letter that may be a misread digit replaced by the digit."""
    return word.translate(AS_DIGIT)


def trigrams(text: str) -> frozenset[str]:
    """The runs of three letters in a text."""
    letters = letters_in(text)
    return frozenset(letters[at : at + 3] for at in range(len(letters) - 2)) or frozenset({letters} if letters else ())


def likeness(read: str, known: str) -> float:
    """How likely `read` is the known value with letters misread, 0 to 1. It is 0 if their figures differ."""
    words, others = words_in(read), words_in(known)
    if len(words) != len(others):
        return _joined_likeness("".join(words), "".join(others))
    alike, length = 0.0, 0
    for word, other in zip(words, others, strict=True):
        length += max(len(word), len(other))
        if word == other:
            alike += len(word)
        elif any(map(str.isdigit, word + other)):
            if read_as_digits(word) != read_as_digits(other):
                return 0.0
            alike += len(word) - 0.5
        else:
            share = ratio(word, other)
            if share < LEAST_WORD_RATIO or abs(len(word) - len(other)) > 1:
                return 0.0
            alike += share * max(len(word), len(other))
    return alike / length if length else 0.0


def _joined_likeness(letters: str, others: str) -> float:
    """The likeness of texts with different numbers of words."""
    if FIGURES.findall(letters) != FIGURES.findall(others):
        return 0.0
    share = ratio(letters, others)
    return share if share >= LEAST_JOINED_RATIO else 0.0


def letters_likeness(read: str, known: str) -> float:
    """The likeness of all letters, whatever the words are; 0 if their figures differ."""
    letters, others = letters_in(read), letters_in(known)
    return ratio(letters, others) if FIGURES.findall(letters) == FIGURES.findall(others) else 0.0


def ratio(text: str, other: str) -> float:
    """The share of letters that two texts have in common, in order."""
    return SequenceMatcher(None, text, other, autojunk=False).ratio()


def share_shown(known: str, shown: Collection[str]) -> float:
    """The share of a known value's trigrams that are among those of a text, 0 to 1."""
    wanted = trigrams(known)
    return len(wanted.intersection(shown)) / len(wanted) if wanted else 0.0


def figures_in(text: str) -> frozenset[str]:
    """The runs of digits in a text."""
    return frozenset(FIGURES.findall(text))
