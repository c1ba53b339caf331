"""Values of a mail and of the documents that it brings: the document that shows more of them counts, not its letter."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from layers.domain.extraction import labels
from layers.domain.page import Extraction, Page, property_of

# As the reader of mails begins the text of a message.
HEADERS = re.compile(r"\A(?:(?:Subject|From|To|Cc|Bcc|Date): [^\n]*\n){2}")


def letters_and_documents(pages: Sequence[Page]) -> tuple[list[Page], list[Page]]:
    """The pages of a mail that are the text of a message, and the others."""
    letters = [page for page in pages if not page.words and HEADERS.match(page.text)]
    return letters, [page for page in pages if page not in letters]


def completed(document: Extraction, letter: Extraction) -> Extraction:
    """The values of the documents, with those of the letter where they have none; the other way round if the letter has
    more of the required values or, of equally many, the only numbers. The title is always the letter's, its subject."""
    letter_has_more = _weight(letter) > _weight(document)
    first, second = (letter, document) if letter_has_more else (document, letter)
    titles = {name for name in letter.fields if labels.words_of(name) in labels.TITLES - labels.COMPANIES}
    if second is letter:
        first = _without(first, titles)
    added = {name: value for name, value in second.fields.items() if name not in first.fields}
    if not _numbers(first) & _numbers(second) and _numbers(first):  # their currency may be another one
        added = {name: value for name, value in added.items() if labels.words_of(name) not in labels.CURRENCIES}
    evidence = {path: proof for path, proof in second.evidence.items() if property_of(path) in added}
    return replace(
        first,
        fields=first.fields | added,
        evidence=first.evidence | evidence,
        missing=tuple(name for name in first.missing if name not in added),
        doubtful=(*first.doubtful, *(name for name in second.doubtful if name in added)),
    )


def _without(found: Extraction, names: set[str]) -> Extraction:
    return replace(
        found,
        fields={name: value for name, value in found.fields.items() if name not in names},
        evidence={path: proof for path, proof in found.evidence.items() if property_of(path) not in names},
        doubtful=tuple(name for name in found.doubtful if name not in names),
    )


def _weight(found: Extraction) -> tuple[int, bool]:
    return -len(found.missing), bool(_numbers(found))


def _numbers(found: Extraction) -> set[float]:
    return {float(value) for value in found.fields.values() if isinstance(value, int | float)}
