"""Pages of text without boxes, as decoders hand them back, and the bound on how much of it is kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

MOST_CHARACTERS = 4_000_000


def text_page(text: str, number: int = 1) -> dict[str, Any]:
    """A page of a format that has no layout to measure; source None where there is no text."""
    text = text[:MOST_CHARACTERS].replace("\x00", "")
    found = bool(text.strip())
    return {
        "number": number,
        "text": text if found else "",
        "words": [],
        "source": "native" if found else None,
        "confidence": 100.0 if found else 0.0,
    }


def text_pages(texts: Iterable[str]) -> list[dict[str, Any]]:
    """A page for each text, in order, cut where all of them together have more than is kept.

    One without text counts as read, as an empty sheet of paper does, unless they all are.
    """
    pages, left = [], MOST_CHARACTERS
    for number, text in enumerate(texts, 1):
        pages.append(text_page(text[:left], number))
        left -= len(pages[-1]["text"])
    if any(page["source"] for page in pages):
        for page in pages:
            page["source"], page["confidence"] = "native", 100.0
    return pages
