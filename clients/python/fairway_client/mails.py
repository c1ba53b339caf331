"""Reads mails: their subject and what is attached to them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import PurePosixPath

LONGEST_NAME = 200
UNWANTED = re.compile(r"[\x00-\x1f\x7f/\\]|[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that is attached to a mail. Its name is different from those of the others, and is one part of a path."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Mail:
    subject: str
    attachments: tuple[Attachment, ...]


def read_mail(content: bytes) -> Mail:
    """A mail as its server stores it. Pictures that belong to the text, such as logos, are no attachments."""
    message = message_from_bytes(content, policy=policy.default)
    names: set[str] = set()
    found = []
    for part, belongs_to_text in _parts(message, False):
        body = _content(part)
        if body is not None and not belongs_to_text and _is_attached(part):
            found.append(Attachment(_unlike(_name(part), names), body))
    return Mail(_subject(message), tuple(found))


def _parts(message: EmailMessage, is_related: bool) -> Iterator[tuple[EmailMessage, bool]]:
    """The parts of a message, without those of messages that are attached to it, and whether each is a picture of its
    text."""
    if message.get_content_maintype() != "multipart":
        is_picture = message.get_content_maintype() == "image" and message["Content-ID"] is not None
        yield message, is_related and is_picture
        return
    for part in message.iter_parts():
        yield from _parts(part, message.get_content_subtype() == "related")  # type: ignore[arg-type]


def _is_attached(part: EmailMessage) -> bool:
    is_message = part.get_content_type() == "message/rfc822"
    return is_message or part.get_content_disposition() == "attachment" or part.get_filename() is not None


def _content(part: EmailMessage) -> bytes | None:
    if part.get_content_type() == "message/rfc822":
        inner = part.get_payload()
        return bytes(inner[0]) if isinstance(inner, list) and inner else None  # type: ignore[arg-type, call-overload]
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else None


def _name(part: EmailMessage) -> str:
    named = part.get_filename()
    if not named and part.get_content_type() == "message/rfc822":
        named = f"{_subject(part.get_payload()[0])}.eml"  # type: ignore[index, arg-type]
    return UNWANTED.sub("_", str(named or "attachment")).strip(" .")[-LONGEST_NAME:] or "attachment"


def _unlike(name: str, names: set[str]) -> str:
    """The name, with a number if another attachment has it."""
    path, chosen, number = PurePosixPath(name), name, 1
    while chosen in names:
        number += 1
        chosen = f"{path.stem} ({number}){path.suffix}"
    names.add(chosen)
    return chosen


def _subject(message: EmailMessage) -> str:
    try:
        subject = str(message["Subject"] or "")
    except (ValueError, IndexError, AttributeError):  # headers that the parser can't read
        subject = ""
    return " ".join(UNWANTED.sub(" ", subject).split())[:LONGEST_NAME] or "mail without a subject"
