"""Decodes plain text of any encoding, and reduces HTML to its visible words."""

from __future__ import annotations

import re
from typing import Any

from layers.decoders import einvoices
from layers.decoders.charsets import decode
from layers.decoders.text_pages import text_page
from layers.decoders.visible_markup import visible_text

MAX_BYTES = 4 * 1024 * 1024
ENCODING_DECLARATION = re.compile(
    rb"""<\?xml[^>]{0,100}?encoding\s*=\s*["']([\w.:-]{2,40})|<meta[^>]{0,200}?charset\s*=\s*["']?([\w.:-]{2,40})""",
    re.IGNORECASE,
)


def read_text(path: str, media_type: str) -> list[dict[str, Any]]:
    """The whole text as one page."""
    if media_type == "application/xml" and (page := structured(path)):
        return [page]
    text = decoded(path, MAX_BYTES)
    if media_type != "text/html":
        return [text_page(text)]
    shown, hidden = visible_text(text)
    note = [f"the page has hidden text ({hidden} characters), which was not read", False]
    return [text_page(shown) | ({"notes": [note]} if hidden else {})]


def structured(path: str) -> dict[str, Any] | None:
    """The page of a structured invoice, or None."""
    with open(path, "rb") as stream:
        return einvoices.page_of(stream.read(einvoices.MAX_BYTES + 1))


def decoded(path: str, max_bytes: int) -> str:
    """The text without NULs, decoded by `charsets.decode` with the encoding that a page of markup declares."""
    with open(path, "rb") as stream:
        content = stream.read(max_bytes)
    return decode(content, declared_in(content), is_cut=len(content) == max_bytes)


def declared_in(content: bytes) -> str | None:
    """The encoding that an XML or HTML page declares."""
    found = ENCODING_DECLARATION.search(content[:2048]) if content.lstrip()[:1] == b"<" else None
    return (found[1] or found[2]).decode("ascii") if found else None


def without_markup(text: str) -> str:
    """An HTML page's visible words, line by line, without scripts and styles."""
    return visible_text(text)[0]
