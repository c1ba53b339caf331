"""Fuzz targets for the readers of documents: structured invoices, form data, character sets, markup, numbers, dates,
Rich Text, messages of Outlook and the documents within a file. Each raises AssertionError if a reader violates its contract."""

from __future__ import annotations

import json
import math
from datetime import date

from layers.decoders import charsets, einvoices
from layers.decoders.containers import OLE_MARK
from layers.decoders.mail import read_message
from layers.decoders.messages import parsed
from layers.decoders.plausible import is_plausible
from layers.decoders.rich_text import text_of_markup
from layers.decoders.text_pages import text_page
from layers.decoders.visible_markup import visible_markup, visible_text
from layers.decoders.xfa_forms import lines_of_form
from layers.domain.errors import PermanentError
from layers.domain.extraction.amounts import amounts
from layers.domain.extraction.date_search import iso_date
from layers.domain.extraction.dates import WrittenDate, dates
from layers.domain.extraction.number_readings import number_readings
from layers.domain.extraction.segments import documents_of
from layers.domain.extraction.structured import with_facts
from layers.domain.page import Extraction, Page, pages_as_read

LABELS = (None, "utf-8", "latin1", "gb2312", "shift_jis", "iso-8859-8-i", "utf-16", "utf-7", "unicode_escape", "idna")
SCHEMA = {
    "type": "object",
    "properties": {
        "invoice_number": {"type": "string"},
        "date": {"type": "string", "format": "date"},
        "total": {"type": "number"},
        "count": {"type": "integer"},
    },
}


def structured_invoices(data: bytes) -> None:
    """Any XML: no page, or one whose facts have values and can be stored."""
    page = einvoices.page_of(data)
    if page is None:
        return
    (read,) = pages_as_read([page | {"number": 1}])
    found = with_facts(Extraction({}, (), {}), [read], SCHEMA)
    check(all(fact.name and fact.value for fact in read.facts), "a fact has no value")
    check("total" not in found.fields or math.isfinite(found.fields["total"]), "a total is not finite")
    check("date" not in found.fields or bool(date.fromisoformat(found.fields["date"])), "a date is none")
    storable(dict(found.fields))
    storable(read.text)


def form_data(data: bytes) -> None:
    """Any data of an XFA form: lines of text."""
    for line in lines_of_form(data):
        check(bool(line.strip()) and "\n" not in line, "a value is not a line")
        storable(line)


def character_sets(data: bytes) -> None:
    """Bytes in any encoding, under any label: text that can be stored. UTF-8 stays what it is."""
    label = LABELS[data[0] % len(LABELS)] if data else None
    content = data[1:]
    for is_cut in (False, True):
        text = charsets.decode(content, label, is_cut=is_cut)
        storable(text)
        check("\x00" not in text, "a zero character is left")
    if content.isascii() and label in (None, "utf-8") and not any(mark in content for mark in (b"\0", b"\x1b", b"~{")):
        check(charsets.decode(content, label) == content.decode(), "plain ASCII was changed")
    is_plausible(charsets.decode(content, label))


def markup(data: bytes) -> None:
    """Any markup: without what it hides, it has the same words, and nothing more is hidden."""
    text = data.decode("utf-8", "replace")
    words, _ = visible_text(text)
    storable(words)
    storable(visible_markup(text))


def written_numbers(data: bytes) -> None:
    """Any line: numbers are finite and within it, and amounts among them are readings of what is written."""
    line = data.decode("utf-8", "replace")
    for found in amounts(line):
        check(math.isfinite(found.value.value), "an amount is not finite")
    for reading in number_readings(line):
        check(math.isfinite(reading.value), "a number is not finite")
        check(0 <= reading.start < reading.end, "a number has no place")


def written_dates(data: bytes) -> None:
    """Any line, in any language: each date is a day of the calendar, and so is what it may mean instead."""
    text = data.decode("utf-8", "replace")
    iso_date(text)
    for month_first in (False, True):
        for languages in ((), ("de",), ("ja",), ("ar",), ("th",)):
            for found in dates(text, month_first=month_first, languages=languages):
                check(isinstance(found.value, WrittenDate), "a date is of another kind")
                check(0 <= found.start < found.end <= len(text), "a date is outside its line")


def documents_in_a_file(data: bytes) -> None:
    """Any pages: each belongs to one document at most, in order, and some document holds a page."""
    texts = data.decode("utf-8", "replace").replace("\x00", "").split("\f")
    pages = [Page(number, text, (), "native", 100.0) for number, text in enumerate(texts, 1)]
    numbers = [page.number for document in documents_of(pages) for page in document]
    check(bool(numbers) and numbers == sorted(set(numbers)), "pages are repeated, unsorted or all lost")


def check(condition: bool, message: str) -> None:
    if not condition:
        raise AssertionError(message)


def storable(value: object) -> None:
    json.dumps(value, allow_nan=False, ensure_ascii=False).encode()


def rich_texts(data: bytes) -> None:
    """Any Rich Text: text that can be stored, or none."""
    try:
        text = text_of_markup(b"{\\rtf1 " + data)
    except ValueError:
        return
    storable(text_page(text)["text"])


def outlook_messages(data: bytes) -> None:
    """Any container: a mail that can be read, or a damaged one."""
    try:
        found = read_message(parsed(OLE_MARK + data)[0])
    except PermanentError as error:
        check(error.code == "corrupt", "a damaged message is something else")
        return
    storable(text_page(found.shown_text())["text"])


READING_TARGETS = (
    structured_invoices,
    form_data,
    character_sets,
    markup,
    written_numbers,
    written_dates,
    documents_in_a_file,
    rich_texts,
    outlook_messages,
)
