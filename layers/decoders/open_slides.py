"""Reads OpenDocument slides: one page per slide, in order, with speaker notes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element

from layers.decoders.containers import check_bounds, opened_zip, xml_of
from layers.decoders.text_pages import hidden_page, text_pages
from layers.domain.errors import PermanentError

OASIS = "urn:oasis:names:tc:opendocument:xmlns"
DRAWN, SHOWN = f"{{{OASIS}:drawing:1.0}}", f"{{{OASIS}:presentation:1.0}}"
TEXT, TABLE = f"{{{OASIS}:text:1.0}}", f"{{{OASIS}:table:1.0}}"
STYLE = f"{{{OASIS}:style:1.0}}"
PARAGRAPHS = {f"{TEXT}p", f"{TEXT}h"}
BREAKS = {f"{TEXT}s", f"{TEXT}tab", f"{TEXT}line-break"}
PLACEHOLDERS = {f"{TEXT}page-number", f"{DRAWN}page-thumbnail"}


def count_slides(path: str) -> int:
    return len(slides_of(path))


def read_text(path: str) -> list[dict[str, Any]]:
    """One page per slide. Raises PermanentError `corrupt` if there is none."""
    slides, hidden_styles = _slides_and_hidden_styles(path)
    if not slides:
        raise PermanentError("corrupt", "the presentation has no readable slides")
    hidden = [slide.get(f"{DRAWN}style-name") in hidden_styles for slide in slides]
    pages = text_pages("" if is_hidden else _text_of(slide) for is_hidden, slide in zip(hidden, slides, strict=True))
    return [
        hidden_page(page, "slide", str(page["number"])) if is_hidden else page
        for is_hidden, page in zip(hidden, pages, strict=True)
    ]


def slides_of(path: str) -> list[Element]:
    """The XML elements of the slides."""
    return _slides_and_hidden_styles(path)[0]


def _slides_and_hidden_styles(path: str) -> tuple[list[Element], set[str | None]]:
    """The slides, and the names of the styles that hide a slide."""
    with opened_zip(path) as archive:
        check_bounds(archive)
        tree = xml_of(archive, "content.xml")
    if tree is None:
        raise PermanentError("corrupt", "the presentation is damaged and can't be opened")
    hidden = {
        style.get(f"{STYLE}name")
        for style in tree.iter(f"{STYLE}style")
        for properties in style
        if properties.get(f"{SHOWN}visibility") == "hidden"
    }
    return list(tree.iter(f"{DRAWN}page")), hidden


def _text_of(slide: Element) -> str:
    lines: list[str] = []
    notes: list[str] = []
    for part in slide:
        (notes if part.tag == f"{SHOWN}notes" else lines).extend(lines_of(part))
    return "\n".join([*lines, *(["", "Notes:", *notes] if notes else [])])


def lines_of(element: Element) -> Iterator[str]:
    """The paragraphs inside an element, without page numbers. A table row is one line."""
    if element.tag in PARAGRAPHS:
        if line := "".join(pieces_of(element)).strip():
            yield line
    elif element.tag == f"{TABLE}table-row":
        yield "\t".join(" ".join(lines_of(cell)) for cell in element.iter(f"{TABLE}table-cell"))
    else:
        for child in element:
            yield from lines_of(child)


def pieces_of(element: Element) -> Iterator[str]:
    if element.tag not in PLACEHOLDERS:
        yield " " if element.tag in BREAKS else element.text or ""
        for child in element:
            yield from pieces_of(child)
            yield child.tail or ""
