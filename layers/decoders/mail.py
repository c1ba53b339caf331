"""Reads a message: its headers, its visible text, and its attachments."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from functools import partial
from pathlib import PurePath
from typing import Any

from layers.decoders import calendars, mailboxes, messages, smime, tnef
from layers.decoders.alternatives import Piece, richest
from layers.decoders.text_pages import MAX_CHARACTERS, text_page
from layers.decoders.visible_markup import visible_text
from layers.domain.errors import PermanentError
from layers.domain.formats import MAILBOX

MAX_DEPTH = 30  # of parts within parts
MAX_INLINE_BYTES = 4 << 20
INLINE_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
# Parts that programs read, not people: signatures, keys, the headers of a returned mail.
NOT_SHOWN = frozenset(
    {
        "application/pgp-signature",
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
        "application/pgp-keys",
        "application/pgp-encrypted",
        "text/rfc822-headers",
    }
)
CID_LINK = re.compile(r"cid:([^\"'\s>)]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a message besides its text. `content` returns its decoded bytes. `message`: the part is an attached
    message, and has no content.

    `is_inline`: the HTML shows it within the text, as a logo in a signature.
    """

    kind: str
    name: str
    content: Callable[[], bytes]
    message: EmailMessage | None = None
    is_inline: bool = False

    @property
    def label(self) -> str:
        """The part's name in notes."""
        return self.name or self.kind


@dataclass(slots=True)
class Mail:
    """One message. `html` is not sanitised, and empty if the message shows plain text. `notes` as in a page.

    `is_cut`: the message has more parts than were read. `is_encrypted`: a part of it can't be read without a key.
    """

    headers: list[tuple[str, str]] = field(default_factory=list)
    text: str = ""
    html: str = ""
    parts: list[Part] = field(default_factory=list)
    notes: list[list[Any]] = field(default_factory=list)
    is_cut: bool = False
    is_encrypted: bool = False

    @property
    def attached(self) -> list[str]:
        """The names of the attachments, without pictures that the text shows."""
        return [part.label for part in self.parts if not part.is_inline]

    def shown_text(self) -> str:
        """Headers, names of attached files, and the text."""
        lines = [f"{name}: {value}" for name, value in self.headers]
        if self.attached:
            lines.append(f"Attachments: {', '.join(self.attached)}")
        return "\n".join([*lines, "", self.text]) if lines or self.text.strip() else ""


def read_text(path: str, media_type: str) -> list[dict[str, Any]]:
    """Headers, names of attached files and the text, as one page."""
    mail = read_mail(path, media_type)
    unread = [[f"the attached file {name} was not read", True] for name in mail.attached]
    return [text_page(mail.shown_text()) | {"notes": [*mail.notes, *unread]}]


def read_mail(path: str, media_type: str) -> Mail:
    """The message of an .eml or an Outlook file; the first one of a mailbox."""
    if media_type == MAILBOX:
        content, is_whole = next(mailboxes.messages_of(path), (b"", True))
    else:
        content, is_whole = messages.content_of(path)
    message, is_parsed = messages.parsed(content)
    mail = read_message(message)
    mail.is_cut |= not (is_whole and is_parsed)
    return mail


def read_message(message: EmailMessage) -> Mail:
    """A message that was parsed. Attached messages are among its `parts`."""
    reading = _Reading()
    mail = reading.mail
    mail.headers = list(messages.headers_of(message))
    pieces = reading.pieces_of(message, 0)
    pieces += reading.further if not any(piece.text.strip() for piece in pieces) else []
    pieces += [event for event in dict.fromkeys(reading.events) if event not in pieces]
    html = "".join(piece.markup() for piece in pieces) if any(piece.html for piece in pieces) else ""
    shown = {match.casefold() for match in CID_LINK.findall(html)}
    mail.parts = [reading.as_part(part, shown) for part in reading.carried]
    mail.html = _with_pictures(html, reading.carried)[: 4 * MAX_CHARACTERS]
    mail.text = "\n\n".join(piece.text.strip("\n") for piece in pieces if piece.text.strip())
    if hidden := sum(piece.hidden for piece in pieces):
        mail.notes.append([f"the mail holds text that it does not show ({hidden} characters); it was not read", False])
    return mail


class _Reading:
    """Walks through the parts of one message, up to limits."""

    def __init__(self) -> None:
        self.mail = Mail()
        self.carried: list[EmailMessage | Part] = []
        self.events: list[Piece] = []
        self.further: list[Piece] = []  # copies of the text, which are used if there is no other
        self._left = messages.MAX_PARTS

    def pieces_of(self, part: EmailMessage, depth: int) -> list[Piece]:
        """The text of a part. Attached documents are added to `carried`."""
        self._left -= 1
        if self._left < 0 or depth > MAX_DEPTH:
            self.mail.is_cut = True
            return []
        kind = messages.kind_of_part(part)
        if kind == "message/rfc822":
            self.carried.append(part)
            return []
        if kind == "multipart/alternative":
            return richest([self._pieces_of_alternative(inner, depth + 1) for inner in messages.parts_within(part)])
        if kind == "multipart/encrypted":
            self._encrypted()
            return []
        if within := messages.parts_within(part):
            if kind == "message/delivery-status":
                return [Piece("\n\n".join(_fields_of(inner) for inner in within))]
            return [piece for inner in within for piece in self.pieces_of(inner, depth + 1)]
        return self._pieces_of_leaf(part, kind, depth)

    def _pieces_of_alternative(self, part: EmailMessage, depth: int) -> list[Piece]:
        kind = messages.kind_of_part(part)
        if kind.startswith("text/") and kind not in ("text/plain", "text/html", "text/calendar"):
            return []  # the same text again, for devices such as watches
        return self.pieces_of(part, depth)

    def _pieces_of_leaf(self, part: EmailMessage, kind: str, depth: int) -> list[Piece]:
        name = messages.name_of(part)
        if kind == "text/calendar" or name.lower().endswith(".ics"):
            if shown := calendars.as_text(messages.text_of(part)):
                self.events.append(Piece(shown))
            return []
        if kind in ("text/plain", "text/html") and not name and messages.disposition_of(part) != "attachment":
            return [_piece(messages.text_of(part), kind)]
        if smime.is_envelope(kind, name):
            return self._pieces_of_envelope(part, name, depth)
        if tnef.is_tnef(kind, name):
            self._unpack(part, name)
        elif kind not in NOT_SHOWN and not kind.startswith("multipart/"):
            self.carried.append(part)
        return []

    def _pieces_of_envelope(self, part: EmailMessage, name: str, depth: int) -> list[Piece]:
        """The text of a signed part whose content is inside its signature."""
        try:
            content = smime.unwrapped(messages.payload_of(part))
        except smime.Encrypted:
            self._encrypted()
            return []
        except ValueError:
            self._note_unread(name or "smime.p7m", "it is damaged")
            return []
        if (inner := PurePath(name).stem) and PurePath(inner).suffix:  # a signed document, such as invoice.xml.p7m
            self.carried.append(Part("application/octet-stream", inner, lambda: content))
            return []
        message, is_whole = messages.parsed(content)
        self.mail.is_cut |= not is_whole
        return self.pieces_of(message, depth + 1) if content else []

    def _unpack(self, part: EmailMessage, name: str) -> None:
        """Add the content of Outlook's own container."""
        try:
            found = tnef.unpacked(messages.payload_of(part))
        except ValueError as error:
            self._note_unread(name or "winmail.dat", str(error))
            return
        self.carried += [
            Part("application/octet-stream", attachment.name, partial(bytes, attachment.content))
            for attachment in found.attachments
        ]
        if found.html or found.text:
            self.further.append(_piece(found.html, "text/html") if found.html else Piece(found.text))
        elif found.rtf:
            self.carried.append(Part("application/rtf", "message.rtf", lambda: found.rtf))

    def as_part(self, part: EmailMessage | Part, shown: set[str]) -> Part:
        """An attachment as a Part. `shown` are the content ids, in lower case, to which the HTML refers."""
        if isinstance(part, Part):
            return part
        kind, name = messages.kind_of_part(part), messages.name_of(part)
        if kind == "message/rfc822":
            message = next(iter(messages.parts_within(part)), EmailMessage())
            return Part(kind, name or subject_of(message), lambda: b"", message)
        is_attached = messages.disposition_of(part) == "attachment"
        is_nameless_picture = kind.startswith("image/") and not name and not is_attached
        is_inline = is_nameless_picture or messages.content_id_of(part).casefold() in shown
        return Part(kind, name, partial(messages.payload_of, part), is_inline=is_inline)

    def _encrypted(self) -> None:
        self.mail.is_encrypted = True
        self.mail.notes.append(["a part of the mail is encrypted; it was not read", True])

    def _note_unread(self, name: str, reason: str) -> None:
        self.mail.notes.append([f"the attached file {name} was not read: {reason}", True])


def _piece(text: str, kind: str) -> Piece:
    if kind == "text/plain":
        return Piece(text)
    shown, hidden = visible_text(text[: 4 * MAX_CHARACTERS])
    return Piece(shown, text, hidden)


def _fields_of(report: EmailMessage) -> str:
    """A block of a delivery report, which consists of headers alone."""
    return "\n".join(f"{name}: {' '.join(str(value).split())}" for name, value in report.raw_items())


def subject_of(message: EmailMessage) -> str:
    """The subject of a message, for the name of a file; `message` if it has none."""
    return next((value for name, value in messages.headers_of(message) if name == "Subject"), "") or "message"


def _with_pictures(html: str, carried: list[EmailMessage | Part]) -> str:
    """The HTML with data URLs for the pictures to which it refers."""
    pictures: dict[str, str] = {}
    for part in carried if "cid:" in html.lower() else ():
        if isinstance(part, Part) or (kind := messages.kind_of_part(part)) not in INLINE_PICTURES:
            continue
        payload = messages.payload_of(part)
        if 0 < len(payload) <= MAX_INLINE_BYTES:
            url = f"data:{kind};base64,{base64.b64encode(payload).decode()}"
            pictures[messages.content_id_of(part).casefold()] = url
    return CID_LINK.sub(lambda match: pictures.get(match[1].casefold(), match[0]), html)


def refuse_encrypted(mail: Mail) -> None:
    """Raise PermanentError `encrypted` if a message has nothing but an encrypted part."""
    if mail.is_encrypted and not mail.text.strip() and not mail.parts:
        raise PermanentError("encrypted", "the mail is encrypted for its recipient; send it decrypted")
