"""The rows of a page: words at the same height, on pages that are tilted or curved."""

from __future__ import annotations

from layers.domain.extraction.lines import lines_of
from layers.domain.page import Page, Word


def run(text: str, x: float, y: float, slope: float = 0.0, size: float = 0.01) -> list[Word]:
    """Words beside each other from (x, y), `size` wide for each letter and three times as high; the page is a square."""
    words = []
    for text_of_word in text.split():
        width = size * len(text_of_word)
        middle = y + slope * (x + width / 2)
        words.append(Word(text_of_word, x, middle - 1.5 * size, x + width, middle + 1.5 * size, 95.0))
        x += width + size
    return words


def texts(*runs: list[Word]) -> list[str]:
    words = tuple(word for each in runs for word in each)
    return [line.text for line in lines_of([Page(1, "", words, "ocr", 95.0, 100.0, 100.0)])]


def test_a_small_line_below_a_tilted_title_is_not_put_into_it() -> None:
    title = run("YONG TAT HARDWARE TRADING", 0.3, 0.20, slope=-0.04, size=0.012)
    number = run("(JM0292487-D)", 0.42, 0.215, slope=-0.04, size=0.008)
    assert texts(title, number) == ["YONG TAT HARDWARE TRADING", "(JM0292487-D)"]


def test_a_word_at_the_left_of_the_line_before_does_not_continue_that_line() -> None:
    name, below = run("TED HENG STATIONERY & BOOKS", 0.3, 0.20), run("(001451637-M)", 0.35, 0.213, size=0.008)
    assert texts(name, below) == ["TED HENG STATIONERY & BOOKS", "(001451637-M)"]


def test_an_amount_at_the_end_of_curved_paper_is_in_the_line_of_its_label() -> None:
    # The upper line rises and the lower one falls, as on paper that is not flat.
    upper, lower = run("Sub total before tax", 0.05, 0.20, slope=-0.05), run("Grand total to pay now", 0.05, 0.24)
    read = texts(upper, run("42.50", 0.8, 0.20, slope=-0.05), lower, run("50.15", 0.8, 0.24))
    assert read == ["Sub total before tax   42.50", "Grand total to pay now   50.15"]


def test_bold_print_that_is_printed_twice_stays_in_its_line() -> None:
    once, again = run("Total due", 0.1, 0.2), run("Total due", 0.101, 0.2)
    assert texts(once, again) == ["Total Total due due"]


def test_lines_of_hebrew_are_read_to_the_left() -> None:
    words = [
        Word("שלום", 0.7, 0.1, 0.8, 0.13),
        Word("עולם", 0.58, 0.1, 0.68, 0.13),
        Word("חשבונית", 0.6, 0.2, 0.8, 0.23),
    ]
    assert texts(words) == ["שלום עולם", "חשבונית"]
