"""How often evidence is found for values that a page shows, and for values that are another page's.

    python -m benchmarks.evidence DATA_FOLDER [ocr]

DATA_FOLDER holds `receipts/` (pictures, labels.json, words/*.csv) and `invoices/` (PDFs, each with a JSON beside it).
A true value without evidence would be dropped from a record; a foreign one with evidence would pass. With `ocr`
the receipts are read by Tesseract rather than taken from their transcripts.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.extraction_fields import transcript
from layers.adapters.documents import Documents
from layers.domain.extraction.evidence import Shown
from layers.domain.extraction.values import amounts, dates
from layers.domain.extraction.windows import whole
from layers.domain.page import Page

TEXT, NUMBER, DAY = {"type": "string"}, {"type": "number"}, {"type": "string", "format": "date"}
Values = dict[str, tuple[Any, dict[str, Any]]]


def receipts(folder: Path, documents: Documents, by_ocr: bool) -> list[tuple[str, list[Page], Values]]:
    found = []
    for name, label in json.loads((folder / "labels.json").read_text()).items():
        day = next((one.value.isoformat() for one in dates(label["date"])), None)
        total = next((one.value.value for one in amounts(label["total"])), None)
        values: Values = {"company": (label["company"], TEXT), "address": (label["address"], TEXT)}
        values |= {"date": (day, DAY)} if day else {}
        values |= {"total": (total, NUMBER)} if total is not None else {}
        if by_ocr:
            pages = documents.read_images(folder / name, "image/jpeg", [1], ["eng"])
        else:
            pages = [transcript(folder / "words" / f"{Path(name).stem}.csv")]
        found.append((name, pages, values))
    return found


def invoices(folder: Path, documents: Documents) -> list[tuple[str, list[Page], Values]]:
    found = []
    for pdf in sorted(folder.glob("*.pdf")):
        if not pdf.with_suffix(".json").exists():
            continue
        truth = json.loads(pdf.with_suffix(".json").read_text())[0]
        values: Values = {"amount": (truth["amount"], NUMBER)} if "amount" in truth else {}
        values |= {"date": (str(truth["date"])[:10], DAY)} if "date" in truth else {}
        values |= {"invoice_number": (str(truth["invoice_number"]), TEXT)} if "invoice_number" in truth else {}
        found.append((pdf.name, documents.read_text(pdf, "application/pdf"), values))
    return found


def measure(what: str, files: list[tuple[str, list[Page], Values]]) -> None:
    own: Counter[str] = Counter()
    foreign: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    against: Counter[str] = Counter()
    unshown = []
    for name, pages, values in files:
        shown = Shown(whole([page for page in pages if page.source]))
        for field, (value, schema) in values.items():
            asked[field] += 1
            hits = shown.hits(value, schema)
            own[field] += bool(hits)
            if not hits:
                unshown.append(f"{name}: {field} {value}")
        for other, _, theirs in files:
            for field, (value, schema) in theirs.items():
                if other != name and value != values.get(field, (None,))[0]:
                    against[field] += 1
                    foreign[field] += bool(shown.hits(value, schema))
    for field in asked:
        share = 100 * foreign[field] / against[field]
        print(
            f"{what} {field}: own {own[field]} of {asked[field]}, foreign {foreign[field]} of {against[field]} ({share:.1f} %)"
        )
    print(*unshown, sep="\n")


def main() -> None:
    data, documents = Path(sys.argv[1]), Documents()
    measure("receipts", receipts(data / "receipts", documents, "ocr" in sys.argv[2:]))
    measure("invoices", invoices(data / "invoices", documents))
    documents.close()


if __name__ == "__main__":
    main()
