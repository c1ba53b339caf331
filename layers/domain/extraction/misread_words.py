"""The words beside sums as OCR misreads them: `Tota1`, `CIANGE`, `Chanige`. They are corrected where a word was not surely read
and is one letter from a word that stands beside sums."""

from __future__ import annotations

from collections.abc import Iterator

from layers.domain.extraction import labels
from layers.domain.page import Word

OF_A_FILE = 99.6  # a line whose words have a higher confidence was not read by OCR
SURELY_READ = 97.0  # the confidence of a word of letters that is not corrected
BESIDE_SUMS = frozenset({
    "total", "subtotal", "amount", "payable", "change", "rounding", "rounded", "adjustment", "inclusive", "including", "includes",
    "tendered", "payment", "balance", "excluding", "exclusive", "discount", "quantity", "summary", "items", "gesamt", "summe",
    "gesamtbetrag", "rechnungsbetrag", "totaal", "importe", "montant", "zwischensumme",
})  # fmt: skip
# Words that differ from those in one letter and mean something else.
OTHERS = frozenset({"charge", "charges", "chance", "account", "mount", "rounds", "bounded", "excluded", "included", "founded", "count",
                    "sounding", "totals", "payments", "discounts", "changed", "changes", "summer", "item"})  # fmt: skip
LEAST_LETTERS, LEAST_FOR_TWO = 5, 8  # of a word in which one letter, or two, may be misread
AS_LETTERS = str.maketrans("0135|8$][!", "olislbslli")
_BY_LENGTH = {
    length: tuple(sorted(word for word in BESIDE_SUMS if len(word) == length)) for length in set(map(len, BESIDE_SUMS))
}


def corrected(text: str, words: tuple[Word, ...], starts: tuple[int, ...]) -> str:
    """The text of a line in lower case, with its misread words corrected. The length stays the same."""
    found = labels.ocr_corrected(text)
    if not words or words[0].confidence > OF_A_FILE:
        return found
    for word, start in zip(words, starts, strict=True):
        if len(word.text) < LEAST_LETTERS:
            continue
        for at, part in _parts(found[start : start + len(word.text)]):
            if meant := meant_by(part, is_sure=word.confidence >= SURELY_READ):
                begin = start + at
                found = found[:begin] + meant.ljust(len(part)) + found[begin + len(part) :]
    return found


def _parts(word: str) -> Iterator[tuple[int, str]]:
    """The runs of letters, and of characters that may be letters, in a word of a line, each with its place."""
    at = 0
    for end in range(len(word) + 1):
        if end == len(word) or not (word[end].isalnum() or word[end] in "|$][!"):
            if end - at >= LEAST_LETTERS:
                yield at, word[at:end]
            at = end + 1


def meant_by(written: str, *, is_sure: bool) -> str | None:
    """The word beside sums that a word in lower case was read from; None if there is none. A surely read word of letters alone
    is what it says."""
    if written in BESIDE_SUMS or written in OTHERS or (is_sure and written.isalpha()):
        return None
    if sum(map(str.isalpha, written)) * 2 <= len(written):
        return None
    letters = written.translate(AS_LETTERS)
    if letters in BESIDE_SUMS:
        return letters
    if letters in OTHERS:
        return None
    most = 2 if len(letters) >= LEAST_FOR_TWO else 1
    for word in _BY_LENGTH.get(len(letters), ()):
        if sum(a != b for a, b in zip(letters, word, strict=True)) <= most:
            return word
    for word in _BY_LENGTH.get(len(letters) - 1, ()):  # a letter too many
        if any(letters[:at] + letters[at + 1 :] == word for at in range(len(letters))):
            return word
    return None
