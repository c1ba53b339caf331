"""A page of a document as it was read: its text, and the box of each word."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

Source = Literal["native", "ocr", "textract"]
Box = tuple[float, float, float, float]
MOST_NOTES, LONGEST_NOTE = 50, 300
NOT_PRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def turned_box(box: Sequence[float], degrees: int) -> Box:
    """A box, in fractions of a page, after the page was turned clockwise by a multiple of 90 degrees (negative:
    counterclockwise)."""
    x0, y0, x1, y1 = box
    match degrees % 360:
        case 90:
            return 1 - y1, x0, 1 - y0, x1
        case 180:
            return 1 - x1, 1 - y1, 1 - x0, 1 - y0
        case 270:
            return y0, 1 - x1, y1, 1 - x0
        case _:
            return x0, y0, x1, y1


class Note(NamedTuple):
    """A sentence for the owner of a file about how it was read. `lost`: some of the content was not read, so the record
    is partial."""

    text: str
    lost: bool = False


class Fact(NamedTuple):
    """A value that a file contains as data: its name, its text, and the XPath of its element."""

    name: str
    value: str
    xpath: str


class Word(NamedTuple):
    """A word and its box in fractions of the page (0 to 1), origin top left; confidence 0 to 100.

    `turned`: the degrees clockwise by which the upright page has to be turned further to read this word.
    """

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    confidence: float = 100.0
    turned: int = 0

    def as_row(self) -> list[Any]:
        """What is stored of a word. Without `turned` where it is 0: older releases read six items."""
        row = [self.text.replace("\x00", ""), *self[1:]]
        return row if self.turned else row[:-1]


def words_of(rows: Iterable[Sequence[Any]]) -> tuple[Word, ...]:
    """Words as they were stored. A newer release may store more of a word, which is ignored."""
    return tuple(Word(*row[: len(Word._fields)]) for row in rows)


def facts_of(rows: Iterable[Sequence[Any]] | None) -> tuple[Fact, ...]:
    """Facts as they were stored. A newer release may store more of a fact, which is ignored."""
    return tuple(Fact(*row[: len(Fact._fields)]) for row in rows or ())


@dataclass(frozen=True, slots=True)
class Page:
    """One page, numbered from 1. `source` is None until a reader has found usable text on it.

    `text` keeps the reading order, with a newline after each line. `confidence` is the mean over words,
    0 to 100. `width` and `height` are in units of the reader; only their ratio matters. Boxes refer to the page as it
    is shown; turned clockwise by `turned` degrees it is upright. `notes` are passed to the step's outcome and not stored
    with the page. `facts` are values that the file contains as data. `begins_document`: the file itself states that
    another document begins here, such as a message of a mailbox.
    """

    number: int
    text: str = ""
    words: tuple[Word, ...] = ()
    source: Source | None = None
    confidence: float = 0.0
    width: float = 0.0
    height: float = 0.0
    turned: int = 0
    notes: tuple[Note, ...] = ()
    facts: tuple[Fact, ...] = ()
    begins_document: bool = False

    def upright(self) -> Page:
        """The page turned for reading, with the boxes of its words turned too."""
        if not self.turned:
            return self
        words = tuple(Word(word.text, *turned_box(word[1:5], self.turned), *word[5:]) for word in self.words)
        size = (self.height, self.width) if self.turned % 180 else (self.width, self.height)
        return replace(self, words=words, width=size[0], height=size[1], turned=0)


def replaces(confidence: float, known_source: Source | None, known_confidence: float) -> bool:
    """Whether a new reading of a page replaces the known one: if its confidence is at least as high."""
    return known_source is None or confidence >= known_confidence


def pages_as_read(found: Iterable[Mapping[str, Any]]) -> list[Page]:
    """Pages from the plain data in a decoder's answer."""
    return [
        Page(
            **{
                **page,
                "words": words_of(page["words"]),
                "notes": tuple(Note(*note) for note in page.get("notes") or ()),
                "facts": facts_of(page.get("facts")),
            }
        )
        for page in found
    ]


def notes_of(pages: Iterable[Page]) -> tuple[Note, ...]:
    """The notes of all pages, each once, at most MOST_NOTES. Their texts are cut at LONGEST_NOTE characters and have no
    control characters: they may quote names from the file."""
    notes = (Note(NOT_PRINTABLE.sub(" ", note.text)[:LONGEST_NOTE], note.lost) for page in pages for note in page.notes)
    distinct = list(dict.fromkeys(notes))
    if len(distinct) > MOST_NOTES:
        rest = distinct[MOST_NOTES - 1 :]
        distinct = [*distinct[: MOST_NOTES - 1], Note(f"{len(rest)} further notes", any(note.lost for note in rest))]
    return tuple(distinct)


@dataclass(frozen=True, slots=True)
class Identity:
    """The format of a file, by its content. `page_count` is None if the format has no pages."""

    media_type: str
    page_count: int | None


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive, or with some pages of a scan. `index` counts them from 0; `stored_as` is its name on disk once it
    is unpacked. `first_page` and `last_page` are its pages in the scan."""

    index: int
    name: str
    size_bytes: int
    sha256: str = ""
    stored_as: str = ""
    first_page: int | None = None
    last_page: int | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """A file that a decoder made, such as a preview. Sizes are in pixels, None for a PDF. `page_hash`: the perceptual hash
    of the page, if one was asked for and it is not blank."""

    name: str
    media_type: str
    width: int | None = None
    height: int | None = None
    page_count: int | None = None
    page_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a value was found: the page (from 1), the words as read, their box in fractions of the page.

    `confidence` (0 to 100) is the confidence of the words; `at` is the offset of the first word in the page's text.
    `xpath` names the element of a value that the file contains as data. `probability` (0 to 100): of the values with 90,
    about 90 of 100 are right.
    """

    page: int
    text: str
    box: tuple[float, float, float, float] | None
    confidence: float | None = None
    at: int | None = None
    xpath: str | None = None
    probability: float | None = None


def page_picture_kind(number: int) -> str:
    """The kind of artifact under which the picture of a page, from 1, is stored."""
    return f"page_{number}"


def property_of(path: str) -> str:
    """The property of the schema to which the path of a value belongs: `items` for `items[2].price`."""
    return re.split(r"[.\[]", path, maxsplit=1)[0]


@dataclass(frozen=True, slots=True)
class Extraction:
    """What an extractor found: values by property name, and the evidence of each by its path (`items[0].amount`).

    `missing` names required properties without a value, `unread` names text that was not read; if either is not empty
    the record is partial. `dropped` names values that the extractor returned but the text does not show. `doubtful`
    names values that may be wrong although the text shows them, such as a date whose order of day and month is unknown.
    `further` has the extractions of the file's other documents, in order, if it contains several. `found_by` is `rules` or
    `model`; `remembered` names values that are from the dataset's memory of senders instead.
    """

    fields: dict[str, object]
    missing: tuple[str, ...]
    evidence: dict[str, Evidence]
    unread: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    further: tuple[Extraction, ...] = ()
    found_by: str = "rules"
    remembered: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether this record lacks nothing. The further ones don't count."""
        return not self.missing and not self.unread and not self.has_lost

    @property
    def has_lost(self) -> bool:
        """Whether content of the file was lost."""
        return any(note.lost for note in self.notes)

    @property
    def lacks(self) -> tuple[str, ...]:
        """Everything that the record lacks, by name."""
        return (*self.missing, *self.unread, *self.dropped)
