"""Removes the metadata of a PNG, so that damaged or large metadata can't prevent the picture from being opened."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_BYTES = 256 << 20
# Chunks that affect pixels.
KEPT = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"acTL", b"fcTL", b"fdAT"}


def without_metadata(path: str) -> bytes | None:
    """The PNG at `path` with only its pixels, or None for any other file."""
    if Path(path).stat().st_size > MAX_BYTES:
        return None
    content = Path(path).read_bytes()
    if not content.startswith(SIGNATURE):
        return None
    kept, at = [SIGNATURE], len(SIGNATURE)
    while at + 12 <= len(content):
        length, name = struct.unpack_from(">I4s", content, at)
        body = content[at + 8 : at + 8 + length]
        if name in KEPT:
            kept.append(struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)))
        at += 12 + length
    return b"".join(kept)
