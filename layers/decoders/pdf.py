"""Opens PDF with pdfium: counts its pages and renders them with a limited size."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from layers.decoders import pdf_envelopes
from layers.domain.errors import PermanentError


@contextmanager
def opened(path: str) -> Iterator[Any]:
    """The PDF at `path`, or what it holds if its own pages are only a notice (`layers/decoders/pdf_envelopes.py`)."""
    import pypdfium2
    from pypdfium2 import PdfiumError, raw

    pdf_envelopes.watch_for_collections()
    try:
        document = pypdfium2.PdfDocument(path)
    except PdfiumError as error:
        if "password" in str(error).lower():
            raise PermanentError(
                "password_protected", "the PDF is protected by a password; send it without one"
            ) from None
        raise PermanentError("corrupt", "the PDF is damaged and can't be opened") from None
    try:
        document = pdf_envelopes.unwrapped(document)
        if document.get_formtype() in (raw.FORMTYPE_ACRO_FORM, raw.FORMTYPE_XFA_FOREGROUND):
            document.init_forms()
        yield document
    finally:
        document.close()


@contextmanager
def opened_page(path: str, number: int) -> Iterator[Any]:
    """A page, counted from 1, of the PDF at `path`."""
    from pypdfium2 import PdfiumError

    with opened(path) as document:
        try:
            page = document[number - 1]
        except (PdfiumError, IndexError):
            raise PermanentError("corrupt", f"page {number} of the PDF is damaged") from None
        try:
            yield page
        finally:
            page.close()


def count_pages(path: str) -> int:
    with opened(path) as document:
        if len(document) == 0:
            raise PermanentError("corrupt", "the PDF has no pages")
        return len(document)


def shown_size(path: str, number: int) -> tuple[float, float]:
    """The width and height of a displayed page in points. A page that pdfium can't load counts as A4."""
    from pypdfium2 import PdfiumError

    with opened(path) as document:
        try:
            width, height = document.get_page_size(number - 1)
        except (PdfiumError, IndexError):
            width, height = 0.0, 0.0
    return (width, height) if min(width, height) > 0 else (595.0, 842.0)


def render(path: str, number: int, longest_edge_px: int, dpi: int = 200, gray: bool = False) -> Any:
    """A page as a Pillow image, at `dpi` or with a longest edge of `longest_edge_px`, whichever is smaller."""
    with opened_page(path, number) as page:
        return _drawn(page, number, min(dpi / 72, longest_edge_px / max(*page.get_size(), 1.0)), gray)


def render_scaled(path: str, number: int, scale: float, gray: bool = False) -> Any:
    """A page as a Pillow image, at `scale` pixels a point."""
    with opened_page(path, number) as page:
        return _drawn(page, number, scale, gray)


def _drawn(page: Any, number: int, scale: float, gray: bool) -> Any:
    from pypdfium2 import PdfiumError

    try:
        return page.render(scale=scale, grayscale=gray, may_draw_forms=True).to_pil()
    except (PdfiumError, ValueError) as error:
        raise PermanentError("corrupt", f"page {number} of the PDF can't be drawn ({error})") from None
