"""Reads and pictures documents through the sandbox."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from layers.domain.page import Identity, Page, Picture, Word
from layers.sandbox import Sandbox

THUMBNAIL_PX = 320
PREVIEW_PX = 2000
IDENTIFY_S = 20.0
TEXT_S = 60.0
OCR_PAGE_S = 30.0
PICTURE_S = 40.0
PREVIEW_S = 60.0


class Documents:
    """One sandbox for readers and one for pictures, so that neither waits for the other's children."""

    def __init__(self, *, max_children: int = 4, memory_bytes: int = 1 << 30, tesseract_languages: str = "eng") -> None:
        self._readers = Sandbox(max_children=max_children, memory_bytes=memory_bytes)
        self._painters = Sandbox(max_children=max_children, memory_bytes=memory_bytes, keep_warm=0)
        self._languages = tesseract_languages

    def identify(self, path: Path, name: str) -> Identity:
        """What the bytes are, and the number of pages. Raises PermanentError for what can't be taken."""
        found = self._readers.call("identify", {"path": str(path), "name": name}, timeout_s=IDENTIFY_S)
        return Identity(found["media_type"], found["page_count"])

    def read_text(self, path: Path, media_type: str, page_numbers: Sequence[int] | None = None) -> list[Page]:
        """The pages' own text; source None where there is none that can be used."""
        if media_type == "application/pdf":
            arguments = {"path": str(path), "page_numbers": list(page_numbers) if page_numbers else None}
            return _pages(self._readers.call("pdf_text", arguments, timeout_s=TEXT_S))
        arguments = {"path": str(path), "media_type": media_type}
        return _pages(self._readers.call("plain_text", arguments, timeout_s=TEXT_S))

    def read_images(self, path: Path, media_type: str, page_numbers: Sequence[int]) -> list[Page]:
        """The pages as OCR reads them. Raises PermanentError `timeout` where it takes too long."""
        arguments = {
            "path": str(path),
            "media_type": media_type,
            "page_numbers": list(page_numbers),
            "languages": self._languages,
        }
        return _pages(self._readers.call("ocr", arguments, timeout_s=20 + OCR_PAGE_S * max(1, len(page_numbers))))

    def preview(self, path: Path, media_type: str, into: Path) -> Picture | None:
        """What can be shown of the file; a picture without a name is the original itself."""
        if media_type == "application/pdf":
            return Picture("", media_type)
        if media_type == "image/tiff":
            pages = {"path": str(path), "into": str(into), "name": "preview.pdf", "edge_px": PREVIEW_PX}
            return Picture(**self._painters.call("image_pdf", pages, timeout_s=PREVIEW_S))
        if media_type.startswith("image/"):
            return self._picture(path, media_type, into, "preview.webp", PREVIEW_PX)
        if is_text(media_type):
            page = {
                "path": str(path),
                "media_type": media_type,
                "into": str(into),
                "name": "preview.html",
                "title": "Preview",
            }
            return Picture(**self._painters.call("text_page", page, timeout_s=PREVIEW_S))
        return None

    def thumbnail(self, path: Path, media_type: str, into: Path) -> Picture | None:
        """A small image of the first page."""
        if media_type == "application/pdf" or media_type.startswith("image/"):
            return self._picture(path, media_type, into, "thumbnail.webp", THUMBNAIL_PX)
        if is_text(media_type):
            page = {"path": str(path), "into": str(into), "name": "thumbnail.webp", "edge_px": THUMBNAIL_PX}
            return Picture(**self._painters.call("text_picture", page, timeout_s=PICTURE_S))
        return None

    def retire_idle(self) -> None:
        """End the children that have had nothing to do for a while."""
        self._readers.retire_idle()
        self._painters.retire_idle()

    def close(self) -> None:
        self._readers.close()
        self._painters.close()

    def _picture(self, path: Path, media_type: str, into: Path, name: str, edge_px: int) -> Picture:
        arguments = {"path": str(path), "media_type": media_type, "into": str(into), "name": name, "edge_px": edge_px}
        return Picture(**self._painters.call("picture", arguments, timeout_s=PICTURE_S))


def is_text(media_type: str) -> bool:
    return media_type.startswith("text/") or media_type in (
        "application/json",
        "application/xml",
        "application/x-ndjson",
    )


def _pages(found: list[dict[str, Any]]) -> list[Page]:
    return [
        Page(
            number=page["number"],
            text=page["text"],
            words=tuple(Word(*word) for word in page["words"]),
            source=page["source"],
            confidence=page["confidence"],
            width=page.get("width", 0.0),
            height=page.get("height", 0.0),
        )
        for page in found
    ]
