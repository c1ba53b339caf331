"""Puts the words of a line, which are in order from left to right, into the order in which they are read.

This is the inverse of the Unicode bidirectional algorithm (UAX #9) for whole words: within a word the letters are in
reading order already. In a line that runs from right to left, words of Latin and similar letters keep their order
among each other, and so do numbers beside them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import Literal

from layers.domain.page import Word

Direction = Literal["left", "right", "number", "neutral"]
RIGHT_TO_LEFT = {"R", "AL", "RLE", "RLO", "RLI"}
LEFT_TO_RIGHT = {"L", "LRE", "LRO", "LRI"}
NUMBERS = {"EN", "AN"}
FIRST_RIGHT_TO_LEFT = "\u0590"  # no letter before it runs from right to left


def runs_to_the_left(words: Sequence[Word]) -> bool:
    """Whether most letters of a page or line are read from right to left."""
    if not _may_run_to_the_left(words):
        return False
    directions = [_direction(word.text) for word in words]
    right = _letters(words, directions, "right")
    return right > 0 and right >= _letters(words, directions, "left")


def in_reading_order(words: Sequence[Word], to_the_left: bool) -> list[Word]:
    """The words of one line, given from left to right. `to_the_left`: that is how its page is read."""
    if not _may_run_to_the_left(words):
        return list(words)
    directions = [_direction(word.text) for word in words]
    if "right" not in directions:
        return list(words)
    if to_the_left or runs_to_the_left(words):
        return _runs_reversed(list(reversed(words)), list(reversed(directions)), ("left",))
    return _runs_reversed(list(words), directions, ("right",))


def _may_run_to_the_left(words: Sequence[Word]) -> bool:
    return any(not word.text.isascii() and max(word.text) >= FIRST_RIGHT_TO_LEFT for word in words)


def _letters(words: Sequence[Word], directions: Sequence[Direction], wanted: Direction) -> int:
    return sum(len(word.text) for word, direction in zip(words, directions, strict=True) if direction == wanted)


def _runs_reversed(words: list[Word], directions: list[Direction], turned: tuple[Direction, ...]) -> list[Word]:
    """The words with each run of the given direction reversed. Neutral words and numbers within a run belong to it."""
    belongs = [direction in turned for direction in directions]
    indexes = [index for index, is_in_run in enumerate(belongs) if is_in_run]
    for before, after in pairwise(indexes):
        if all(direction in ("neutral", "number") for direction in directions[before + 1 : after]):
            belongs[before:after] = [True] * (after - before)
    result: list[Word] = []
    for is_turned, group in groupby(zip(belongs, words, strict=True), key=lambda pair: pair[0]):
        run = [word for _, word in group]
        result += reversed(run) if is_turned else run
    return result


def _direction(text: str) -> Direction:
    """The direction of a word's first strong letter."""
    is_number = False
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind in RIGHT_TO_LEFT:
            return "right"
        if kind in LEFT_TO_RIGHT:
            return "left"
        is_number = is_number or kind in NUMBERS
    return "number" if is_number else "neutral"
