"""Turns documents that are inserted into a Word document (altChunk) into paragraphs with their text."""

from __future__ import annotations

import re
import zipfile
from pathlib import PurePosixPath
from xml.sax.saxutils import escape

from layers.decoders import mail, messages, temporary
from layers.decoders.containers import part_of, targets_of
from layers.domain.errors import PermanentError

MARK = b"altChunk"
ELEMENT = re.compile(
    rb"<((?:\w+:)?)altChunk\b([^<>]{0,500}?)(?:/>|>\s*(?:<[^<>]{0,500}>\s*){0,6}?</(?:\w+:)?altChunk\s*>)"
)
LINK = re.compile(rb"""\b\w+:id\s*=\s*["']([^"']{1,200})["']""")
NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
MAX_DEPTH = 3
MAX_INSERTED = 200
MAX_CHARACTERS = 4_000_000


def as_paragraphs(archive: zipfile.ZipFile, part: str, content: bytes, depth: int) -> bytes:
    """The content of a part, with a paragraph for each line of the inserted documents. The element of a document that
    can't be read completely stays."""
    targets = targets_of(archive, part)
    left, count = MAX_CHARACTERS, 0

    def shown(match: re.Match[bytes]) -> bytes:
        nonlocal left, count
        link = LINK.search(match[2])
        _, target = targets.get(link[1].decode("utf-8", "replace"), ("", "")) if link else ("", "")
        count += 1
        if not target or count > MAX_INSERTED or depth >= MAX_DEPTH:
            return match[0]
        text, is_whole = _text_of(part_of(archive, target), target, depth)
        if len(text) > left:
            return match[0]
        left -= len(text)
        lines = b"".join(_paragraph(match[1].decode(), line) for line in text.splitlines() if line.strip())
        return lines if is_whole else lines + match[0]

    return ELEMENT.sub(shown, content)


def count_left(content: bytes) -> int:
    """How many inserted documents are left in a part: those that were not read."""
    return sum(1 for _ in ELEMENT.finditer(content))


def _paragraph(prefix: str, line: str) -> bytes:
    text = escape(NOT_IN_XML.sub("", line))
    return f'<{prefix}p><{prefix}r><{prefix}t xml:space="preserve">{text}</{prefix}t></{prefix}r></{prefix}p>'.encode()


def _text_of(content: bytes, name: str, depth: int) -> tuple[str, bool]:
    """The text of an inserted document, and whether that is all of it."""
    from layers.decoders import identify, packages, texts

    if not content:
        return "", False
    suffix = PurePosixPath(name).suffix[:10]
    if suffix.lower() in (".mht", ".mhtml", ".eml"):
        message, is_whole = messages.parsed(content)
        text = mail.read_message(message).text
        return text, is_whole and bool(text)
    with temporary.stored(content, suffix) as file:
        try:
            media_type = identify.identify(file, name)["media_type"]
            with packages.canonical(file, depth + 1) as path:
                pages = texts.read_text(path, media_type)
        except PermanentError:
            return "", False
    lost = any(is_lost for page in pages for _, is_lost in page.get("notes") or ())
    return "\n".join(page["text"] for page in pages), not lost
