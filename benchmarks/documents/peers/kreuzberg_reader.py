"""Reads with kreuzberg alone, with its own OCR by Tesseract."""

import kreuzberg
from answering import answer_each

CONFIG = kreuzberg.ExtractionConfig(use_cache=False, ocr=kreuzberg.OcrConfig(backend="tesseract", language="eng"))
answer_each(lambda path: {"text": kreuzberg.extract_file_sync(path, config=CONFIG).content})
