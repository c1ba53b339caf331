"""The second reader: RapidOCR in a separate sandbox, for pages that Tesseract read with low confidence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from layers.decoding.sandbox import Sandbox
from layers.domain.page import Page, pages_as_read

# Models and their buffers use 0.7 GB of memory, and twice that much address space.
MEMORY_BYTES = 3 << 30
START_S = 30.0
PAGE_S = 30.0
# The languages whose letters its model knows, by Tesseract's names.
SUPPORTED_LANGUAGES = frozenset(
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
    """Reads one page at a time: a page keeps a core busy for two to three seconds."""

    def __init__(self) -> None:
        self._sandbox = Sandbox(max_children=1, memory_bytes=MEMORY_BYTES, keep_warm=0)

    def reads(self, languages: Sequence[str]) -> bool:
        return SUPPORTED_LANGUAGES.issuperset(languages)

    def read_again(self, path: Path, media_type: str, pages: Sequence[Page]) -> list[Page]:
        """Read pages again, rotated as Tesseract rotated them. Raises PermanentError and DecoderCrashed."""
        requested = [[page.number, page.turned] for page in pages]
        arguments = {"path": str(path), "media_type": media_type, "pages": requested}
        return pages_as_read(self._sandbox.call("second_ocr", arguments, timeout_s=START_S + PAGE_S * len(pages)))

    def retire_idle(self) -> None:
        """End its decoder process if it has been idle for a while."""
        self._sandbox.retire_idle()

    def close(self) -> None:
        self._sandbox.close()
