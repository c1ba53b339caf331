"""Decodes plain text of any encoding, and reduces HTML to its visible words."""

from __future__ import annotations

import re
from typing import Any

from layers.decoders import einvoices
from layers.decoders.charsets import decode
from layers.decoders.text_pages import text_page

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
    return [text_page(without_markup(text) if media_type == "text/html" else text)]


def structured(path: str) -> dict[str, Any] | None:
    """The page of a structured invoice, or None."""
    with open(path, "rb") as stream:
        return einvoices.page_of(stream.read(einvoices.MAX_BYTES + 1))


def decoded(path: str, max_bytes: int) -> str:
    """The text without NULs, decoded as `charsets.decode` says, by the encoding that a page of markup declares."""
    with open(path, "rb") as stream:
        content = stream.read(max_bytes)
    return decode(content, declared_in(content), is_cut=len(content) == max_bytes)


def declared_in(content: bytes) -> str | None:
    """The encoding that an XML or HTML page declares."""
    found = ENCODING_DECLARATION.search(content[:2048]) if content.lstrip()[:1] == b"<" else None
    return (found[1] or found[2]).decode("ascii") if found else None


def without_markup(text: str) -> str:
    """An HTML page's words, line by line, without scripts and styles."""
    from html.parser import HTMLParser

    class Words(HTMLParser):
        BLOCKS = {"p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "title"}
        INVISIBLE = {"script", "style", "template", "noscript"}

        def __init__(self) -> None:
            super().__init__(convert_charrefs=True)
            self.parts: list[str] = []
            self.invisible = 0

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.invisible += tag in self.INVISIBLE
            self.parts.append("\n" if tag in self.BLOCKS else " " if tag in ("td", "th") else "")
            if tag == "img" and (alternative := dict(attrs).get("alt")):
                self.parts.append(f" {alternative} ")

        def handle_endtag(self, tag: str) -> None:
            self.invisible -= tag in self.INVISIBLE and self.invisible > 0
            self.parts.append("\n" if tag in self.BLOCKS else "")

        def handle_data(self, data: str) -> None:
            if not self.invisible:
                self.parts.append(data)

    words = Words()
    words.feed(text)
    lines = (" ".join(line.split()) for line in "".join(words.parts).splitlines())
    return "\n".join(line for line in lines if line)
