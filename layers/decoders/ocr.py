"""Reads pages by OCR: with networks where they know the script of the languages, else with Tesseract.

Tesseract also reads a page of which the networks are unsure; the page keeps the reading with more letters that are
expected to be right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

from layers.decoders import tessdata
from layers.decoders.gray_pages import gray_page, notes_on
from layers.decoders.readings import Reading, is_blank
from layers.decoders.tesseract import Tesseract
from layers.domain.file import ReadingLevel
from layers.domain.formats import format_of

SECOND_OPINION_BELOW = 65.0  # the mean confidence of a page


def read_pages(
    path: str,
    media_type: str,
    page_numbers: Sequence[int],
    languages: Sequence[str],
    level: ReadingLevel = "balanced",
    schema: Mapping[str, Any] | None = None,
    engine: str = "auto",
) -> list[dict[str, Any]]:
    """The pages as they were read. `schema` shows which lines matter most; with the engine `tesseract` no network is
    used."""
    reader = _Reader(languages, level, schema or {}, engine)
    pages = [read_page(gray_page(path, media_type, number), number, reader) for number in page_numbers]
    return with_own_text(path, media_type, pages)


def with_own_text(path: str, media_type: str, pages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The pages as they were read, with the document's own text added if it has pictures or scans on pages."""
    # Imported only where needed, because these modules take half of the time until the first photo is read.
    if media_type == "application/pdf":
        from layers.decoders import pdf_text

        return [pdf_text.add_own_text(path, page) for page in pages]
    if not format_of(media_type).holds_pictures:
        return pages
    from layers.decoders import embedded

    return [embedded.add_own_text(path, media_type, page) for page in pages]


class PageReader(Protocol):
    """Reads a gray page."""

    def read(self, shown: Any) -> Reading: ...


def read_page(shown: Any, number: int, reader: PageReader) -> dict[str, Any]:
    """A gray page as it was read, with its number."""
    page = {"number": number, "width": shown.width, "height": shown.height, "source": "ocr", "turned": 0}
    page["notes"] = notes_on(shown, number)
    if is_blank(shown):
        return page | {"text": "", "words": [], "confidence": 100.0}
    reading = reader.read(shown)
    if not reading.words:
        return page | {"text": "", "words": [], "source": None, "confidence": 0.0}
    found = {"text": reading.text, "words": reading.words, "turned": reading.turned}
    return page | found | {"confidence": round(reading.confidence, 1)}


class _Reader:
    """Chooses the engine for pages in some languages."""

    def __init__(self, languages: Sequence[str], level: ReadingLevel, schema: Mapping[str, Any], engine: str) -> None:
        self._languages, self._level, self._schema = languages, level, schema
        self._uses_networks = engine != "tesseract"

    def read(self, shown: Any) -> Reading:
        if self._networks is None:
            return self._tesseract.read(shown)
        reading = self._networks.read(shown)
        if reading.confidence >= SECOND_OPINION_BELOW or tessdata.folder_with(self._languages) is None:
            return reading
        return max(reading, self._tesseract.read(shown), key=lambda each: each.letters_right)

    @cached_property
    def _networks(self) -> PageReader | None:
        """The networks that know the languages; None if none does, or if they can't run here."""
        if not self._uses_networks:
            return None
        try:
            from layers.decoders.nets import pages
        except (ImportError, OSError):
            return None
        return pages.reader_for(self._languages, self._level, self._schema)

    @cached_property
    def _tesseract(self) -> Tesseract:
        return Tesseract(self._languages)
