"""Reads a mail as pages: the text of each message, followed by the pages of its attachments.

A message's own pages come first, so that they keep their numbers if the attachments become separate files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from functools import lru_cache
from pathlib import PurePath
from typing import Any

from layers.decoders import mail, mailboxes, messages, temporary
from layers.decoders.mail import Mail, Part
from layers.decoders.office import ReaderMissing
from layers.decoders.text_pages import MAX_CHARACTERS, text_page
from layers.domain.errors import PermanentError
from layers.domain.formats import BY_MEDIA_TYPE, MAIL, MAILBOX, OUTLOOK, Kind, kind_of

FORMATS = frozenset({MAIL, MAILBOX, OUTLOOK})
MAX_PAGES = 2000
MAX_ATTACHED = 500  # documents and messages
MAX_ATTACHED_BYTES = 64 << 20
# With so many letters and digits of its own, a message needs no OCR of the pictures in its text.
ENOUGH_TEXT = 200
NO_TEXT = {"text/vcard": "a contact", "text/x-vcard": "a contact"}
Page = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a page comes from: the page `number`, counted from 1, of an attached document."""

    part: Part
    media_type: str
    number: int


@dataclass(slots=True)
class MailPages:
    """The pages, and by number the origins of those from attachments. `own`: the pages of the first message itself."""

    pages: list[Page] = field(default_factory=list)
    origins: dict[int, Origin] = field(default_factory=dict)
    own: list[Page] = field(default_factory=list)


def read_text(path: str, media_type: str) -> list[Page]:
    """The pages. Those for OCR have no source."""
    return [dict(page) for page in _pages(path, media_type).pages]


def own_pages(path: str, media_type: str) -> list[Page]:
    """The pages of the first message itself, without those of its attachments."""
    return [dict(page) for page in _pages(path, media_type).own]


def gray_page(path: str, media_type: str, number: int) -> Any:
    """A page in gray, as `gray_pages.gray_page` draws it; a blank pixel for one that is only text."""
    from PIL import Image

    from layers.decoders import gray_pages

    origin = _pages(path, media_type).origins.get(number)
    if origin is None:
        return Image.new("L", (1, 1), 255)
    with stored(origin.part) as inner:
        return gray_pages.gray_page(inner, origin.media_type, origin.number)


def add_own_text(path: str, media_type: str, page: Page) -> Page:
    """A page as OCR read it, together with the own text of the document that it comes from.

    A picture on which OCR found no word counts as read if there is other text: it is a photograph.
    """
    from layers.decoders import ocr

    found = _pages(path, media_type)
    if (origin := found.origins.get(page["number"])) is None:
        return page
    if kind_of(origin.media_type) is Kind.PICTURE:
        if page["words"] or not any(other["source"] for other in found.pages):
            return page
        return page | {"text": "", "source": "native", "confidence": 100.0}
    with stored(origin.part) as inner:
        (whole,) = ocr.with_own_text(inner, origin.media_type, [page | {"number": origin.number}])
    return whole | {"number": page["number"]}


@contextmanager
def stored(part: Part) -> Iterator[str]:
    """A temporary file with the content of a part. Its suffix is that of the part's name or type."""
    content = part.content()
    if len(content) > MAX_ATTACHED_BYTES:
        raise PermanentError("too_large", f"it is larger than {MAX_ATTACHED_BYTES >> 20} MiB")
    if not content:
        raise PermanentError("empty_file", "it is empty")
    with temporary.stored(content, _suffix(part)) as path:
        yield path


def _suffix(part: Part) -> str:
    known = BY_MEDIA_TYPE.get(part.kind)
    return PurePath(part.name).suffix[:10].replace("/", "") or (known.suffix if known else "")


def _pages(path: str, media_type: str) -> MailPages:
    status = os.stat(path)
    return _cached_pages(path, media_type, (status.st_ino, status.st_mtime_ns, status.st_size))


@lru_cache(maxsize=1)
def _cached_pages(path: str, media_type: str, version: tuple[int, int, int]) -> MailPages:
    """The pages of the last mail, which are requested one after the other."""
    reading = _Reading()
    if media_type == MAILBOX:
        reading.add_mailbox(path)
    else:
        reading.add_message(*messages.content_of(path))
    return reading.found


class _Reading:
    """Makes pages of messages and their attachments, up to limits."""

    def __init__(self) -> None:
        self.found = MailPages()
        self._waiting: list[EmailMessage | Part] = []
        self._left = MAX_CHARACTERS
        self._attached = 0
        self._unread = 0

    def add_mailbox(self, path: str) -> None:
        """Add the pages of each message of a mailbox. Each message begins a document."""
        unread = 0
        for content, is_whole in mailboxes.messages_of(path):
            first = len(self.found.pages)
            if first >= MAX_PAGES or self._left <= 0:
                unread += 1
                continue
            self.add_message(content, is_whole)
            self.found.pages[first]["begins_document"] = True
        if unread:
            self._note(0, f"{unread} further messages of this mailbox were not read")

    def add_message(self, content: bytes, is_whole: bool) -> None:
        """Add the pages of a message and of all its attachments."""
        first = len(self.found.pages)
        message, is_parsed = messages.parsed(content)
        self._add_own_pages(message, is_cut=not (is_whole and is_parsed), is_first=first == 0)
        self.found.own = self.found.own or [dict(page) for page in self.found.pages]
        while self._waiting:
            item = self._waiting.pop()
            if isinstance(item, EmailMessage):
                self._add_own_pages(item)
            else:
                self._add_part(item)
        if self._unread:
            self._note(first, f"{self._unread} further attached files of this mail were not read")
            self._unread = 0

    def _add_own_pages(self, message: EmailMessage, is_cut: bool = False, is_first: bool = False) -> None:
        """Add the text of a message and the pictures in it. Its attachments are queued in `_waiting`."""
        found = mail.read_message(message)
        found.is_cut |= is_cut
        if is_first:
            mail.refuse_encrypted(found)
        page = self._add(text_page(found.shown_text()[: self._left], len(self.found.pages) + 1))
        page["notes"] = [*found.notes, *_note_on_cut(found)]
        if sum(character.isalnum() for character in found.text) < ENOUGH_TEXT:
            for part in found.parts:
                content = part.content() if part.is_inline else b""
                if 0 < len(content) <= MAX_ATTACHED_BYTES:
                    with temporary.stored(content, _suffix(part)) as path:
                        self._add_pictures(part, path, page)
        self._waiting += [
            part.message if part.message is not None else part for part in reversed(found.parts) if not part.is_inline
        ]

    def _add_part(self, part: Part) -> None:
        """Add the pages of an attached document, or a note on why they can't be read."""
        self._attached += 1
        if self._attached > MAX_ATTACHED or len(self.found.pages) >= MAX_PAGES or self._left <= 0:
            self._unread += 1
            return
        last = len(self.found.pages) - 1
        try:
            with stored(part) as path:
                self._add_document(part, path)
        except ReaderMissing:
            raise  # the numbers of the pages would differ from those of the step that read the text
        except PermanentError as error:
            self._note(last, f"the attached file {part.label} was not read: {error.detail}")
        except MemoryError:
            raise
        except Exception:  # any reader may fail in any way on a damaged file; the others are still read
            self._note(last, f"the attached file {part.label} was not read: it is damaged")

    def _add_document(self, part: Part, path: str) -> None:
        from layers.decoders import embedded, identify, pdf_text

        if shown := NO_TEXT.get(part.kind):
            self._note(-1, f"the attached file {part.label} is {shown}; it was not read", lost=False)
            return
        media_type = identify.identify(path, part.name or f"nameless{_suffix(part)}")["media_type"]
        match kind_of(media_type):
            case Kind.PICTURE:
                self._add_pictures(part, path, self.found.pages[-1], is_attached=True)
            case Kind.VIDEO:
                self._note(-1, f"the attached file {part.label} is a video; it has no text to read", lost=False)
            case Kind.ARCHIVE:
                raise PermanentError("unsupported_type", "it is an archive")
            case Kind.PDF:
                self._add_pages(part, media_type, pdf_text.read_text(path))
            case Kind.MAIL if media_type in FORMATS:
                held = mailboxes.messages_of(path) if media_type == MAILBOX else [(part.content(), True)]
                for content, is_whole in held:
                    message, is_parsed = messages.parsed(content)
                    self._add_own_pages(message, is_cut=not (is_whole and is_parsed))
            case _:
                self._add_pages(part, media_type, embedded.read_text(path, media_type))

    def _add_pages(self, part: Part, media_type: str, pages: list[Page]) -> None:
        """Add pages of a document, with its name in their notes."""
        for page in pages:
            if len(self.found.pages) >= MAX_PAGES:
                self._note(-1, f"the attached file {part.label} has more pages, which were not read")
                return
            notes = [[f"{part.label}: {text}", lost] for text, lost in page.get("notes") or ()]
            if len(page["text"]) > self._left:
                notes.append([f"the attached file {part.label} has more text, which was not read", True])
            number = len(self.found.pages) + 1
            self.found.origins[number] = Origin(part, media_type, page["number"])
            self._add(page | {"number": number, "text": page["text"][: self._left], "notes": notes})

    def _add_pictures(self, part: Part, path: str, page: Page, is_attached: bool = False) -> None:
        """Add the frames of a picture as pages for OCR, if it is large enough to show readable text."""
        from layers.decoders import embedded, identify
        from layers.decoders.images import count_frames

        if not embedded.is_large(path, beside_text=bool(page["text"])):
            if is_attached:
                self._note(-1, f"the attached picture {part.label} is small; it was not read", lost=False)
            return
        media_type = identify.identify(path, part.name)["media_type"]
        blank: Page = {"text": "", "words": [], "source": None, "confidence": 0.0}
        frames = [blank | {"number": number} for number in range(1, count_frames(path) + 1)]
        self._add_pages(part, media_type, frames)

    def _add(self, page: Page) -> Page:
        self.found.pages.append(page)
        self._left -= len(page["text"])
        return page

    def _note(self, at: int, text: str, lost: bool = True) -> None:
        page = self.found.pages[at]
        page["notes"] = [*page.get("notes", ()), [text, lost]]


def _note_on_cut(found: Mail) -> list[list[Any]]:
    return [["the mail is too long or has too many parts; not all of it was read", True]] if found.is_cut else []
