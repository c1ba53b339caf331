"""Lists the page directories of a TIFF without parsing their contents, which takes Pillow seconds for 2,000 pages.

Source: TIFF Revision 6.0, Adobe Systems, 1992, section 2; for BigTIFF the offsets and counts are of 8 bytes.
"""

from __future__ import annotations

import io
import struct
from typing import NamedTuple

SUBFILE_TYPE, OLD_SUBFILE_TYPE = 254, 255
REDUCED, MASK, OLD_REDUCED = 1, 4, 2
SHORT, LONG = 3, 4  # the types that these tags may have
MOST_DIRECTORIES = 1_000_000


class TiffLayout(NamedTuple):
    """How a TIFF stores its directories; `struct` formats, and sizes in bytes."""

    order: str
    offset_code: str
    count_code: str
    entry_bytes: int
    value_at: int  # of a directory's entry

    @property
    def order_mark(self) -> bytes:
        """How the file begins."""
        return b"II" if self.order == "<" else b"MM"

    def size(self, code: str) -> int:
        return struct.calcsize(self.order + code)

    def entries(self, stream: io.BufferedIOBase, offset: int) -> bytes:
        """All entries of a directory, and the offset of the next one. Raises ValueError if the file ends before."""
        stream.seek(offset)
        (count,) = struct.unpack(self.order + self.count_code, stream.read(self.size(self.count_code)))
        size = count * self.entry_bytes + self.size(self.offset_code)
        entries = stream.read(size) if count <= 0xFFFF else b""
        if len(entries) < size:
            raise ValueError("the directory is incomplete")
        return entries


def page_indexes(stream: io.BufferedIOBase) -> list[int] | None:
    """The indexes of the directories that are pages, not smaller copies or masks. None if the file is no TIFF, or if its
    chain of directories is damaged."""
    found = _pages(stream)
    return None if found is None else [index for index, _ in found[1]]


def page_offsets(stream: io.BufferedIOBase) -> tuple[TiffLayout, list[int]] | None:
    """The layout, and the offsets of the directories that are pages; None as for `page_indexes`."""
    found = _pages(stream)
    return None if found is None else (found[0], [offset for _, offset in found[1]])


def _pages(stream: io.BufferedIOBase) -> tuple[TiffLayout, list[tuple[int, int]]] | None:
    """The layout, and the index and the offset of each directory that is a page."""
    try:
        layout, offset = _header(stream)
        return None if layout is None else (layout, _pages_from(stream, layout, offset))
    except (struct.error, OSError, ValueError):
        return None


def _pages_from(stream: io.BufferedIOBase, layout: TiffLayout, offset: int) -> list[tuple[int, int]]:
    pages: list[tuple[int, int]] = []
    offsets: list[int] = []
    seen: set[int] = set()
    while offset and offset not in seen:
        if len(seen) == MOST_DIRECTORIES:
            raise ValueError("it has too many directories")
        if not _is_smaller_copy_or_mask(entries := layout.entries(stream, offset), layout):
            pages.append((len(offsets), offset))
        seen.add(offset)
        offsets.append(offset)
        (offset,) = struct.unpack(layout.order + layout.offset_code, entries[-layout.size(layout.offset_code) :])
    return pages or list(enumerate(offsets))


def _header(stream: io.BufferedIOBase) -> tuple[TiffLayout | None, int]:
    """The layout, and the offset of the first directory."""
    stream.seek(0)
    start = stream.read(16)
    order = {b"II": "<", b"MM": ">"}.get(start[:2])
    if order is None:
        return None, 0
    (version,) = struct.unpack(order + "H", start[2:4])
    if version == 42:
        return TiffLayout(order, "I", "H", 12, 8), struct.unpack(order + "I", start[4:8])[0]
    if version == 43:
        return TiffLayout(order, "Q", "Q", 20, 12), struct.unpack(order + "Q", start[8:16])[0]
    return None, 0


def _is_smaller_copy_or_mask(entries: bytes, layout: TiffLayout) -> bool:
    for at in range(0, len(entries) - layout.size(layout.offset_code), layout.entry_bytes):
        tag, kind = struct.unpack_from(layout.order + "HH", entries, at)
        if tag > OLD_SUBFILE_TYPE:
            return False  # they are sorted
        if tag not in (SUBFILE_TYPE, OLD_SUBFILE_TYPE) or kind not in (SHORT, LONG):
            continue
        code = layout.order + ("H" if kind == SHORT else "I")
        (value,) = struct.unpack_from(code, entries, at + layout.value_at)
        if value & (REDUCED | MASK) if tag == SUBFILE_TYPE else value == OLD_REDUCED:
            return True
    return False
