"""Unpacks winmail.dat: the container (TNEF) in which Outlook sends a message's text and attached files."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

MAX_BYTES = 64 << 20
MAX_OBJECTS = 5000  # tnefparse copies the rest of the content for each
MAX_NESTED = 3
HEAD_BYTES, OBJECT_HEAD_BYTES = 6, 11
KINDS = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    content: bytes


@dataclass(slots=True)
class Unpacked:
    """What a container holds. The text may be there as plain text, HTML or Rich Text."""

    text: str = ""
    html: str = ""
    rtf: bytes = b""
    attachments: list[Attachment] = field(default_factory=list)


def is_tnef(kind: str, name: str) -> bool:
    return kind in KINDS or name.lower() == "winmail.dat"


def unpacked(content: bytes) -> Unpacked:
    """The parts of the container. Raises ValueError if it is damaged or too large."""
    import tnefparse

    logging.getLogger("tnefparse").disabled = True
    if len(content) > MAX_BYTES or _count_objects(content) > MAX_OBJECTS:
        raise ValueError("it holds more than the limit")
    try:
        return _unpacked(tnefparse.TNEF(content, do_checksum=False))
    except Exception as error:  # the library checks nothing before it reads
        raise ValueError("it is damaged") from error


def _count_objects(content: bytes) -> int:
    """The number of objects that the container declares, counted up to the limit."""
    at, count = HEAD_BYTES, 0
    while at + OBJECT_HEAD_BYTES < len(content) and count <= MAX_OBJECTS:
        at += int.from_bytes(content[at + 5 : at + 9], "little") + OBJECT_HEAD_BYTES
        count += 1
    return count


def _unpacked(found: Any, depth: int = 0) -> Unpacked:
    whole = Unpacked(text=_text(found.body), html=_text(found.htmlbody), rtf=_rtf(found))
    for attachment in found.attachments:
        embedded = getattr(attachment, "embed", None)
        if embedded is None:
            whole.attachments.append(Attachment(_text(attachment.long_filename()), bytes(attachment.data)))
        elif depth < MAX_NESTED:
            whole.attachments += _as_attachments(_unpacked(embedded, depth + 1), _text(attachment.long_filename()))
        else:
            raise ValueError("messages within messages within messages")
    return whole


def _as_attachments(nested: Unpacked, name: str) -> list[Attachment]:
    """An attached message as files."""
    name = name or "message"
    files = [
        (f"{name}.html", nested.html.encode()),
        (f"{name}.txt", nested.text.encode()),
        (f"{name}.rtf", nested.rtf),
    ]
    text = next((Attachment(name, content) for name, content in files if content.strip()), None)
    return [*([text] if text else []), *nested.attachments]


def _rtf(found: Any) -> bytes:
    body = found.rtfbody
    return bytes(body) if isinstance(body, bytes | bytearray) else b""


def _text(value: Any) -> str:
    from layers.decoders.charsets import decode

    text = decode(bytes(value)) if isinstance(value, bytes | bytearray) else str(value or "")
    return text.replace("\x00", "").strip()
