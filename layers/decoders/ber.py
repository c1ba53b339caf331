"""Reads values in BER, the encoding of signed envelopes, with all of its forms of length.

Libraries for ASN.1 read DER, and at most the indefinite lengths of BER, but signing programs write all forms.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

MAX_DEPTH = 16
MAX_LENGTH_BYTES = 6
CONSTRUCTED = 0x20
OCTETS = 0x04


@dataclass(frozen=True, slots=True)
class Value:
    """A value inside `content`, from `start` to `end`. `tag` is its first byte, without the bit for constructed values."""

    content: bytes
    tag: int
    is_constructed: bool
    start: int
    end: int

    @property
    def contents(self) -> bytes:
        return self.content[self.start : self.end]

    def inner(self) -> list[Value]:
        """The values that a constructed value consists of. Raises ValueError if they are damaged."""
        return list(_values(self.content, self.start, self.end))

    def octets(self) -> bytes:
        """The bytes of an octet string, which may be written in pieces."""
        return b"".join(self._pieces(0))

    def _pieces(self, depth: int) -> Iterator[bytes]:
        if self.tag != OCTETS or depth > MAX_DEPTH:
            raise ValueError("no octet string")
        if not self.is_constructed:
            yield self.contents
            return
        for piece in _values(self.content, self.start, self.end):
            yield from piece._pieces(depth + 1)


def first_value(content: bytes) -> Value:
    """The value at the beginning. Raises ValueError if it is damaged or cut short."""
    return _value_at(content, 0, len(content), 0)[0]


def _values(content: bytes, start: int, end: int) -> Iterator[Value]:
    at = start
    while at < end:
        value, at = _value_at(content, at, end, 0)
        yield value


def _value_at(content: bytes, at: int, end: int, depth: int) -> tuple[Value, int]:
    """The value at an offset, and the offset behind it."""
    if at + 2 > end or depth > MAX_DEPTH or content[at] & 0x1F == 0x1F:
        raise ValueError("cut short, nested too deep, or of an unknown kind")
    tag, is_constructed, first = content[at] & ~CONSTRUCTED, bool(content[at] & CONSTRUCTED), content[at + 1]
    start = at + 2
    if first == 0x80:
        if not is_constructed:
            raise ValueError("a simple value without a length")
        last = _end_marker(content, start, end, depth)
        return Value(content, tag, is_constructed, start, last), last + 2
    length = first
    if first > 0x80:
        size = first & 0x7F
        if size > MAX_LENGTH_BYTES or start + size > end:
            raise ValueError("cut short")
        length, start = int.from_bytes(content[start : start + size], "big"), start + size
    if start + length > end:
        raise ValueError("cut short")
    return Value(content, tag, is_constructed, start, start + length), start + length


def _end_marker(content: bytes, at: int, end: int, depth: int) -> int:
    """The offset of the marker that ends a value of unknown length."""
    while content[at : at + 2] != b"\x00\x00":
        _, at = _value_at(content, at, end, depth + 1)
    return at
