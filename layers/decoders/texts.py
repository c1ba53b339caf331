"""Reads the text of every format except PDF, with the reader that the format names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from layers.decoders import (
    books,
    drawings,
    iwork,
    mail,
    office,
    open_slides,
    open_texts,
    plain,
    rich_text,
    sheets,
    slides,
)
from layers.domain.errors import PermanentError
from layers.domain.formats import format_of

Pages = list[dict[str, Any]]

READERS: dict[str, Callable[[str, str], Pages]] = {
    "word": office.read_word,
    "office": office.read_text,
    "open_text": open_texts.read_text,
    "rich_text": rich_text.read_text,
    "book": books.read_text,
    "calamine": lambda path, _: sheets.read_text(path),
    "slides": lambda path, _: slides.read_text(path),
    "open_slides": lambda path, _: open_slides.read_text(path),
    "iwork": lambda path, _: iwork.read_text(path),
    "mail": mail.read_text,
    "html": plain.read_text,
    "plain": plain.read_text,
    "drawing": lambda path, _: drawings.read_text(path),
}


def read_text(path: str, media_type: str) -> Pages:
    """The text that a document stores as text, page by page. Raises PermanentError if its format has none."""
    try:
        reader = READERS[format_of(media_type).reader]
    except KeyError:
        raise PermanentError("unsupported_type", f"files of type {media_type} have no text to read") from None
    return reader(path, media_type)


def count_pages(path: str, media_type: str) -> int | None:
    """The number of sheets or slides, or None for a format without pages."""
    counters = {"calamine": sheets.count_sheets, "slides": slides.count_slides, "open_slides": open_slides.count_slides}
    count = counters.get(format_of(media_type).reader)
    return count(path) if count else None
