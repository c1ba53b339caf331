"""Keys of a sender: what a document shows of who sent it, in forms that survive misread letters.

Numbers (telephone, registration, tax) and domains identify a sender. Words of its letterhead, name and address only help to
find the known senders that are worth comparing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from layers.domain.extraction.amounts import Amount, amounts
from layers.domain.extraction.dates import dates
from layers.domain.learning.likeness import read_as_digits, words_in
from layers.domain.page import Page

HEAD_LINES, FOOT_LINES = 30, 6  # of the page as it was read: a line in two columns may be two
MOST_CHARACTERS = 20_000  # of the first page
LEAST_WORD = 4  # letters
MOST_NUMBERS, MOST_DOMAINS, MOST_WORDS = 12, 4, 48
NUMBER = re.compile(r"(?<![\d.,])\d[\d ()/.+-]{4,22}\d(?![\d%])(?:-?\s?[A-Za-z]\b)?")
LEAST_DIGITS, MOST_DIGITS, KEPT_DIGITS = 7, 15, 8
DOMAIN = re.compile(r"(?:@|\bwww\.|https?://(?:www\.)?)([a-z0-9][a-z0-9.-]*\.[a-z]{2,})", re.IGNORECASE)
# Domains of mail services, which belong to no sender.
OF_EVERYBODY = re.compile(
    r"^(?:gmail|googlemail|yahoo|ymail|hotmail|outlook|live|msn|icloud|aol|gmx|web|t-online|mail|qq|163|126|proton|protonmail|"
    r"orange|wanadoo|free|laposte|libero|seznam|wp|onet|yandex|rediffmail)\."
)
# Lines that number the document or the customer instead of the sender.
OF_DOCUMENT = re.compile(
    r"invoice|receipt|\bbill\b|order|\btable\b|member|card|customer|approval|\bref\b|serial|terminal|\btrace|batch|rechnung|"
    r"facture|kunde|client|cliente|barcode"
)
IDENTIFYING = ("n:", "d:")


def is_identifying(key: str) -> bool:
    """Whether a key is a number or a domain, which few senders share."""
    return key.startswith(IDENTIFYING)


def keys_of(pages: Sequence[Page]) -> frozenset[str]:
    """The keys by which a document with these pages is compared with others."""
    return keys_of_text(pages[0].text[:MOST_CHARACTERS].splitlines()) if pages else frozenset()


def keys_of_text(lines: Sequence[str]) -> frozenset[str]:
    """The keys that the lines of a document's first page show."""
    outside = [*lines[:HEAD_LINES], *lines[max(HEAD_LINES, len(lines) - FOOT_LINES) :]]
    numbers = dict.fromkeys(key for line in outside for key in _numbers(line))
    domains = dict.fromkeys(key for line in lines for key in _domains(line))
    words = dict.fromkeys(_words(lines[:HEAD_LINES]))
    return frozenset([*list(numbers)[:MOST_NUMBERS], *list(domains)[:MOST_DOMAINS], *list(words)[:MOST_WORDS]])


def keys_of_values(values: Mapping[str, str]) -> frozenset[str]:
    """The keys by which a record with these values is found."""
    texts = list(values.values())
    found = [key for text in texts for key in (*_numbers(text), *_domains(text))]
    return frozenset([*found[: MOST_NUMBERS + MOST_DOMAINS], *list(_words(texts))[:MOST_WORDS]])


def _numbers(line: str) -> Iterator[str]:
    if OF_DOCUMENT.search(line.lower()):
        return
    for match in NUMBER.finditer(line):
        digits = "".join(filter(str.isdigit, match[0]))
        is_number = LEAST_DIGITS <= len(digits) <= MOST_DIGITS or (
            len(digits) == LEAST_DIGITS - 1 and match[0][-1].isalpha()
        )
        if is_number and not any(dates(match[0])) and not _is_money(match[0]):
            yield f"n:{digits[-KEPT_DIGITS:]}"


def _is_money(text: str) -> bool:
    return any(isinstance(found.value, Amount) and found.value.decimals == 2 for found in amounts(text))


def _domains(line: str) -> Iterator[str]:
    for match in DOMAIN.finditer(line):
        domain = match[1].lower().strip(".-")
        if not OF_EVERYBODY.match(domain):
            yield f"d:{domain}"


def _words(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        for word in words_in(line):
            if len(word) >= LEAST_WORD and not word.isdigit():
                yield f"w:{read_as_digits(word)}"
