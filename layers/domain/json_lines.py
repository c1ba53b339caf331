"""JSON lines: splits the body of a request into lines, a piece at a time, so that a large body is never in memory twice."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

PIECE_BYTES = 1 << 16
MOST_LINE_BYTES = 1 << 14  # a name of 1,024 characters, each of them escaped
MOST_BYTES = 128 * 1024 * 1024
_GZIP = 16 + zlib.MAX_WBITS


class BadLines(ValueError):
    """The body can't be read as lines; the text says why. `line` is the number of the line, from 0, or None."""

    def __init__(self, detail: str, line: int | None = None) -> None:
        super().__init__(detail)
        self.line = line


def pieces_of(body: bytes, *, is_gzipped: bool, most_bytes: int = MOST_BYTES) -> Iterator[bytes]:
    """The content of a body in pieces. Raises BadLines if it is not gzip, is cut short, or unpacks to more than
    `most_bytes`."""
    # A copy of what is left of the body at each piece would take quadratic time.
    inputs = (body[start : start + PIECE_BYTES] for start in range(0, len(body), PIECE_BYTES))
    left = most_bytes
    for piece in _unpacked(inputs) if is_gzipped else inputs:
        left -= len(piece)
        if left < 0:
            raise BadLines(f"the body unpacks to more than {most_bytes} bytes")
        yield piece


def _unpacked(inputs: Iterable[bytes]) -> Iterator[bytes]:
    try:
        unpacker = zlib.decompressobj(_GZIP)
        for pending in inputs:
            while pending:
                if unpacker.eof:
                    unpacker = zlib.decompressobj(_GZIP)  # a further member of the stream
                yield unpacker.decompress(pending, PIECE_BYTES)
                pending = unpacker.unconsumed_tail or unpacker.unused_data
        while piece := unpacker.decompress(b"", PIECE_BYTES):
            yield piece
    except zlib.error:
        raise BadLines("the body is not gzip, although its Content-Encoding says so") from None
    if not unpacker.eof:
        raise BadLines("the gzip stream ends too early")


def lines_of(pieces: Iterable[bytes], most_bytes: int = MOST_LINE_BYTES) -> Iterator[tuple[int, bytes]]:
    """Each line with its number, from 0; lines without content do not count. Raises BadLines for one that is too long."""
    number, rest = 0, b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            if stripped := _checked(line, number, most_bytes):
                yield number, stripped
                number += 1
        _checked(rest, number, most_bytes)
    if stripped := _checked(rest, number, most_bytes):
        yield number, stripped


def _checked(line: bytes, number: int, most_bytes: int) -> bytes:
    if len(line) > most_bytes:
        raise BadLines(f"has more than {most_bytes} bytes", number)
    return line.strip()
