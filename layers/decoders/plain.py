"""Plain text: decoded whatever its encoding, and shown as a page that loads and runs nothing."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

MOST_BYTES = 4 * 1024 * 1024
MOST_PREVIEW_BYTES = 512 * 1024
PAGE = """<!doctype html><html lang="und"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title><style>body{{margin:2rem;font:14px/1.5 ui-monospace,monospace;color:#222;background:#fff}}
pre{{white-space:pre-wrap;overflow-wrap:anywhere;margin:0}}p{{color:#777}}</style></head>
<body><pre>{text}</pre>{more}</body></html>
"""


def read_text(path: str, media_type: str) -> list[dict[str, Any]]:
    """The whole text as one page without boxes; source None where there is none."""
    text = decoded(path, MOST_BYTES)
    if media_type == "text/html":
        text = without_markup(text)
    found = bool(text.strip())
    return [
        {
            "number": 1,
            "text": text,
            "words": [],
            "source": "native" if found else None,
            "confidence": 100.0 if found else 0.0,
        }
    ]


def as_html(path: str, media_type: str, into: str, name: str, title: str) -> dict[str, Any]:
    """The text as one self-contained page with a policy of its own."""
    size = Path(path).stat().st_size
    text = decoded(path, MOST_PREVIEW_BYTES)
    if media_type == "text/html":
        text = without_markup(text)
    more = "<p>Only the beginning is shown.</p>" if size > MOST_PREVIEW_BYTES else ""
    page = PAGE.format(title=html.escape(title), text=html.escape(text), more=more)
    (Path(into) / name).write_text(page, encoding="utf-8", errors="replace")
    return {"name": name, "media_type": "text/html; charset=utf-8", "page_count": 1}


def decoded(path: str, most_bytes: int) -> str:
    """The text by its byte order mark, else as UTF-8, else as Windows-1252; without NUL characters."""
    with open(path, "rb") as stream:
        content = stream.read(most_bytes)
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if content.startswith(mark):
            return content.decode(encoding, "replace").replace("\x00", "")
    if (wide := _wide_encoding(content)) is not None:
        return content.decode(wide, "replace").replace("\x00", "")
    try:
        # A cut through a character at the end is no reason to doubt the encoding.
        text = content.decode("utf-8", "strict" if len(content) < most_bytes else "ignore")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
    return text.replace("\x00", "")


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
    """An HTML page's words, line by line, scripts and styles left out."""
    from html.parser import HTMLParser

    class Words(HTMLParser):
        BLOCKS = {"p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "title"}
        UNSEEN = {"script", "style", "template", "noscript"}

        def __init__(self) -> None:
            super().__init__(convert_charrefs=True)
            self.parts: list[str] = []
            self.unseen = 0

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.unseen += tag in self.UNSEEN
            self.parts.append("\n" if tag in self.BLOCKS else " " if tag == "td" else "")

        def handle_endtag(self, tag: str) -> None:
            self.unseen -= tag in self.UNSEEN and self.unseen > 0
            self.parts.append("\n" if tag in self.BLOCKS else "")

        def handle_data(self, data: str) -> None:
            if not self.unseen:
                self.parts.append(data)

    words = Words()
    words.feed(text)
    lines = (" ".join(line.split()) for line in "".join(words.parts).splitlines())
    return "\n".join(line for line in lines if line)
