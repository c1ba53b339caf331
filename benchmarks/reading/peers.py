"""The peers: RapidOCR and OCRmyPDF read the same scans, and invoice2data the same invoices. They are installed in a separate
virtual environment. OCRmyPDF uses the project's Tesseract, and draws pages with pdfium."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.reading.engines import ReadingRun, cpu_s
from benchmarks.reading.truth import Invoice, Receipt, are_right, page_of_lines
from layers.decoders import tessdata
from layers.decoders.pdf_text import read_text
from layers.domain.page import pages_as_read

VENV = Path("build/peers/reading")
PACKAGES = ("ocrmypdf==17.13.0", "invoice2data==1.0.1", "dateparser==1.5.0", "rapidocr==3.10.0", "onnxruntime==1.31.1")
NAMES = ("ocrmypdf", "invoice2data", "rapidocr")
OPTIONS = (
    "--rasterizer",
    "pypdfium",
    "--jobs",
    "2",
    "--output-type",
    "pdf",
    "--optimize",
    "0",
    "--language",
    "eng",
    "--quiet",
)
HOW_TO_INSTALL = f"""\
The peers are not measured, because these programs are missing: {{missing}}. To install them:
    python3 -m venv {VENV} && {VENV}/bin/pip install {" ".join(PACKAGES)}"""


def missing(*peers: str) -> str | None:
    """How to install what these peers need, by default all, or None if nothing is missing."""
    absent = [str(VENV / "bin" / name) for name in peers or NAMES if not (VENV / "bin" / name).exists()]
    return HOW_TO_INSTALL.format(missing=", ".join(absent)) if absent else None


# Reads the pictures that it is given, one JSON object a line: words as [text, x0, y0, x1, y1], the CPU seconds.
BY_RAPIDOCR = """
import json, sys, time
from rapidocr import RapidOCR
engine = RapidOCR(params={"EngineConfig.onnxruntime.intra_op_num_threads": 1,
                          "EngineConfig.onnxruntime.inter_op_num_threads": 1, "Global.log_level": "error"})
engine(sys.argv[1])
for path in sys.argv[1:]:
    before = time.process_time()
    found = engine(path)
    lines = zip(found.txts or (), (found.boxes if found.txts else ()))
    print(json.dumps([[[text, *box.min(0).tolist(), *box.max(0).tolist()] for text, box in lines],
                      time.process_time() - before]), flush=True)
"""


def rapidocr(pictures: Sequence[Path]) -> ReadingRun:
    """Read all pictures with RapidOCR's defaults, in one thread. The boxes of words are spread over those of their lines."""
    command = [str(VENV / "bin" / "python"), "-c", BY_RAPIDOCR, *map(str, pictures)]
    started = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    results = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    pages = [page_of_lines([(tuple(box), text) for text, *box in lines]) for lines, _ in results]
    return ReadingRun(pages, time.monotonic() - started, sum(cpu for _, cpu in results))


def ocrmypdf(receipts: Sequence[Receipt]) -> ReadingRun:
    """Read all scans as the pages of one PDF, as OCRmyPDF is used on a batch. The words are those of its output PDF."""
    with tempfile.TemporaryDirectory() as folder:
        scans, output, text = (Path(folder) / name for name in ("scans.pdf", "read.pdf", "read.txt"))
        _as_one_pdf([receipt.path for receipt in receipts], scans)
        before, started = cpu_s(), time.monotonic()
        command = [str(VENV / "bin" / "ocrmypdf"), *OPTIONS, "--sidecar", str(text), str(scans), str(output)]
        subprocess.run(command, check=True, env=_with_tesseract(Path(folder)))
        wall_s, used_s = time.monotonic() - started, cpu_s() - before
        texts = text.read_text().split("\f")
        pages = pages_as_read(read_text(str(output)))
        return ReadingRun([replace(page, text=own) for page, own in zip(pages, texts, strict=False)], wall_s, used_s)


def _with_tesseract(folder: Path) -> dict[str, str]:
    """The environment in which the project's Tesseract is found as `tesseract`."""
    (folder / "bin").mkdir()
    (folder / "bin" / "tesseract").symlink_to(shutil.which(tessdata.program()) or tessdata.program())
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "TESSDATA_PREFIX": str(tessdata.folder_with(["eng"]))}


def _as_one_pdf(scans: Sequence[Path], into: Path) -> None:
    """Put the scans into one PDF without changing their bytes, with img2pdf, which comes with OCRmyPDF."""
    subprocess.run([VENV / "bin" / "img2pdf", *scans, "--imgsize", "150dpi", "--output", into], check=True)


def invoice2data(invoices: Sequence[Invoice]) -> dict[str, str]:
    """By field, how many values invoice2data finds exactly with its own templates."""
    tally: dict[str, list[bool]] = {}
    for invoice in invoices:
        for name, right in are_right(_fields(invoice.path), invoice.fields).items():
            tally.setdefault(name, []).append(right)
    return {name: f"{sum(rights)}/{len(rights)}" for name, rights in tally.items()}


def _fields(path: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "found.json"
        subprocess.run(
            [VENV / "bin" / "invoice2data", "--output-format", "json", "--output-name", out, path],
            check=False,
            capture_output=True,
        )
        found = json.loads(out.read_text()) if out.exists() else []
    first = found[0] if found else {}
    return {
        "date": str(first.get("date"))[:10],
        "total": first.get("amount"),
        "invoice_number": first.get("invoice_number"),
    }
