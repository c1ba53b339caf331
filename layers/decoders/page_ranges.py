"""Copies pages of a PDF or a TIFF into a new file of the same format. The same pages always give the same bytes."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from layers.decoders import pdf, tiff_copies
from layers.domain.errors import PermanentError

MAX_BYTES = 200 << 20  # of a file, as for members of archives
PDF_ID = re.compile(rb"/ID\s*\[<([0-9A-F]{32})><([0-9A-F]{32})>\]")


def copy_pages(path: str, media_type: str, ranges: Sequence[Sequence[int]], into: str) -> list[dict[str, Any]]:
    """Write a file for each list of page numbers. For each `{"index", "size_bytes", "sha256", "stored_as"}`."""
    copies = _of_pdf(path, ranges) if media_type == "application/pdf" else tiff_copies.copies(path, ranges)
    return [_kept(index, content, Path(into)) for index, content in enumerate(copies)]


def _kept(index: int, content: bytes, into: Path) -> dict[str, Any]:
    if len(content) > MAX_BYTES:
        raise PermanentError("too_large", "a file that the scan would be separated into is too large")
    stored_as = f"pages-{index}"
    (into / stored_as).write_bytes(content)
    return {
        "index": index,
        "size_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "stored_as": stored_as,
    }


def _of_pdf(path: str, ranges: Sequence[Sequence[int]]) -> Any:
    import pypdfium2
    from pypdfium2 import PdfiumError, raw

    raw.FPDF_SetSandBoxPolicy(raw.FPDF_POLICY_MACHINETIME_ACCESS, 0)  # else it writes the time of day into the file
    with pdf.opened(path) as document:
        for numbers in ranges:
            copy = pypdfium2.PdfDocument.new()
            try:
                copy.import_pages(document, [number - 1 for number in numbers])
                content = io.BytesIO()
                copy.save(content)
            except (PdfiumError, IndexError):
                raise PermanentError("corrupt", f"page {numbers[0]} of the PDF or one after it is damaged") from None
            finally:
                copy.close()
            yield _with_fixed_id(content.getvalue())


def _with_fixed_id(content: bytes) -> bytes:
    """The PDF with an identifier from its content; pdfium writes a random one into the trailer."""
    found = [*PDF_ID.finditer(content, max(0, len(content) - 2048))]
    if not found:
        raise PermanentError("corrupt", "the pages of the PDF can't be copied into a file of their own")
    start, end = found[-1].span()
    digest = hashlib.sha256(content[:start] + content[end:]).hexdigest()[:32].upper().encode()
    return content[:start] + b"/ID[<%b><%b>]" % (digest, digest) + content[end:]
