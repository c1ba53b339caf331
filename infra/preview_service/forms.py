"""Reads the form of a conversion: one document, and the fields of Gotenberg that this service supports."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from layers.decoders.libreoffice import FILTERS
from layers.domain.formats import FORMATS

CHUNK_BYTES = 1 << 16
MAX_FIELD_BYTES = 1024
MAX_SEGMENTS = 20
FILES, PAGES = "files", "nativePageRanges"
PAGE_RANGES = re.compile(r"\d{1,6}(-\d{1,6})?(,\d{1,6}(-\d{1,6})?)*")
MEDIA_TYPES = {known.suffix: known.media_type for known in FORMATS if known.media_type in FILTERS}


class BadForm(Exception):
    """The form can't be used. The message is for the client."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """A document to print: its name at the client, where it is stored, and its pages (all if empty)."""

    name: str
    path: Path
    media_type: str
    pages: str = ""


def read_form(content_type: str, length: int, body: BinaryIO, folder: Path) -> Conversion:
    """The conversion that a multipart form describes. Its document is stored in `folder`. Raises BadForm."""
    kind, options = parse_options_header(content_type)
    if kind != "multipart/form-data" or not options.get("boundary"):
        raise BadForm("Invalid 'Content-Type' header value: want 'multipart/form-data' with a boundary")
    document: tuple[str, Path] | None = None
    fields: dict[str, str] = {}
    target: BinaryIO | None = None
    field = ""
    try:
        with PushMultipartParser(options["boundary"], length, max_segment_count=MAX_SEGMENTS) as parser:
            for event in _events(parser, body):
                if isinstance(event, MultipartSegment):
                    if event.filename is None:
                        field = event.name
                        fields[field] = ""
                    elif event.name != FILES or document is not None:
                        raise BadForm("Invalid form data: this service converts one file for each request, in 'files'")
                    else:
                        document = event.filename, folder / "document"
                        target = document[1].open("wb")
                elif event is None:
                    target = target and target.close()
                    field = ""
                elif target is not None:
                    target.write(event)
                else:
                    fields[field] += event.decode("utf-8", "replace")
                    if len(fields[field]) > MAX_FIELD_BYTES:
                        raise BadForm(f"Invalid form data: form field '{field}' is too long")
    except MultipartError as error:
        raise BadForm(f"Invalid form data: {error}") from None
    finally:
        if target is not None:
            target.close()
    return _conversion(document, fields)


def _events(parser: PushMultipartParser, body: BinaryIO) -> Iterator[MultipartSegment | bytearray | None]:
    while not parser.closed:
        yield from parser.parse(body.read(CHUNK_BYTES))


def _conversion(document: tuple[str, Path] | None, fields: dict[str, str]) -> Conversion:
    if unknown := sorted(set(fields) - {PAGES}):
        raise BadForm(f"Invalid form data: this service does not support form field '{unknown[0]}'")
    if document is None:
        raise BadForm(f"Invalid form data: no form file found for extensions: {sorted(MEDIA_TYPES)}")
    name, path = document
    media_type = MEDIA_TYPES.get(Path(name).suffix.lower())
    if media_type is None:
        raise BadForm(f"Invalid form data: no form file found for extensions: {sorted(MEDIA_TYPES)}")
    pages = fields.get(PAGES, "")
    if pages and not PAGE_RANGES.fullmatch(pages):
        raise BadForm(
            f"LibreOffice could not apply the page ranges '{pages[:100]}' to the document '{name}'. Check the "
            "'nativePageRanges' form field; valid values look like '1-4', '2' or '1,3,5-7'."
        )
    return Conversion(name, path, media_type, pages)
