"""Which words are known, and which may be misread ones."""

from __future__ import annotations

import random
import string

import pytest

from layers.domain.extraction.known_words import KnownWords, may_be_misread, unknown


@pytest.mark.parametrize(
    "text",
    [
        "CONFECTIONERY & Bakery",
        "Jalan Perindustrian, Petaling Jaya, Selangor",
        "Bäckerei Schmidt, Hauptstraße",
        "Backerei Hauptstrasse",  # as OCR and people write it
        "Société Générale, Boulangerie",
        "Sdn Bhd 41150",  # short words and numbers
        "общество с ограниченной ответственностью 有限公司",  # other letters: the list does not tell
    ],
)
def test_usual_words_are_known(text: str) -> None:
    assert unknown(text) == []


@pytest.mark.parametrize(
    ("word", "is_misread"),
    [
        ("CONFECTIUNERY", True),
        ("HIGHLANDE", True),
        ("SCLANGOR", True),
        ("HARDWAREE", True),
        ("HRDWARES", False),  # two letters off
        ("MYNEWS", False),  # too short to tell from a name
        ("UNIHAKKA", False),
        ("X" * 10_000, False),
    ],
)
def test_an_unknown_long_word_that_is_one_letter_off_from_a_known_one_may_be_misread(
    word: str, is_misread: bool
) -> None:
    assert unknown(f"The {word} Shop") == [word.lower()]
    assert may_be_misread(word.lower()) == is_misread


def test_random_letters_are_not_known() -> None:
    chance = random.Random(1)
    words = ["".join(chance.choices(string.ascii_lowercase, k=9)) for _ in range(20_000)]
    assert len(unknown(" ".join(words))) >= len(words) - 3


def test_a_set_of_words_contains_them_and_hardly_any_other() -> None:
    words = [f"word{number}" for number in range(5_000)]
    known = KnownWords.of(words)
    assert all(word in known for word in words)
    assert sum(f"other{number}" in known for number in range(20_000)) <= 3
    assert len(bytes(known)) == 5_000 * 24 // 8
