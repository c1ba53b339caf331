"""Spelling: one form for characters that mean the same, so that words and numbers can be compared."""

from __future__ import annotations

import re
import unicodedata

ACCENTS = re.compile("[\u0300-\u036f]")
# Letters that don't decompose, but are often written without their stroke or with a dot.
PLAIN_LETTERS = str.maketrans({"ı": "i", "ł": "l", "đ": "d", "ø": "o", "ð": "d"})


def folded(text: str) -> str:
    """A word without accents, in lower case. Marks of other scripts, such as vowels, are kept."""
    if text.isascii():
        return text.lower()
    plain = ACCENTS.sub("", unicodedata.normalize("NFKD", text)).casefold().translate(PLAIN_LETTERS)
    return unicodedata.normalize("NFC", plain)
