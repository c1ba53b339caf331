"""Words of a line are brought into reading order."""

from __future__ import annotations

import pytest

from layers.domain.extraction.lines import lines_of
from layers.domain.page import Page, Word

# The text as it is read, and the words of the page from left to right.
LINES = [
    ("Invoice number NW-1", "Invoice number NW-1"),
    ("חשבונית מס", "מס חשבונית"),
    ("מספר חשבונית 20417", "20417 חשבונית מספר"),
    ('סה"כ לתשלום 1,190.00', '1,190.00 לתשלום סה"כ'),
    ("תאריך 14/03/2024", "14/03/2024 תאריך"),
    ("שולם באמצעות Visa Classic Card ביום 14/03/2024", "14/03/2024 ביום Visa Classic Card באמצעות שולם"),
    ("فاتورة رقم 20417", "20417 رقم فاتورة"),
    ("المجموع ١٬١٩٠٫٠٠ ريال", "ريال ١٬١٩٠٫٠٠ المجموع"),
    ("اسم الشركة البائعة NORTHWIND LTD", "NORTHWIND LTD البائعة الشركة اسم"),
    ("Company name is חשבונית מס here in English", "Company name is מס חשבונית here in English"),
]


@pytest.mark.parametrize(("read", "shown"), LINES)
def test_words_are_read_in_the_direction_of_their_script(read: str, shown: str) -> None:
    words, x = [], 0.1
    for text in shown.split():
        words.append(Word(text, x, 0.1, x + 0.01 * len(text), 0.12))
        x += 0.01 * len(text) + 0.01
    page = Page(1, words=tuple(words), source="native", width=600, height=800)
    assert [line.text for line in lines_of([page])] == [read]


def test_a_line_of_latin_words_is_read_as_its_page_is() -> None:
    words = [Word(text, x, 0.1, x + 0.1, 0.12) for text, x in (("NORTHWIND", 0.1), ("HARDWARE", 0.3), ("חברה", 0.5))]
    below = [Word("חשבוניתמספריתמפורטתמאוד", 0.1, 0.2, 0.5, 0.22)]
    page = Page(1, words=(*words, *below), source="native", width=600, height=800)
    assert lines_of([page])[0].text.split() == ["חברה", "NORTHWIND", "HARDWARE"]
