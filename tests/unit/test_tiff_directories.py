from __future__ import annotations

import io
import struct

import pytest
from PIL import Image, TiffImagePlugin

from layers.decoders import tiff_directories

REDUCED_COPY = {254: 1}


def tiff(pages: int, *, smaller_copies: tuple[int, ...] = (), big: bool = False) -> bytes:
    """A TIFF of small pages; the directories at these indexes are marked as smaller copies."""
    out = io.BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(out) as writer:
        for index in range(pages):
            image = Image.new("L", (9 + index, 7), index)
            image.save(writer, format="TIFF", tiffinfo=REDUCED_COPY if index in smaller_copies else {}, big_tiff=big)
            writer.newFrame()
    return out.getvalue()


def in_order(order: str, directories: list[list[tuple[int, int, int]]]) -> bytes:
    """A TIFF in one byte order, with the directories' entries (tag, type, value) only."""
    out = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    for index, entries in enumerate(directories):
        body = struct.pack(order + "H", len(entries))
        for tag, kind, value in entries:
            inline = struct.pack(order + ("HH" if kind == 3 else "I"), *((value, 0) if kind == 3 else (value,)))
            body += struct.pack(order + "HHI", tag, kind, 1) + inline
        following = len(out) + len(body) + 4 if index + 1 < len(directories) else 0
        out += body + struct.pack(order + "I", following)
    return out


def indexes(content: bytes) -> list[int] | None:
    return tiff_directories.page_indexes(io.BytesIO(content))


@pytest.mark.parametrize("big", [False, True])
def test_as_many_pages_are_found_as_pillow_finds_frames(big: bool) -> None:
    content = tiff(5, big=big)
    with Image.open(io.BytesIO(content)) as image:
        assert indexes(content) == list(range(image.n_frames))  # type: ignore[attr-defined]


def test_smaller_copies_are_no_pages() -> None:
    assert indexes(tiff(4, smaller_copies=(1, 3))) == [0, 2]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("entry", "is_page"),
    [
        ((254, 4, 1), False),
        ((254, 3, 1), False),
        ((254, 4, 2), True),  # a page of several
        ((254, 4, 4), False),  # a mask
        ((254, 4, 6), False),  # the mask of a page of several
        ((255, 3, 2), False),
        ((255, 3, 3), True),
        ((256, 4, 1), True),
    ],
)
def test_the_kind_of_a_directory_is_read_in_both_byte_orders(
    order: str, entry: tuple[int, int, int], is_page: bool
) -> None:
    content = in_order(order, [[(256, 4, 9)], [entry]])
    assert indexes(content) == ([0, 1] if is_page else [0])


def test_a_file_of_smaller_copies_only_keeps_all_its_pages() -> None:
    assert indexes(in_order("<", [[(254, 4, 1)], [(254, 4, 1)]])) == [0, 1]


def test_a_chain_that_leads_back_ends_there() -> None:
    content = bytearray(in_order("<", [[(256, 4, 9)], [(256, 4, 9)]]))
    content[-4:] = struct.pack("<I", 8)
    assert indexes(bytes(content)) == [0, 1]


@pytest.mark.parametrize("content", [b"", b"II", b"II*\0", b"\x89PNG\r\n\x1a\n", b"II*\0" + struct.pack("<I", 99)])
def test_what_is_no_tiff_or_is_damaged_is_left_to_pillow(content: bytes) -> None:
    assert indexes(content) is None


def test_a_directory_cut_off_at_the_end_of_the_file_is_damage() -> None:
    assert indexes(in_order("<", [[(256, 4, 9)], [(256, 4, 9)]])[:-6]) is None


def test_a_file_of_two_thousand_pages_is_read_with_two_reads_a_page() -> None:
    class Counting(io.BytesIO):
        reads = 0

        def read(self, size: int | None = -1) -> bytes:
            Counting.reads += 1
            return super().read(size)

    stream = Counting(in_order("<", [[(256, 4, 9)]] * 2000))
    assert tiff_directories.page_indexes(stream) == list(range(2000))
    assert Counting.reads <= 1 + 2 * 2000
