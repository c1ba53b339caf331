"""The files that users upload: one function for each kind. The number of a file makes its content unique."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

from benchmarks.busy_host import A4_PX, page, photo, scan

SAMPLES = Path(__file__).resolve().parent.parent.parent / "events" / "samples"
INVOICE = SAMPLES / "Invoice INV-2023-03-0008.pdf"
OFFICE = ("joinery-invoice.docx", "expenses-may.xlsx", "order-review.pptx")
PADDING_BYTES = 17 * 1024 * 1024  # more than one part of an upload


@dataclass(frozen=True, slots=True)
class Content:
    """A file to upload. `total` is the value that its record must have; None where it is not checked."""

    name: str
    body: bytes
    total: float | None = None


def content(kind: str, number: int) -> Content:
    return MAKERS[kind](number)


def _text(number: int) -> Content:
    return Content(f"text {number}.txt", f"Invoice {number}\n\nTotal: {number}.50\n".encode(), number + 0.5)


def _mail(number: int) -> Content:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "shop@example.com", "office@example.com", f"Order {number}"
    mail["Date"], mail["Message-ID"] = "Mon, 02 Mar 2026 10:00:00 +0000", f"<{number}@example.com>"
    mail.set_content(f"Thank you for your order {number}.\n\nTotal: {number}.25\n")
    return Content(f"mail {number}.eml", mail.as_bytes(), number + 0.25)


def _pdf(number: int) -> Content:
    return Content(f"invoice {number}.pdf", INVOICE.read_bytes() + f"\n% copy {number}\n".encode(), 279.84)


def _office(number: int) -> Content:
    sample = SAMPLES / OFFICE[number % len(OFFICE)]
    stream = io.BytesIO(sample.read_bytes())
    with zipfile.ZipFile(stream, "a") as package:
        package.comment = f"copy {number}".encode()
    return Content(f"office {number}{sample.suffix}", stream.getvalue())


def _photo(number: int) -> Content:
    return Content(f"photo {number}.jpg", photo(number))


def _scan(number: int) -> Content:
    return Content(f"scan {number}.pdf", scan(number, 2))


def _parts(number: int) -> Content:
    """A TIFF that is uploaded in several parts, because unused data follows its image."""
    stream = io.BytesIO()
    page(number, A4_PX, 6).save(stream, "TIFF", compression="tiff_deflate")
    padding = random.Random(number).randbytes(1 << 16)
    return Content(f"parts {number}.tiff", stream.getvalue() + padding * (PADDING_BYTES // len(padding)))


MAKERS: Mapping[str, Callable[[int], Content]] = {
    "text": _text,
    "mail": _mail,
    "pdf": _pdf,
    "office": _office,
    "photo": _photo,
    "scan": _scan,
    "parts": _parts,
}
