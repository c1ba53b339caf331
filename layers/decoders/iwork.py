"""Reads Pages, Numbers and Keynote documents by the preview that they hold: all pages as a PDF, or a picture of the first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from layers.decoders import temporary
from layers.decoders.containers import check_bounds, opened_zip, part_of
from layers.domain.errors import PermanentError

# In the order in which they show more.
PREVIEWS = (
    ("QuickLook/Preview.pdf", "application/pdf"),
    ("preview.jpg", "image/jpeg"),
    ("QuickLook/Thumbnail.jpg", "image/jpeg"),
    ("preview-web.jpg", "image/jpeg"),
)
MAX_SHOWN = 12
FIRST_PAGE_ONLY = "only the document's picture of its first page was read; export it as a PDF"


@dataclass(frozen=True, slots=True)
class Preview:
    path: str
    media_type: str


@contextmanager
def preview_of(path: str) -> Iterator[Preview]:
    """The document's preview as a temporary file. Raises PermanentError `unsupported_type` if it holds none."""
    with opened_zip(path) as archive:
        check_bounds(archive)
        names = set(archive.namelist())
        found = next(((name, kind) for name, kind in PREVIEWS if name in names), None)
        if found is None:
            detail = "Pages, Numbers and Keynote documents can only be read by their preview; export it as a PDF"
            raise PermanentError("unsupported_type", detail)
        content = part_of(archive, found[0])
    with temporary.stored(content) as file:
        yield Preview(file, found[1])


def check(path: str) -> None:
    """Raise PermanentError unless the document has a preview that can be opened."""
    from layers.decoders.images import count_frames
    from layers.decoders.pdf import count_pages

    with preview_of(path) as preview:
        (count_pages if preview.media_type == "application/pdf" else count_frames)(preview.path)


def read_text(path: str) -> list[dict[str, Any]]:
    """The pages of the preview. Those for OCR have no source."""
    from layers.decoders import pdf_text

    with preview_of(path) as preview:
        if preview.media_type == "application/pdf":
            return pdf_text.read_text(preview.path)
    blank: dict[str, Any] = {"number": 1, "text": "", "words": [], "source": None, "confidence": 0.0}
    return [blank | {"notes": [[FIRST_PAGE_ONLY, True]]}]


def gray_page(path: str, number: int) -> Any:
    """A page of the preview in gray."""
    from layers.decoders import gray_pages

    with preview_of(path) as preview:
        return gray_pages.gray_page(preview.path, preview.media_type, number)


def add_own_text(path: str, page: dict[str, Any]) -> dict[str, Any]:
    """A page as OCR read it, with the preview's own text."""
    from layers.decoders import ocr

    with preview_of(path) as preview:
        return ocr.with_own_text(preview.path, preview.media_type, [page])[0]


def as_html(path: str) -> str:
    """The first pages of the preview as pictures in HTML."""
    from layers.decoders import inline_pages
    from layers.decoders.pdf import count_pages

    with preview_of(path) as preview:
        count = min(count_pages(preview.path), MAX_SHOWN) if preview.media_type == "application/pdf" else 1
        return inline_pages.pages_as_html(preview.path, preview.media_type, count)


def picture(path: str, edge_px: int) -> Any:
    """The first page as a Pillow image."""
    from layers.decoders import images, pdf

    with preview_of(path) as preview:
        if preview.media_type == "application/pdf":
            return pdf.render(preview.path, 1, edge_px)
        return images.frame(preview.path, 1, draft_edge_px=edge_px).copy()
