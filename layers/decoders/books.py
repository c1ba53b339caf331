"""Reads EPUB books: the chapters in the order in which they are read, and the cover."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from layers.decoders import plain
from layers.decoders.charsets import decode
from layers.decoders.containers import check_bounds, joined, opened_zip, part_of, xml_of
from layers.decoders.text_pages import MAX_CHARACTERS, text_page
from layers.domain.errors import PermanentError

CONTAINER = "META-INF/container.xml"
ENCRYPTED = "META-INF/encryption.xml"
PAGES = {"application/xhtml+xml", "text/html", "application/x-dtbook+xml"}


class _Item(NamedTuple):
    name: str
    media_type: str
    properties: str


def read_text(path: str, media_type: str) -> list[dict[str, Any]]:
    return [text_page("\n\n".join(plain.without_markup(chapter) for chapter in chapters(path)))]


def chapters(path: str) -> Iterator[str]:
    """The markup of each chapter, up to a limit. Raises PermanentError `corrupt` if the book has none."""
    left = 4 * MAX_CHARACTERS
    with opened_zip(path) as archive:
        check_bounds(archive)
        package, items = _package(archive)
        spine = [item.get("idref", "") for item in package.iter() if _name(item) == "itemref"]
        names = [items[each].name for each in spine if each in items and items[each].media_type in PAGES]
        if ENCRYPTED in archive.namelist() and (locked := _encrypted(archive)) and not locked.isdisjoint(names):
            raise PermanentError("password_protected", "the book is protected against copying; send it without that")
        if not names:
            raise PermanentError("corrupt", "the book has no readable chapters")
        for name in dict.fromkeys(names):
            content = part_of(archive, name)
            markup = decode(content, plain.declared_in(content))[:left]
            left -= len(markup)
            yield markup


def cover_of(path: str) -> bytes:
    """The picture of the cover; empty if there is none."""
    with opened_zip(path) as archive:
        package, items = _package(archive)
        named = next((meta.get("content") for meta in package.iter() if meta.get("name") == "cover"), None)
        found = [item for key, item in items.items() if key == named or "cover-image" in item.properties.split()]
        return part_of(archive, found[0].name) if found else b""


def _package(archive: zipfile.ZipFile) -> tuple[Element, dict[str, _Item]]:
    """The description of the book, and its parts by id."""
    container = xml_of(archive, CONTAINER)
    roots = [each for each in container.iter() if _name(each) == "rootfile"] if container is not None else []
    name = roots[0].get("full-path", "") if roots else ""
    package = xml_of(archive, name) if name else None
    if package is None:
        raise PermanentError("corrupt", "the book is damaged and can't be opened")
    folder = PurePosixPath(name).parent
    items = {
        item.get("id", ""): _Item(
            joined(folder, unquote(item.get("href", ""))), item.get("media-type", ""), item.get("properties", "")
        )
        for item in package.iter()
        if _name(item) == "item"
    }
    return package, items


def _encrypted(archive: zipfile.ZipFile) -> set[str]:
    """The parts that are encrypted; of most books only fonts are."""
    tree = xml_of(archive, ENCRYPTED)
    return (
        {unquote(each.get("URI", "")) for each in tree.iter() if _name(each) == "CipherReference"}
        if tree is not None
        else set()
    )


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]
