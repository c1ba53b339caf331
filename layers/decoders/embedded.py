"""Finds pictures that OCR should read in documents, slides and sheets with little text of their own.

In a document each such picture becomes a page, after the page with the document's own text if there is any.
On a slide or a sheet the pictures are read as one image, and their text follows the text of that page.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from layers.decoders import containers, iwork, mail_pages, open_slides, packages, slides, temporary, texts
from layers.decoders.images import INCOMPLETE, frame, is_incomplete, on_ground, open_image
from layers.domain.errors import PermanentError
from layers.domain.extraction.lines import lines_of
from layers.domain.formats import IWORK, Kind, format_of
from layers.domain.page import pages_as_read

FORMATS = frozenset({"JPEG", "MPO", "PNG", "GIF", "TIFF", "BMP", "WEBP", "HEIF", "AVIF", "JPEG2000"})
# Smaller pictures are logos, signatures or buttons. Where there is no text at all, the smaller minimum applies.
MIN_EDGE_PX, MIN_PIXELS = 200, 150_000
MIN_EDGE_NO_TEXT_PX, MIN_PIXELS_NO_TEXT = 40, 10_000
MAX_PICTURES = 200  # of one document
MAX_PICTURES_PER_PAGE = 4
MAX_BYTES = 32 << 20
# With so many letters and digits of its own, a document or mail body, a slide or sheet needs no OCR.
ENOUGH_TEXT, ENOUGH_TEXT_PER_PAGE = 200, 100
RELATED = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
LINKED = "{http://www.w3.org/1999/xlink}"
WORD = "word/document.xml"
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}sheet"


@dataclass(frozen=True, slots=True)
class _Document:
    """The own text by page number, and the pictures of each page that OCR should read."""

    texts: dict[int, str]
    pictures: dict[int, tuple[str, ...]]


def read_text(path: str, media_type: str, without_members: bool = False) -> list[dict[str, Any]]:
    """The pages' own text. Pages for OCR, which have pictures and little text, have no source.

    `without_members`: the documents that a mail carries are read as files of their own.
    """
    if media_type in mail_pages.FORMATS:
        pages = mail_pages.own_pages(path, media_type) if without_members else mail_pages.read_text(path, media_type)
        found = pages
    elif media_type == IWORK:
        pages = found = iwork.read_text(path)
    else:
        with packages.canonical(path) as readable:
            pages = texts.read_text(readable, media_type)
            found = _for_ocr(readable, media_type, pages) if format_of(media_type).holds_pictures else pages
    notes = [note for page in pages for note in page.get("notes", ())]
    return [
        {name: value for name, value in page.items() if name not in ("is_hidden", "notes")}
        | ({"notes": notes} if notes and not index else {})
        for index, page in enumerate(found)
    ]


def _for_ocr(path: str, media_type: str, pages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    document = _analyze(path, media_type, pages)
    if not document.pictures:
        return pages
    by_number = {page["number"]: page for page in pages if page["number"] in document.texts}
    by_number |= {number: _page_for_ocr(number, document.texts.get(number, "")) for number in document.pictures}
    return [by_number[number] for number in sorted(by_number)]


def gray_page(path: str, media_type: str, number: int) -> Any:
    """The pictures of a page, counted from 1, as one gray image; a blank pixel if there are none."""
    from PIL import Image

    if media_type in mail_pages.FORMATS:
        return mail_pages.gray_page(path, media_type, number)
    if media_type == IWORK:
        return iwork.gray_page(path, number)
    names = _document(path, media_type).pictures.get(number, ())
    with packages.canonical(path) as readable:
        images = [image for name in names if (image := _picture(readable, name)) is not None]
    page = _stacked(images) if len(images) > 1 else images[0] if images else Image.new("L", (1, 1), 255)
    if any(is_incomplete(image) for image in images):
        page.info[INCOMPLETE] = True
    return page


def add_own_text(path: str, media_type: str, page: dict[str, Any]) -> dict[str, Any]:
    """A page of pictures as OCR read it, with the page's own text added.

    A page on which OCR found no word counts as read if the document has text elsewhere: it is a photograph.
    """
    if media_type in mail_pages.FORMATS:
        return mail_pages.add_own_text(path, media_type, page)
    if media_type == IWORK:
        return iwork.add_own_text(path, page)
    document = _document(path, media_type)
    own = document.texts.get(page["number"], "")
    if not page["words"]:
        has_text = any(text.strip() for text in document.texts.values())
        result = {"source": "native", "confidence": 100.0} if has_text else {"source": None, "confidence": 0.0}
        return {**page, "text": own, **result}
    if not _has_own_pages(media_type):
        return page
    lines = [line.text for line in lines_of(pages_as_read([page]))]
    return {**page, "text": "\n".join([*([own, ""] if own else []), *lines]), "words": [], "turned": 0}


def _has_own_pages(media_type: str) -> bool:
    """Whether pictures of the document belong to its own pages: slides or sheets."""
    return format_of(media_type).kind in (Kind.SLIDES, Kind.SHEETS)


def _page_for_ocr(number: int, text: str) -> dict[str, Any]:
    return {"number": number, "text": text, "words": [], "source": None, "confidence": 0.0}


# --- which pictures are on which page ------------------------------------------------------------------


def _document(path: str, media_type: str) -> _Document:
    status = os.stat(path)
    return _cached_document(path, media_type, (status.st_ino, status.st_mtime_ns, status.st_size))


@lru_cache(maxsize=1)
def _cached_document(path: str, media_type: str, version: tuple[int, int, int]) -> _Document:
    with packages.canonical(path) as readable:
        return _analyze(readable, media_type, texts.read_text(readable, media_type))


def _analyze(path: str, media_type: str, pages: list[dict[str, Any]]) -> _Document:
    if _has_own_pages(media_type):
        own_texts = {page["number"]: page["text"] for page in pages}
        thin = {number for number, text in own_texts.items() if _count(text) < ENOUGH_TEXT_PER_PAGE}
        listed = _by_page(path, media_type) if thin else []
        thin -= {page["number"] for page in pages if page.get("is_hidden")}
        pictures = {
            number: tuple(_large(path, names, MAX_PICTURES_PER_PAGE, bool(own_texts[number].strip())))
            for number, names in enumerate(listed, 1)
            if number in thin
        }
        return _Document(own_texts, {number: names for number, names in pictures.items() if names})
    own = pages[0]["text"]
    if _count(own) >= ENOUGH_TEXT:
        return _Document({1: own}, {})
    first = 2 if own.strip() else 1
    names = _large(path, _in_order(path, media_type), MAX_PICTURES, first == 2)
    return _Document({1: own} if first == 2 else {}, {number: (name,) for number, name in enumerate(names, first)})


def _count(text: str) -> int:
    return sum(character.isalnum() for character in text)


def _in_order(path: str, media_type: str) -> list[str]:
    """The pictures of a document, by their names in the archive."""
    with containers.opened_zip(path) as archive:
        if format_of(media_type).reader == "word":
            return _linked(archive, WORD)
        tree = containers.xml_of(archive, "content.xml")
        return _named(tree) if tree is not None else []


def _by_page(path: str, media_type: str) -> list[list[str]]:
    """The pictures of each slide or sheet, in the order of its pages."""
    if format_of(media_type).reader == "open_slides":
        return [_named(slide) for slide in open_slides.slides_of(path)]
    with containers.opened_zip(path) as archive:
        if format_of(media_type).kind is Kind.SLIDES:
            return [_linked(archive, name) for name in slides.slides_of(archive)]
        tree = containers.xml_of(archive, "content.xml")
        if tree is not None:
            return [_named(table) for table in tree.iter(f"{open_slides.TABLE}table")]
        return [_on_sheet(archive, name) for name in _sheets(archive)]


def _sheets(archive: Any) -> list[str]:
    tree, targets = containers.xml_of(archive, containers.WORKBOOK), containers.targets_of(archive, containers.WORKBOOK)
    found = (sheet.get(f"{RELATED}id", "") for sheet in tree.iter(SHEET)) if tree is not None else ()
    return [targets[sheet_id][1] if sheet_id in targets else "" for sheet_id in found]


def _on_sheet(archive: Any, sheet: str) -> list[str]:
    drawings = [name for kind, name in containers.targets_of(archive, sheet).values() if kind == "drawing"]
    return [picture for name in drawings for picture in _linked(archive, name)]


def _linked(archive: Any, part: str) -> list[str]:
    """The pictures that a part of an Office document refers to, in order, without repetition."""
    tree, targets = containers.xml_of(archive, part), containers.targets_of(archive, part)
    ids = (
        (element.get(f"{RELATED}embed") or element.get(f"{RELATED}id") for element in tree.iter())
        if tree is not None
        else ()
    )
    names = (targets[link_id] for link_id in ids if link_id in targets)
    return list(dict.fromkeys(name for kind, name in names if kind == "image"))


def _named(element: Any) -> list[str]:
    """The pictures that an element of an OpenDocument refers to, in order, without repetition."""
    links = (image.get(f"{LINKED}href", "") for image in element.iter(f"{open_slides.DRAWN}image"))
    return list(dict.fromkeys(link.removeprefix("./") for link in links if link and ":" not in link))


def _large(path: str, names: list[str], max_count: int, beside_text: bool) -> list[str]:
    found: list[str] = []
    for name in names:
        if len(found) == max_count:
            break
        with _extracted(path, name) as file:
            if file is not None and is_large(file, beside_text=beside_text):
                found.append(name)
    return found


def is_large(path: str, beside_text: bool) -> bool:
    """Whether a picture may show text to OCR. Beside other text it has to be larger."""
    edge_px, pixels = (MIN_EDGE_PX, MIN_PIXELS) if beside_text else (MIN_EDGE_NO_TEXT_PX, MIN_PIXELS_NO_TEXT)
    try:
        with open_image(path) as image:
            is_large = min(image.size) >= edge_px and image.width * image.height >= pixels
            return image.format in FORMATS and is_large
    except Exception:  # a drawing, or damaged in any way: the document's own text can still be read
        return False


# --- their pixels --------------------------------------------------------------------------------------


def _picture(path: str, name: str) -> Any:
    """A picture in gray, or None if it is missing or damaged."""
    with _extracted(path, name) as file:
        try:
            picture = frame(file, 1) if file is not None else None
        except PermanentError:
            return None
        if picture is None:
            return None
        image = on_ground(picture).convert("L")
        if is_incomplete(picture):
            image.info[INCOMPLETE] = True
        return image


@contextmanager
def _extracted(path: str, name: str) -> Iterator[str | None]:
    """A temporary file with a picture of a document, or None if the picture is missing."""
    content = _content(path, name)
    if not content:
        yield None
        return
    with temporary.stored(content) as file:
        yield file


def _content(path: str, name: str) -> bytes:
    with containers.opened_zip(path) as archive:
        try:
            return containers.part_of(archive, name) if archive.getinfo(name).file_size <= MAX_BYTES else b""
        except (KeyError, zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError):
            return b""  # missing or damaged


def _stacked(images: list[Any]) -> Any:
    """One image with the given ones below each other."""
    from PIL import Image

    whole = Image.new("L", (max(image.width for image in images), sum(image.height for image in images)), 255)
    top = 0
    for image in images:
        whole.paste(image, (0, top))
        top += image.height
    return whole
