"""Reads the text of a PDF's pages, fields and notes, and finds out whether that is all that a person sees on a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from layers.decoders import einvoices, pdf_forms, pdf_view
from layers.decoders.pdf import opened
from layers.decoders.pdf_envelopes import Attached
from layers.decoders.pdf_words import (
    PdfWord,
    characters,
    main_turn,
    to_fractions,
    turn_of,
    words_of,
)
from layers.decoders.plausible import is_plausible
from layers.domain.extraction.lines import lines_of
from layers.domain.page import Box, pages_as_read

MIN_CHARACTERS = 16  # with fewer, nothing else may be printed on the page
MIN_HIDDEN_CHARACTERS = 3
MIN_AGREEMENT = 0.6  # of the words that OCR read, for text that seemed to be nonsense
LONG_WORD = 4


@dataclass(frozen=True, slots=True)
class OwnText:
    """The visible text of a page. `words` as in the answer of `read_text`; `hidden` counts characters that the page does
    not show; `is_whole`: OCR would find no more on the page."""

    text: str
    words: list[list[Any]]
    turned: int
    width: float
    height: float
    hidden: int
    is_plausible: bool
    is_whole: bool


def read_text(path: str, page_numbers: Sequence[int] | None = None) -> list[dict[str, Any]]:
    """Each page's own text and words, with boxes in fractions of the displayed page. `source` is None if OCR has to read
    the page."""
    from pypdfium2 import PdfiumError

    with opened(path) as document:
        pages = []
        for number in page_numbers or range(1, len(document) + 1):
            try:
                pages.append(_as_page(own_text(document, number), number))
            except PdfiumError:
                # pdfium can't load the page; another program may still render it.
                pages.append({"number": number, "text": "", "words": [], "source": None, "confidence": 0.0})
        if pages:
            invoice = einvoices.add_facts(document, pages)
            pages[0]["notes"] = [*pages[0].get("notes", ()), *_notes_on_attachments(document.attached, invoice)]
        return pages


def _notes_on_attachments(attached: Attached, invoice: str | None) -> list[list[Any]]:
    """`invoice` is the attached file whose values were read, if there is one."""
    notes = [[f"the attached file {name} was not read", True] for name in attached.unread if name != invoice]
    others = [name for name in attached.names if name != invoice]
    if others and not attached.is_composed and not notes:
        notes.append([f"the PDF has attached files, which were not read: {', '.join(others)}", False])
    return notes


def _as_page(own: OwnText, number: int) -> dict[str, Any]:
    page = {"number": number, "width": own.width, "height": own.height, "notes": _notes(own, number)}
    if own.is_plausible and own.is_whole:
        return page | _as_native(own)
    return page | {"text": "", "words": [], "source": None, "confidence": 0.0}


def _as_native(own: OwnText) -> dict[str, Any]:
    """The text of a page that needs no OCR."""
    return {"text": own.text, "words": own.words, "source": "native", "confidence": 100.0, "turned": own.turned}


def _notes(own: OwnText, number: int) -> list[list[Any]]:
    if own.hidden < MIN_HIDDEN_CHARACTERS:
        return []
    return [[f"page {number} holds text that it does not show ({own.hidden} characters); it was not read", False]]


# --- one page ------------------------------------------------------------------------------------------


def own_text(document: Any, number: int) -> OwnText:
    """The text of a page, counted from 1, as far as the page shows it. Raises PdfiumError."""
    if (text := document.attached.texts.get(number)) is not None:
        return OwnText(text, [], 0, 0.0, 0.0, 0, is_plausible=True, is_whole=True)
    page = document[number - 1]
    try:
        entries: list[pdf_forms.Entry] = []
        if pdf_forms.has_annotations(page):
            entries = pdf_forms.entries_of(document, page)
            if pdf_forms.flatten(page):
                page.close()
                page = document[number - 1]
        return _own_text(page, entries)
    finally:
        page.close()


def _own_text(page: Any, entries: Sequence[pdf_forms.Entry]) -> OwnText:
    text_page = page.get_textpage()
    try:
        letters = characters(text_page)
        found = words_of(text_page, letters)
        has_text = bool(entries) or any(not letter.isspace() for letter in letters)
        convert, view = to_fractions(page), pdf_view.view_of(page) if has_text else None
        checks = [entry.box for entry in entries if entry.is_check]
        boxed = [(word, convert(word.box)) for word in found if not _is_within_any(word.box, checks)]
        shown, hidden = _shown(boxed, view, page, text_page)
        added = list(_without_words(entries, [word for word, _ in shown]))
        text = _text_of(letters, [word for word, _ in shown]) if len(shown) < len(found) else _whole_text(letters)
        rotation = page.get_rotation() % 360
        turned = main_turn([word for word, _ in shown], rotation)
        words = [_as_word(word, box, (turn_of(word, rotation) - turned) % 360) for word, box in shown]
        words += [_as_word(word, convert(word.box), -turned % 360) for word in added]
        width, height = page.get_size()
        own = {"turned": turned, "width": width, "height": height, "words": words}
        if entries:
            text = "\n".join(line.text for line in lines_of(pages_as_read([own | {"number": 1}])))
        is_whole = _is_whole(text, [tuple(word[1:5]) for word in words], view)
        return OwnText(text, words, turned, width, height, hidden, is_plausible(text), is_whole)
    finally:
        text_page.close()


def _whole_text(letters: Sequence[str]) -> str:
    text = "".join(letters).replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("\x00", "").replace("\ufffe", "-")


def _text_of(letters: Sequence[str], words: Sequence[PdfWord]) -> str:
    """The text with only these words, and the spaces and line breaks between them."""
    kept = {index for word in words for index in range(word.first, word.last + 1)}
    text = "".join(c for index, c in enumerate(letters) if index in kept or c.isspace())
    lines = (" ".join(line.split()) for line in _whole_text(list(text)).splitlines())
    return "\n".join(line for line in lines if line)


def _as_word(word: PdfWord, box: Box, turned: int) -> list[Any]:
    if min(box) < 0 or max(box) > 1:
        box = (_limited(box[0]), _limited(box[1]), _limited(box[2]), _limited(box[3]))
    shown = [word.text, round(box[0], 4), round(box[1], 4), round(box[2], 4), round(box[3], 4)]
    return [*shown, 100.0, turned] if turned else shown


def _limited(value: float) -> float:
    return min(1.0, max(0.0, value))


def _is_within_any(box: Box, others: Sequence[Box]) -> bool:
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return any(left <= x <= right and bottom <= y <= top for left, bottom, right, top in others)


def _without_words(entries: Sequence[pdf_forms.Entry], shown: Sequence[PdfWord]) -> list[PdfWord]:
    """The words of the entries that pdfium can't draw, spread over the boxes of their entries."""
    added: list[PdfWord] = []
    for entry in entries:
        if not entry.text.strip() or any(_is_within_any(word.box, [entry.box]) for word in shown):
            continue
        left, bottom, right, top = entry.box
        lines = entry.text.splitlines()
        for number, line in enumerate(lines):
            line_top = top - (top - bottom) * number / len(lines)
            line_bottom = top - (top - bottom) * (number + 1) / len(lines)
            step, at = (right - left) / max(len(line), 1), left
            for text in line.split(" "):
                if text:
                    added.append(PdfWord(text, (at, line_bottom, at + step * len(text), line_top), 0))
                at += step * (len(text) + 1)
    return added


def _shown(
    boxed: Sequence[tuple[PdfWord, Box]], view: pdf_view.View | None, page: Any, text_page: Any
) -> tuple[list[tuple[PdfWord, Box]], int]:
    """The words that the page shows, with their boxes, and how many characters on the page it hides."""
    shown: list[tuple[PdfWord, Box]] = []
    hidden = 0
    pictures: list[Box] | None = None
    for word, box in boxed:
        if view is None or view.shows(box):
            shown.append((word, box))
            continue
        # The invisible text behind a scan is what OCR read on it; its boxes are not exact.
        if pdf_view.is_invisible(text_page, word.first):
            pictures = pdf_view.picture_boxes(page) if pictures is None else pictures
            if _is_within_any(word.box, pictures):
                shown.append((word, box))
                continue
        hidden += len(word.text) if max(box[0], box[1]) < 1 and min(box[2], box[3]) > 0 else 0
    return shown, hidden


def _is_whole(text: str, boxes: Sequence[Box], view: pdf_view.View | None) -> bool:
    count = sum(not character.isspace() for character in text)
    if view is None:
        return count >= MIN_CHARACTERS
    if count < MIN_CHARACTERS:
        return count > 0 and view.print_cells(boxes)[1] < pdf_view.MIN_UNREAD_CELLS
    return view.is_read(boxes)


# --- combined with the result of OCR -------------------------------------------------------------------


def add_own_text(path: str, page: dict[str, Any]) -> dict[str, Any]:
    """A page as OCR read it, with the page's own words in place of what OCR read there.

    Own text that seems to be nonsense counts only if OCR read many of its words too.
    """
    from pypdfium2 import PdfiumError

    try:
        with opened(path) as document:
            own = own_text(document, page["number"])
    except PdfiumError:
        return page
    if not own.words:
        return page
    if not own.is_plausible:
        return page | _as_native(own) if _agree(own, page) else page
    further = [word for word in page["words"] if not _is_in_words(word, own.words)]
    if sum(len(word[0]) for word in further) < MIN_CHARACTERS / 4:
        return page | _as_native(own)
    turned = page.get("turned", 0)
    own_words = [
        [*word[:5], 100.0, ((word[6] if len(word) > 6 else 0) + own.turned - turned) % 360] for word in own.words
    ]
    merged = page | {"words": [*own_words, *further]}
    confidence = sum(word[5] for word in further) / len(further)
    text = "\n".join(line.text for line in lines_of(pages_as_read([merged])))
    return merged | {"text": text, "source": "ocr", "confidence": round(confidence, 1)}


def _is_in_words(word: Sequence[Any], own: Sequence[Sequence[Any]]) -> bool:
    x, y = (word[1] + word[3]) / 2, (word[2] + word[4]) / 2
    return any(box[1] - 0.004 <= x <= box[3] + 0.004 and box[2] - 0.004 <= y <= box[4] + 0.004 for box in own)


def _agree(own: OwnText, page: dict[str, Any]) -> bool:
    known = {word[0].casefold() for word in own.words}
    read = [word[0].casefold() for word in page["words"] if len(word[0]) >= LONG_WORD]
    return bool(read) and sum(word in known for word in read) >= MIN_AGREEMENT * len(read)
