"""Reads dynamic XFA forms: PDFs without pages of their own, which only Adobe Reader can draw."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator, Sequence
from typing import Any
from xml.etree import ElementTree

from layers.domain.errors import PermanentError

MAX_XFA_BYTES = 16 << 20
MAX_VALUES = 5000
XFA_DATA = "{http://www.xfa.org/schema/xfa-data/1.0/}data"
WORDS_OF_NAME = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")
CONTAINER_NAME = re.compile(r"(?i)^(?:topmost)?(?:sub)?form\d*$|^page\d*$|^data$|^body$|^root$")


def is_dynamic(document: Any) -> bool:
    """Whether the form is drawn by XFA: then its PDF pages are only a notice, without any field."""
    from pypdfium2 import PdfiumError, raw

    kind = document.get_formtype()
    if kind == raw.FORMTYPE_XFA_FULL:
        return True
    if kind != raw.FORMTYPE_XFA_FOREGROUND:
        return False
    if len(document) != 1:
        return False
    try:
        page = document[0]
    except PdfiumError:
        return False
    try:
        return bool(raw.FPDFPage_GetAnnotCount(page.raw) <= 0)
    finally:
        page.close()


def text_of(document: Any) -> str:
    """The form's data, one value a line. Raises PermanentError `xfa_form` if it has none."""
    lines = lines_of_form(_packets(document))
    if not lines:
        raise PermanentError(
            "xfa_form",
            "the PDF is a form that only Adobe Reader can show, and holds no values; print it to a PDF and send that",
        )
    return "\n".join(lines)


def _packets(document: Any) -> bytes:
    """The XFA document, whose parts may be stored one by one."""
    from pypdfium2 import raw

    parts: list[bytes] = []
    for index in range(max(0, min(raw.FPDF_GetXFAPacketCount(document.raw), 100))):
        size = ctypes.c_ulong()
        if not raw.FPDF_GetXFAPacketContent(document.raw, index, None, 0, size) or size.value > MAX_XFA_BYTES:
            continue
        buffer = ctypes.create_string_buffer(size.value)
        if raw.FPDF_GetXFAPacketContent(document.raw, index, buffer, size.value, size):
            parts.append(buffer.raw)
    return b"".join(parts)[:MAX_XFA_BYTES]


def lines_of_form(packets: bytes) -> list[str]:
    """Each value of the form's data as `name: value`. Data that declares entities is not read."""
    if b"<!ENTITY" in packets or b"<!DOCTYPE" in packets:
        return []
    start, end = packets.find(b"<xfa:datasets"), packets.find(b"</xfa:datasets>")
    candidates = [packets, packets[start : end + len(b"</xfa:datasets>")] if 0 <= start < end else b""]
    for candidate in candidates:
        try:
            tree = ElementTree.fromstring(candidate)
        except ElementTree.ParseError:
            continue
        return [line for data in tree.iter(XFA_DATA) for line in _values(data)][:MAX_VALUES]
    return []


def _values(data: ElementTree.Element) -> Iterator[str]:
    # Not recursive, because the file chooses the depth.
    left: list[tuple[ElementTree.Element, tuple[str, ...]]] = [(child, ()) for child in reversed(list(data))]
    while left:
        element, names = left.pop()
        name = element.tag.rsplit("}", 1)[-1]
        names = names if CONTAINER_NAME.match(name) else (*names, name)[-2:]
        inner = [child for child in element if not child.tag.startswith("{http://www.w3.org/1999/xhtml}")]
        if inner:
            left += [(child, names) for child in reversed(inner)]
            continue
        value = " ".join("".join(element.itertext()).split())
        if value:
            yield f"{_label(names)}: {value}" if names else value


def _label(names: Sequence[str]) -> str:
    """`Invoice number` for the names `invoice` and `number`, and for `InvoiceNumber`."""
    words = [word.lower() for word in WORDS_OF_NAME.findall(names[-1])]
    if len(words) == 1 and len(names) > 1:
        words = [*(word.lower() for word in WORDS_OF_NAME.findall(names[-2])), *words]
    return " ".join(words).capitalize() or names[-1]
