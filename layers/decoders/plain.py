"""Decodes plain text of any encoding, and reduces HTML to its visible words."""

from __future__ import annotations

import codecs
import re
from typing import Any

from layers.decoders.text_pages import text_page
from layers.decoders.visible_markup import visible_text

MAX_BYTES = 4 * 1024 * 1024
ENCODING_DECLARATION = re.compile(
    rb"""<\?xml[^>]{0,100}?encoding\s*=\s*["']([\w.:-]{2,40})|<meta[^>]{0,200}?charset\s*=\s*["']?([\w.:-]{2,40})""",
    re.IGNORECASE,
)
BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


def read_text(path: str, media_type: str) -> list[dict[str, Any]]:
    """The whole text as one page."""
    text = decoded(path, MAX_BYTES)
    if media_type != "text/html":
        return [text_page(text)]
    shown, hidden = visible_text(text)
    note = [f"the page holds text that it does not show ({hidden} characters); it was not read", False]
    return [text_page(shown) | ({"notes": [note]} if hidden else {})]


def decoded(path: str, max_bytes: int) -> str:
    """The text without NULs, decoded by its byte order mark, its declaration, as UTF-8, or as Windows-1252, in this order."""
    with open(path, "rb") as stream:
        content = stream.read(max_bytes)
    encoding = next((name for mark, name in BYTE_ORDER_MARKS if content.startswith(mark)), None) or _wide_encoding(
        content
    )
    if encoding:
        return content.decode(encoding, "replace").replace("\x00", "")
    for encoding in (_declared(content), "utf-8", "cp1252"):
        try:
            # The limit may cut the last character in two.
            text = content.decode(encoding or "utf-8", "strict" if len(content) < max_bytes else "ignore")
            return text.replace("\x00", "")
        except (UnicodeDecodeError, LookupError):
            continue
    return content.decode("cp1252", "replace").replace("\x00", "")


def _declared(content: bytes) -> str | None:
    """The encoding that an XML or HTML page declares. A 16-bit encoding would have been detected before."""
    found = ENCODING_DECLARATION.search(content[:2048]) if content.lstrip()[:1] == b"<" else None
    name = (found[1] or found[2]).decode("ascii") if found else None
    if name is None or name.lower().startswith(("utf-16", "utf-32", "utf-7")):
        return None
    try:
        return codecs.lookup(name).name if codecs.lookup(name)._is_text_encoding else None
    except LookupError:
        return None


def _wide_encoding(content: bytes) -> str | None:
    start = content[:2000]
    if len(start) < 4:
        return None
    if start[1::2].count(0) > 0.4 * len(start) / 2:
        return "utf-16-le"
    if start[::2].count(0) > 0.4 * len(start) / 2:
        return "utf-16-be"
    return None


def without_markup(text: str) -> str:
    """An HTML page's visible words, line by line, without scripts and styles."""
    return visible_text(text)[0]
