"""Windows cover the whole text, end at the ends of lines, and are never too large for the model."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.domain.extraction.windows import LEAST_BYTES, Window, count_windows, cut, halves, whole
from layers.domain.page import Page

LINES = [f"line {n:04} of the text" for n in range(1000)]


def pages(*texts: str) -> list[Page]:
    return [Page(number, text, (), "native", 100.0) for number, text in enumerate(texts, 1)]


def text_of(window: Window) -> str:
    return "".join(span.text for span in window.spans)


def size(some: list[Page]) -> int:
    return sum(len(page.text.encode()) for page in some)


@pytest.mark.parametrize(
    ("text_bytes", "window_bytes", "most", "count"),
    [(0, 5000, 50, 1), (5000, 5000, 50, 1), (5001, 5000, 50, 2), (10**9, 5000, 50, 50), (10**9, None, 50, 1)],
)
def test_a_text_has_as_many_windows_as_it_needs_up_to_the_limit(
    text_bytes: int, window_bytes: int | None, most: int, count: int
) -> None:
    assert count_windows(text_bytes, window_bytes, most) == count


def test_every_line_is_whole_in_some_window() -> None:
    some = pages("\n".join(LINES[:600]), "\n".join(LINES[600:]))
    windows = cut(some, count_windows(size(some), 3000, 50), 3000)
    assert [window.number for window in windows] == list(range(1, len(windows) + 1))
    lines = [set(text_of(window).replace("text", "text\n").split("\n")) - {""} for window in windows]
    assert set().union(*lines) == set(LINES)
    assert all(window.size_bytes <= 3000 for window in windows)
    assert not any(window.leaves_rest for window in windows)


def test_neighbouring_windows_overlap() -> None:
    some = pages("\n".join(LINES))
    first, second, *_ = cut(some, 10, 3000)
    assert first.spans[-1].end - 400 <= second.spans[0].start < first.spans[-1].end


def test_the_last_window_reports_text_that_no_window_covers() -> None:
    windows = cut(pages("\n".join(LINES)), 3, 3000)
    assert [window.leaves_rest for window in windows] == [False, False, True]
    assert all(window.size_bytes <= 3000 for window in windows)


def test_a_line_longer_than_a_window_is_cut() -> None:
    some = pages("é" * 20_000)
    windows = cut(some, count_windows(size(some), 5000, 50), 5000)
    assert all(0 < window.size_bytes <= 5000 for window in windows)
    assert sum(len(text_of(window)) for window in windows) >= 20_000


def test_a_short_text_is_one_window_with_all_pages() -> None:
    some = pages("one", "", "three")
    assert cut(some, 1, 5000) == [whole(some)]


def test_a_window_is_halved_at_the_end_of_a_line() -> None:
    window = whole(pages("\n".join(LINES)))
    first, second = halves(window)
    assert {*text_of(first).splitlines(), *text_of(second).splitlines()} == set(LINES)
    assert max(first.size_bytes, second.size_bytes) < 0.6 * window.size_bytes


@given(
    st.lists(st.text(st.sampled_from("a é\n\r\u2028漢"), max_size=4000), min_size=1, max_size=4),
    st.integers(LEAST_BYTES * 2, 6000),
)
@settings(max_examples=60, deadline=None)
def test_windows_cover_the_whole_of_any_text(texts: list[str], window_bytes: int) -> None:
    some = pages(*texts)
    windows = cut(some, count_windows(size(some), window_bytes, 1000), window_bytes)
    covered = {
        (span.page.number, offset) for window in windows for span in window.spans for offset in range(span.start, span.end)
    }  # fmt: skip
    assert len(covered) == sum(map(len, texts))
    assert all(window.size_bytes <= window_bytes for window in windows)
