"""Reads PowerPoint slides: one page per slide, in order, with speaker notes."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element

from layers.decoders.containers import check_bounds, opened_zip, targets_of, xml_of
from layers.decoders.text_pages import hidden_page, text_pages
from layers.domain.errors import PermanentError

DRAWN = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
SHOWN = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
RELATED = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
PRESENTATION = "ppt/presentation.xml"
TEXT_PARTS = {"diagramData", "chart"}
PLACEHOLDERS = {"sldNum", "sldImg"}


def count_slides(path: str) -> int:
    with opened_zip(path) as archive:
        return len(slides_of(archive))


def read_text(path: str) -> list[dict[str, Any]]:
    """One page per slide. Raises PermanentError `corrupt` if there is none."""
    with opened_zip(path) as archive:
        check_bounds(archive)
        slides = slides_of(archive)
        if not slides:
            raise PermanentError("corrupt", "the presentation has no readable slides")
        hidden = {name for name in slides if _is_hidden(archive, name)}
        pages = text_pages("" if name in hidden else _text_of(archive, name) for name in slides)
    return [
        hidden_page(page, "slide", str(page["number"])) if name in hidden else page
        for name, page in zip(slides, pages, strict=True)
    ]


def _is_hidden(archive: zipfile.ZipFile, name: str) -> bool:
    tree = xml_of(archive, name)
    return tree is not None and tree.get("show") in ("0", "false")


def slides_of(archive: zipfile.ZipFile) -> list[str]:
    """The names of the slides' parts, in order."""
    tree = xml_of(archive, PRESENTATION)
    if tree is None:
        raise PermanentError("corrupt", "the presentation is damaged and can't be opened")
    targets = targets_of(archive, PRESENTATION)
    found = (targets.get(slide.get(f"{RELATED}id", "")) for slide in tree.iter(f"{SHOWN}sldId"))
    return [target[1] for target in found if target]


def _text_of(archive: zipfile.ZipFile, name: str) -> str:
    tree = xml_of(archive, name)
    lines = list(_lines(tree)) if tree is not None else []
    notes: list[str] = []
    for kind, target in targets_of(archive, name).values():
        part = xml_of(archive, target) if kind in TEXT_PARTS or kind == "notesSlide" else None
        if part is not None:
            (notes if kind == "notesSlide" else lines).extend(_lines(part))
    return "\n".join([*lines, *(["", "Notes:", *notes] if notes else [])])


def _lines(element: Element) -> Iterator[str]:
    """The paragraphs inside an element, without page numbers. A table row is one line."""
    for child in element:
        if child.tag == f"{SHOWN}sp" and _is_placeholder(child):
            continue
        if child.find(f"./*/{SHOWN}cNvPr[@hidden='1']") is not None:
            continue
        if child.tag == f"{DRAWN}tr":
            yield "\t".join(" ".join(_lines(cell)) for cell in child.iter(f"{DRAWN}tc"))
        elif child.tag == f"{DRAWN}p":
            if line := _paragraph(child):
                yield line
        else:
            yield from _lines(child)


def _paragraph(paragraph: Element) -> str:
    pieces = (
        element.text or "" if element.tag == f"{DRAWN}t" else " "
        for element in paragraph.iter()
        if element.tag in (f"{DRAWN}t", f"{DRAWN}br")
    )
    return "".join(pieces).strip()


def _is_placeholder(shape: Element) -> bool:
    return any(placeholder.get("type") in PLACEHOLDERS for placeholder in shape.iter(f"{SHOWN}ph"))
