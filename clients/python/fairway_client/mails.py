"""Reads mails: their subject, their sender, and what is attached to them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import policy
from email.errors import HeaderParseError
from email.headerregistry import HeaderRegistry
from email.message import EmailMessage
from email.parser import BytesFeedParser
from pathlib import Path, PurePosixPath
from typing import Any
from unicodedata import normalize

MOST_PARTS = 500
FED_BYTES = 1 << 16
LONGEST_NAME = 200
LONGEST_HEADER = 10_000
# Characters that a name of a file or batch must not have: controls, separators of paths, marks that turn the direction of
# text, and halves of characters.
UNWANTED = re.compile("[\x00-\x1f\x7f-\x9f/\\\\\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
SIGNATURES = {"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"}
MAILS = {"message/rfc822", "message/global"}
# What the parser raises for headers that it can't read.
BROKEN = (ValueError, IndexError, AttributeError, TypeError, LookupError, HeaderParseError, RecursionError)
PARSING = policy.default.clone(refold_source="none", linesep="\r\n")
PLAIN = policy.compat32.clone(linesep="\r\n")
HEADERS = HeaderRegistry()


class UnreadableMail(Exception):
    """A mail can't be taken apart; the text says why."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that is attached to a mail. Its name has no folders and is different from those of the others."""

    name: str
    path: Path
    size_bytes: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A part of a mail that is no document, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Mail:
    subject: str
    sender: str
    attachments: tuple[Attachment, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def name(self) -> str:
        """The subject with the sender's address, as the name of a batch of at most 200 characters."""
        sender = f" ({self.sender})" if self.sender else ""
        return f"{self.subject[: LONGEST_NAME - len(sender)]}{sender}"


def read_mail(source: Path, folder: Path, *, least_picture_bytes: int) -> Mail:
    """The mail in a file; what is attached to it is written into `folder`.

    Pictures within the text that have fewer bytes than `least_picture_bytes` are left out, such as logos, and so are
    signatures, reports of delivery and empty parts. A mail that is attached is one file. Raises UnreadableMail, OSError.
    """
    try:
        message = _parsed(source)
        attachments, left_out, names = list[Attachment](), list[LeftOut](), set[str]()
        for part, is_related in _leaves(message, is_related=False):
            if not _is_attached(part):
                continue
            name, content = _name(part), _content(part)
            if content is None:
                left_out.append(LeftOut(name, f"has no content of its own ({part.get_content_type()})"))
                continue
            if reason := _reason_to_leave_out(part, content, is_related, least_picture_bytes):
                left_out.append(LeftOut(name, reason))
                continue
            name = _unlike(name, names)
            path = folder / f"attachment-{len(attachments)}"
            path.write_bytes(content)
            attachments.append(Attachment(name, path, len(content)))
        return Mail(_subject(message), _sender(message), tuple(attachments), tuple(left_out))
    except RecursionError:
        raise UnreadableMail("its parts are nested too deeply") from None


def _parsed(source: Path) -> EmailMessage:
    count = 0

    def counted(**options: Any) -> EmailMessage:
        nonlocal count
        count += 1
        return EmailMessage(**options)

    parser = BytesFeedParser(counted, policy=PARSING)
    with source.open("rb") as stream:
        while content := stream.read(FED_BYTES):
            parser.feed(content)
            if count > MOST_PARTS:
                raise UnreadableMail(f"it has more than {MOST_PARTS} parts")
    message: EmailMessage = parser.close()
    return message


def _leaves(part: EmailMessage, *, is_related: bool) -> Iterator[tuple[EmailMessage, bool]]:
    """The parts that have a content, and whether each belongs to a text (multipart/related). Attached mails are leaves."""
    if part.get_content_maintype() != "multipart" or not isinstance(part.get_payload(), list):
        yield part, is_related
        return
    for inner in part.get_payload():
        yield from _leaves(inner, is_related=part.get_content_subtype() == "related")  # type: ignore[arg-type]


# --- what is attached --------------------------------------------------------------------------------


def _is_attached(part: EmailMessage) -> bool:
    """Texts without a name are the text of the mail; everything else is attached to it."""
    maintype = part.get_content_maintype()
    if maintype == "multipart":  # without any parts: it is damaged
        return False
    return maintype != "text" or _disposition(part) == "attachment" or bool(_given_name(part))


def _reason_to_leave_out(part: EmailMessage, content: bytes, is_related: bool, least_picture_bytes: int) -> str | None:
    if part.get_content_type() in SIGNATURES:
        return "is a signature of the mail"
    if not content:
        return "is empty"
    if part.get_content_maintype() == "image" and len(content) < least_picture_bytes:
        belongs_to_text = is_related and part["Content-ID"] is not None
        if belongs_to_text or _disposition(part) != "attachment":
            return f"is a small picture of the text, {len(content):,} bytes"
    return None


def _content(part: EmailMessage) -> bytes | None:
    """The decoded bytes; of an attached mail, the mail. None for a report of delivery or a mere reference."""
    if part.get_content_maintype() != "message":
        content = part.get_payload(decode=True)
        return content if isinstance(content, bytes) else None
    inner = part.get_payload()
    if part.get_content_type() not in MAILS or not isinstance(inner, list) or not inner:
        return None
    content = _as_bytes(inner[0])  # type: ignore[arg-type]
    if str(part.get("Content-Transfer-Encoding", "")).strip().lower() == "base64":  # against the standard
        try:
            return base64.b64decode(content, validate=False) or content
        except binascii.Error:
            return content
    return content


def _as_bytes(message: EmailMessage) -> bytes:
    try:
        return message.as_bytes()
    except RecursionError:
        raise
    except BROKEN:
        return message.as_bytes(policy=PLAIN)


# --- names -------------------------------------------------------------------------------------------


def _name(part: EmailMessage) -> str:
    named = _given_name(part)
    if part.get_content_type() in MAILS:
        inner = part.get_payload()
        named = named or (_subject(inner[0]) if isinstance(inner, list) and inner else "mail")  # type: ignore[arg-type]
        named = named if named.lower().endswith(".eml") else f"{named}.eml"
    name = _cleaned(named or f"attachment{_suffix(part)}")
    return name or "attachment"


def _given_name(part: EmailMessage) -> str:
    """The name that the sender gave, in any of the encodings that mail programs use."""
    for header, parameter in (("Content-Disposition", "filename"), ("Content-Type", "name")):
        parameters = getattr(_header(part, header), "params", {})
        if name := str(parameters.get(parameter) or "").strip():
            return _decoded_words(name)
    return ""


def _decoded_words(text: str) -> str:
    """Encoded words, which some programs write inside of quotes, as text."""
    return str(HEADERS("Subject", text)) if "=?" in text else text


def _suffix(part: EmailMessage) -> str:
    subtype = part.get_content_subtype()
    return f".{subtype}" if re.fullmatch(r"[a-z]{2,4}", subtype) else ""


def _cleaned(name: str) -> str:
    """Without what leads to other folders, and at most LONGEST_NAME characters, of which the suffix is kept."""
    name = UNWANTED.sub("_", normalize("NFC", name)).strip(" .")
    suffix = PurePosixPath(name).suffix[:10]
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - len(suffix)] + suffix


def _unlike(name: str, names: set[str]) -> str:
    """The name, with a number if another attachment has it."""
    path, chosen, number = PurePosixPath(name), name, 1
    while chosen in names:
        number += 1
        chosen = f"{path.stem} ({number}){path.suffix}"
    names.add(chosen)
    return chosen


# --- headers -----------------------------------------------------------------------------------------


def _subject(message: EmailMessage) -> str:
    subject = UNWANTED.sub(" ", str(_header(message, "Subject") or ""))
    return " ".join(subject.split())[:LONGEST_NAME] or "mail without a subject"


def _sender(message: EmailMessage) -> str:
    addresses = getattr(_header(message, "From"), "addresses", ())
    return UNWANTED.sub("", addresses[0].addr_spec)[:100] if addresses else ""


def _disposition(part: EmailMessage) -> str:
    return str(getattr(_header(part, "Content-Disposition"), "content_disposition", None) or "")


def _header(message: EmailMessage, name: str) -> Any:
    """A parsed header, None if it is absent or can't be read. Bytes that are not ASCII are read as UTF-8 or Windows-1252."""
    raw = next((str(value) for key, value in message.raw_items() if key.lower() == name.lower()), None)
    if raw is None:
        return None
    content = raw[:LONGEST_HEADER].encode("utf-8", "surrogateescape")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
    try:
        return HEADERS(name, re.sub(r"[\r\n]+", "", text))
    except BROKEN:
        return None
