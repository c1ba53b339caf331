"""Reads with unstructured, by its strategy for text and Tesseract: no model for layouts is used.

It fetches a model of English from GitHub to tell titles from sentences. An empty one serves here: the text is the same.
"""

import spacy
from answering import answer_each
from unstructured.partition.auto import partition

english = spacy.blank("en")
english.add_pipe("sentencizer")
spacy.load = lambda *_, **__: english


def read(path: str) -> dict[str, str]:
    strategy = (
        "ocr_only" if path.lower().endswith((".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".heic")) else "fast"
    )
    return {"text": "\n".join(element.text for element in partition(path, strategy=strategy, languages=["eng"]))}


answer_each(read)
