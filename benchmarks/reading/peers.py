"""The peers: OCRmyPDF reads the same scans, invoice2data the same invoices. Each is a program in a venv of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.reading.engines import Run, cpu_s
from benchmarks.reading.truth import Invoice, Receipt, are_right
from layers.decoders.pdf import read_text
from layers.domain.page import pages_as_read

VENV = Path("build/peers/reading")
PACKAGES = ("ocrmypdf==17.13.0", "invoice2data==1.0.1", "dateparser==1.5.0")
PROGRAMS = ("tesseract", "gs")
OPTIONS = ("--jobs", "2", "--output-type", "pdf", "--optimize", "0", "--language", "eng", "--quiet")
HOW = f"""\
The peers are not measured: {{missing}} can't be found. To have them:
    python3 -m venv {VENV} && {VENV}/bin/pip install {" ".join(PACKAGES)}
    apt-get install tesseract-ocr ghostscript"""


def missing() -> str | None:
    """How to get what is missing for the peers, or None."""
    lacking = [name for name in PROGRAMS if shutil.which(name) is None]
    lacking += [str(VENV / "bin" / name) for name in ("ocrmypdf", "invoice2data") if not (VENV / "bin" / name).exists()]
    return HOW.format(missing=", ".join(lacking)) if lacking else None


def ocrmypdf(receipts: Sequence[Receipt]) -> Run:
    """All scans as the pages of one PDF, as it is used on a batch; its words are those of the PDF it makes."""
    with tempfile.TemporaryDirectory() as folder:
        whole, made, text = (Path(folder) / name for name in ("scans.pdf", "read.pdf", "read.txt"))
        _as_one_pdf([one.path for one in receipts], whole)
        before, started = cpu_s(), time.monotonic()
        subprocess.run([VENV / "bin" / "ocrmypdf", *OPTIONS, "--sidecar", text, whole, made], check=True)
        wall_s, used_s = time.monotonic() - started, cpu_s() - before
        texts = text.read_text().split("\f")
        pages = pages_as_read(read_text(str(made)))
        return Run([replace(page, text=own) for page, own in zip(pages, texts, strict=False)], wall_s, used_s)


def _as_one_pdf(scans: Sequence[Path], into: Path) -> None:
    """By img2pdf, which OCRmyPDF brings: the pictures' bytes as they are."""
    subprocess.run([VENV / "bin" / "img2pdf", *scans, "--imgsize", "150dpi", "--output", into], check=True)


def invoice2data(invoices: Sequence[Invoice]) -> dict[str, str]:
    """How many fields its own templates find, exact."""
    tally: dict[str, list[bool]] = {}
    for one in invoices:
        for name, right in are_right(_its_fields(one.path), one.fields).items():
            tally.setdefault(name, []).append(right)
    return {name: f"{sum(rights)}/{len(rights)}" for name, rights in tally.items()}


def _its_fields(path: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "found.json"
        subprocess.run(
            [VENV / "bin" / "invoice2data", "--output-format", "json", "--output-name", out, path],
            check=False,
            capture_output=True,
        )
        found = json.loads(out.read_text()) if out.exists() else []
    one = found[0] if found else {}
    return {"date": str(one.get("date"))[:10], "total": one.get("amount"), "invoice_number": one.get("invoice_number")}
