"""A zip whose one member is the zip itself: whoever unpacks what a zip holds never comes to an end.

After Russ Cox, "Zip Files All The Way Down", 2010. A deflate stream is taken for a program of two instructions, both
five bytes long (the last repetition ten): print the next so many tokens, and repeat what was printed last. Printed,
this program gives itself between what stands before and after it. The checksum of the whole stands in it four times;
since CRC-32 is linear over bits, the one that fits follows from 32 equations.
"""

from __future__ import annotations

import struct
import zlib

TOKEN = 5
HEAD_TOKENS, TAIL_TOKENS = 12, 19
NAME = b"z"
# Base length or distance, deflate's code, and its number of extra bits; as far as they are used here.
LENGTHS = ((10, 264, 0), (35, 273, 3), (43, 274, 3), (51, 275, 3), (59, 276, 3))
DISTANCES = ((17, 8, 3), (65, 12, 5), (97, 13, 5))


def zip_that_holds_itself() -> bytes:
    with_none = zlib.crc32(_zip(0))
    columns = [(1 << bit) ^ zlib.crc32(_zip(1 << bit)) ^ with_none for bit in range(32)]
    return _zip(_solved(columns, with_none))


def _zip(checksum: int) -> bytes:
    size = (HEAD_TOKENS + TAIL_TOKENS) * TOKEN + len(_program(b"", b"")) + (HEAD_TOKENS + TAIL_TOKENS) * TOKEN
    directory_at = size - TAIL_TOKENS * TOKEN + TOKEN
    about = struct.pack("<HHHIII", 8, 0, 0x21, checksum, directory_at - HEAD_TOKENS * TOKEN, size)
    extra = struct.pack("<HH25x", 0xCAFE, 25)
    head = struct.pack("<4sHH", b"PK\3\4", 20, 0) + about + struct.pack("<HH", len(NAME), len(extra)) + NAME + extra
    entry = struct.pack("<4sHHH", b"PK\1\2", 20, 20, 0) + about + struct.pack("<H16x", len(NAME)) + NAME
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 1, 1, len(entry), directory_at, 21) + b" " * 21
    tail = b"\x01\x00\x00\xff\xff" + entry + end  # the stream's last, empty block comes first
    assert (len(head), len(tail)) == (HEAD_TOKENS * TOKEN, TAIL_TOKENS * TOKEN)
    return head + _program(head, tail) + tail


def _program(head: bytes, tail: bytes) -> bytes:
    say, all_of_head, all_of_tail = _literally, HEAD_TOKENS + 1, TAIL_TOKENS + 2
    four, begin, close = _again(20, [10, 10]), _again(65, [65], []), _again(105, [35, 35, 35], [])
    lines = (
        (say(all_of_head), head, say(all_of_head), begin),
        (say(1), begin, say(1), say(1)),
        (say(4), begin, say(1), say(1), say(4), four),
        (say(4), four, say(4), four, say(4), four),
        (say(4), four, say(0), say(0), say(all_of_tail), four),
        (say(0), say(0), say(all_of_tail), close, tail, close),
    )
    return b"".join(token for line in lines for token in line)


def _literally(tokens: int) -> bytes:
    """A stored block's head; its bytes follow."""
    return struct.pack("<BHH", 0, tokens * TOKEN, 0xFFFF ^ (tokens * TOKEN))


def _again(distance: int, *blocks: list[int]) -> bytes:
    """Copies of these lengths from this far back, in blocks of deflate's fixed code that end at a whole byte."""
    fields: list[tuple[int, int]] = []
    for lengths in blocks:
        fields.append((2, 3))
        for length in lengths:
            fields += _copy(length, distance)
        fields.append((0, 7))
    value = at = 0
    for field, bits in fields:
        value |= field << at
        at += bits
    return value.to_bytes(at // 8, "little")


def _copy(length: int, distance: int) -> list[tuple[int, int]]:
    first, code, extra = max(one for one in LENGTHS if one[0] <= length)
    nearest, place, more = max(one for one in DISTANCES if one[0] <= distance)
    return [
        (_reversed(code - 256, 7), 7),
        (length - first, extra),
        (_reversed(place, 5), 5),
        (distance - nearest, more),
    ]


def _reversed(value: int, bits: int) -> int:
    return int(f"{value:0{bits}b}"[::-1], 2)


def _solved(columns: list[int], wanted: int) -> int:
    """The bits whose columns add up, without carry, to what is wanted."""
    basis: dict[int, tuple[int, int]] = {}
    for bit, column in enumerate([*columns, wanted]):
        chosen = 1 << bit
        for place in sorted(basis, reverse=True):
            if column >> place & 1:
                column, chosen = column ^ basis[place][0], chosen ^ basis[place][1]
        if bit == len(columns):
            return chosen ^ (1 << bit)
        if column:
            basis[column.bit_length() - 1] = column, chosen
    raise AssertionError("the last one is always wanted")
