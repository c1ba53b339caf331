"""Writes `layers/domain/extraction/known_words.bin`, the usual words of languages with Latin letters:

    pip install --requirement requirements/known-words.txt
    python -m infra.known_words

The words are those of wordfreq (Robyn Speer, https://github.com/rspeer/wordfreq), whose data are under CC BY-SA 4.0, and so is
the file. docs/licences.md names their sources.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from layers.domain.extraction.known_words import FILE, KnownWords, latin_words

# fmt: off
LANGUAGES = (
    "ca", "cs", "da", "de", "es", "fi", "fil", "fr", "hu", "id", "is", "it", "lt", "lv", "ms", "nb", "nl", "pl", "pt", "ro", "sh", "sk",
    "sl", "sv", "tr", "vi",
)  # and English
# fmt: on
MOST = 20_000  # of each of them, so that rare forms of one language don't excuse errors in another
LEAST_ENGLISH = 1e-7  # share of all words; names of places of the whole world are among these


def words() -> Iterator[str]:
    """The words as `latin_words` returns them."""
    from wordfreq import get_frequency_dict, iter_wordlist  # not installed elsewhere: its lists have 57 MB

    for entry, share in get_frequency_dict("en", "large").items():
        if share >= LEAST_ENGLISH:
            yield from _as_word(entry)
    for language in LANGUAGES:
        ranked = (word for entry in iter_wordlist(language, "small") for word in _as_word(entry))
        yield from islice(ranked, MOST)


def _as_word(entry: str) -> Iterator[str]:
    """The word of an entry; entries such as `don't` and `mp3` have none."""
    return latin_words(entry) if entry.isalpha() else iter(())


if __name__ == "__main__":
    FILE.write_bytes(bytes(KnownWords.of(words())))
