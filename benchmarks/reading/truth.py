"""The labelled data: receipts with all words and four fields, invoices with three fields, and pages rendered from PDFs.

Every second file, in the order of names, belongs to the first half, on which settings are chosen. The other half is for
reporting.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from layers.domain.extraction.amounts import Amount, amounts
from layers.domain.extraction.dates import WrittenDate, dates
from layers.domain.page import Page, Word

SCHEMA = {
    "type": "object",
    "required": ["date", "total"],
    "properties": {
        "company": {"type": "string"},
        "address": {"type": "string"},
        "date": {"type": "string", "format": "date"},
        "total": {"type": "number"},
        "currency": {"type": "string"},
        "invoice_number": {"type": "string"},
    },
}
NUMBER = {"type": "number"}
ITEM = {"description": {"type": "string"}, "quantity": NUMBER, "unit_price": NUMBER, "amount": NUMBER}
ITEMS = {"properties": {"items": {"type": "array", "items": {"type": "object", "properties": ITEM}}}}
# Pages of PDFs that are rendered and read; their text layer is the ground truth. Layout, file and page.
RENDERED = (
    ("columns", "multi-column.pdf", 1),
    ("columns", "multi-column.pdf", 2),
    ("columns", "multi-column.pdf", 3),
    ("columns", "a1977-backus-p21.pdf", 1),
    ("letter", "fake-memo.pdf", 1),
    ("letter", "embedded-link.pdf", 1),
    ("letter", "layout-parser-paper-fast.pdf", 1),
    ("letter", "copy-protected.pdf", 2),
    ("form", "DA-1p.pdf", 1),
    ("form", "reliance.pdf", 2),
    ("form", "negative-coords.pdf", 1),
    ("form", "interface-config-guide-p93.pdf", 1),
)


@dataclass(frozen=True, slots=True)
class Receipt:
    """A scan, the words on it, and its fields, as labelled by people."""

    path: Path
    words: Counter[str]
    fields: Mapping[str, Any]

    @property
    def transcript(self) -> Path:
        return self.path.parent / "words" / f"{self.path.stem}.csv"


@dataclass(frozen=True, slots=True)
class Invoice:
    """A PDF with a text layer, and its expected fields."""

    path: Path
    fields: Mapping[str, Any]


def words_of(text: str) -> Counter[str]:
    return Counter(in_order(text))


def in_order(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.upper())


def receipts(folders: Sequence[Path]) -> list[Receipt]:
    """The labelled scans in these folders and the folders in them, in the order of their names."""
    tables = [path for folder in folders for path in (*folder.glob("labels.json"), *folder.glob("*/labels.json"))]
    found = [
        _receipt(table.parent / name, label)
        for table in tables
        for name, label in json.loads(table.read_text()).items()
    ]
    return sorted(found, key=lambda receipt: receipt.path.name)


def _receipt(path: Path, label: Mapping[str, str]) -> Receipt:
    truth: Counter[str] = Counter()
    for _, text in _boxes(path.parent / "words" / f"{path.stem}.csv"):
        truth += words_of(text)
    date = next(
        (str(candidate.value.value) for candidate in dates(label["date"]) if isinstance(candidate.value, WrittenDate)),
        None,
    )
    total = next(
        (candidate.value.value for candidate in amounts(label["total"]) if isinstance(candidate.value, Amount)), None
    )
    return Receipt(
        path, truth, {"date": date, "total": total, "company": label["company"], "address": label["address"]}
    )


def invoices(folder: Path) -> list[Invoice]:
    found = []
    for pdf in sorted((folder / "invoices").glob("*.pdf")):
        if pdf.with_suffix(".json").exists():
            truth = json.loads(pdf.with_suffix(".json").read_text())[0]
            names = {"date": "date", "total": "amount", "invoice_number": "invoice_number"}
            found.append(Invoice(pdf, {ours: truth[theirs] for ours, theirs in names.items() if theirs in truth}))
    return found


def halves(files: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    return list(files[::2]), list(files[1::2])


def transcript(path: Path) -> Page:
    """A page with the true words of a receipt."""
    return page_of_lines(list(_boxes(path)))


def page_of_lines(boxes: Sequence[tuple[tuple[float, float, float, float], str]]) -> Page:
    """A page of lines, each given by its box in pixels and its text. The words of a line are spread over its box."""
    if not boxes:
        return Page(1)
    width, height = max(box[2] for box, _ in boxes) + 1, max(box[3] for box, _ in boxes) + 1
    words = []
    for (x0, y0, x1, y1), text in boxes:
        left, character_width = float(x0), (x1 - x0) / max(1, len(text))
        for word in re.findall(r"\S+\s*", text):
            right = left + len(word.rstrip()) * character_width
            words.append(Word(word.rstrip(), left / width, y0 / height, right / width, y1 / height))
            left += len(word) * character_width
    return Page(1, "\n".join(text for _, text in boxes), tuple(words), "native", 100.0, width, height)


def _boxes(path: Path) -> list[tuple[tuple[float, float, float, float], str]]:
    """Each line of a transcript (`x1,y1,x2,y2,x3,y3,x4,y4,text`, in pixels) as its box and its text."""
    found: list[tuple[tuple[float, float, float, float], str]] = []
    for row in csv.reader(path.open(encoding="utf-8", errors="replace"), quoting=csv.QUOTE_NONE):
        if len(row) >= 9:
            x, y = [int(v) for v in row[0:8:2]], [int(v) for v in row[1:8:2]]
            found.append(((min(x), min(y), max(x), max(y)), ",".join(row[8:])))
    return found


def are_right(found: Mapping[str, Any], truth: Mapping[str, Any]) -> dict[str, bool]:
    """Which fields are correct. Texts are compared without spaces, punctuation and case."""
    return {
        name: _same(found.get(name), truth[name])
        for name in ("date", "total", "company", "address", "invoice_number")
        if name in truth
    }


def _same(found: Any, truth: Any) -> bool:
    if isinstance(truth, float):
        return isinstance(found, int | float) and abs(found - truth) < 0.005
    return found is not None and _plain(found) == _plain(truth)


def _plain(value: Any) -> str:
    return re.sub(r"\W", "", str(value)).lower()
