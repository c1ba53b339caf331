"""The files whose cost is counted, one or several of each kind."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping

from benchmarks.chain import text
from benchmarks.starting import ROOT

SAMPLES = ROOT / "events" / "samples"
TOGETHER = 10


def _sample(name: str) -> Callable[[int], Mapping[str, bytes]]:
    return lambda _number: {name: (SAMPLES / name).read_bytes()}


def _archive(number: int) -> Mapping[str, bytes]:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for member in range(2):
            archive.writestr(zipfile.ZipInfo(f"{member}.txt"), text(2 * number + member))
    return {"texts.zip": content.getvalue()}


# By kind, what is uploaded together, by a number that makes contents unique where they are made.
KINDS: Mapping[str, Callable[[int], Mapping[str, bytes]]] = {
    "text of 20 kB": lambda number: {"text.txt": text(number)},
    "10 texts in one batch": lambda number: {f"{n}.txt": text(TOGETHER * number + n) for n in range(TOGETHER)},
    "PDF with text": _sample("Invoice INV-2023-03-0008.pdf"),
    "scan of one page": _sample("scan-groceries.pdf"),
    "photo": _sample("receipt-hardware.jpg"),
    "word document": _sample("joinery-invoice.docx"),
    "workbook": _sample("expenses-may.xlsx"),
    "mail with an attachment": _sample("receipt-by-mail.eml"),
    "archive of two texts": _archive,
}
