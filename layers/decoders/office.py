"""Reads text documents and old office formats with kreuzberg, as text or as HTML that is not sanitised."""

from __future__ import annotations

import re
from typing import Any

from layers.decoders import inserted_documents
from layers.decoders.containers import ZIP_MARKS, check_bounds, opened_zip, part_of, targets_of, xml_of
from layers.decoders.hidden_words import without_hidden_words
from layers.decoders.text_pages import MAX_CHARACTERS, text_page
from layers.domain.errors import PermanentError

WORDS = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
DOCUMENT, STYLES = "word/document.xml", "word/styles.xml"
LOCKED = re.compile(r"password|encrypt|decrypt", re.IGNORECASE)


class ReaderMissing(PermanentError):
    """The reader of these formats is not installed for this step, as for OCR on Lambda."""


def read_text(path: str, media_type: str) -> list[dict[str, Any]]:
    """The whole text as one page, since these formats don't store page breaks."""
    return [text_page(content_of(path, media_type)[0])]


def read_word(path: str, media_type: str) -> list[dict[str, Any]]:
    """The text of a Word document with its headers and footers, which kreuzberg leaves out."""
    with without_hidden_words(path, DOCUMENT, STYLES) as (shown, hidden):
        text = content_of(shown, media_type)[0]
    with opened_zip(path) as archive:
        lines = _headers_and_footers(archive)
        unread = inserted_documents.count_left(part_of(archive, DOCUMENT))
    head, foot = "\n".join(lines["header"]), "\n".join(lines["footer"])
    page = text_page("\n".join(part for part in (head, text, foot) if part))
    notes: list[list[Any]] = []
    if hidden:
        notes.append([f"the document holds hidden text ({hidden} characters); it was not read", False])
    if unread:
        notes.append([f"{unread} documents that are inserted into this one were not read", True])
    return [page | ({"notes": notes} if notes else {})]


def content_of(path: str, media_type: str, as_html: bool = False) -> tuple[str, dict[str, Any]]:
    """The content and the metadata that kreuzberg reads. Raises PermanentError if it can't.

    Its cache is off because it would keep texts on disk; its OCR is off because OCR is a step of its own.
    """
    try:
        import kreuzberg
    except ImportError:
        detail = "scans in documents such as Word's can't be read by OCR here"
        raise ReaderMissing("unsupported_type", detail) from None

    _check_zip(path)
    config = kreuzberg.ExtractionConfig(use_cache=False, disable_ocr=True, output_format="html" if as_html else "plain")
    try:
        result = kreuzberg.extract_file_sync(path, mime_type=media_type, config=config)
    except kreuzberg.KreuzbergError as error:
        if LOCKED.search(str(error)):
            raise PermanentError(
                "password_protected", "the file is protected by a password; send it without one"
            ) from None
        raise PermanentError("corrupt", "the document is damaged and can't be read") from None
    return str(result.content)[: 2 * MAX_CHARACTERS], dict(result.metadata)


def _check_zip(path: str) -> None:
    with open(path, "rb") as stream:
        is_zip = stream.read(4) in ZIP_MARKS
    if is_zip:
        with opened_zip(path) as archive:
            check_bounds(archive)


def _headers_and_footers(archive: Any) -> dict[str, list[str]]:
    """The distinct lines of the document's headers and footers, without page numbers."""
    found: dict[str, list[str]] = {"header": [], "footer": []}
    for kind, name in targets_of(archive, DOCUMENT).values():
        tree = xml_of(archive, name) if kind in found else None
        for paragraph in tree.iter(f"{WORDS}p") if tree is not None else ():
            line = "".join(run.text or "" for run in paragraph.iter(f"{WORDS}t")).strip()
            if line and not line.isdigit() and line not in found[kind]:
                found[kind].append(line)
    return found
