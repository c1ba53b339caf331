"""Shows a mail as HTML: its text, followed by its attachments, with their first pages as pictures."""

from __future__ import annotations

import html
from collections.abc import Iterable

from layers.decoders import inline_pages, mail, mail_pages, mailboxes, messages
from layers.decoders.inline_pages import DRAWN
from layers.decoders.mail import Mail, Part
from layers.domain.errors import PermanentError
from layers.domain.formats import MAILBOX, Kind, kind_of

MAX_PICTURES = 12  # of all attached documents
MAX_ATTACHED = 30
MAX_MESSAGES = 50  # of a mailbox
MAX_CHARACTERS = 8_000_000


def body_of(path: str, media_type: str) -> str:
    """The sanitised body of the preview: of all messages, for a mailbox."""
    if media_type != MAILBOX:
        return _Preview().of([mail.read_mail(path, media_type)])
    return _Preview().of(mail.read_message(messages.parsed(content)[0]) for content, _ in mailboxes.messages_of(path))


class _Preview:
    """Collects sections, up to limits."""

    def __init__(self) -> None:
        self._sections: list[str] = []
        self._characters = 0
        self._pictures = 0
        self._attached = 0

    def of(self, mails: Iterable[Mail]) -> str:
        for number, shown in enumerate(mails, 1):
            if number > MAX_MESSAGES or self._characters >= MAX_CHARACTERS:
                self._add(_cut())
                break
            self._add_mail(shown)
        return "<hr>".join(self._sections)

    def _add_mail(self, first: Mail) -> None:
        self._add(_message(first))
        waiting = list(reversed(first.parts))
        while waiting and self._characters < MAX_CHARACTERS and self._attached < MAX_ATTACHED:
            part = waiting.pop()
            if part.is_inline:
                continue
            self._attached += 1
            if part.message is not None:
                nested = mail.read_message(part.message)
                self._add(f"<h3>{html.escape(part.label)}</h3>{_message(nested)}")
                waiting += reversed(nested.parts)
            else:
                self._add_document(part)
        if waiting:
            self._add(_cut())

    def _add(self, section: str) -> None:
        self._sections.append(section)
        self._characters += len(section)

    def _add_document(self, part: Part) -> None:
        try:
            with mail_pages.stored(part) as path:
                shown = self._document(part, path)
        except PermanentError as error:
            shown = f"<p class='note'>{html.escape(error.detail)}</p>"
        except MemoryError:
            raise
        except Exception:  # any reader may fail in any way on a damaged file
            shown = "<p class='note'>The file is damaged.</p>"
        self._add(f"<h3>{html.escape(part.label)}</h3>{shown}")

    def _document(self, part: Part, path: str) -> str:
        from layers.decoders import identify, web_pages

        found = identify.identify(path, part.name)
        kind = kind_of(found["media_type"])
        if kind not in DRAWN:
            return web_pages.body_of(path, found["media_type"]) if kind is not Kind.VIDEO else ""
        count = min(found["page_count"] or 1, MAX_PICTURES - self._pictures)
        self._pictures += count
        pages = inline_pages.pages_as_html(path, found["media_type"], count)
        return pages + (_cut() if count < (found["page_count"] or 1) else "")


def _message(shown: Mail) -> str:
    from layers.decoders import web_pages

    fields = [*shown.headers, *((("Attachments", ", ".join(shown.attached)),) if shown.attached else ())]
    head = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>" for name, value in fields)
    is_html = bool(shown.html.strip())
    body = web_pages.as_laid_out(shown.html) if is_html else f"<pre>{html.escape(shown.text)}</pre>"
    return f"<dl>{head}</dl><hr>{body}{_cut() if shown.is_cut else ''}"


def _cut() -> str:
    from layers.decoders import web_pages

    return web_pages.CUT
