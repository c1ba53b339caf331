"""Builds pages of text without boxes, as decoders return them, with a limited length."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

MAX_CHARACTERS = 4_000_000


def text_page(text: str, number: int = 1) -> dict[str, Any]:
    """A page of a format without layout. `source` is None if there is no text."""
    text = text[:MAX_CHARACTERS].replace("\x00", "")
    has_text = bool(text.strip())
    return {
        "number": number,
        "text": text if has_text else "",
        "words": [],
        "source": "native" if has_text else None,
        "confidence": 100.0 if has_text else 0.0,
    }


def hidden_page(page: dict[str, Any], kind: str, name: str) -> dict[str, Any]:
    """A hidden page of a document: it counts as read and has no text."""
    note = [f"the {kind} {name} is hidden; it was not read", False]
    return page | {"text": "", "source": "native", "confidence": 100.0, "is_hidden": True, "notes": [note]}


def text_pages(texts: Iterable[str]) -> list[dict[str, Any]]:
    """One page per text, in order, cut at MAX_CHARACTERS in total.

    An empty page counts as read, like a blank sheet of paper, unless all pages are empty.
    """
    pages, left = [], MAX_CHARACTERS
    for number, text in enumerate(texts, 1):
        pages.append(text_page(text[:left], number))
        left -= len(pages[-1]["text"])
    if any(page["source"] for page in pages):
        for page in pages:
            page["source"], page["confidence"] = "native", 100.0
    return pages
