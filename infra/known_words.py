"""Writes `layers/domain/extraction/known_words.bin`, the usual words of languages with Latin letters:

    pip install --requirement requirements/known-words.txt
    python -m infra.known_words

The words are those of wordfreq (Robyn Speer, https://github.com/rspeer/wordfreq), whose data are under CC BY-SA 4.0, and so is
the file. docs/licences.md names their sources.
"""

from __future__ import annotations

from collections.abc import Iterator

from layers.domain.extraction.known_words import FILE, LATIN, LEAST_LETTERS, KnownWords
from layers.domain.extraction.spelling import folded

# fmt: off
LANGUAGES = (
    "ca", "cs", "da", "de", "es", "fi", "fil", "fr", "hu", "id", "is", "it", "lt", "lv", "ms", "nb", "nl", "pl", "pt", "ro", "sh", "sk",
    "sl", "sv", "tr", "vi",
)  # and English
# fmt: on
MOST = 20_000  # of each of them, so that rare forms of one language don't excuse errors in another
LEAST_ENGLISH = 1e-7  # share of all words; names of places of the whole world are among these


def words() -> Iterator[str]:
    """The words, also without accents, because OCR and people often leave these out."""
    from wordfreq import get_frequency_list  # not installed elsewhere: its lists have 57 MB

    for language, wordlist in (("en", "large"), *((language, "small") for language in LANGUAGES)):
        # The lists of words by frequency, each 100 times the negative logarithm of their share.
        ranked = [
            word
            for negative_log, of_this_frequency in enumerate(get_frequency_list(language, wordlist))
            for word in of_this_frequency
            if len(word) >= LEAST_LETTERS
            and LATIN.fullmatch(word)
            and (language != "en" or 10 ** (-negative_log / 100) >= LEAST_ENGLISH)
        ]
        for word in ranked if language == "en" else ranked[:MOST]:
            yield word
            yield folded(word)


if __name__ == "__main__":
    FILE.write_bytes(bytes(KnownWords.of(words())))
