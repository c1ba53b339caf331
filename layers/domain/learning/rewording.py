"""Rewording: single misread words of a value that is similar to known ones, such as the address of another branch."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from layers.domain.learning.likeness import LEAST_WORD_RATIO, letters_in, ratio, read_as_digits

LEAST_EQUAL = 0.5  # share of the words that a known value has too


def reworded(read: str, known: Sequence[str]) -> str:
    """The value with misread words in the form that the most similar known value has between the same words. It is unchanged if
    no known value is similar."""
    words = read.split()
    letters = [letters_in(word) for word in words]
    best: tuple[int, list[tuple[int, str]]] = (0, [])
    for value in known:
        others = value.split()
        matcher = SequenceMatcher(None, letters, [letters_in(word) for word in others], autojunk=False)
        equal = sum(block.size for block in matcher.get_matching_blocks())
        if equal >= LEAST_EQUAL * len(words) and equal > best[0]:
            best = equal, _replacements(matcher, letters, others)
    for at, word in best[1]:
        words[at] = word
    return " ".join(words) if best[1] else read


def _replacements(
    matcher: SequenceMatcher[str], letters: Sequence[str], others: Sequence[str]
) -> list[tuple[int, str]]:
    """Misread words between equal ones, by index, with the known word."""
    steps = matcher.get_opcodes()
    found = []
    for index, (kind, start, end, other_start, other_end) in enumerate(steps):
        is_between = 0 < index < len(steps) - 1 and steps[index - 1][0] == steps[index + 1][0] == "equal"
        if kind == "replace" and is_between and end - start == other_end - other_start:
            pairs = zip(range(start, end), others[other_start:other_end], strict=True)
            found += [(at, other) for at, other in pairs if _is_misread(letters[at], letters_in(other))]
    return found


def _is_misread(word: str, known: str) -> bool:
    if any(map(str.isdigit, word + known)):
        return read_as_digits(word) == read_as_digits(known)
    return abs(len(word) - len(known)) <= 1 and ratio(word, known) >= LEAST_WORD_RATIO
