"""Reads pages with RapidOCR, which is five times slower than Tesseract and much better on faint, skewed or patterned print.

Boxes refer to the displayed page, as in `layers/decoders/ocr.py`. RapidOCR finds lines; the boxes of words are estimated
from the line's box by the positions of their characters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from layers.decoders import bands
from layers.decoders.gray_pages import gray_page, notes_on
from layers.decoders.ocr import is_blank, text_of_words, turned_image, with_own_text
from layers.domain.page import turned_box

EDGE_PX = 2000
MAX_BAND_WIDTH_PX = 900
DETECTION_EDGE_PX = 1280  # of the image in which lines are detected


def read_pages(path: str, media_type: str, pages: Sequence[tuple[int, int]]) -> list[dict[str, Any]]:
    """RapidOCR's result for each (page number, degrees by which the page is rotated clockwise)."""
    return with_own_text(
        path,
        media_type,
        [_read_page(gray_page(path, media_type, number), number, turned) for number, turned in pages],
    )


def _read_page(shown: Any, number: int, turned: int) -> dict[str, Any]:
    page = {"number": number, "width": shown.width, "height": shown.height, "source": "ocr", "turned": turned}
    page["notes"] = notes_on(shown, number)
    if is_blank(shown):
        return page | {"text": "", "words": [], "confidence": 100.0}
    image = _bounded(turned_image(shown, turned))
    read = _read_bands(image) if bands.is_tall(*image.size) else _read_image(image)
    words = [[word[0], *(round(value, 4) for value in turned_box(word[1:5], -turned)), word[5]] for word in read.words]
    if not words:
        return page | {"text": "", "words": [], "source": None, "confidence": 0.0}
    confidence = sum(word[5] for word in words) / len(words)
    return page | {"text": read.text, "words": words, "confidence": round(confidence, 1)}


@dataclass(frozen=True, slots=True)
class _Read:
    """Words as [text, x0, y0, x1, y1, confidence], and the text line by line."""

    words: list[list[Any]]
    text: str


def _bounded(image: Any) -> Any:
    """The image at a good size for the engine; tall ones keep their width, because they are read in bands."""
    if bands.is_tall(*image.size):
        image.thumbnail((MAX_BAND_WIDTH_PX, image.height), reducing_gap=2.0)
    else:
        image.thumbnail((EDGE_PX, EDGE_PX), reducing_gap=2.0)
    return image


def _read_bands(image: Any) -> _Read:
    words: list[list[Any]] = []
    for band in bands.cuts(image):
        rows = bands.with_overlap(band, image)
        read = _read_image(image.crop((0, rows[0], image.width, rows[1])))
        words += bands.words_of_band(read.words, band, rows, image.height)
    return _Read(words, text_of_words(words, image.size))


def _read_image(image: Any) -> _Read:
    import numpy

    result = _engine()(numpy.asarray(image.convert("RGB")))
    words: list[list[Any]] = []
    for text, corners, score in zip(result.txts or (), result.boxes, result.scores, strict=True) if result.txts else ():
        box = _extent(corners, *image.size)
        for word, x0, x1 in _spread(text, box[0], box[2]):
            words.append([word, x0, box[1], x1, box[3], round(100 * float(score), 1)])
    return _Read(words, "\n".join(result.txts or ()))


def _extent(corners: Any, width: int, height: int) -> tuple[float, float, float, float]:
    xs, ys = [float(corner[0]) / width for corner in corners], [float(corner[1]) / height for corner in corners]
    left, top, right, bottom = min(xs), min(ys), max(xs), max(ys)
    return max(0.0, left), max(0.0, top), min(1.0, right), min(1.0, bottom)


def _spread(text: str, x0: float, x1: float) -> list[tuple[str, float, float]]:
    step = (x1 - x0) / max(1, len(text))
    return [(match[0], x0 + match.start() * step, x0 + match.end() * step) for match in re.finditer(r"\S+", text)]


@cache
def _engine() -> Any:
    from rapidocr import RapidOCR

    # One thread, since several pages are read at once. No classifier of rotated lines, since the rotation is known.
    return RapidOCR(
        params={
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            "Global.use_cls": False,
            "Global.log_level": "error",
            "Det.limit_side_len": DETECTION_EDGE_PX,
            "Det.limit_type": "max",
        }
    )
