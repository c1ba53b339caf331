"""Converts documents with LibreOffice processes that are reused, and replaced when they are old, large, stuck or dead."""

from __future__ import annotations

import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from infra.preview_service.forms import Conversion
from infra.preview_service.shared_prints import SharedPrints
from layers.adapters.printing.libreoffice_printer import LibreOfficePrinter
from layers.checksum import sha256_of
from layers.decoding.sandbox import Sandbox
from layers.decoding.scratch import new_folder
from layers.domain.errors import DecoderCrashed, PermanentError

IDENTIFY_S = 15.0
# Less than the time for which a client waits for the response.
PRINT_S, MAX_WAIT_S = 40.0, 15.0
FIRST_PAGE = ("1", "1-1")
MOST_SHARED_BYTES = 4 << 20  # of a larger document, the first page is printed alone, which is much faster
BROKEN_AFTER = 3  # consecutive crashes, each on another document
SAMPLE_LETTER = b"{\\rtf1\\ansi A letter.}"


class Busy(Exception):
    """Too many documents are waiting. The client may try again after `retry_after_s`."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("The request queue is full. Retry shortly.")
        self.retry_after_s = retry_after_s


class Converter:
    """Converts at most `at_once` documents at a time, while at most `most_waiting` wait.

    `kept` LibreOffice processes (default: `at_once`) are kept while they are idle; others end after a minute.
    """

    def __init__(self, program: Path, *, at_once: int = 2, most_waiting: int = 20, kept: int | None = None) -> None:
        self.at_once, self._most_waiting = at_once, most_waiting
        self._readers = Sandbox(max_children=at_once)
        self._printer = LibreOfficePrinter(
            program, at_once=at_once, print_s=PRINT_S, keep_warm=at_once if kept is None else kept
        )
        self._folder = new_folder("prints")
        self._shared = SharedPrints(self._folder)
        self._slots = threading.BoundedSemaphore(at_once)
        self._lock = threading.Lock()
        self.waiting = 0
        self.outcomes: Counter[str] = Counter()
        self.spent_s = 0.0
        self._crashes = 0

    def convert(self, conversion: Conversion, into: Path, computes: bool = False) -> Path:
        """The document as a PDF in `into` or, if it `computes`, the workbook with the values of its formulas. Raises
        PermanentError, DecoderCrashed, Snooze and Busy."""
        may_share = conversion.pages in ("", *FIRST_PAGE) and conversion.path.stat().st_size <= MOST_SHARED_BYTES
        if computes or not may_share:
            return self._convert(conversion, into, computes)
        key = f"{conversion.media_type} {sha256_of(conversion.path)}"
        use, whole = "first" if conversion.pages else "all", replace(conversion, pages="")
        try:
            printed = self._shared.get(key, use, lambda: self._convert(whole, into), into, PRINT_S + MAX_WAIT_S)
        except (PermanentError, DecoderCrashed) as error:
            if not conversion.pages or not (isinstance(error, DecoderCrashed) or error.code == "timeout"):
                raise
            printed = None  # its first page may still be printed
        if printed is None:
            return self._convert(conversion, into)
        return self._first_page(printed, into) if conversion.pages else printed

    def _convert(self, conversion: Conversion, into: Path, computes: bool = False) -> Path:
        with self._slot():
            began, outcome = time.monotonic(), "failed"
            try:
                self._check(conversion)
                made = self._print(conversion, into, computes)
                outcome, self._crashes = "printed", 0
                return made
            except PermanentError as error:
                outcome = error.code
                raise
            except DecoderCrashed:
                outcome = "crashed"
                self._crashes += 1
                raise
            finally:
                with self._lock:
                    self.outcomes[outcome] += 1
                    self.spent_s += time.monotonic() - began

    def _first_page(self, printed: Path, into: Path) -> Path:
        arguments = {"path": str(printed), "media_type": "application/pdf", "ranges": [[1]], "into": str(into)}
        (copied,) = self._readers.call("copy_pages", arguments, timeout_s=IDENTIFY_S)
        return into / str(copied["stored_as"])

    def warm_up(self, folder: Path) -> None:
        """Convert a sample letter, which checks that LibreOffice works and starts its process."""
        path = folder / "letter.rtf"
        path.write_bytes(SAMPLE_LETTER)
        self._print(Conversion(path.name, path, "application/rtf"), folder)

    @property
    def works(self) -> bool:
        """Whether LibreOffice works: False after several consecutive crashes."""
        return self._crashes < BROKEN_AFTER

    @property
    def processes(self) -> int:
        """How many LibreOffice processes wait for a document."""
        return len(self._printer.idle_pids())

    def retire_unused(self) -> None:
        """End the LibreOffice process that has printed the sample letter and nothing else, unless idle ones are kept."""
        if not self.outcomes and not self.waiting:
            self._printer.retire_idle(at_once=True)

    def retire_idle(self) -> None:
        self._printer.retire_idle()
        self._readers.retire_idle()
        self._shared.drop_old()

    def close(self) -> None:
        self._printer.close()
        self._readers.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _check(self, conversion: Conversion) -> None:
        """Check the document's content, because LibreOffice prints garbage too. Raises PermanentError."""
        arguments = {"path": str(conversion.path), "name": conversion.name}
        found = self._readers.call("identify", arguments, timeout_s=IDENTIFY_S)
        if found["media_type"] != conversion.media_type:
            raise PermanentError("corrupt", f"the document is {found['media_type']}, not {conversion.media_type}")

    def _print(self, conversion: Conversion, into: Path, computes: bool = False) -> Path:
        """After a crash, try again with another process: the first may have been killed from outside."""
        for attempt in (1, 2):
            try:
                if computes:
                    return into / self._printer.with_values(conversion.path, conversion.media_type, into).name
                printed = self._printer.print_pages(conversion.path, conversion.media_type, into, conversion.pages)
                return into / printed.name
            except DecoderCrashed:
                if attempt == 2:
                    raise
        raise AssertionError("the second crash is raised")

    @contextmanager
    def _slot(self) -> Iterator[None]:
        with self._lock:
            if self.waiting >= self._most_waiting:
                raise Busy(self._retry_after_s())
            self.waiting += 1
        try:
            acquired = self._slots.acquire(timeout=MAX_WAIT_S)
        finally:
            with self._lock:
                self.waiting -= 1
        if not acquired:
            raise Busy(self._retry_after_s())
        try:
            yield
        finally:
            self._slots.release()

    def _retry_after_s(self) -> int:
        """The estimated time until the waiting documents are converted."""
        mean_s = self.spent_s / max(1, self.outcomes.total())
        return max(1, min(60, round(self.waiting * mean_s / self.at_once)))
