"""Slides of OpenDocument: a page for each, in the order in which they are shown, with its speaker's notes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element

from layers.decoders.containers import check_bounds, opened_zip, xml_of
from layers.decoders.text_pages import text_pages
from layers.domain.errors import PermanentError

OASIS = "urn:oasis:names:tc:opendocument:xmlns"
DRAWN, SHOWN = f"{{{OASIS}:drawing:1.0}}", f"{{{OASIS}:presentation:1.0}}"
TEXT, TABLE = f"{{{OASIS}:text:1.0}}", f"{{{OASIS}:table:1.0}}"
PARAGRAPHS = {f"{TEXT}p", f"{TEXT}h"}
BREAKS = {f"{TEXT}s", f"{TEXT}tab", f"{TEXT}line-break"}
PLACE_MARKS = {f"{TEXT}page-number", f"{DRAWN}page-thumbnail"}


def count_slides(path: str) -> int:
    return len(slides_of(path))


def read_text(path: str) -> list[dict[str, Any]]:
    """A page for each slide. Raises PermanentError `corrupt` where it holds none."""
    slides = slides_of(path)
    if not slides:
        raise PermanentError("corrupt", "the presentation holds no slides that can be read")
    return text_pages(_text_of(slide) for slide in slides)


def slides_of(path: str) -> list[Element]:
    """The elements of the slides."""
    with opened_zip(path) as archive:
        check_bounds(archive)
        tree = xml_of(archive, "content.xml")
    if tree is None:
        raise PermanentError("corrupt", "the presentation is damaged and can't be opened")
    return list(tree.iter(f"{DRAWN}page"))


def _text_of(slide: Element) -> str:
    lines: list[str] = []
    notes: list[str] = []
    for part in slide:
        (notes if part.tag == f"{SHOWN}notes" else lines).extend(_lines(part))
    return "\n".join([*lines, *(["", "Notes:", *notes] if notes else [])])


def _lines(element: Element) -> Iterator[str]:
    """The paragraphs beneath an element, a table's row as one line; page numbers are left out."""
    if element.tag in PARAGRAPHS:
        if line := "".join(_pieces(element)).strip():
            yield line
    elif element.tag == f"{TABLE}table-row":
        yield "\t".join(" ".join(_lines(cell)) for cell in element.iter(f"{TABLE}table-cell"))
    else:
        for child in element:
            yield from _lines(child)


def _pieces(element: Element) -> Iterator[str]:
    if element.tag not in PLACE_MARKS:
        yield " " if element.tag in BREAKS else element.text or ""
        for child in element:
            yield from _pieces(child)
            yield child.tail or ""
