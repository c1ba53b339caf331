"""Segments: divides the pages of a file into the documents that it contains.

A page begins a document if its page number is 1 (`Page 1 of 2`), if its document number differs from the one before, or
if both it and the document before have a date and a total, these differ, and no word marks a continuation. A separator
sheet ends a document and belongs to none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from layers.domain.extraction.label_words import CONTINUATION, MARKED
from layers.domain.extraction.lines import lines_of
from layers.domain.extraction.rules import extract
from layers.domain.page import Page

MOST_PAGES = 300  # longer files are books and reports
MOST_CHARACTERS_OF_SEPARATOR = 60
SIGNS = {
    "type": "object",
    "properties": {
        "invoice_number": {"type": "string"},
        "date": {"type": "string", "format": "date"},
        "total": {"type": "number"},
    },
}
BARE = re.compile(r"^\W*(\d{1,3})\s*/\s*(\d{1,3})\W*$")
SEPARATOR = re.compile(
    r"separator|separation sheet|trennblatt|trennseite|patch\s?(?:code|t\b)|document break|barcode sheet", re.IGNORECASE
)
AMOUNT = re.compile(r"\d[.,]\d{2}\b(?!\S)")


@dataclass(frozen=True, slots=True)
class _Signs:
    """What a page shows about the document that it belongs to. `mark` is (1, 2) for `Page 1 of 2`."""

    mark: tuple[int, int] | None
    number: str | None
    content: tuple[Any, Any]
    continues: bool
    is_separator: bool


def documents_of(pages: Sequence[Page]) -> list[list[Page]]:
    """The pages of each document, in order. All pages are one document if nothing separates them."""
    read = [page for page in pages if page.source]
    if len(read) <= 1:
        return [list(read)]
    if len(read) > MOST_PAGES:
        return _as_stated(read)
    signs = [_signs(page) for page in read]
    groups: list[list[Page]] = []
    known: _Known | None = None
    for page, sign in zip(read, signs, strict=True):
        if sign.is_separator and any(not other.is_separator for other in signs):
            known = None
            continue
        if known is None or page.begins_document or _begins(sign, known):
            groups.append([])
            known = _Known()
        groups[-1].append(page)
        known.add(sign)
    return groups or [list(read)]


def _as_stated(pages: Sequence[Page]) -> list[list[Page]]:
    """The documents whose beginnings the file itself states."""
    groups: list[list[Page]] = []
    for page in pages:
        if page.begins_document or not groups:
            groups.append([])
        groups[-1].append(page)
    return groups


@dataclass(slots=True)
class _Known:
    """What the pages of the current document have shown so far."""

    mark: tuple[int, int] | None = None
    number: str | None = None
    content: tuple[Any, Any] = (None, None)

    def is_covering(self, sign: _Signs) -> bool:
        """Whether this is only a cover letter, such as a mail, of the document whose first page has these signs."""
        is_of_it = self.number == sign.number if self.number else self.content[1] is None
        return self.mark is None and is_of_it

    def add(self, sign: _Signs) -> None:
        self.mark = sign.mark or (self.mark and (self.mark[0] + 1, self.mark[1]))
        self.number = self.number or sign.number
        self.content = (self.content[0] or sign.content[0], self.content[1] or sign.content[1])


def _begins(sign: _Signs, known: _Known) -> bool:
    """Whether a page begins another document than the known one."""
    if sign.mark is not None and sign.mark[0] > 1 and known.mark == (sign.mark[0] - 1, sign.mark[1]):
        return False
    if sign.number and known.number and sign.number != known.number:
        return True
    if sign.mark is not None and sign.mark[0] == 1:
        return not known.is_covering(sign)
    if sign.continues or (sign.number and sign.number == known.number):
        return False
    if sign.number and not known.number:
        return all(known.content)
    date, total = sign.content
    return bool(date and total and all(known.content) and date != known.content[0] and total != known.content[1])


def _signs(page: Page) -> _Signs:
    lines = [line.text for line in lines_of([page])]
    text = "\n".join(lines)
    visible = sum(not character.isspace() for character in text)
    found = extract([page], SIGNS).fields
    number = found.get("invoice_number")
    if number and any(str(number) in line and AMOUNT.search(line) for line in lines):
        number = None  # a row of a statement, which lists other documents
    return _Signs(
        mark=_mark(lines),
        number="".join(str(number).split()).upper() if number else None,
        content=(found.get("date"), found.get("total")),
        continues=bool(CONTINUATION.search(text)),
        is_separator=visible <= MOST_CHARACTERS_OF_SEPARATOR and bool(SEPARATOR.search(text)),
    )


def _mark(lines: Sequence[str]) -> tuple[int, int] | None:
    """The page's number within its document, and the number of that document's pages."""
    for found in _marks(lines):
        if 1 <= found[0] <= found[1]:
            return found
    return None


def _marks(lines: Sequence[str]) -> Iterator[tuple[int, int]]:
    for line in lines:
        if match := MARKED.search(line):
            yield int(match[1]), int(match[2])
    for line in (*lines[:2], *lines[-2:]):
        if match := BARE.match(line):
            yield int(match[1]), int(match[2])
