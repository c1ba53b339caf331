"""What a file is, told from its bytes, and how many pages it has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from layers.decoders.images import count_frames
from layers.decoders.libmagic import libmagic
from layers.decoders.pdf import count_pages
from layers.domain.errors import PermanentError

MOST_PAGES = 2000

PLAIN = {
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".json": "application/json",
    ".xml": "application/xml",
    ".html": "text/html",
    ".htm": "text/html",
    ".log": "text/plain",
    ".txt": "text/plain",
}
IMAGES = {
    "image/jpeg",
    "image/png",
    "image/gif",
    "image/tiff",
    "image/webp",
    "image/bmp",
    "image/heic",
    "image/heif",
}
SPELLINGS = {"image/x-ms-bmp": "image/bmp", "image/heif-sequence": "image/heif", "text/xml": "application/xml"}
READ_AS_TEXT = {"application/json", "application/xml", "application/x-ndjson"}


def identify(path: str, name: str) -> dict[str, Any]:
    """`{"media_type", "page_count"}`. Refuses what is empty, damaged, locked, too long, or not readable here."""
    if Path(path).stat().st_size == 0:
        raise PermanentError("empty_file", "the file is empty (0 bytes)")
    media_type = _media_type(path, name)
    if media_type == "application/pdf":
        return _counted(media_type, count_pages(path))
    if media_type in IMAGES:
        return _counted(media_type, count_frames(path))
    if media_type.startswith("text/") or media_type in READ_AS_TEXT:
        return {"media_type": media_type, "page_count": None}
    raise PermanentError("unsupported_type", f"files of type {media_type} can't be read; send a PDF, a picture or text")


def _counted(media_type: str, page_count: int) -> dict[str, Any]:
    if page_count > MOST_PAGES:
        raise PermanentError("too_many_pages", f"the file has {page_count} pages; at most {MOST_PAGES} are taken")
    return {"media_type": media_type, "page_count": page_count}


def _media_type(path: str, name: str) -> str:
    with open(path, "rb") as stream:
        start = stream.read(8192)
    if b"%PDF-" in start[:1024]:
        return "application/pdf"
    if start[4:8] == b"ftyp" and start[8:12] in (b"heic", b"heix", b"mif1", b"hevc"):
        return "image/heic"
    told = libmagic().type_of(path)
    told = SPELLINGS.get(told, told)
    # Among kinds of text the bytes say little; there, and only there, the name decides.
    if told.startswith("text/") or told in READ_AS_TEXT or (told == "application/octet-stream" and _is_utf16(start)):
        return PLAIN.get(Path(name).suffix.lower(), told if told != "application/octet-stream" else "text/plain")
    return told


def _is_utf16(start: bytes) -> bool:
    return start[:2] in (b"\xff\xfe", b"\xfe\xff")
