"""Measures the preview service: documents a minute and CPU time of each, for two clients that print at the same time.

    python -m benchmarks.preview_service [--documents 200] [FOLDER]

It starts the service as a process, prints the office documents of the samples, or of FOLDER, and counts those that were
refused. CPU time includes LibreOffice. It needs LibreOffice and saves its table in build/bench/preview_service.json.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from benchmarks.single_operations import SAMPLES, Document, documents_in
from benchmarks.starting import cpu_s, family, keep, memory_mib, stop
from infra.local.ports import choose_ports
from layers.adapters.printing import libreoffice_printer
from layers.adapters.printing.gotenberg_printer import GotenbergPrinter
from layers.decoders.libreoffice import FILTERS
from layers.decoding.documents import Documents
from layers.domain.errors import PermanentError

CLIENTS = 2
START_S = 60.0
TARGETS = {"documents a minute": "250", "CPU s each": "0.25"}


class Peak:
    """The largest memory of a service and its descendants, sampled twice a second."""

    def __init__(self, pid: int) -> None:
        self.mib = 0.0
        self._pid, self._stop = pid, threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def _sample(self) -> None:
        while not self._stop.wait(0.5):
            self.mib = max(self.mib, memory_mib(family(self._pid))[1])

    def stop(self) -> float:
        self._stop.set()
        self._thread.join()
        return self.mib


def service(folder: Path) -> tuple[subprocess.Popen[bytes], GotenbergPrinter]:
    """The service as a process, once it answers, and a client of it."""
    port = choose_ports(folder / "ports.json", ("preview",), 0)["preview"]
    environment = os.environ | {"FAIRWAY_PREVIEW_PORT": str(port), "FAIRWAY_PREVIEW_AT_ONCE": str(CLIENTS)}
    process = subprocess.Popen(
        [sys.executable, "-m", "infra.preview_service"], env=environment, stderr=subprocess.DEVNULL
    )
    printer, deadline = GotenbergPrinter(f"http://127.0.0.1:{port}"), time.monotonic() + START_S
    while not printer.is_up():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("The preview service did not start.")
        time.sleep(0.05)
    return process, printer


def print_all(printer: GotenbergPrinter, documents: Sequence[Document], scratch: Path) -> tuple[int, list[float]]:
    """Print documents with two clients. Returns how many were refused, and the seconds of each."""

    def print_one(document: Document) -> tuple[bool, float]:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(dir=scratch) as into:
            try:
                printer.to_pdf(document.path, document.media_type, Path(into))
            except PermanentError:
                return False, time.monotonic() - began
        return True, time.monotonic() - began

    with ThreadPoolExecutor(CLIENTS) as clients:
        done = list(clients.map(print_one, documents))
    return sum(not well for well, _ in done), sorted(seconds for _, seconds in done)


def with_own_bytes(document: Document, number: int, folder: Path) -> Document:
    """A copy that no other request has had printed: with a comment in its zip file, or bytes after its end."""
    path = folder / f"{number}-{document.path.name}"
    shutil.copyfile(document.path, path)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path, "a") as packed:
            packed.comment = str(number).encode()
    else:
        with path.open("ab") as stream:
            stream.write(str(number).rjust(512).encode())
    return Document(path, document.media_type)


def measure(folders: Sequence[Path], count: int, scratch: Path) -> dict[str, Any]:
    reader = Documents()
    try:
        found = [each for each in documents_in(folders, scratch, reader) if each.media_type in FILTERS]
    finally:
        reader.close()
    began = time.monotonic()
    process, printer = service(scratch)
    results: dict[str, Any] = {"seconds until it answers": round(time.monotonic() - began, 1)}
    try:
        documents = [with_own_bytes(each, at, scratch) for at, each in enumerate(islice(cycle(found), count))]
        print_all(printer, found[:CLIENTS], scratch)
        peak, spent_s, began = Peak(process.pid), cpu_s(family(process.pid)), time.monotonic()
        refused, times = print_all(printer, documents, scratch)
        took_s = time.monotonic() - began
        results |= {
            "documents": f"{count} of {len({each.media_type for each in found})} types",
            "refused": refused,
            "documents a minute": round(60 * count / took_s),
            "CPU s each": round((cpu_s(family(process.pid)) - spent_s) / count, 3),
            "median and slowest, s": f"{times[len(times) // 2]:.2f}, {times[-1]:.2f}",
            "memory at most, MiB": round(peak.stop()),
        }
    finally:
        stop(process)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=200)
    parser.add_argument("folders", nargs="*", type=Path)
    arguments = parser.parse_args()
    if libreoffice_printer.installed() is None:
        print("Skipped the preview service: LibreOffice is not installed", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory(prefix="fairway-bench-") as name:
        results = measure(arguments.folders or SAMPLES, arguments.documents, Path(name))
    keep("preview_service", results, TARGETS)


if __name__ == "__main__":
    main()
