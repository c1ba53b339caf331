"""How well pages are read, and values found in them, beside OCRmyPDF and invoice2data.

    python -m benchmarks.reading DATA_FOLDER

DATA_FOLDER holds `receipts/` (pictures, labels.json, words/*.csv), `invoices/` (PDFs, each with a JSON beside it) and
`documents/`. Settings are chosen on every second file and reported on the others. The peers are programs in a venv of
their own; where they are missing it is said how to get them. Tables are printed, and kept in build/bench/reading.json.
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
from benchmarks.reading.engines import AS_IT_IS, TESSERACT, WITH_RAPID, Run, has_rapid, run
from benchmarks.reading.evidence import evidence
from benchmarks.reading.scoring import field_scores, recall_and_order, score
from benchmarks.reading.truth import DRAWN, Receipt, halves, invoices, receipts, transcript
from layers.decoders.pdf import read_text
from layers.domain.page import Page, pages_as_read

Rows = dict[str, dict[str, Any]]
OUT = Path("build/bench/reading.json")


def settings(scans: Sequence[Receipt], pool: ProcessPoolExecutor) -> Rows:
    return {name: score(scans, _run(name, scans, pool)) for name in TESSERACT}


def reported(chosen: str, scans: Sequence[Receipt], pool: ProcessPoolExecutor) -> tuple[Rows, list[Page]]:
    """The half that no setting was chosen on: ours, with the second reader, and OCRmyPDF; and our pages."""
    runs = {name: _run(name, scans, pool) for name in dict.fromkeys((AS_IT_IS, chosen))}
    if has_rapid():
        runs[WITH_RAPID] = _run(WITH_RAPID, scans, pool)
    if not peers.missing():
        runs["OCRmyPDF 17, our rules"] = peers.ocrmypdf(scans)
    rows = {name: score(scans, one) for name, one in runs.items()}
    if "OCRmyPDF 17, our rules" in runs:
        for name, one in runs.items():
            ratio = runs["OCRmyPDF 17, our rules"].cpu_s / one.cpu_s
            rows[name]["pages per CPU s, OCRmyPDF = 1"] = round(ratio, 2)
    return rows, runs[AS_IT_IS].pages


def layouts(folder: Path, pool: ProcessPoolExecutor) -> Rows:
    """Pages of PDFs drawn and read, against their own text: words found, and neighbours that are neighbours still."""
    names = (AS_IT_IS, "psm 3 everywhere", "psm 4 everywhere", "psm 6 everywhere")
    wanted = [(folder / "documents" / name, "application/pdf", number) for _, name, number in DRAWN]
    truths = [read_text(str(path), [number])[0]["text"] for path, _, number in wanted]
    rows: Rows = {}
    for name in names:
        pages = run(name, wanted, pool).pages
        by_layout: dict[str, list[tuple[float, float]]] = {}
        for (layout, *_), truth, page in zip(DRAWN, truths, pages, strict=True):
            by_layout.setdefault(layout, []).append(recall_and_order(truth, page.text))
        rows[name] = {layout: _mean(shares) for layout, shares in by_layout.items()}
    return rows


def _mean(shares: Sequence[tuple[float, float]]) -> str:
    words, pairs = (sum(values) / len(shares) for values in zip(*shares, strict=True))
    return f"{words:.3f}, in order {pairs:.3f}"


def fields(folder: Path, scans: Sequence[Receipt]) -> Rows:
    """What the built-in rules find where reading costs nothing: in true transcripts and in text layers."""
    bills = invoices(folder)
    rows: Rows = {
        f"{len(scans)} receipts, true words": field_scores([(transcript(one.transcript), one.fields) for one in scans]),
        f"{len(bills)} invoices, own text": field_scores(
            [(pages_as_read(read_text(str(one.path))), one.fields) for one in bills]
        ),
    }
    if not peers.missing():
        rows[f"{len(bills)} invoices, invoice2data with its templates"] = peers.invoice2data(bills)
    return rows


def proofs(folder: Path, scans: Sequence[Receipt], read: Sequence[Page], half: Sequence[Receipt]) -> Rows:
    bills = [(pages_as_read(read_text(str(one.path))), one.fields) for one in invoices(folder)]
    return {
        "receipts, true words": evidence([([transcript(one.transcript)], one.fields) for one in scans]),
        "receipts, by OCR": evidence([([page], one.fields) for page, one in zip(read, half, strict=True)]),
        "invoices, own text": evidence(bills),
    }


def _run(name: str, scans: Sequence[Receipt], pool: ProcessPoolExecutor) -> Run:
    return run(name, [(one.path, "image/jpeg", 1) for one in scans], pool)


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
        tables["chosen on one half"] = settings(first, pool)
        chosen = max(TESSERACT, key=lambda name: tables["chosen on one half"][name]["recall"])
        tables["reported on the other"], read = reported(chosen, second, pool)
        tables["pages drawn from PDFs"] = layouts(folder, pool)
    tables["fields by the built-in rules"] = fields(folder, scans)
    tables["evidence of true and of foreign values"] = proofs(folder, scans, read, second)
    for title, rows in tables.items():
        _show(title, rows)
    print(f"Of the settings, {chosen!r} found the most words on the half that was chosen on.")
    for told in (peers.missing(), None if has_rapid() else "RapidOCR is not measured: `make rapid` installs it."):
        if told:
            print(told)
    _keep(tables)


def _keep(tables: Mapping[str, Rows]) -> None:
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(tables, indent=1))


if __name__ == "__main__":
    main()
