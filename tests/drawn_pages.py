"""Pages for tests of the extraction rules, whose words have the places that their text suggests."""

from __future__ import annotations

from layers.domain.page import Page, Word


def page(text: str, number: int = 1) -> Page:
    """A page whose words are placed like the characters of a text in a fixed-width font."""
    words, lines = [], text.split("\n")
    for row, line in enumerate(lines):
        at = 0
        for word in line.split():
            at = line.index(word, at)
            top = row / len(lines)
            words.append(Word(word, at / 100, top, (at + len(word)) / 100, top + 0.8 / len(lines)))
            at += len(word)
    return Page(number, text, tuple(words), "native", 100.0, 600, 800)
