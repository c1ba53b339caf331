"""How many labelled fields the built-in rules find, from true transcripts and from text layers.

    python -m benchmarks.extraction_fields DATA_FOLDER

DATA_FOLDER holds `receipts/` (labels.json and words/*.csv) and `invoices/` (PDFs, each with a JSON beside it).
"""

from __future__ import annotations

import csv
import json
import re
import sys
from pathlib import Path
from typing import Any

from layers.adapters.documents import Documents
from layers.domain.extraction.rules import extract
from layers.domain.extraction.values import amounts, dates
from layers.domain.page import Page, Word

SCHEMA = {
    "type": "object",
    "required": [],
    "properties": {
        "company": {"type": "string"},
        "date": {"type": "string", "format": "date"},
        "total": {"type": "number"},
        "currency": {"type": "string"},
        "invoice_number": {"type": "string"},
    },
}


def transcript(path: Path) -> Page:
    """A page from a transcript of `x1,y1,x2,y2,x3,y3,x4,y4,text` in pixels, each line's words spread over its box."""
    boxes = []
    for row in csv.reader(path.open(encoding="utf-8", errors="replace"), quoting=csv.QUOTE_NONE):
        if len(row) >= 9:
            x, y = [int(v) for v in row[0:8:2]], [int(v) for v in row[1:8:2]]
            boxes.append((min(x), min(y), max(x), max(y), ",".join(row[8:])))
    width, height = max(b[2] for b in boxes) + 1, max(b[3] for b in boxes) + 1
    words = []
    for x0, y0, x1, y1, text in boxes:
        at, step = x0, (x1 - x0) / max(1, len(text))
        for word in re.findall(r"\S+\s*", text):
            end = at + len(word.rstrip()) * step
            words.append(Word(word.rstrip(), at / width, y0 / height, end / width, y1 / height))
            at += len(word) * step
    return Page(1, "\n".join(b[4] for b in boxes), tuple(words), "native", 100.0, width, height)


def same_text(a: Any, b: Any) -> bool:
    return re.sub(r"\W", "", str(a)).lower() == re.sub(r"\W", "", str(b)).lower()


def receipt_scores(label: dict[str, str], fields: dict[str, Any]) -> dict[str, bool]:
    true_date = next((one.value.isoformat() for one in dates(label["date"])), None)
    true_total = next((one.value.value for one in amounts(label["total"])), None)
    return {
        "date": fields.get("date") == true_date,
        "total": fields.get("total") == true_total,
        "company": same_text(fields.get("company"), label["company"]),
    }


def main() -> None:
    data = Path(sys.argv[1])
    labels = json.loads((data / "receipts" / "labels.json").read_text())
    tally: dict[str, list[str]] = {}
    for name, label in labels.items():
        page = transcript(data / "receipts" / "words" / f"{Path(name).stem}.csv")
        fields = extract([page], SCHEMA).fields
        for field, right in receipt_scores(label, fields).items():
            tally.setdefault(f"receipts {field}", []).append(
                "" if right else f"{name}: {fields.get(field)} for {label[field]}"
            )
    documents = Documents()
    for pdf in sorted((data / "invoices").glob("*.pdf")):
        if not pdf.with_suffix(".json").exists():
            continue
        truth = json.loads(pdf.with_suffix(".json").read_text())[0]
        fields = extract(documents.read_text(pdf, "application/pdf"), SCHEMA).fields
        for field, ours in (("date", "date"), ("amount", "total"), ("invoice_number", "invoice_number")):
            if field in truth:
                right = (
                    same_text(fields.get(ours), truth[field]) if field != "amount" else fields.get(ours) == truth[field]
                )
                tally.setdefault(f"invoices {field}", []).append(
                    "" if right else f"{pdf.name}: {fields.get(ours)} for {truth[field]}"
                )
    documents.close()
    for field, results in tally.items():
        print(f"{field:24} {results.count('')} of {len(results)}")
        if "-v" in sys.argv:
            print("".join(f"    {wrong}\n" for wrong in results if wrong), end="")
    out = Path("build/bench/extraction_fields.json")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({field: [r.count(""), len(r)] for field, r in tally.items()}, indent=1))


if __name__ == "__main__":
    main()
