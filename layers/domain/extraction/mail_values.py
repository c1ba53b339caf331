"""Combines the values of a mail's own text with those of its attachments."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from layers.domain.extraction import labels
from layers.domain.page import Extraction, Page, property_of

# The beginning of a message's text, as `layers/decoders/mail.py` writes it.
HEADERS = re.compile(r"\A(?:(?:Subject|From|To|Cc|Bcc|Date): [^\n]*\n){2}")


def message_and_attached_pages(pages: Sequence[Page]) -> tuple[list[Page], list[Page]]:
    """The pages of a mail that are the text of a message, and those of the attachments."""
    message = [page for page in pages if not page.words and HEADERS.match(page.text)]
    return message, [page for page in pages if page not in message]


def combined(attached: Extraction, message: Extraction) -> Extraction:
    """The values of the attachments, and those of the message for properties without one.

    The message takes precedence if it has more of the required values or, of equally many, the only numbers. The title
    is always that of the message: its subject.
    """
    first, second = (message, attached) if _weight(message) > _weight(attached) else (attached, message)
    titles = {name for name in message.fields if labels.words_of(name) in labels.TITLES - labels.COMPANIES}
    if second is message:
        first = _without(first, titles)
    added = {name: value for name, value in second.fields.items() if name not in first.fields}
    if not _numbers(first) & _numbers(second) and _numbers(first):  # the two may use different currencies
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
