"""Reads OpenDocument texts with their headers and footers, as text or as HTML."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element

from layers.decoders.containers import check_bounds, opened_zip, xml_of
from layers.decoders.open_slides import OASIS, PARAGRAPHS, STYLE, TABLE, TEXT, lines_of, pieces_of
from layers.decoders.text_pages import text_page
from layers.domain.errors import PermanentError

OFFICE = f"{{{OASIS}:office:1.0}}"
# Deleted text, comments, and what fields are made of.
NOT_SHOWN = {f"{TEXT}tracked-changes", f"{OFFICE}annotation", f"{OFFICE}forms", f"{TEXT}sequence-decls"}
MOST_LEVELS = 6
MOST_NESTED = 250  # elements within each other


def read_text(path: str, media_type: str) -> list[dict[str, Any]]:
    """The whole text as one page: its page breaks depend on the program that shows it."""
    body, head, foot = _read(path)
    return [text_page("\n".join([*head, *lines_of(body), *foot]))]


def as_html(path: str, media_type: str) -> str:
    body, head, foot = _read(path)
    return "".join([*map(_paragraph, head), *_markup(body), *map(_paragraph, foot)])


def _read(path: str) -> tuple[Element, list[str], list[str]]:
    """The body, and the lines of headers and of footers. Raises PermanentError `corrupt`."""
    with opened_zip(path) as archive:
        check_bounds(archive)
        content, styles = xml_of(archive, "content.xml"), xml_of(archive, "styles.xml")
    body = content.find(f"{OFFICE}body/{OFFICE}text") if content is not None else None
    if body is None or _depth(body) > MOST_NESTED or (styles is not None and _depth(styles) > MOST_NESTED):
        raise PermanentError("corrupt", "the document is damaged and can't be opened")
    _remove_what_is_not_shown(body)
    return body, _lines_in(styles, f"{STYLE}header"), _lines_in(styles, f"{STYLE}footer")


def _depth(element: Element) -> int:
    depth, level = 0, [element]
    while level and depth <= MOST_NESTED:
        depth, level = depth + 1, [child for parent in level for child in parent]
    return depth


def _lines_in(styles: Element | None, tag: str) -> list[str]:
    """The distinct lines of headers or footers, without page numbers."""
    found = styles.iter(tag) if styles is not None else ()
    return [line for line in dict.fromkeys(line for part in found for line in lines_of(part)) if not line.isdigit()]


def _remove_what_is_not_shown(element: Element) -> None:
    for parent in list(element.iter()):
        for child in [child for child in parent if child.tag in NOT_SHOWN]:
            _remove(parent, child)


def _remove(parent: Element, child: Element) -> None:
    """Remove an element, but not the text that follows it."""
    place = list(parent).index(child)
    if child.tail and place:
        parent[place - 1].tail = (parent[place - 1].tail or "") + child.tail
    elif child.tail:
        parent.text = (parent.text or "") + child.tail
    parent.remove(child)


def _markup(element: Element) -> Iterator[str]:
    if element.tag in PARAGRAPHS:
        yield _paragraph("".join(pieces_of(element)), _tag(element))
    elif element.tag == f"{TABLE}table":
        yield f"<table>{''.join(_row(row) for row in element.iter(f'{TABLE}table-row'))}</table>"
    elif element.tag == f"{TEXT}list":
        yield f"<ul>{''.join(f'<li>{_inside(item)}</li>' for item in element)}</ul>"
    else:
        for child in element:
            yield from _markup(child)


def _row(row: Element) -> str:
    return f"<tr>{''.join(f'<td>{_inside(cell)}</td>' for cell in row.iter(f'{TABLE}table-cell'))}</tr>"


def _inside(element: Element) -> str:
    return "".join(part for child in element for part in _markup(child))


def _tag(element: Element) -> str:
    level = element.get(f"{TEXT}outline-level", "1")
    return f"h{min(int(level), MOST_LEVELS)}" if element.tag == f"{TEXT}h" and level.isdigit() else "p"


def _paragraph(text: str, tag: str = "p") -> str:
    return f"<{tag}>{html.escape(text)}</{tag}>"
