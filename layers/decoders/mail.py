"""Reads mail: headers, names of attachments, and the body as text and as HTML."""

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

from layers.decoders.charsets import codec_of, decode
from layers.decoders.plain import declared_in, decoded, without_markup
from layers.decoders.text_pages import MAX_CHARACTERS, text_page

MAX_BYTES = 64 << 20
MAX_PARTS = 500
FEED_BYTES = 4096  # parsed at a time; small, so that parsing stops soon after MAX_PARTS
MAX_INLINE_BYTES = 4 << 20
MAX_CACHED_BYTES = 1 << 20
SHOWN_HEADERS = ("Subject", "From", "To", "Cc", "Bcc", "Date")
INLINE_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
ENCODED_WORD = re.compile(rb"=\?([\w.:-]{2,40})\?([bBqQ])\?")
CID_LINK = re.compile(r"cid:([^\"'\s>)]+)", re.IGNORECASE)


@dataclass(slots=True)
class Mail:
    """One message. `html` is not sanitised. `is_cut`: the message has more parts than were read."""

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
    cut = ["", f"Only the first {MAX_PARTS} parts of this message were read."] if mail.is_cut else []
    return [text_page("\n".join([*lines, "", mail.text, *cut]))]


def read_mail(path: str, media_type: str) -> Mail:
    """The message of an .eml or an Outlook file."""
    return _outlook(path, media_type) if media_type == "application/vnd.ms-outlook" else _internet_message(path)


def picture_indexes(path: str) -> Iterator[int]:
    """The indexes, among a message's parts, of inline and attached pictures."""
    for index, part in enumerate(_parts(_message(path)[0])):
        if index >= MAX_PARTS:
            return
        if part.get_content_maintype() == "image":
            yield index


def picture_at(path: str, index: int) -> bytes:
    """The content of the part at an index; empty if there is none."""
    for at, part in enumerate(_parts(_message(path)[0])):
        if at == index:
            payload = part.get_payload(decode=True)
            return payload if isinstance(payload, bytes) else b""
    return b""


def _message(path: str) -> tuple[EmailMessage, bool]:
    status = Path(path).stat()
    if status.st_size > MAX_CACHED_BYTES:
        return _read(path)
    return _cached(path, (status.st_ino, status.st_mtime_ns, status.st_size))


@lru_cache(maxsize=1)
def _cached(path: str, version: tuple[int, int, int]) -> tuple[EmailMessage, bool]:
    """The last message, since its text and its pictures are requested one after the other."""
    return _read(path)


def _read(path: str) -> tuple[EmailMessage, bool]:
    with open(path, "rb") as stream:
        content = stream.read(MAX_BYTES)
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        content = decoded(path, MAX_BYTES).encode()
    return _parsed(ENCODED_WORD.sub(_as_meant, content.lstrip()))


def _as_meant(match: re.Match[bytes]) -> bytes:
    """The start of an encoded word, with the charset that its label means."""
    codec = codec_of(match[1].decode("ascii"))
    return b"=?" + (codec.replace("_", "-").encode() if codec else match[1]) + b"?" + match[2] + b"?"


def _internet_message(path: str) -> Mail:
    message, is_whole = _message(path)
    mail = Mail(headers=list(_headers(message)), is_cut=not is_whole)
    pictures: dict[str, str] = {}
    texts: list[str] = []
    for index, part in enumerate(_parts(message)):
        if index >= MAX_PARTS:
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
    mail.html = CID_LINK.sub(lambda match: pictures.get(match[1], match[0]), mail.html)[: 4 * MAX_CHARACTERS]
    mail.text = "\n\n".join(texts) or without_markup(mail.html)
    return mail


def _parsed(content: bytes) -> tuple[EmailMessage, bool]:
    """The message, and whether all of it was parsed: parsing stops after MAX_PARTS parts."""
    count = 0

    def counted_message(**options: Any) -> EmailMessage:
        nonlocal count
        count += 1
        return EmailMessage(**options)

    # Without this cache each access to a header parses it again.
    header_factory = cache(HeaderRegistry())
    parser = BytesFeedParser(counted_message, policy=policy.default.clone(header_factory=header_factory))
    for at in range(0, len(content), FEED_BYTES):
        if count > MAX_PARTS:
            return parser.close(), False
        parser.feed(content[at : at + FEED_BYTES])
    return parser.close(), True


def _headers(message: EmailMessage) -> Iterator[tuple[str, str]]:
    for name in SHOWN_HEADERS:
        try:
            values = message.get_all(name, [])
        except (ValueError, IndexError, AttributeError, TypeError):  # the parser raises these for broken headers
            values = [value for key, value in message.raw_items() if key.lower() == name.lower()]
        for value in values:
            text = " ".join(str(value).split())
            yield name, (_raw_header(message, name) or text) if "\ufffd" in text else text


def _raw_header(message: EmailMessage, name: str) -> str:
    """A header that holds bytes beyond ASCII, which no mail program should write but many do."""
    value = next((str(value) for key, value in message.raw_items() if key.lower() == name.lower()), "")
    return " ".join(decode(value.encode("utf-8", "surrogateescape")).split())


def _parts(message: EmailMessage) -> Iterator[EmailMessage]:
    """Every part with content, including those of attached messages."""
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
    label = part.get_content_charset()
    if label is None and part.get_content_type() == "text/html":
        label = declared_in(content)
    return decode(content, label)


def _picture(part: EmailMessage, kind: str) -> tuple[str, str] | None:
    """An inline picture: its content id, and the picture as a data URL."""
    if kind not in INLINE_PICTURES or not (content_id := part.get("Content-ID")):
        return None
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes) or len(payload) > MAX_INLINE_BYTES:
        return None
    return str(content_id).strip("<> "), f"data:{kind};base64,{base64.b64encode(payload).decode()}"


def _outlook(path: str, media_type: str) -> Mail:
    from layers.decoders.office import content_of

    text, metadata = content_of(path, media_type)
    headers, _, body = text.partition("\n\n")
    mail = Mail(text=body)
    for line in headers.splitlines():
        name, mark, value = line.partition(": ")
        if mark and name.title() in SHOWN_HEADERS:
            mail.headers.append((name.title(), value))
        else:  # no headers: the whole text is the body
            return Mail(text=text, attached=_attached(metadata))
    mail.attached = _attached(metadata)
    return mail


def _attached(metadata: dict[str, Any]) -> list[str]:
    names = metadata.get("attachments") or ()
    return [Path(str(name)).name for name in names] if isinstance(names, list | tuple) else [str(names)]
