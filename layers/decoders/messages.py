"""Parses internet messages within limits: their parts, headers and texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from email import policy
from email.headerregistry import HeaderRegistry
from email.message import EmailMessage
from email.parser import BytesFeedParser
from functools import cache
from typing import Any, TypeVar, cast

from layers.decoders import outlook
from layers.decoders.charsets import codec_of, decode
from layers.decoders.containers import OLE_MARK
from layers.decoders.plain import declared_in, decoded

MAX_BYTES = 64 << 20
MAX_PARTS = 500
FEED_BYTES = 4096  # parsed at a time; small, so that parsing stops soon after MAX_PARTS
SHOWN_HEADERS = ("Subject", "From", "To", "Cc", "Bcc", "Date")
ENCODED_WORD = re.compile(rb"=\?([\w.:-]{2,40})\?([bBqQ])\?")
# The parser raises these for broken headers.
BROKEN = (ValueError, IndexError, AttributeError, TypeError, LookupError)
Value = TypeVar("Value")


def content_of(path: str) -> tuple[bytes, bool]:
    """The start of a file with a message, in 8 bits, and whether that is the whole file."""
    with open(path, "rb") as stream:
        content = stream.read(MAX_BYTES + 1)
    is_whole = len(content) <= MAX_BYTES
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        content = decoded(path, MAX_BYTES).encode()
    return content[:MAX_BYTES], is_whole


def parsed(content: bytes) -> tuple[EmailMessage, bool]:
    """The message, and whether all of it was parsed: parsing stops after MAX_PARTS parts. It may be one that Outlook saved."""
    if content.startswith(OLE_MARK):
        content = outlook.as_mail(content)
    content = ENCODED_WORD.sub(_as_meant, content.lstrip())
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


def _as_meant(match: re.Match[bytes]) -> bytes:
    """The start of an encoded word, with the charset that its label means."""
    codec = codec_of(match[1].decode("ascii"))
    return b"=?" + (codec.replace("_", "-").encode() if codec else match[1]) + b"?" + match[2] + b"?"


def headers_of(message: EmailMessage) -> Iterator[tuple[str, str]]:
    """The headers that a mail program shows, in its order."""
    for name in SHOWN_HEADERS:
        try:
            values = message.get_all(name, [])
        except BROKEN:
            values = [value for key, value in message.raw_items() if key.lower() == name.lower()]
        for value in values:
            text = " ".join(str(value).split())
            yield name, (_raw_header(message, name) or text) if "\ufffd" in text else text


def _raw_header(message: EmailMessage, name: str) -> str:
    """A header that holds bytes beyond ASCII, which no mail program should write but many do."""
    value = next((str(value) for key, value in message.raw_items() if key.lower() == name.lower()), "")
    return " ".join(decode(value.encode("utf-8", "surrogateescape")).split())


def kind_of_part(part: EmailMessage) -> str:
    """The media type that a part claims to have."""
    return _or(part.get_content_type, "application/octet-stream")


def name_of(part: EmailMessage) -> str:
    """The file name of a part; empty if it has none."""
    return " ".join(_or(lambda: part.get_filename() or "", "attachment").split())


def disposition_of(part: EmailMessage) -> str:
    """`attachment`, `inline`, or empty."""
    return _or(lambda: part.get_content_disposition() or "", "")


def content_id_of(part: EmailMessage) -> str:
    """The name by which the HTML of the message refers to a part; empty if there is none."""
    return _or(lambda: str(part.get("Content-ID") or ""), "").strip("<> ")


def payload_of(part: EmailMessage) -> bytes:
    """The content of a part, decoded. A nested message or a list of parts has none."""
    payload = _or(lambda: cast(Any, part.get_payload(decode=True)), b"")
    return payload if isinstance(payload, bytes) else b""


def parts_within(part: EmailMessage) -> list[EmailMessage]:
    """The parts that a part consists of: those of a multipart, or the message in an attached message."""
    payload = part.get_payload() if part.is_multipart() else []
    return [inner for inner in payload if isinstance(inner, EmailMessage)] if isinstance(payload, list) else []


def text_of(part: EmailMessage) -> str:
    """The text of a part, in the encoding that it claims or the most plausible one."""
    payload = part.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else str(part.get_payload()).encode("utf-8", "replace")
    label = _or(part.get_content_charset, None)
    if label is None and kind_of_part(part) == "text/html":
        label = declared_in(content)
    return decode(content, label)


def _or(read: Callable[[], Value], otherwise: Value) -> Value:
    try:
        return read()
    except BROKEN:
        return otherwise
