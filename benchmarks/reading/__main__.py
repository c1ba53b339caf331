"""How well pages are read and values are extracted, compared with Tesseract, RapidOCR, OCRmyPDF and invoice2data.

    python -m benchmarks.reading FOLDER ... [--half first|second] [--pages N] [--only READER ...]

Each FOLDER, or a folder in it, has labelled scans (images, labels.json, words/*.csv). The first may also contain
`invoices/` (PDFs, each with a JSON file) and `documents/`. Settings and calibration are chosen on the first half of the
scans, every second one in the order of names, and reported on the second. If the peers are not installed, the benchmark
prints how to install them. Tables are printed and written to build/bench/reading.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.reading import peers
from benchmarks.reading.engines import ALONE, LEVELS, TESSERACT, ReadingRun, run
from benchmarks.reading.evidence import evidence
from benchmarks.reading.first_page import first_pages
from benchmarks.reading.made import made_pages
from benchmarks.reading.scoring import field_scores, items_found, letters_wrong, recall_and_order, score
from benchmarks.reading.truth import RENDERED, Receipt, halves, invoices, receipts, transcript
from layers.decoders.pdf_text import read_text
from layers.decoders.tessdata import installed_languages
from layers.domain.page import Page, pages_as_read

Rows = dict[str, dict[str, Any]]
OUT = Path("build/bench/reading.json")
BY_RULES = "OCRmyPDF 17, Fairway's rules"
RAPID = "RapidOCR's defaults, Fairway's rules"


def settings(scans: Sequence[Receipt], pool: ProcessPoolExecutor) -> Rows:
    """Scores of the settings of Tesseract."""
    return {name: score(scans, _run(name, scans, pool)) for name in TESSERACT}


def reported(readers: Sequence[str], scans: Sequence[Receipt], pool: ProcessPoolExecutor) -> tuple[Rows, list[Page]]:
    """Scores on scans on which nothing was chosen, and the pages as the level `balanced`, or else the last, read them."""
    runs = {name: _run(name, scans, pool) for name in readers}
    if not peers.missing("rapidocr"):
        runs[RAPID] = peers.rapidocr([scan.path for scan in scans])
    if not peers.missing("ocrmypdf"):
        runs[BY_RULES] = peers.ocrmypdf(scans)
    rows = {name: score(scans, results) for name, results in runs.items()}
    if ALONE in runs:
        for name, results in runs.items():
            rows[name]["CPU, Tesseract = 1"] = round(results.cpu_s / runs[ALONE].cpu_s, 2)
    return rows, runs["balanced" if "balanced" in runs else readers[-1]].pages


def layouts(folder: Path, readers: Sequence[str], pool: ProcessPoolExecutor) -> Rows:
    """Rendered pages of PDFs against their text layer: word recall, and how many neighbouring words stay neighbours."""
    sources = [(folder / "documents" / name, "application/pdf", number, "eng") for _, name, number in RENDERED]
    truths = [read_text(str(path), [number])[0]["text"] for path, _, number, _ in sources]
    rows: Rows = {}
    for name in readers:
        results = run(name, sources, pool)
        by_layout: dict[str, list[tuple[float, float]]] = {}
        for (layout, *_), truth, page in zip(RENDERED, truths, results.pages, strict=True):
            by_layout.setdefault(layout, []).append(recall_and_order(truth, page.text))
        rows[name] = {layout: _mean(shares) for layout, shares in by_layout.items()}
        rows[name]["CPU s/page"] = round(results.cpu_s / len(sources), 2)
    return rows


def made(readers: Sequence[str], folder: Path, pool: ProcessPoolExecutor) -> Rows:
    """The share of wrong letters on pages that were drawn and then damaged, by language and by damage."""
    pages = made_pages(folder)
    rows: Rows = {}
    by_rapidocr = [] if peers.missing("rapidocr") else [RAPID]
    for name in (*readers, *by_rapidocr):
        known = [page for page in pages if name not in TESSERACT or page.language in installed_languages()]
        if name == RAPID:
            read = peers.rapidocr([page.path for page in known]).pages
        else:
            read = run(name, [(page.path, "image/png", 1, page.language) for page in known], pool).pages
        tally: dict[str, list[float]] = {}
        for page, found in zip(known, read, strict=True):
            wrong = letters_wrong(page.text, found.text)
            for group in (page.language, page.damage, "all"):
                tally.setdefault(group, []).append(wrong)
        rows[name] = {group: f"{100 * sum(shares) / len(shares):.1f}" for group, shares in tally.items()}
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
    if not peers.missing("invoice2data"):
        rows[f"{len(bills)} invoices, invoice2data with its templates"] = peers.invoice2data(bills)
    return rows


def items(folder: Path, scans: Sequence[Receipt]) -> Rows:
    """How many documents have items by the built-in rules, and how many of these lists are confirmed by a sum."""
    documents = {
        f"{len(scans)} receipts, true words": [[transcript(scan.transcript)] for scan in scans],
        "invoices, text layer": [pages_as_read(read_text(str(invoice.path))) for invoice in invoices(folder)],
    }
    return {name: items_found(read) for name, read in documents.items()}


def evidence_scores(folder: Path, scans: Sequence[Receipt], read: Sequence[Page], half: Sequence[Receipt]) -> Rows:
    bills = [(pages_as_read(read_text(str(invoice.path))), invoice.fields) for invoice in invoices(folder)]
    return {
        "receipts, true words": evidence([([transcript(scan.transcript)], scan.fields) for scan in scans]),
        "receipts, by OCR": evidence([([page], scan.fields) for page, scan in zip(read, half, strict=True)]),
        "invoices, text layer": evidence(bills),
    }


def _run(name: str, scans: Sequence[Receipt], pool: ProcessPoolExecutor) -> ReadingRun:
    return run(name, [(scan.path, "image/jpeg", 1, "eng") for scan in scans], pool)


def _show(title: str, rows: Rows) -> None:
    columns = list(dict.fromkeys(name for row in rows.values() for name in row))
    table = Table(title, *columns)
    for name, row in rows.items():
        table.add_row(name, *("" if row.get(column) is None else str(row[column]) for column in columns))
    Console(width=200).print(table)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--half", choices=("first", "second"), default="second")
    parser.add_argument("--pages", type=int, help="read only so many scans")
    parser.add_argument("--only", nargs="+", choices=(*TESSERACT, *LEVELS), help="measure only these readers on scans")
    return parser.parse_args()


def main() -> None:
    chosen = _arguments()
    scans, folder = receipts(chosen.folders), chosen.folders[0]
    first, second = (half[: chosen.pages] for half in halves(scans))
    readers = chosen.only or [ALONE, *LEVELS]
    half = first if chosen.half == "first" else second
    tables: dict[str, Rows] = {}

    def show(title: str, rows: Rows) -> None:
        """Print a table as soon as it is measured: the whole takes long."""
        tables[title] = rows
        _show(title, rows)
        _write(tables)

    with ProcessPoolExecutor(2) as pool:
        rows, read = reported(readers, half, pool)
        show(f"{len(half)} scans, the {chosen.half} half", rows)
        if not chosen.only:
            show("fields by the built-in rules", fields(folder, scans))
            show("line items by the built-in rules", items(folder, half))
            show("first page after a start", first_pages(readers, half))
            show("evidence for own and for foreign values", evidence_scores(folder, scans, read, half))
            if (folder / "documents").is_dir():
                names = (*readers, "psm 3 everywhere", "psm 6 everywhere")
                show("pages rendered from PDFs", layouts(folder, names, pool))
            show("made pages, % of letters wrong", made(readers, OUT.parent / "made", pool))
            show("settings of Tesseract, on the first half", settings(first, pool))
    if hint := peers.missing():
        print(hint)


def _write(tables: Mapping[str, Rows]) -> None:
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(tables, indent=1))


if __name__ == "__main__":
    main()
