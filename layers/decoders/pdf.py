"""Reads PDF with pdfium: counts pages, extracts words with boxes, renders pages with a limited size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from layers.decoders import einvoices
from layers.domain.errors import PermanentError

MIN_CHARACTERS = 16
MAX_BROKEN_SHARE = 0.2
MAX_CHARACTERS = 200_000


@contextmanager
def _opened(path: str) -> Iterator[Any]:
    import pypdfium2
    from pypdfium2 import PdfiumError

    try:
        document = pypdfium2.PdfDocument(path)
    except PdfiumError as error:
        if "password" in str(error).lower():
            raise PermanentError(
                "password_protected", "the PDF is protected by a password; send it without one"
            ) from None
        raise PermanentError("corrupt", "the PDF is damaged and can't be opened") from None
    try:
        yield document
    finally:
        document.close()


@contextmanager
def opened_page(path: str, number: int) -> Iterator[Any]:
    """A page, counted from 1, of the PDF at `path`."""
    from pypdfium2 import PdfiumError

    with _opened(path) as document:
        try:
            page = document[number - 1]
        except (PdfiumError, IndexError):
            raise PermanentError("corrupt", f"page {number} of the PDF is damaged") from None
        try:
            yield page
        finally:
            page.close()


def count_pages(path: str) -> int:
    with _opened(path) as document:
        if len(document) == 0:
            raise PermanentError("corrupt", "the PDF has no pages")
        return len(document)


def read_text(path: str, page_numbers: Sequence[int] | None = None) -> list[dict[str, Any]]:
    """Each page's own text and words; boxes in fractions of the displayed page. `source` is None if the text is unusable."""
    from pypdfium2 import PdfiumError

    with _opened(path) as document:
        pages = []
        for number in page_numbers or range(1, len(document) + 1):
            try:
                pages.append(_read_page(document[number - 1], number))
            except PdfiumError:
                # pdfium can't load the page; another program may still render it.
                pages.append({"number": number, "text": "", "words": [], "source": None, "confidence": 0.0})
        einvoices.add_facts(document, pages)
        return pages


def _read_page(page: Any, number: int) -> dict[str, Any]:
    text_page = page.get_textpage()
    try:
        count = min(text_page.count_chars(), MAX_CHARACTERS)
        text = text_page.get_text_range(0, count).replace("\r\n", "\n").replace("\r", "\n") if count > 0 else ""
        width, height = page.get_size()
        usable = _is_usable(text)
        return {
            "number": number,
            "text": text if usable else "",
            "words": _words(page, text_page, count, width, height) if usable else [],
            "source": "native" if usable else None,
            "confidence": 100.0 if usable else 0.0,
            "width": width,
            "height": height,
        }
    finally:
        text_page.close()
        page.close()


def _is_usable(text: str) -> bool:
    """Whether there is enough text, and few unassigned or private characters, which broken encodings lead to."""
    visible = [character for character in text if not character.isspace()]
    if len(visible) < MIN_CHARACTERS:
        return False
    broken = sum(1 for c in visible if c == "\ufffd" or not c.isprintable() or "\ue000" <= c <= "\uf8ff")
    return broken / len(visible) <= MAX_BROKEN_SHARE


def _words(page: Any, text_page: Any, count: int, width: float, height: float) -> list[list[Any]]:
    """Words in reading order as [text, x0, y0, x1, y1], each box joined from those of its characters."""
    from pypdfium2 import raw

    to_fractions = _converter(page, width, height)
    words: list[list[Any]] = []
    letters: list[str] = []
    boxes: list[tuple[float, float, float, float]] = []

    def end_word() -> None:
        if letters and boxes:
            left, bottom = min(b[0] for b in boxes), min(b[1] for b in boxes)
            right, top = max(b[2] for b in boxes), max(b[3] for b in boxes)
            words.append(["".join(letters), *to_fractions(left, bottom, right, top)])
        letters.clear()
        boxes.clear()

    for index in range(count):
        character = chr(raw.FPDFText_GetUnicode(text_page, index))
        if character.isspace() or character == "\x00":
            end_word()
            continue
        box = text_page.get_charbox(index)
        if boxes and _starts_new_word(boxes[-1], box):
            end_word()
        letters.append(character)
        boxes.append(box)
    end_word()
    return words


def _starts_new_word(last: tuple[float, float, float, float], box: tuple[float, float, float, float]) -> bool:
    height = max(last[3] - last[1], box[3] - box[1], 1.0)
    return abs(box[1] - last[1]) > 1.5 * height or box[0] - last[2] > 2 * height


def _converter(page: Any, width: float, height: float) -> Any:
    """A function from page coordinates (origin bottom left, before rotation) to fractions of the displayed page."""
    left, bottom, right, top = page.get_bbox()
    w, h = (right - left) or 1.0, (top - bottom) or 1.0
    turns: dict[int, Any] = {
        0: lambda x, y: (x, 1 - y),
        90: lambda x, y: (y, x),
        180: lambda x, y: (1 - x, y),
        270: lambda x, y: (1 - y, 1 - x),
    }
    turn = turns[page.get_rotation() % 360]

    def to_fractions(x0: float, y0: float, x1: float, y1: float) -> list[float]:
        a = turn((x0 - left) / w, (y0 - bottom) / h)
        b = turn((x1 - left) / w, (y1 - bottom) / h)
        corners = (min(a[0], b[0]), min(a[1], b[1]), max(a[0], b[0]), max(a[1], b[1]))
        return [round(min(1.0, max(0.0, v)), 4) for v in corners]

    return to_fractions


def render(path: str, number: int, longest_edge_px: int, dpi: int = 200, gray: bool = False) -> Any:
    """A page as a Pillow image, at `dpi` or with a longest edge of `longest_edge_px`, whichever is smaller."""
    from pypdfium2 import PdfiumError

    with opened_page(path, number) as page:
        width, height = page.get_size()
        scale = min(dpi / 72, longest_edge_px / max(width, height, 1.0))
        try:
            return page.render(scale=scale, grayscale=gray, may_draw_forms=False).to_pil()
        except (PdfiumError, ValueError) as error:
            raise PermanentError("corrupt", f"page {number} of the PDF can't be drawn ({error})") from None
