"""RapidOCR: slower than Tesseract by five times, and better by far on faint, skewed or patterned print.

Boxes are those of the page as it is shown, as in `layers/decoders/ocr.py`. It finds lines; the words of a line are
spread over the line's box by their characters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from layers.decoders.ocr import gray_page, is_blank, settled, turned_image
from layers.domain.page import turned_box

EDGE_PX = 2000
FINDS_IN_PX = 1280  # the edge of the picture in which lines are looked for


def read_pages(path: str, media_type: str, pages: Sequence[tuple[int, int]]) -> list[dict[str, Any]]:
    """What it reads on each (page number, turn in degrees clockwise)."""
    return settled(
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
    found = _engine()(numpy.asarray(image.convert("RGB")))
    if not "".join(found.txts or ()).strip():
        return page | {"text": "", "words": [], "source": None, "confidence": 0.0}
    words: list[list[Any]] = []
    for text, corners, score in zip(found.txts, found.boxes, found.scores, strict=True):
        box = _extent(corners, *image.size)
        for word, x0, x1 in _spread(text, box[0], box[2]):
            place = turned_box((x0, box[1], x1, box[3]), -turned)
            words.append([word, *(round(value, 4) for value in place), round(100 * float(score), 1)])
    confidence = sum(word[5] for word in words) / len(words)
    return page | {"text": "\n".join(found.txts), "words": words, "confidence": round(confidence, 1)}


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

    # One thread: pages are read side by side. No classifier of turned lines: the page's turn is known.
    return RapidOCR(
        params={
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            "Global.use_cls": False,
            "Global.log_level": "error",
            "Det.limit_side_len": FINDS_IN_PX,
            "Det.limit_type": "max",
        }
    )
