"""Measures single operations in a warm worker: thumbnails of photos, text of documents, office files printed to PDF.

    python -m benchmarks.single_operations [FOLDER]

FOLDER contains documents of many kinds; without it the few samples are used. CPU time includes decoders and
LibreOffice. Prints a table and saves it in build/bench/single_operations.json.
"""

from __future__ import annotations

import gzip
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.starting import ROOT, cpu_s, family, keep_table
from layers.adapters.printing import libreoffice_printer
from layers.adapters.printing.libreoffice_printer import LibreOfficePrinter
from layers.decoders.libreoffice import FILTERS
from layers.decoding.documents import Documents
from layers.domain.errors import DecoderCrashed, PermanentError
from layers.telemetry.log import log

SAMPLES = (ROOT / "events" / "samples", ROOT / "tests" / "samples")
PHOTOGRAPHS = {"thumbnail of a JPEG of 2000 x 1333": (2000, 1333), "thumbnail of a JPEG of 12 MP": (4000, 3000)}
REACH_MS = {"thumbnail of a JPEG of 2000 x 1333": 20, "thumbnail of a JPEG of 12 MP": 50}
TEXTS = ("docx", "xlsx", "pptx", "eml", "html")
TEXT_BYTES = 256 * 1024  # a book of 800 pages is not typical
TEXT_REACH_MS = 5
# Gotenberg 8 on two cores, measured on documents of the same kinds: 0.62 CPU s each, 112 per minute.
PRINTED_REACH_MS, PRINTED_REACH_A_MINUTE = 250, 250
PRINTERS = 2
LEAST_CALLS = 40
COLUMNS = ("what", "calls", "CPU ms each", "a minute", "to reach")


@dataclass(frozen=True)
class Document:
    """A file and its media type by content."""

    path: Path
    media_type: str


def measured(
    what: str, reach: str, inputs: Sequence[Any], do: Callable[[Any], object], threads: int = 1
) -> dict[str, Any]:
    """A row of the table: `do` for each input, after a warm-up, at least LEAST_CALLS times."""
    for call_input in inputs[:threads]:
        do(call_input)
    calls = _repeated(inputs)
    began, before = time.monotonic(), cpu_s(family(os.getpid()))
    with ThreadPoolExecutor(threads) as pool:
        failed = sum(not well for well in pool.map(lambda call: _went_well(do, call), calls))
    spent_s, took_s = cpu_s(family(os.getpid())) - before, time.monotonic() - began
    row = {
        "what": what,
        "calls": f"{len(calls)}" if failed == 0 else f"{len(calls)}, {failed} refused",
        "CPU ms each": round(1000 * spent_s / len(calls), 1),
        "a minute": round(60 * len(calls) / took_s),
        "to reach": reach,
    }
    print(f"{what}: {row['CPU ms each']} ms", file=sys.stderr)
    return row


def _went_well(do: Callable[[Any], object], call_input: Any) -> bool:
    try:
        do(call_input)
    except (PermanentError, DecoderCrashed) as error:
        log("file_refused", file=str(call_input), code=error.code, detail=error.detail)
        return False
    return True


def _repeated(inputs: Sequence[Any]) -> list[Any]:
    return list(inputs) * max(1, -(-LEAST_CALLS // len(inputs)))


def _copied(documents: Sequence[Document], folder: Path) -> list[Document]:
    """A copy of a document for each call, since readers may cache the last file."""
    copies = []
    for index, document in enumerate(_repeated(documents)):
        copies.append(Document(folder / f"copy-{index}{document.path.suffix}", document.media_type))
        copies[-1].path.write_bytes(document.path.read_bytes())
    return copies


def photographs(folder: Path) -> dict[str, Path]:
    """A photo of a receipt in the measured sizes."""
    from PIL import Image

    made = {}
    with Image.open(SAMPLES[0] / "receipt-parking.jpg") as photograph:
        for what, size in PHOTOGRAPHS.items():
            made[what] = folder / f"{size[0]}.jpg"
            photograph.convert("RGB").resize(size).save(made[what], quality=88)
    return made


def documents_in(folders: Sequence[Path], scratch: Path, reader: Documents) -> list[Document]:
    """Every readable file with its type; gzipped ones are unpacked."""
    found = []
    for path in sorted(path for folder in folders for path in folder.rglob("*") if path.is_file()):
        if path.suffix == ".gz":
            unpacked = scratch / path.stem
            unpacked.write_bytes(gzip.decompress(path.read_bytes()))
            path = unpacked
        try:
            found.append(Document(path, reader.identify(path, path.name).media_type))
        except (PermanentError, DecoderCrashed):
            continue  # locked, damaged, or of an unsupported type
    return found


def main() -> None:
    folders = [Path(folder) for folder in sys.argv[1:]] or list(SAMPLES)
    rows = []
    with tempfile.TemporaryDirectory(prefix="fairway-bench-") as name:
        scratch, reader = Path(name), Documents()
        into = scratch / "into"
        into.mkdir()
        for what, path in photographs(scratch).items():
            draw = lambda path: reader.thumbnail(path, "image/jpeg", into)  # noqa: E731
            rows.append(measured(what, f"{REACH_MS[what]} ms", [path], draw))
        documents = documents_in(folders, scratch, reader)
        for kind in TEXTS:
            chosen = [
                document
                for document in documents
                if document.path.suffix == f".{kind}" and document.path.stat().st_size <= TEXT_BYTES
            ]
            if chosen:
                chosen = _copied(chosen, scratch)
                read = lambda document: reader.read_text(document.path, document.media_type)  # noqa: E731
                rows.append(measured(f"text of {kind}", f"{TEXT_REACH_MS} ms", chosen, read))
        reader.close()
        rows += printed([document for document in documents if document.media_type in FILTERS], scratch)
    keep_table("single_operations", COLUMNS, rows)


def printed(documents: Sequence[Document], scratch: Path) -> list[dict[str, Any]]:
    """Office documents printed to PDF; without LibreOffice, only a message."""
    program = libreoffice_printer.installed()
    if program is None:
        print("office files as PDF are left out: no LibreOffice is installed", file=sys.stderr)
        return []
    printer = LibreOfficePrinter(program, at_once=PRINTERS)

    def print_one(document: Document) -> None:
        with tempfile.TemporaryDirectory(dir=scratch) as into:
            printer.to_pdf(document.path, document.media_type, Path(into))

    try:
        reach = f"{PRINTED_REACH_MS} ms, {PRINTED_REACH_A_MINUTE} a minute (Gotenberg: 620 ms, 112)"
        return [measured("office files as PDF", reach, documents, print_one, PRINTERS)]
    finally:
        printer.close()


if __name__ == "__main__":
    main()
