"""Reads with unstructured, by its strategy for text and Tesseract: no model for layouts is used."""

from answering import answer_each
from unstructured.partition.auto import partition


def read(path: str) -> dict[str, str]:
    strategy = (
        "ocr_only" if path.lower().endswith((".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".heic")) else "fast"
    )
    return {"text": "\n".join(element.text for element in partition(path, strategy=strategy, languages=["eng"]))}


answer_each(read)
