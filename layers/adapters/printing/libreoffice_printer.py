"""Prints office documents by the LibreOffice of this machine, inside decoder processes of their own."""

from __future__ import annotations

from pathlib import Path

from layers.decoding.sandbox import Sandbox
from layers.domain.page import Picture

PRINT_S = 60.0
STARTING_S = 20.0  # it starts with its first document; that is no sign of a heavy one
NICE = 12  # it burns a second when it starts; texts, pictures and records come first
MEMORY_BYTES = 2 << 30
PLACES = ("/usr/lib/libreoffice", "/usr/lib64/libreoffice", "/opt/libreoffice")
LIBRARY = "libmergedlo.so"


def installed(place: str = "") -> Path | None:
    """The folder of LibreOffice's programs: in the place that is given, else where systems put it; None if it isn't there."""
    folders = [Path(place)] if place else [Path(one) for one in PLACES]
    return next((one / "program" for one in folders if (one / "program" / LIBRARY).exists()), None)


class LibreOfficePrinter:
    """At most `at_once` LibreOffices, started when they are needed. No document waits behind one that is stuck for
    longer than that may take."""

    def __init__(self, program: Path, *, at_once: int = 2) -> None:
        self._program = program
        self._sandbox = Sandbox(
            max_children=at_once, memory_bytes=MEMORY_BYTES, keep_warm=0, gives_way_s=STARTING_S, nice=NICE
        )

    def to_pdf(self, path: Path, media_type: str, into: Path, *, first_page_only: bool = False) -> Picture:
        """The document as a PDF in `into`. Raises PermanentError where it can't be printed, `timeout` where that
        takes too long, and DecoderCrashed."""
        arguments = {
            "path": str(path),
            "media_type": media_type,
            "into": str(into),
            "name": "printed.pdf",
            "program": str(self._program),
            "first_page_only": first_page_only,
        }
        return Picture(**self._sandbox.call("office_pdf", arguments, timeout_s=PRINT_S))

    def is_up(self) -> bool:
        return True

    def children(self) -> list[int]:
        """The processes that wait for a document."""
        return self._sandbox.children()

    def retire_idle(self) -> None:
        self._sandbox.retire_idle()

    def close(self) -> None:
        self._sandbox.close()
