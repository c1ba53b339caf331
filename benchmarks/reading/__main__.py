"""How well pages are read and values are extracted, compared with OCRmyPDF and invoice2data.

    python -m benchmarks.reading DATA_FOLDER

DATA_FOLDER contains `receipts/` (images, labels.json, words/*.csv), `invoices/` (PDFs, each with a JSON file) and
`documents/`. Settings are chosen on every second file and reported on the others. If the peers are not installed, the
benchmark prints how to install them. Tables are printed and written to build/bench/reading.json.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.reading import peers
from benchmarks.reading.engines import DEFAULT, TESSERACT, WITH_RAPID, ReadingRun, has_rapid, run
from benchmarks.reading.evidence import evidence
from benchmarks.reading.scoring import field_scores, recall_and_order, score
from benchmarks.reading.truth import RENDERED, Receipt, halves, invoices, receipts, transcript
from layers.decoders.pdf_text import read_text
from layers.domain.page import Page, pages_as_read

Rows = dict[str, dict[str, Any]]
OUT = Path("build/bench/reading.json")


def settings(scans: Sequence[Receipt], pool: ProcessPoolExecutor) -> Rows:
    return {name: score(scans, _run(name, scans, pool)) for name in TESSERACT}


def reported(chosen: str, scans: Sequence[Receipt], pool: ProcessPoolExecutor) -> tuple[Rows, list[Page]]:
    """Scores on the half on which no setting was chosen: Fairway, Fairway with the second reader, and OCRmyPDF. Also
    the pages that Fairway read."""
    runs = {name: _run(name, scans, pool) for name in dict.fromkeys((DEFAULT, chosen))}
    if has_rapid():
        runs[WITH_RAPID] = _run(WITH_RAPID, scans, pool)
    if not peers.missing():
        runs["OCRmyPDF 17, Fairway's rules"] = peers.ocrmypdf(scans)
    rows = {name: score(scans, results) for name, results in runs.items()}
    if "OCRmyPDF 17, Fairway's rules" in runs:
        for name, results in runs.items():
            ratio = runs["OCRmyPDF 17, Fairway's rules"].cpu_s / results.cpu_s
            rows[name]["pages/CPU s, OCRmyPDF = 1"] = round(ratio, 2)
    return rows, runs[DEFAULT].pages


def layouts(folder: Path, pool: ProcessPoolExecutor) -> Rows:
    """Rendered pages of PDFs against their text layer: word recall, and how many neighbouring words stay neighbours."""
    names = (DEFAULT, "psm 3 everywhere", "psm 4 everywhere", "psm 6 everywhere")
    sources = [(folder / "documents" / name, "application/pdf", number) for _, name, number in RENDERED]
    truths = [read_text(str(path), [number])[0]["text"] for path, _, number in sources]
    rows: Rows = {}
    for name in names:
        pages = run(name, sources, pool).pages
        by_layout: dict[str, list[tuple[float, float]]] = {}
        for (layout, *_), truth, page in zip(RENDERED, truths, pages, strict=True):
            by_layout.setdefault(layout, []).append(recall_and_order(truth, page.text))
        rows[name] = {layout: _mean(shares) for layout, shares in by_layout.items()}
    return rows


def _mean(shares: Sequence[tuple[float, float]]) -> str:
    words, pairs = (sum(values) / len(shares) for values in zip(*shares, strict=True))
    return f"{words:.3f}, in order {pairs:.3f}"


def fields(folder: Path, scans: Sequence[Receipt]) -> Rows:
    """The results of the built-in rules on text without OCR errors: correct transcripts and text layers."""
    bills = invoices(folder)
    rows: Rows = {
        f"{len(scans)} receipts, true words": field_scores(
            [(transcript(scan.transcript), scan.fields) for scan in scans]
        ),
        f"{len(bills)} invoices, text layer": field_scores(
            [(pages_as_read(read_text(str(bill.path))), bill.fields) for bill in bills]
        ),
    }
    if not peers.missing():
        rows[f"{len(bills)} invoices, invoice2data with its templates"] = peers.invoice2data(bills)
    return rows


def evidence_scores(folder: Path, scans: Sequence[Receipt], read: Sequence[Page], half: Sequence[Receipt]) -> Rows:
    bills = [(pages_as_read(read_text(str(invoice.path))), invoice.fields) for invoice in invoices(folder)]
    return {
        "receipts, true words": evidence([([transcript(scan.transcript)], scan.fields) for scan in scans]),
        "receipts, by OCR": evidence([([page], scan.fields) for page, scan in zip(read, half, strict=True)]),
        "invoices, text layer": evidence(bills),
    }


def _run(name: str, scans: Sequence[Receipt], pool: ProcessPoolExecutor) -> ReadingRun:
    return run(name, [(scan.path, "image/jpeg", 1) for scan in scans], pool)


def _show(title: str, rows: Rows) -> None:
    columns = list(dict.fromkeys(name for row in rows.values() for name in row))
    table = Table(title, *columns)
    for name, row in rows.items():
        table.add_row(name, *("" if row.get(column) is None else str(row[column]) for column in columns))
    Console(width=170).print(table)


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    scans = receipts(folder)
    first, second = halves(scans)
    tables: dict[str, Rows] = {}
    with ProcessPoolExecutor(2) as pool:
        tables["settings, on the first half"] = settings(first, pool)
        chosen = max(TESSERACT, key=lambda name: tables["settings, on the first half"][name]["recall"])
        tables["results, on the second half"], read = reported(chosen, second, pool)
        tables["pages rendered from PDFs"] = layouts(folder, pool)
    tables["fields by the built-in rules"] = fields(folder, scans)
    tables["evidence for own and for foreign values"] = evidence_scores(folder, scans, read, second)
    for title, rows in tables.items():
        _show(title, rows)
    print(f"The setting with the highest recall on the first half is {chosen!r}.")
    for hint in (peers.missing(), None if has_rapid() else "RapidOCR is not measured: `make rapid` installs it."):
        if hint:
            print(hint)
    _write(tables)


def _write(tables: Mapping[str, Rows]) -> None:
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(tables, indent=1))


if __name__ == "__main__":
    main()
