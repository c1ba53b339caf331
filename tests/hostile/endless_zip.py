"""A zip whose only member is the zip itself, so that recursive unpacking never ends.

After Russ Cox, "Zip Files All The Way Down", 2010. A deflate stream is used as a program with two instructions, each
five bytes long (the last repetition takes ten): copy the next tokens literally, or repeat earlier output. The output of
the program is the head of the zip, the program itself and the tail. The checksum of the zip is in it four times. CRC-32
is linear over bits, so that the right checksum is the solution of 32 linear equations.
"""

from __future__ import annotations

import struct
import zlib

TOKEN = 5
HEAD_TOKENS, TAIL_TOKENS = 12, 19
NAME = b"z"
# The base length or distance, its code in deflate, and the number of extra bits: only the entries that are used here.
LENGTHS = ((10, 264, 0), (35, 273, 3), (43, 274, 3), (51, 275, 3), (59, 276, 3))
DISTANCES = ((17, 8, 3), (65, 12, 5), (97, 13, 5))


def zip_that_contains_itself() -> bytes:
    zero_checksum = zlib.crc32(_zip(0))
    columns = [(1 << bit) ^ zlib.crc32(_zip(1 << bit)) ^ zero_checksum for bit in range(32)]
    return _zip(_solved(columns, zero_checksum))


def _zip(checksum: int) -> bytes:
    size = (HEAD_TOKENS + TAIL_TOKENS) * TOKEN + len(_program(b"", b"")) + (HEAD_TOKENS + TAIL_TOKENS) * TOKEN
    directory_at = size - TAIL_TOKENS * TOKEN + TOKEN
    sizes = struct.pack("<HHHIII", 8, 0, 0x21, checksum, directory_at - HEAD_TOKENS * TOKEN, size)
    extra = struct.pack("<HH25x", 0xCAFE, 25)
    head = struct.pack("<4sHH", b"PK\3\4", 20, 0) + sizes + struct.pack("<HH", len(NAME), len(extra)) + NAME + extra
    entry = struct.pack("<4sHHH", b"PK\1\2", 20, 20, 0) + sizes + struct.pack("<H16x", len(NAME)) + NAME
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 1, 1, len(entry), directory_at, 21) + b" " * 21
    tail = b"\x01\x00\x00\xff\xff" + entry + end  # the stream's last, empty block comes first
    assert (len(head), len(tail)) == (HEAD_TOKENS * TOKEN, TAIL_TOKENS * TOKEN)
    return head + _program(head, tail) + tail


def _program(head: bytes, tail: bytes) -> bytes:
    literal, all_of_head, all_of_tail = _literally, HEAD_TOKENS + 1, TAIL_TOKENS + 2
    four, begin, close = _again(20, [10, 10]), _again(65, [65], []), _again(105, [35, 35, 35], [])
    lines = (
        (literal(all_of_head), head, literal(all_of_head), begin),
        (literal(1), begin, literal(1), literal(1)),
        (literal(4), begin, literal(1), literal(1), literal(4), four),
        (literal(4), four, literal(4), four, literal(4), four),
        (literal(4), four, literal(0), literal(0), literal(all_of_tail), four),
        (literal(0), literal(0), literal(all_of_tail), close, tail, close),
    )
    return b"".join(token for line in lines for token in line)


def _literally(tokens: int) -> bytes:
    """The header of a stored block, for this number of tokens."""
    return struct.pack("<BHH", 0, tokens * TOKEN, 0xFFFF ^ (tokens * TOKEN))


def _again(distance: int, *blocks: list[int]) -> bytes:
    """Blocks of copies of these lengths from this distance, in deflate's fixed code; they end on a byte boundary."""
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
    shortest, length_code, length_bits = max(entry for entry in LENGTHS if entry[0] <= length)
    nearest, distance_code, distance_bits = max(entry for entry in DISTANCES if entry[0] <= distance)
    return [
        (_reversed(length_code - 256, 7), 7),
        (length - shortest, length_bits),
        (_reversed(distance_code, 5), 5),
        (distance - nearest, distance_bits),
    ]


def _reversed(value: int, bits: int) -> int:
    return int(f"{value:0{bits}b}"[::-1], 2)


def _solved(columns: list[int], wanted: int) -> int:
    """Solve a system of linear equations over bits: the set of columns whose XOR is `wanted`."""
    basis: dict[int, tuple[int, int]] = {}
    for bit, column in enumerate([*columns, wanted]):
        chosen = 1 << bit
        for pivot in sorted(basis, reverse=True):
            if column >> pivot & 1:
                column, chosen = column ^ basis[pivot][0], chosen ^ basis[pivot][1]
        if bit == len(columns):
            return chosen ^ (1 << bit)
        if column:
            basis[column.bit_length() - 1] = column, chosen
    raise AssertionError("the loop always returns at the last column")
