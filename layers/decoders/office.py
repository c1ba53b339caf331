"""Reads documents of Word and PowerPoint, old and new, with office_oxide, as text or as HTML that is not sanitised."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from layers.decoders import inserted_documents
from layers.decoders.containers import ZIP_MARKS, check_bounds, opened_zip, part_of
from layers.decoders.hidden_words import without_hidden_words
from layers.decoders.text_pages import MAX_CHARACTERS, text_page
from layers.domain.errors import PermanentError

DOCUMENT, STYLES = "word/document.xml", "word/styles.xml"
READ_AS = {
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/msword": "doc",
    "application/vnd.ms-powerpoint": "ppt",
}
INLINE = {"heading", "paragraph"}
RUNS = {"text", "line_break"}
WORD = re.compile(r"\w+")
LOCKED = ("password", "encrypt")


class ReaderMissing(PermanentError):
    """The reader of these formats is not installed for this step, as for OCR on Lambda."""


def read_text(path: str, media_type: str) -> list[dict[str, Any]]:
    """The whole text of an old document as one page, with the rows of its tables as lines. Where the structure lacks words
    that the text has, the text is taken as it is."""
    document = _opened(path, media_type)
    text = str(document.plain_text())
    laid_out = "\n".join(line for section in document.to_ir().get("sections") or () for line in _section_lines(section))
    return [text_page(laid_out if set(WORD.findall(text)) <= set(WORD.findall(laid_out)) else text)]


def read_word(path: str, media_type: str) -> list[dict[str, Any]]:
    """The text of a Word document, with notes on what was not read."""
    with without_hidden_words(path, DOCUMENT, STYLES) as (shown, hidden):
        page = text_page(_opened(shown, media_type).plain_text())
    with opened_zip(path) as archive:
        unread = inserted_documents.count_left(part_of(archive, DOCUMENT))
    notes: list[list[Any]] = []
    if hidden:
        notes.append([f"the document holds hidden text ({hidden} characters); it was not read", False])
    if unread:
        notes.append([f"{unread} documents that are inserted into this one were not read", True])
    return [page | ({"notes": notes} if notes else {})]


def as_html(path: str, media_type: str) -> str:
    return str(_opened(path, media_type).to_html())[: 2 * MAX_CHARACTERS]


def _section_lines(section: dict[str, Any]) -> list[str]:
    """The lines of a section or a slide, between its headers and its footers, and then the speaker's notes."""
    headers, footers = (
        [line for key, part in section.items() if name in key and isinstance(part, dict) for line in _lines(part)]
        for name in ("header", "footer")
    )
    notes = [line for note in section.get("speaker_notes") or () for line in _lines(note)]
    body = [line for element in section.get("elements") or () for line in _lines(element)]
    return [*dict.fromkeys(headers), *body, *dict.fromkeys(footers), *(["", "Notes:", *notes] if notes else [])]


def _lines(element: dict[str, Any]) -> Iterator[str]:
    """The lines of a block; a row of a table is one."""
    if rows := element.get("rows"):
        for row in rows:
            yield "\t".join(" ".join(_lines(cell)) for cell in row.get("cells") or ())
        return
    inside = element.get("content") or element.get("items") or ()
    if element.get("type") in INLINE or all(part.get("type") in RUNS for part in inside):
        yield from (line for line in "".join(map(_run, inside)).splitlines() if line.strip())
        return
    for part in inside:
        yield from _lines(part)


def _run(run: dict[str, Any]) -> str:
    return "\n" if run.get("type") == "line_break" else str(run.get("text") or "")


def _opened(path: str, media_type: str) -> Any:
    """The document, with `plain_text` and `to_html`. Raises PermanentError if it can't be read."""
    try:
        import office_oxide
    except ImportError:
        detail = "scans in documents such as Word's can't be read by OCR here"
        raise ReaderMissing("unsupported_type", detail) from None

    with open(path, "rb") as stream:
        content = stream.read()
    if content.startswith(ZIP_MARKS):
        with opened_zip(path) as archive:
            check_bounds(archive)
    try:
        return office_oxide.Document.from_bytes(content, READ_AS[media_type])
    except office_oxide.OfficeOxideError as error:
        if any(word in str(error).lower() for word in LOCKED):
            raise PermanentError(
                "password_protected", "the file is protected by a password; send it without one"
            ) from None
        raise PermanentError("corrupt", "the document is damaged and can't be read") from None
