"""Known words: which words on a page are usual in a language with Latin letters, and which are one letter off from one of these.

A long word of the second kind was mostly misread: `CONFECTIUNERY`. The words are in `known_words.bin`, a Bloom filter that
`python -m infra.known_words` makes from frequency lists. Source: B. H. Bloom, "Space/time trade-offs in hash coding with
allowable errors", Communications of the ACM 13 (7), 1970.
"""

from __future__ import annotations

import hashlib
import re
import string
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from pathlib import Path

from layers.domain.extraction.spelling import folded

FILE = Path(__file__).with_name("known_words.bin")
BITS_A_WORD, PROBES = 24, 17  # about one other word in 100,000 counts as known
# Many shorter names are one letter off from a word, and the time to search grows with the square of the length.
LEAST_OF_MISREAD, MOST_OF_MISREAD = 8, 40
PARTS = re.compile(r"[^\W\d_]{4,}")
LATIN = re.compile(r"[a-z\u00df-\u024f]+")


class KnownWords:
    """A set of words that only tells whether it contains a word."""

    def __init__(self, bits: bytes | bytearray) -> None:
        self._bits = bits

    @classmethod
    def of(cls, words: Iterable[str]) -> KnownWords:
        """A set of these words."""
        distinct = frozenset(words)
        bits = bytearray(-(-len(distinct) * BITS_A_WORD // 8))
        for word in distinct:
            for place in _places(word, 8 * len(bits)):
                bits[place >> 3] |= 1 << (place & 7)
        return cls(bits)

    def __contains__(self, word: str) -> bool:
        bits = self._bits
        return all(bits[place >> 3] & 1 << (place & 7) for place in _places(word, 8 * len(bits)))

    def __bytes__(self) -> bytes:
        return bytes(self._bits)


def latin_words(text: str) -> Iterator[str]:
    """The words of at least four Latin letters in a text, in lower case and without accents, which OCR and people often leave
    out."""
    return filter(LATIN.fullmatch, map(folded, PARTS.findall(text)))


def unknown(text: str) -> list[str]:
    """The Latin words in a text that are not known."""
    return [word for word in latin_words(text) if word not in _known()]


def may_be_misread(word: str) -> bool:
    """Whether a word of `unknown` is long and one letter off from a known one."""
    return bool(_near(word))


def meant_by(word: str) -> str | None:
    """The word of which another one, folded, is a misreading: a long unknown word that is one letter off from a single known
    one. None if it is not."""
    if not LATIN.fullmatch(word) or word in _known():
        return None
    near = _near(word)
    return near[0] if len(near) == 1 else None


def _places(word: str, count: int) -> Iterator[int]:
    """The bits that stand for a word."""
    digest = hashlib.blake2b(word.encode(), digest_size=16).digest()
    first, step = int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:], "big")
    return ((first + probe * step) % count for probe in range(PROBES))


@lru_cache(maxsize=4096)  # the same senders come again
def _near(word: str) -> tuple[str, ...]:
    """The known words that are one letter off from a long unknown one."""
    if not LEAST_OF_MISREAD <= len(word) <= MOST_OF_MISREAD:
        return ()
    known = _known()
    return tuple({other for other in _one_letter_off(word) if other in known})


def _one_letter_off(word: str) -> Iterator[str]:
    for at in range(len(word) + 1):
        before, after = word[:at], word[at + 1 :]
        if at < len(word):
            yield before + after
        for letter in string.ascii_lowercase:
            yield before + letter + word[at:]
            if at < len(word) and letter != word[at]:
                yield before + letter + after


@cache
def _known() -> KnownWords:
    return KnownWords(FILE.read_bytes())
