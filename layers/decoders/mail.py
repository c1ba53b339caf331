"""Mail: its headers, the names of what is attached, and its body as text and as HTML."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import policy
from email.headerregistry import HeaderRegistry
from email.message import EmailMessage
from email.parser import BytesFeedParser
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from layers.decoders.plain import decoded, without_markup
from layers.decoders.text_pages import MOST_CHARACTERS, text_page

MOST_BYTES = 64 << 20
MOST_PARTS = 500
FED_BYTES = 4096  # at a time, so that not many more parts than that are parsed
MOST_INLINE_BYTES = 4 << 20
MOST_KEPT_BYTES = 1 << 20
SHOWN_HEADERS = ("Subject", "From", "To", "Cc", "Bcc", "Date")
INLINE_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
REFERS = re.compile(r"cid:([^\"'\s>)]+)", re.IGNORECASE)


@dataclass(slots=True)
class Mail:
    """One message. `html` is as it was sent: not to be shown before it is sanitised. `is_cut`: it has more parts."""

    headers: list[tuple[str, str]] = field(default_factory=list)
    text: str = ""
    html: str = ""
    attached: list[str] = field(default_factory=list)
    is_cut: bool = False


def read_text(path: str, media_type: str) -> list[dict[str, Any]]:
    """Headers, body and names of attachments, as one page."""
    mail = read_mail(path, media_type)
    if not (mail.headers or mail.text.strip() or mail.attached):
        return [text_page("")]
    lines = [f"{name}: {value}" for name, value in mail.headers]
    if mail.attached:
        lines.append(f"Attachments: {', '.join(mail.attached)}")
    cut = ["", f"Only the first {MOST_PARTS} parts of this message were read."] if mail.is_cut else []
    return [text_page("\n".join([*lines, "", mail.text, *cut]))]


def read_mail(path: str, media_type: str) -> Mail:
    """The message of an .eml or an Outlook file."""
    return _outlook(path, media_type) if media_type == "application/vnd.ms-outlook" else _internet_message(path)


def places_of_pictures(path: str) -> Iterator[int]:
    """The places, among a message's parts, of the pictures that it shows or that are attached."""
    for place, part in enumerate(_parts(_message(path)[0])):
        if place >= MOST_PARTS:
            return
        if part.get_content_maintype() == "image":
            yield place


def picture_at(path: str, place: int) -> bytes:
    """The content of the part at a place; empty where there is none."""
    for at, part in enumerate(_parts(_message(path)[0])):
        if at == place:
            payload = part.get_payload(decode=True)
            return payload if isinstance(payload, bytes) else b""
    return b""


def _message(path: str) -> tuple[EmailMessage, bool]:
    told = Path(path).stat()
    if told.st_size > MOST_KEPT_BYTES:
        return _read(path)
    return _kept(path, (told.st_ino, told.st_mtime_ns, told.st_size))


@lru_cache(maxsize=1)
def _kept(path: str, which: tuple[int, int, int]) -> tuple[EmailMessage, bool]:
    """The message that was read last: its text and its pictures are asked for one after the other."""
    return _read(path)


def _read(path: str) -> tuple[EmailMessage, bool]:
    with open(path, "rb") as stream:
        content = stream.read(MOST_BYTES)
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        content = decoded(path, MOST_BYTES).encode()
    return _parsed(content.lstrip())


def _internet_message(path: str) -> Mail:
    message, is_whole = _message(path)
    mail = Mail(headers=list(_headers(message)), is_cut=not is_whole)
    pictures: dict[str, str] = {}
    texts: list[str] = []
    for place, part in enumerate(_parts(message)):
        if place >= MOST_PARTS:
            mail.is_cut = True
            break
        kind, name = part.get_content_type(), _name_of(part)
        if kind in ("text/plain", "text/html") and not name and part.get_content_disposition() != "attachment":
            text = _content(part)
            if kind == "text/html":
                mail.html += text
            elif text.strip():
                texts.append(text)
            continue
        if inline := _picture(part, kind):
            pictures[inline[0]] = inline[1]
        if name or not inline:
            mail.attached.append(name or kind)
    mail.html = REFERS.sub(lambda found: pictures.get(found[1], found[0]), mail.html)[: 4 * MOST_CHARACTERS]
    mail.text = "\n\n".join(texts) or without_markup(mail.html)
    return mail


def _parsed(content: bytes) -> tuple[EmailMessage, bool]:
    """The message, and whether all of it was parsed: of very many parts only the first are."""
    made = 0

    def one_more(**options: Any) -> EmailMessage:
        nonlocal made
        made += 1
        return EmailMessage(**options)

    # Every question to a message parses the header anew that answers it.
    parsed_once = cache(HeaderRegistry())
    parser = BytesFeedParser(one_more, policy=policy.default.clone(header_factory=parsed_once))
    for at in range(0, len(content), FED_BYTES):
        if made > MOST_PARTS:
            return parser.close(), False
        parser.feed(content[at : at + FED_BYTES])
    return parser.close(), True


def _headers(message: EmailMessage) -> Iterator[tuple[str, str]]:
    for name in SHOWN_HEADERS:
        try:
            values = message.get_all(name, [])
        except (ValueError, IndexError, AttributeError, TypeError):  # the parser's own faults with broken headers
            values = [value for key, value in message.raw_items() if key.lower() == name.lower()]
        for value in values:
            yield name, " ".join(str(value).split())


def _parts(message: EmailMessage) -> Iterator[EmailMessage]:
    """Every part that holds something, the attached messages' own among them."""
    for part in message.walk():
        if not part.is_multipart() and isinstance(part, EmailMessage):
            yield part


def _name_of(part: EmailMessage) -> str:
    try:
        return " ".join((part.get_filename() or "").split())
    except (ValueError, IndexError, AttributeError, TypeError, LookupError):
        return "attachment"


def _content(part: EmailMessage) -> str:
    payload = part.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else str(part.get_payload()).encode("utf-8", "replace")
    encodings = [part.get_content_charset() or "utf-8", "utf-8"]
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except (LookupError, UnicodeDecodeError):
            continue
    return content.decode("cp1252", "replace")


def _picture(part: EmailMessage, kind: str) -> tuple[str, str] | None:
    """A picture that the body may show: its content id, and the picture as a data URL."""
    if kind not in INLINE_PICTURES or not (named := part.get("Content-ID")):
        return None
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes) or len(payload) > MOST_INLINE_BYTES:
        return None
    return str(named).strip("<> "), f"data:{kind};base64,{base64.b64encode(payload).decode()}"


def _outlook(path: str, media_type: str) -> Mail:
    from layers.decoders.office import content_of

    text, told = content_of(path, media_type)
    headers, _, body = text.partition("\n\n")
    mail = Mail(text=body)
    for line in headers.splitlines():
        name, mark, value = line.partition(": ")
        if mark and name.title() in SHOWN_HEADERS:
            mail.headers.append((name.title(), value))
        else:  # it has no headers: all of it is its body
            return Mail(text=text, attached=_attached(told))
    mail.attached = _attached(told)
    return mail


def _attached(told: dict[str, Any]) -> list[str]:
    names = told.get("attachments") or ()
    return [Path(str(name)).name for name in names] if isinstance(names, list | tuple) else [str(names)]
