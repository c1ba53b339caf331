"""JSON lines: a body is split a piece at a time, packed or not, and hostile ones are refused early."""

from __future__ import annotations

import gzip
import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.domain.json_lines import MOST_LINE_BYTES, BadLines, lines_of, pieces_of

TEXTS = st.lists(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=40), max_size=60)


@given(TEXTS, st.booleans())
def test_every_line_with_content_is_found_in_its_order_packed_or_not(texts: list[str], is_gzipped: bool) -> None:
    lines = [json.dumps(text).encode() for text in texts]
    body = b"\n".join(lines)
    packed = gzip.compress(body) if is_gzipped else body
    assert list(lines_of(pieces_of(packed, is_gzipped=is_gzipped))) == list(enumerate(lines))


def test_lines_without_content_do_not_count() -> None:
    assert list(lines_of([b"a\r\n\n \n", b"b", b"c\n\n"])) == [(0, b"a"), (1, b"bc")]


def test_a_stream_of_several_members_is_one_body() -> None:
    body = gzip.compress(b"1\n2", mtime=0) + gzip.compress(b"3\n", mtime=0) + gzip.compress(b"", mtime=0)
    assert [line for _, line in lines_of(pieces_of(body, is_gzipped=True))] == [b"1", b"23"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{}", "not gzip"),
        (b"", "ends too early"),
        (gzip.compress(b"x" * 1000, mtime=0)[:-9], "ends too early"),
        (gzip.compress(b"1\n", mtime=0) + b"{}", "not gzip"),
    ],
)
def test_what_is_not_whole_gzip_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(BadLines, match=reason):
        list(pieces_of(body, is_gzipped=True))


def test_a_body_that_unpacks_to_too_much_is_refused_without_unpacking_it() -> None:
    bomb = gzip.compress(b"\n" * 50_000_000, mtime=0)
    tracemalloc.start()
    try:
        with pytest.raises(BadLines, match="more than 1000000 bytes"):
            list(lines_of(pieces_of(bomb, is_gzipped=True, most_bytes=1_000_000)))
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_a_line_that_is_too_long_is_refused_by_its_number() -> None:
    with pytest.raises(BadLines, match="16384") as refused:
        list(lines_of([b"1\n2\n" + b"x" * (MOST_LINE_BYTES + 1)]))
    assert refused.value.line == 2
