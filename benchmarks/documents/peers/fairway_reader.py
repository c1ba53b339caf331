"""Reads with Fairway's decoders, as its steps `text` and `ocr` do: own text first, then Tesseract for the other pages."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from answering import answer_each

from layers.decoders import embedded, identify, ocr, pdf_text
from layers.domain.formats import Kind, kind_of

LANGUAGES = ["eng"]


def read(path: str) -> dict[str, Any]:
    found = identify.identify(path, Path(path).name)
    media_type = found["media_type"]
    if media_type == "application/pdf":
        pages = pdf_text.read_text(path)
    elif kind_of(media_type) is Kind.PICTURE:
        pages = [{"number": number, "source": None} for number in range(1, (found["page_count"] or 1) + 1)]
    else:
        pages = embedded.read_text(path, media_type)
        for page in pages:
            page.pop("lacks_values", None)  # the steps have LibreOffice compute these, which is not measured here
    unread = [page["number"] for page in pages if page["source"] is None]
    again = {page["number"]: page for page in ocr.read_pages(path, media_type, unread, LANGUAGES)} if unread else {}
    return {"pages": [again.get(page["number"], page) for page in pages]}


answer_each(read)
