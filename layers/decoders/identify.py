"""Identifies a file's media type by its content, and counts its pages."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import Any

from layers.decoders import containers, flat_documents, iwork, mailboxes, packages, texts
from layers.decoders.images import count_frames, picture_by_brands
from layers.decoders.libmagic import libmagic
from layers.decoders.pdf import count_pages
from layers.domain.errors import PermanentError
from layers.domain.formats import BY_MEDIA_TYPE, FORMATS, IWORK, MAIL, MAILBOX, SEEN, Kind, format_of

MAX_PAGES = 2000
START_BYTES = 8192

# Text types whose content looks alike: the suffix of the file's name decides between them.
BY_SUFFIX = {
    known.suffix: known.media_type for known in FORMATS if known.kind in (Kind.MARKUP, Kind.TABLE, Kind.TEXT, Kind.MAIL)
}
BY_SUFFIX |= {".markdown": "text/markdown", ".htm": "text/html", ".xhtml": "text/html", ".log": "text/plain"}
BY_SUFFIX |= {".ndjson": "application/x-ndjson", ".tab": "text/tab-separated-values"}
del BY_SUFFIX[".msg"]
SPELLINGS = {
    "image/x-ms-bmp": "image/bmp",
    "image/heif": "image/heic",
    "image/heif-sequence": "image/heic",
    "image/heic-sequence": "image/heic",
    "image/svg": "image/svg+xml",
    "text/xml": "application/xml",
    "text/rtf": "application/rtf",
    "application/xhtml+xml": "text/html",
    "video/x-m4v": "video/mp4",
    "video/x-msvideo": "video/x-msvideo",
    "video/avi": "video/x-msvideo",
}
TEXTUAL = {"application/json", "application/xml", "application/x-ndjson", "message/rfc822", "application/mbox"}
# A message starts with a header field, or with the `From ` line of a mailbox.
FIELD = re.compile(rb"\A\s*(?:From |[A-Za-z][A-Za-z0-9-]{1,60}:)")
MAIL_FIELDS = re.compile(rb"^(?:From|To|Subject|Date|Received|MIME-Version|Message-ID|Return-Path):", re.I | re.M)
TAG = re.compile(rb"<(?:!doctype\s+html|html[\s>]|head[\s>]|body[\s>])", re.IGNORECASE)
CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f\x7f]")
JPEG_2000 = (b"\x00\x00\x00\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")
DRAWING = re.compile(rb"<(?:\w+:)?svg[\s>]", re.IGNORECASE)


def identify(path: str, name: str) -> dict[str, Any]:
    """`{"media_type", "page_count"}`. Raises PermanentError for an empty, damaged, locked, too long or unsupported file."""
    if Path(path).stat().st_size == 0:
        raise PermanentError("empty_file", "the file is empty (0 bytes)")
    media_type = _media_type(path, name)
    if media_type in (MAIL, MAILBOX):
        media_type = MAILBOX if mailboxes.is_mailbox(path) else MAIL
    try:
        kind = format_of(media_type).kind
    except KeyError:
        raise PermanentError(
            "unsupported_type",
            f"files of type {media_type} can't be read; send a PDF, a picture, an office document, a mail or text",
        ) from None
    if kind is Kind.PDF:
        return _counted(media_type, count_pages(path))
    if kind is Kind.PICTURE:
        return _counted(media_type, count_frames(path))
    if kind in SEEN:
        return _counted(media_type, 1)
    if media_type == IWORK:
        iwork.check(path)
    with packages.canonical(path) as readable:
        return _counted(media_type, texts.count_pages(readable, media_type))


def _counted(media_type: str, page_count: int | None) -> dict[str, Any]:
    if page_count is not None and page_count > MAX_PAGES:
        raise PermanentError("too_many_pages", f"the file has {page_count} pages; at most {MAX_PAGES} are accepted")
    return {"media_type": media_type, "page_count": page_count}


def _media_type(path: str, name: str) -> str:
    with open(path, "rb") as stream:
        start = stream.read(START_BYTES)
    if b"%PDF-" in start[:1024]:
        return "application/pdf"
    if picture := picture_by_brands(start):
        return picture
    if start.startswith(JPEG_2000):
        return "image/jp2"
    if start.startswith(b"{\\rtf"):
        return "application/rtf"
    if start.startswith(containers.OLE_MARK):
        return containers.type_of_ole(path) or "application/x-ole-storage"
    if start[:4] in containers.ZIP_MARKS:
        return containers.type_of_zip(path)
    if flat := flat_documents.type_of(start):
        return flat
    if (by_suffix := BY_SUFFIX.get(Path(name).suffix.lower())) and _is_plain(start):
        return "image/svg+xml" if _is_drawing(start) else by_suffix  # libmagic would not change this result
    detected = libmagic().type_of(path)
    detected = SPELLINGS.get(detected, detected)
    if detected in BY_MEDIA_TYPE and not _is_textual(detected):
        return detected
    if _is_textual(detected) or (detected == "application/octet-stream" and _is_readable(start)):
        return _text_type(start, name, detected)
    return detected


def _is_textual(media_type: str) -> bool:
    return media_type.startswith("text/") or media_type in TEXTUAL or media_type == "image/svg+xml"


def _text_type(start: bytes, name: str, detected: str) -> str:
    """The media type of text. The content alone often can't decide this, so the name counts here, and only here."""
    narrow = start.replace(b"\x00", b"") if _is_wide(start) else start
    if _is_drawing(narrow):
        return "image/svg+xml"
    if by_suffix := BY_SUFFIX.get(Path(name).suffix.lower()):
        return by_suffix
    if FIELD.match(narrow) and len(MAIL_FIELDS.findall(narrow)) >= 3:
        return "message/rfc822"
    if TAG.search(narrow[:1024]):
        return "text/html"
    return detected if detected in BY_MEDIA_TYPE else "text/plain"


def _is_drawing(start: bytes) -> bool:
    return bool(DRAWING.search(start[:4096])) and not TAG.search(start[:4096])


def _is_plain(start: bytes) -> bool:
    """Whether it is UTF-8 without control characters other than line breaks and tabs."""
    return not CONTROLS.search(start) and _is_readable(start)


def _is_readable(start: bytes) -> bool:
    """Whether it is text, even with a few control characters that make libmagic call it data."""
    if _is_wide(start):
        return True
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return False
    return sum(character < " " and character not in "\t\n\r\f" for character in text) < 0.01 * len(text)


def _is_wide(start: bytes) -> bool:
    """Whether it is text of 16 or more bits per character, by its byte order mark or its NULs."""
    if start[:2] in (b"\xff\xfe", b"\xfe\xff") or start[:4] == b"\x00\x00\xfe\xff":
        return True
    if len(start) < 8:
        return False
    fewer, more = sorted((start[1::2].count(0), start[::2].count(0)))
    return more > 0.2 * len(start) and fewer < 0.05 * len(start)
