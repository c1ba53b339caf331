"""Copies pages of a TIFF into a new one as they are stored, so that no pixel is encoded again.

Source: TIFF Revision 6.0, Adobe Systems, 1992, section 2; for BigTIFF the offsets and counts are of 8 bytes.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from layers.decoders.tiff_directories import TiffLayout, page_offsets
from layers.domain.errors import PermanentError

TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
SHORT, LONG, LONG8 = 3, 4, 16
COMPRESSION, OLD_JPEG = 259, 6
# Where the pixels are: the tag of their offsets, and that of their sizes.
PIXELS = {273: 279, 324: 325}
# Offsets of further directories, which are left out: other sizes of the page, and data of cameras.
FURTHER_DIRECTORIES = {330, 400, 34665, 34853, 40965}
MAX_BYTES = 200 << 20


class _Tag(NamedTuple):
    number: int
    kind: int
    length: int
    value: bytes


def copies(path: str, ranges: Sequence[Sequence[int]]) -> Iterator[bytes]:
    """A TIFF for each list of page numbers. Raises PermanentError if a page is damaged, or is stored in a way that can't be
    copied."""
    with open(path, "rb") as stream:
        found = page_offsets(stream)
        if found is None:
            raise PermanentError("corrupt", "the list of pages in the TIFF is damaged")
        layout, offsets = found
        for numbers in ranges:
            try:
                yield _copied(stream, layout, [offsets[number - 1] for number in numbers])
            except (struct.error, ValueError, IndexError, KeyError):
                raise PermanentError(
                    "corrupt", f"page {numbers[0]} of the TIFF or one after it is damaged or can't be copied"
                ) from None


def _copied(stream: io.BufferedIOBase, layout: TiffLayout, offsets: Sequence[int]) -> bytes:
    is_big = layout.offset_code == "Q"
    head = layout.order_mark + (
        struct.pack(layout.order + "HHH", 43, 8, 0) if is_big else struct.pack(layout.order + "H", 42)
    )
    copy = bytearray(head)
    link = len(copy)  # where the offset of the next directory is written
    copy += bytes(layout.size(layout.offset_code))
    for offset in offsets:
        tags = _tags(stream, layout, offset)
        if struct.unpack_from(layout.order + "H", _value(tags, COMPRESSION, b"\0\0"))[0] == OLD_JPEG:
            raise ValueError("its pixels refer to other places in the file")
        tags = _with_pixels(stream, layout, tags, copy)
        entries = b"".join(_entry(tag, layout, copy) for tag in tags)
        _pad(copy)
        struct.pack_into(layout.order + layout.offset_code, copy, link, len(copy))
        copy += struct.pack(layout.order + layout.count_code, len(tags)) + entries
        link = len(copy)
        copy += bytes(layout.size(layout.offset_code))
    return bytes(copy)


def _tags(stream: io.BufferedIOBase, layout: TiffLayout, offset: int) -> list[_Tag]:
    entries = layout.entries(stream, offset)
    tags = []
    for at in range(0, len(entries) - layout.size(layout.offset_code), layout.entry_bytes):
        number, kind = struct.unpack_from(layout.order + "HH", entries, at)
        (count,) = struct.unpack_from(layout.order + layout.offset_code, entries, at + 4)
        size = TYPE_BYTES[kind] * count
        inline = entries[at + layout.value_at : at + layout.entry_bytes]
        if number not in FURTHER_DIRECTORIES:
            value = inline[:size] if size <= len(inline) else _read(stream, _number(layout, inline), size)
            tags.append(_Tag(number, kind, count, value))
    return tags


def _number(layout: TiffLayout, inline: bytes) -> int:
    return int(struct.unpack(layout.order + layout.offset_code, inline)[0])


def _read(stream: io.BufferedIOBase, offset: int, size: int) -> bytes:
    if size > MAX_BYTES:
        raise PermanentError("too_large", "a page of the TIFF is too large")
    stream.seek(offset)
    content = stream.read(size)
    if len(content) < size:
        raise ValueError("the file ends before")
    return content


def _value(tags: Sequence[_Tag], number: int, absent: bytes) -> bytes:
    return next((tag.value for tag in tags if tag.number == number), absent)


def _with_pixels(stream: io.BufferedIOBase, layout: TiffLayout, tags: Sequence[_Tag], copy: bytearray) -> list[_Tag]:
    """The tags with the new places of the pixels, which are appended to the copy."""
    by_number = {tag.number: tag for tag in tags}
    moved: dict[int, _Tag] = {}
    for offsets_tag, sizes_tag in PIXELS.items():
        if (offsets := by_number.get(offsets_tag)) is None:
            continue
        places = []
        for offset, size in zip(_numbers(layout, offsets), _numbers(layout, by_number[sizes_tag]), strict=True):
            _pad(copy)
            places.append(len(copy))
            copy += _read(stream, offset, size)
            if len(copy) > MAX_BYTES:
                raise PermanentError("too_large", "a file that the scan would be separated into is too large")
        value = struct.pack(f"{layout.order}{len(places)}{layout.offset_code}", *places)
        moved[offsets_tag] = _Tag(offsets_tag, LONG8 if layout.offset_code == "Q" else LONG, len(places), value)
    if not moved:
        raise ValueError("it has no pixels")
    return [moved.get(tag.number, tag) for tag in tags]


def _numbers(layout: TiffLayout, tag: _Tag) -> Sequence[int]:
    code = {SHORT: "H", LONG: "I", LONG8: "Q"}[tag.kind]
    return struct.unpack(f"{layout.order}{tag.length}{code}", tag.value)


def _entry(tag: _Tag, layout: TiffLayout, copy: bytearray) -> bytes:
    """A tag's entry in its directory; a value that does not fit is appended to the copy."""
    room = layout.entry_bytes - layout.value_at
    value = tag.value
    if len(value) > room:
        _pad(copy)
        value = struct.pack(layout.order + layout.offset_code, len(copy))
        copy += tag.value
    start = struct.pack(layout.order + "HH" + layout.offset_code, tag.number, tag.kind, tag.length)
    return start + value.ljust(room, b"\0")


def _pad(copy: bytearray) -> None:
    """Directories and values begin at even places."""
    copy += bytes(-len(copy) % 8)
