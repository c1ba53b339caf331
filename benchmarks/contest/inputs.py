"""The files of the contest, copied into one folder, with what is known about each: its text, its values, its pages."""

from __future__ import annotations

import random
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pypdfium2
from PIL import Image

from benchmarks.documents.inputs import Document, documents
from benchmarks.reading.truth import Receipt, invoices, receipts

FIELDS = ("date", "total", "invoice_number", "company")
SCAN_PAGES = (1, 2, 3, 5, 8, 12, 20, 30)
RECEIPTS = 40
SEED = 26


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in the folder of the contest. `values` are sets of right values, of which the best match counts."""

    path: Path
    kind: str
    text: str | None = None
    values: Sequence[Mapping[str, Any]] = ()
    never: Mapping[str, Any] = field(default_factory=dict)


def build(data: Path, folder: Path, count: int) -> list[Entry]:
    """Copy `count` files into `folder`, in an order that mixes their kinds and is always the same.

    `data` has `receipts/` with `labels.json` and `words/`, `invoices/` with a JSON beside each PDF, and `documents/`. With
    fewer than 200 files, each kind keeps its share.
    """
    folder.mkdir(parents=True)
    scans_folder = folder.with_name("scans")
    scans_folder.mkdir()
    labelled = [receipt for receipt in receipts([data]) if receipt.path.parent.name == "receipts"][:RECEIPTS]
    groups = [
        [_receipt(receipt) for receipt in labelled],
        [Entry(each.path, "invoice", None, [each.fields]) for each in invoices(data)],
        [_scan(labelled, pages, scans_folder) for pages in SCAN_PAGES],
    ]
    others = [_document(document) for document in documents(data)]
    groups.append([entry for entry in others if entry.text is not None or entry.values or entry.never])
    groups.append([entry for entry in others if entry not in groups[-1]])
    whole, fixed = 200, sum(map(len, groups[:-1]))
    groups[-1] = _spread(groups[-1], max(0, whole - fixed))
    if count < whole:
        groups = [_spread(group, max(1, round(len(group) * count / whole))) for group in groups]
    entries = [entry for group in groups for entry in group]
    random.Random(SEED).shuffle(entries)
    return [_copied(entry, folder, number) for number, entry in enumerate(entries, 1)]


def pages_of(entry: Entry) -> int:
    """The number of pages of a PDF file; any other file counts as one page."""
    try:
        return len(pypdfium2.PdfDocument(entry.path)) if entry.path.suffix.lower() == ".pdf" else 1
    except pypdfium2.PdfiumError:  # locked or damaged
        return 1


def _receipt(receipt: Receipt) -> Entry:
    values = {name: receipt.fields[name] for name in ("date", "total", "company") if receipt.fields[name] is not None}
    return Entry(receipt.path, "receipt", " ".join(receipt.words.elements()), [values])


def _scan(labelled: Sequence[Receipt], pages: int, folder: Path) -> Entry:
    """A PDF of pictures only, each a receipt, whose words are known."""
    chosen = [labelled[(pages + number) % len(labelled)] for number in range(pages)]
    path = folder / f"scan-of-{pages}-pages.pdf"
    first, *others = [Image.open(receipt.path).convert("L") for receipt in chosen]
    first.save(path, save_all=True, append_images=others, resolution=150)
    return Entry(path, "made scan", " ".join(word for receipt in chosen for word in receipt.words.elements()))


def _document(document: Document) -> Entry:
    values = [{name: value for name, value in each.items() if name in FIELDS} for each in document.values]
    never = {name: value for name, value in document.never.items() if name in FIELDS}
    return Entry(document.path, "document", document.text, [each for each in values if each], never)


def _spread(entries: list[Entry], count: int) -> list[Entry]:
    """This many entries, evenly spread."""
    count = min(count, len(entries))
    return [entries[index * len(entries) // count] for index in range(count)] if count else []


def _copied(entry: Entry, folder: Path, number: int) -> Entry:
    path = folder / f"{number:03}-{entry.path.name}"
    shutil.copyfile(entry.path, path)
    return Entry(path, entry.kind, entry.text, entry.values, entry.never)
