"""Replaces PDFs whose pages only say that another program is needed: portfolios by the documents that they hold, dynamic
XFA forms by their data."""

from __future__ import annotations

import ctypes
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from layers.decoders import temporary
from layers.domain.errors import PermanentError

MAX_ATTACHMENTS = 200
MAX_ATTACHED_BYTES = 64 << 20
MAX_PAGES = 2000
MAX_DEPTH = 2  # of portfolios in portfolios
MAX_XFA_BYTES = 16 << 20
MAX_VALUES = 5000
PAGE_SIZE = (595, 842)
XFA_DATA = "{http://www.xfa.org/schema/xfa-data/1.0/}data"
WORDS_OF_NAME = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")
CONTAINER_NAME = re.compile(r"(?i)^(?:topmost)?(?:sub)?form\d*$|^page\d*$|^data$|^body$|^root$")

_found_collection: list[bool] = []
_handler: list[Any] = []


@dataclass(slots=True)
class Attached:
    """What a PDF holds beside its pages. `texts`: the text of pages that are drawn blank, by number; `names`: the attached
    files; `unread`: those among them that should have become pages but can't be read."""

    is_composed: bool = False
    texts: dict[int, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def watch_for_collections() -> None:
    """Have pdfium report portfolios while it opens documents: it offers no other way to recognise them."""
    from pypdfium2 import raw

    _found_collection.clear()
    if _handler:
        return

    def report(_: Any, kind: int) -> None:
        if kind == raw.FPDF_UNSP_DOC_PORTABLECOLLECTION:
            _found_collection.append(True)

    info = raw.UNSUPPORT_INFO()
    info.version = 1
    info.FSDK_UnSupport_Handler = dict(raw.UNSUPPORT_INFO._fields_)["FSDK_UnSupport_Handler"](report)
    _handler.extend((info, report))
    raw.FSDK_SetUnSpObjProcessHandler(info)


def unwrapped(document: Any, depth: int = 0) -> Any:
    """The document, or one that consists of what it holds. It has an attribute `attached`.

    Raises PermanentError for a dynamic XFA form without data.
    """
    is_portfolio = bool(_found_collection)
    _found_collection.clear()
    document.attached = Attached(names=[name for name, _ in _attachments(document)])
    if is_portfolio and document.attached.names and depth < MAX_DEPTH:
        return _composed(document, depth)
    if _is_dynamic_form(document):
        return _form_data(document)
    return document


# --- portfolios ----------------------------------------------------------------------------------------


def _composed(document: Any, depth: int) -> Any:
    """A PDF with the pages of all attached documents, or the document itself if none of them can be read."""
    import pypdfium2

    whole = pypdfium2.PdfDocument.new()
    whole.attached = Attached(is_composed=True, names=document.attached.names)
    for name, attachment in _attachments(document):
        content = _content(attachment)
        try:
            _append(whole, name, content, depth)
        except Exception:  # any reader may fail in any way on a damaged attachment; the others are still read
            whole.attached.unread.append(name)
    if len(whole) == 0:
        whole.close()
        document.attached.unread = document.attached.names
        return document
    document.close()
    return whole


def _append(whole: Any, name: str, content: bytes, depth: int) -> None:
    import pypdfium2

    from layers.decoders import embedded, identify
    from layers.domain.formats import Kind, kind_of

    if not content:
        raise ValueError("an empty attachment")
    with temporary.stored(content, Path(name).suffix[:10]) as file:
        media_type = identify.identify(file, name)["media_type"]
        match kind_of(media_type):
            case Kind.PDF:
                watch_for_collections()
                part = unwrapped(pypdfium2.PdfDocument(content), depth + 1)
                _check_count(whole, len(part))
                first = len(whole)
                whole.import_pages(part)
                whole.attached.texts |= {first + number: text for number, text in part.attached.texts.items()}
                whole.attached.unread += [f"{name}/{unread_name}" for unread_name in part.attached.unread]
            case Kind.PICTURE:
                _append_picture(whole, file)
            case Kind.ARCHIVE | Kind.VIDEO | None:
                raise ValueError("no document")
            case _:
                texts = [page["text"] for page in embedded.read_text(file, media_type)]
                _append_texts(whole, texts)


def _append_picture(whole: Any, path: str) -> None:
    from layers.decoders.images import count_frames, frame, on_ground

    for number in range(1, count_frames(path) + 1):
        _check_count(whole, 1)
        image = on_ground(frame(path, number)).convert("RGB")
        whole.new_page(PAGE_SIZE[0], PAGE_SIZE[0] * image.height / image.width).close()
        draw_on(whole, len(whole), image)


def draw_on(document: Any, number: int, image: Any) -> None:
    """Fill a page, counted from 1, with an image in RGB."""
    import pypdfium2

    packed = io.BytesIO()
    image.save(packed, "JPEG", quality=92)
    packed.seek(0)
    page = document[number - 1]
    picture = pypdfium2.PdfImage.new(document)
    picture.load_jpeg(packed, inline=True)
    picture.set_matrix(pypdfium2.PdfMatrix().scale(*page.get_size()))
    page.insert_obj(picture)
    page.gen_content()
    page.close()


def _append_texts(whole: Any, texts: Sequence[str]) -> None:
    if not any(text.strip() for text in texts):
        raise ValueError("no text")
    for text in texts:
        _check_count(whole, 1)
        whole.new_page(*PAGE_SIZE).close()
        whole.attached.texts[len(whole)] = text


def _check_count(whole: Any, further: int) -> None:
    if len(whole) + further > MAX_PAGES:
        raise PermanentError("too_many_pages", f"the portfolio has more than {MAX_PAGES} pages")


def _attachments(document: Any) -> Iterator[tuple[str, Any]]:
    for index in range(min(document.count_attachments(), MAX_ATTACHMENTS)):
        attachment = document.get_attachment(index)
        try:
            yield attachment.get_name() or f"attachment {index + 1}", attachment
        except Exception:  # an attachment without a readable name
            yield f"attachment {index + 1}", attachment


def _content(attachment: Any) -> bytes:
    from pypdfium2 import PdfiumError, raw

    size = ctypes.c_ulong()
    if not raw.FPDFAttachment_GetFile(attachment.raw, None, 0, size) or size.value > MAX_ATTACHED_BYTES:
        return b""
    try:
        return bytes(attachment.get_data())
    except PdfiumError:
        return b""


# --- dynamic XFA forms ---------------------------------------------------------------------------------


def _is_dynamic_form(document: Any) -> bool:
    """Whether the form draws itself by XFA: then its pages are a notice, without any field."""
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


def _form_data(document: Any) -> Any:
    """A PDF of one blank page whose text is the form's data."""
    import pypdfium2

    lines = lines_of_form(_xfa_packets(document))
    if not lines:
        raise PermanentError(
            "xfa_form",
            "the PDF is a form that only Adobe Reader can show, and holds no values; print it to a PDF and send that",
        )
    shown = pypdfium2.PdfDocument.new()
    shown.new_page(*PAGE_SIZE).close()
    shown.attached = Attached(is_composed=True, texts={1: "\n".join(lines)}, names=document.attached.names)
    document.close()
    return shown


def _xfa_packets(document: Any) -> bytes:
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
    # Not recursive: the depth is the file's choice.
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
