"""Pictures in documents: a scan that was pasted into a document, a slide, a sheet or a mail that says little itself.

In a document or a mail each such picture is a page of its own, after the page of the document's own text if it has
any. On a slide or a sheet the pictures are read as one, and what was read follows the text that stands there.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from layers.decoders import containers, mail, open_slides, slides
from layers.decoders.images import frame, on_white, open_image
from layers.domain.errors import PermanentError
from layers.domain.extraction.lines import lines_of
from layers.domain.formats import Kind, format_of
from layers.domain.page import pages_as_read

FORMATS = frozenset({"JPEG", "PNG", "GIF", "TIFF", "BMP", "WEBP", "HEIF"})
# What is smaller is a logo, a signature, a button; where there is no text at all, even that is looked at.
LEAST_EDGE_PX, LEAST_PIXELS = 200, 150_000
LEAST_EDGE_ALONE_PX, LEAST_PIXELS_ALONE = 40, 10_000
MOST_PICTURES = 200  # in a document
MOST_ON_A_PAGE = 4
MOST_BYTES = 32 << 20
# With so many letters and digits of its own a document, a mail's body, a slide or a sheet says what it has to say.
ENOUGH_TEXT, ENOUGH_ON_A_PAGE = 200, 100
RELATED = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
LINKED = "{http://www.w3.org/1999/xlink}"
WORD, WORKBOOK = "word/document.xml", "xl/workbook.xml"
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}sheet"


@dataclass(frozen=True, slots=True)
class _Document:
    """Its own text by page, as its reader found it, and of each page that is to be read by OCR what stands there."""

    texts: dict[int, str]
    pictures: dict[int, tuple[str | int, ...]]


def with_pictures(path: str, media_type: str, pages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The pages of a document as its reader found them, with those that OCR is to read: their source is None."""
    if not format_of(media_type).holds_pictures:
        return pages
    found = _found(path, media_type, pages)
    if not found.pictures:
        return pages
    kept = {page["number"]: page for page in pages if page["number"] in found.texts}
    kept |= {number: _unread(number, found.texts.get(number, "")) for number in found.pictures}
    return [kept[number] for number in sorted(kept)]


def gray_page(path: str, media_type: str, number: int) -> Any:
    """The pictures of a page, from 1, as one gray image; blank where it has none."""
    from PIL import Image

    names = _document(path, media_type).pictures.get(number, ())
    shown = [image for name in names if (image := _picture(path, name)) is not None]
    return _stacked(shown) if len(shown) > 1 else shown[0] if shown else Image.new("L", (1, 1), 255)


def beside_own_text(path: str, media_type: str, page: dict[str, Any]) -> dict[str, Any]:
    """A page of pictures as it was read, with the text that stood on it.

    One without a word is as good as read where the document has text elsewhere: it is a photograph.
    """
    document = _document(path, media_type)
    own = document.texts.get(page["number"], "")
    if not page["words"]:
        has_text = any(text.strip() for text in document.texts.values())
        found = {"source": "native", "confidence": 100.0} if has_text else {"source": None, "confidence": 0.0}
        return {**page, "text": own, **found}
    if not _has_places(media_type):
        return page
    lines = [line.text for line in lines_of(pages_as_read([page]))]
    return {**page, "text": "\n".join([*([own, ""] if own else []), *lines]), "words": [], "turned": 0}


def _has_places(media_type: str) -> bool:
    """Whether its pictures stand on pages of its own: slides or sheets."""
    return format_of(media_type).kind in (Kind.SLIDES, Kind.SHEETS)


def _unread(number: int, text: str) -> dict[str, Any]:
    return {"number": number, "text": text, "words": [], "source": None, "confidence": 0.0}


# --- which pictures stand where ------------------------------------------------------------------------


def _document(path: str, media_type: str) -> _Document:
    told = os.stat(path)
    return _known(path, media_type, (told.st_ino, told.st_mtime_ns, told.st_size))


@lru_cache(maxsize=1)
def _known(path: str, media_type: str, which: tuple[int, int, int]) -> _Document:
    from layers.decoders.texts import own_text

    return _found(path, media_type, own_text(path, media_type))


def _found(path: str, media_type: str, pages: list[dict[str, Any]]) -> _Document:
    if _has_places(media_type):
        texts = {page["number"]: page["text"] for page in pages}
        thin = {number for number, text in texts.items() if _count(text) < ENOUGH_ON_A_PAGE}
        listed = _by_page(path, media_type) if thin else []
        wanted = {
            number: tuple(_large(path, names, MOST_ON_A_PAGE, bool(texts[number].strip())))
            for number, names in enumerate(listed, 1)
            if number in thin
        }
        return _Document(texts, {number: names for number, names in wanted.items() if names})
    own = pages[0]["text"]
    body = mail.read_mail(path, media_type).text if format_of(media_type).kind is Kind.MAIL else own
    if _count(body) >= ENOUGH_TEXT:
        return _Document({1: own}, {})
    first = 2 if own.strip() else 1
    names = _large(path, _in_order(path, media_type), MOST_PICTURES, first == 2)
    return _Document({1: own} if first == 2 else {}, {number: (name,) for number, name in enumerate(names, first)})


def _count(text: str) -> int:
    return sum(character.isalnum() for character in text)


def _in_order(path: str, media_type: str) -> list[str | int]:
    """The pictures of a document or a mail, by their names in the archive or their places among the parts."""
    if format_of(media_type).kind is Kind.MAIL:
        return list(mail.places_of_pictures(path))
    with containers.opened_zip(path) as archive:
        if format_of(media_type).reader == "word":
            return _linked(archive, WORD)
        tree = containers.xml_of(archive, "content.xml")
        return _named(tree) if tree is not None else []


def _by_page(path: str, media_type: str) -> list[list[str | int]]:
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
    tree, targets = containers.xml_of(archive, WORKBOOK), containers.targets_of(archive, WORKBOOK)
    found = (one.get(f"{RELATED}id", "") for one in tree.iter(SHEET)) if tree is not None else ()
    return [targets[one][1] if one in targets else "" for one in found]


def _on_sheet(archive: Any, sheet: str) -> list[str | int]:
    drawings = [name for kind, name in containers.targets_of(archive, sheet).values() if kind == "drawing"]
    return [picture for name in drawings for picture in _linked(archive, name)]


def _linked(archive: Any, part: str) -> list[str | int]:
    """The pictures that a part of an Office document shows, in order, each once."""
    tree, targets = containers.xml_of(archive, part), containers.targets_of(archive, part)
    ids = (one.get(f"{RELATED}embed") or one.get(f"{RELATED}id") for one in tree.iter()) if tree is not None else ()
    names = (targets[one] for one in ids if one in targets)
    return list(dict.fromkeys(name for kind, name in names if kind == "image"))


def _named(element: Any) -> list[str | int]:
    """The pictures that an element of an OpenDocument shows, in order, each once."""
    links = (one.get(f"{LINKED}href", "") for one in element.iter(f"{open_slides.DRAWN}image"))
    return list(dict.fromkeys(link.removeprefix("./") for link in links if link and ":" not in link))


def _large(path: str, names: list[str | int], most: int, beside_text: bool) -> list[str | int]:
    least = (LEAST_EDGE_PX, LEAST_PIXELS) if beside_text else (LEAST_EDGE_ALONE_PX, LEAST_PIXELS_ALONE)
    found: list[str | int] = []
    for name in names:
        if len(found) == most:
            break
        with _on_disk(path, name) as place:
            if place is not None and _is_large(place, *least):
                found.append(name)
    return found


def _is_large(place: str, edge_px: int, pixels: int) -> bool:
    try:
        with open_image(place) as image:
            is_large = min(image.size) >= edge_px and image.width * image.height >= pixels
            return image.format in FORMATS and is_large
    except Exception:  # a drawing, or damaged, in whichever way: the document's own text can be read all the same
        return False


# --- their pixels --------------------------------------------------------------------------------------


def _picture(path: str, name: str | int) -> Any:
    """A picture in gray; None where its pixels are damaged."""
    with _on_disk(path, name) as place:
        try:
            image = on_white(frame(place, 1)) if place is not None else None
        except PermanentError:
            return None
        return image.convert("L") if image is not None else None


@contextmanager
def _on_disk(path: str, name: str | int) -> Iterator[str | None]:
    """A picture of a document in a file of its own, for as long as it is looked at; None where it is missing."""
    content = _content(path, name)
    if not content:
        yield None
        return
    with tempfile.NamedTemporaryFile() as stream:
        stream.write(content)
        stream.flush()
        yield stream.name


def _content(path: str, name: str | int) -> bytes:
    if isinstance(name, int):
        content = mail.picture_at(path, name)
    else:
        with containers.opened_zip(path) as archive:
            try:
                content = containers.part_of(archive, name) if archive.getinfo(name).file_size <= MOST_BYTES else b""
            except (KeyError, zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError):
                return b""  # missing or damaged
    return content if len(content) <= MOST_BYTES else b""


def _stacked(images: list[Any]) -> Any:
    """Images one under the other, as wide as the widest."""
    from PIL import Image

    whole = Image.new("L", (max(one.width for one in images), sum(one.height for one in images)), 255)
    top = 0
    for one in images:
        whole.paste(one, (0, top))
        top += one.height
    return whole
