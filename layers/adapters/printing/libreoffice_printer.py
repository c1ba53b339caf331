"""Prints office documents to PDF with this machine's LibreOffice, in separate decoder processes."""

from __future__ import annotations

from pathlib import Path

from layers.decoding.sandbox import Sandbox
from layers.domain.page import Picture

PRINT_S = 60.0
MEMORY_BYTES = 2 << 30
FOLDERS = ("/usr/lib/libreoffice", "/usr/lib64/libreoffice", "/opt/libreoffice")
LIBRARY = "libmergedlo.so"


def installed(configured: str = "") -> Path | None:
    """The folder of LibreOffice's programs: under the configured folder, else the usual ones. None if not installed."""
    folders = [Path(configured)] if configured else [Path(folder) for folder in FOLDERS]
    programs = (folder / "program" for folder in folders)
    return next((program for program in programs if (program / LIBRARY).exists()), None)


class LibreOfficePrinter:
    """At most `at_once` LibreOffice processes, started when needed; `keep_warm` of them are kept while they are idle.

    A stuck document holds one for at most `print_s`.
    """

    def __init__(self, program: Path, *, at_once: int = 2, print_s: float = PRINT_S, keep_warm: int = 0) -> None:
        self._program = program
        self._print_s = print_s
        self._sandbox = Sandbox(max_children=at_once, memory_bytes=MEMORY_BYTES, keep_warm=keep_warm)

    def to_pdf(self, path: Path, media_type: str, into: Path, *, first_page_only: bool = False) -> Picture:
        """The document as a PDF in `into`. Raises PermanentError (`timeout` among others) and DecoderCrashed."""
        return self.print_pages(path, media_type, into, "1" if first_page_only else "")

    def print_pages(self, path: Path, media_type: str, into: Path, pages: str) -> Picture:
        """Pages of the document, such as `1-3,7`, or all if empty. Raises the errors of `to_pdf`."""
        arguments = {
            "path": str(path),
            "media_type": media_type,
            "into": str(into),
            "name": "printed.pdf",
            "program": str(self._program),
            "pages": pages,
        }
        return Picture(**self._sandbox.call("office_pdf", arguments, timeout_s=self._print_s))

    def with_values(self, path: Path, media_type: str, into: Path) -> Picture:
        """The workbook with the values of its formulas, as a file in `into`. Raises as `to_pdf`."""
        arguments = {
            "path": str(path),
            "media_type": media_type,
            "into": str(into),
            "name": "computed.xlsx",
            "program": str(self._program),
        }
        return Picture(**self._sandbox.call("office_values", arguments, timeout_s=self._print_s))

    def is_up(self) -> bool:
        return True

    def idle_pids(self) -> list[int]:
        """The process ids of LibreOffice processes that wait for a document."""
        return self._sandbox.idle_pids()

    def retire_idle(self, *, at_once: bool = False) -> None:
        self._sandbox.retire_idle(at_once=at_once)

    def close(self) -> None:
        self._sandbox.close()
