"""Reads pages with RapidOCR, which is five times slower than Tesseract and far better on faint, skewed or patterned print.

Boxes refer to the displayed page, as in `layers/decoders/ocr.py`. RapidOCR finds lines; the boxes of words are estimated
from the line's box by the positions of their characters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from layers.decoders.ocr import gray_page, is_blank, turned_image, with_own_text
from layers.domain.page import turned_box

EDGE_PX = 2000
DETECTION_EDGE_PX = 1280  # of the image in which lines are detected


def read_pages(path: str, media_type: str, pages: Sequence[tuple[int, int]]) -> list[dict[str, Any]]:
    """What RapidOCR reads on each (page number, degrees by which the page is turned clockwise)."""
    return with_own_text(
        path,
        media_type,
        [_read_page(gray_page(path, media_type, number), number, turned) for number, turned in pages],
    )


def _read_page(shown: Any, number: int, turned: int) -> dict[str, Any]:
    import numpy

    page = {"number": number, "width": shown.width, "height": shown.height, "source": "ocr", "turned": turned}
    if is_blank(shown):
        return page | {"text": "", "words": [], "confidence": 100.0}
    shown.thumbnail((EDGE_PX, EDGE_PX), reducing_gap=2.0)
    image = turned_image(shown, turned)
    result = _engine()(numpy.asarray(image.convert("RGB")))
    if not "".join(result.txts or ()).strip():
        return page | {"text": "", "words": [], "source": None, "confidence": 0.0}
    words: list[list[Any]] = []
    for text, corners, score in zip(result.txts, result.boxes, result.scores, strict=True):
        box = _extent(corners, *image.size)
        for word, x0, x1 in _spread(text, box[0], box[2]):
            word_box = turned_box((x0, box[1], x1, box[3]), -turned)
            words.append([word, *(round(value, 4) for value in word_box), round(100 * float(score), 1)])
    confidence = sum(word[5] for word in words) / len(words)
    return page | {"text": "\n".join(result.txts), "words": words, "confidence": round(confidence, 1)}


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

    # One thread, since several pages are read at once. No classifier of turned lines, since the page's rotation is known.
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
