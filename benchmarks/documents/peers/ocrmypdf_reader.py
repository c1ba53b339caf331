"""Reads with OCRmyPDF, which adds a text layer to scans, pdftotext, and invoice2data with its own templates.

Only PDF files and pictures can be read in this way.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from answering import answer_each
from invoice2data import extract_data
from invoice2data.extract.loader import read_templates

OCRMYPDF = [str(Path(sys.executable).with_name("ocrmypdf")), "--quiet", "--jobs", "1", "--language", "eng"]
OPTIONS = ["--rasterizer", "pypdfium", "--output-type", "pdf", "--optimize", "0", "--skip-text"]
PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp")
templates = read_templates()


def read(path: str) -> dict[str, Any]:
    if not path.lower().endswith((".pdf", *PICTURES)):
        return {"error": "neither a PDF file nor a picture"}
    resolution = [] if path.lower().endswith(".pdf") else ["--image-dpi", "150"]
    with tempfile.TemporaryDirectory() as folder:
        output = f"{folder}/read.pdf"
        subprocess.run([*OCRMYPDF, *OPTIONS, *resolution, path, output], check=True, capture_output=True)
        shown = subprocess.run(["pdftotext", "-layout", output, "-"], check=True, capture_output=True)
        found = extract_data(output, templates=templates) or {}
    first = found[0] if isinstance(found, list) and found else found
    names = {"date": "date", "total": "amount", "invoice_number": "invoice_number", "company": "issuer"}
    values = {name: first[theirs] for name, theirs in names.items() if first and first.get(theirs) is not None}
    if "date" in values:
        values["date"] = str(values["date"])[:10]
    text = shown.stdout.decode("utf-8", "replace")
    return {"text": text, **({"values": {name: str(value) for name, value in values.items()}} if values else {})}


answer_each(read)
