"""The second reader: RapidOCR in a sandbox of its own, for pages that Tesseract was unsure of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from layers.decoding.sandbox import Sandbox
from layers.domain.page import Page, pages_as_read

# Models and their work take .7 GB; of address space they reserve twice that.
MEMORY_BYTES = 3 << 30
START_S = 30.0
PAGE_S = 30.0
# The languages whose letters its model knows.
LETTERS_KNOWN = frozenset(
    [
        "ces",
        "chi_sim",
        "chi_tra",
        "dan",
        "deu",
        "ell",
        "eng",
        "fin",
        "fra",
        "hun",
        "ita",
        "jpn",
        "nld",
        "nor",
        "pol",
        "por",
        "ron",
        "spa",
        "swe",
        "tur",
    ]
)


class RapidReader:
    """One page at a time a process: a page keeps a core busy for two to three seconds."""

    def __init__(self) -> None:
        self._sandbox = Sandbox(max_children=1, memory_bytes=MEMORY_BYTES, keep_warm=0)

    def reads(self, languages: Sequence[str]) -> bool:
        return LETTERS_KNOWN.issuperset(languages)

    def read_again(self, path: Path, media_type: str, pages: Sequence[Page]) -> list[Page]:
        """The same pages as it reads them, turned as they were. Raises PermanentError `timeout`."""
        wanted = [[page.number, page.turned] for page in pages]
        arguments = {"path": str(path), "media_type": media_type, "pages": wanted}
        return pages_as_read(self._sandbox.call("second_ocr", arguments, timeout_s=START_S + PAGE_S * len(pages)))

    def retire_idle(self) -> None:
        """End the child that has had nothing to do for a while."""
        self._sandbox.retire_idle()

    def close(self) -> None:
        self._sandbox.close()
