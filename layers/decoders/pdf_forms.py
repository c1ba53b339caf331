"""Makes form fields, typed notes and stamps part of a PDF's page."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from layers.domain.page import Box

MAX_ANNOTATIONS = 5000
MAX_VALUE_CHARACTERS = 10_000
FLAG_HIDDEN, FLAG_NO_VIEW = 2, 32
PASSWORD_FIELD = 1 << 13


@dataclass(frozen=True, slots=True)
class Entry:
    """A form field or a typed note: its text as it is stored, and its box in page coordinates. `is_check`: a check box or
    radio button; its text is the mark."""

    text: str
    box: Box
    is_check: bool = False


def entries_of(document: Any, page: Any) -> list[Entry]:
    """The visible filled fields and typed notes of the page."""
    from pypdfium2 import raw

    count = min(raw.FPDFPage_GetAnnotCount(page.raw), MAX_ANNOTATIONS)
    return list(_entries(document.formenv, page, count)) if count > 0 else []


def has_annotations(page: Any) -> bool:
    from pypdfium2 import raw

    return bool(raw.FPDFPage_GetAnnotCount(page.raw) > 0)


def flatten(page: Any) -> bool:
    """Draw all annotations and fields into the page's content. Afterwards the page has to be loaded again."""
    from pypdfium2 import raw

    return bool(raw.FPDFPage_Flatten(page.raw, raw.FLAT_NORMALDISPLAY) == raw.FLATTEN_SUCCESS)


def _entries(form: Any, page: Any, count: int) -> Iterator[Entry]:
    from pypdfium2 import raw

    for index in range(count):
        annotation = raw.FPDFPage_GetAnnot(page.raw, index)
        if not annotation:
            continue
        try:
            if raw.FPDFAnnot_GetFlags(annotation) & (FLAG_HIDDEN | FLAG_NO_VIEW):
                continue
            kind = raw.FPDFAnnot_GetSubtype(annotation)
            if kind == raw.FPDF_ANNOT_FREETEXT:
                text = _string(raw.FPDFAnnot_GetStringValue, annotation, b"Contents")
                yield Entry(text, _rectangle(annotation))
            elif kind == raw.FPDF_ANNOT_WIDGET and form is not None:
                yield from _field(form.raw, annotation)
        finally:
            raw.FPDFPage_CloseAnnot(annotation)


def _field(form: Any, annotation: Any) -> Iterator[Entry]:
    from pypdfium2 import raw

    kind, box = raw.FPDFAnnot_GetFormFieldType(form, annotation), _rectangle(annotation)
    if kind in (raw.FPDF_FORMFIELD_CHECKBOX, raw.FPDF_FORMFIELD_RADIOBUTTON):
        yield Entry("☒" if raw.FPDFAnnot_IsChecked(form, annotation) else "☐", box, is_check=True)
    elif kind in (raw.FPDF_FORMFIELD_TEXTFIELD, raw.FPDF_FORMFIELD_COMBOBOX, raw.FPDF_FORMFIELD_LISTBOX) and not (
        raw.FPDFAnnot_GetFormFieldFlags(form, annotation) & PASSWORD_FIELD
    ):
        yield Entry(_string(raw.FPDFAnnot_GetFormFieldValue, form, annotation), box)


def _string(function: Any, *arguments: Any) -> str:
    """The text that a function of pdfium writes into a buffer as UTF-16."""
    from pypdfium2 import raw

    size = function(*arguments, None, 0)
    if size < 2:
        return ""
    size = min(size, 2 * MAX_VALUE_CHARACTERS + 2)
    buffer = ctypes.create_string_buffer(size)
    function(*arguments, ctypes.cast(buffer, ctypes.POINTER(raw.FPDF_WCHAR)), size)
    return buffer.raw[: size - size % 2].decode("utf-16-le", "replace").rstrip("\x00")


def _rectangle(annotation: Any) -> Box:
    from pypdfium2 import raw

    box = raw.FS_RECTF()
    raw.FPDFAnnot_GetRect(annotation, box)
    left, right = sorted((box.left, box.right))
    bottom, top = sorted((box.bottom, box.top))
    return left, bottom, right, top
