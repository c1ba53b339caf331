"""Replaces PDFs whose pages only ask for another program: portfolios by the documents that they contain, dynamic XFA forms
by their data."""

from __future__ import annotations

import ctypes
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from layers.decoders import temporary, xfa_forms
from layers.domain.errors import PermanentError

MAX_ATTACHMENTS = 200
MAX_ATTACHED_BYTES = 64 << 20
MAX_PAGES = 2000
MAX_DEPTH = 2  # of portfolios in portfolios
PAGE_SIZE = (595, 842)
_found_collection: list[bool] = []
_handler: list[Any] = []


@dataclass(slots=True)
class Attached:
    """What a PDF contains besides its pages. `texts`: the text of pages that are drawn blank, by number; `names`: the
    attached files; `unread`: those of them that should have become pages but can't be read. `is_composed`: its pages come
    from other documents."""

    is_composed: bool = False
    texts: dict[int, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def watch_for_collections() -> None:
    """Let pdfium report portfolios while it opens documents: it offers no other way to recognise them."""
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
    """The document, or one that is composed of its content. It has an attribute `attached`.

    Raises PermanentError for a dynamic XFA form without data.
    """
    is_portfolio = bool(_found_collection)
    _found_collection.clear()
    document.attached = Attached(names=[name for name, _ in _attachments(document)])
    if is_portfolio and document.attached.names and depth < MAX_DEPTH:
        return _composed(document, depth)
    if xfa_forms.is_dynamic(document):
        return _form(document)
    return document


def _form(document: Any) -> Any:
    """A PDF of one blank page whose text is the data of a dynamic XFA form."""
    import pypdfium2

    text = xfa_forms.text_of(document)
    shown = pypdfium2.PdfDocument.new()
    shown.new_page(*PAGE_SIZE).close()
    shown.attached = Attached(is_composed=True, texts={1: text}, names=document.attached.names)
    document.close()
    return shown


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
