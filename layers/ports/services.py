"""Ports that read, render and extract: local decoders and external services."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from layers.domain.extraction.conversation import Question, Reply
from layers.domain.extraction.windows import Window
from layers.domain.file import File, ReadingLevel
from layers.domain.meter import Meter
from layers.domain.page import Extraction, Identity, Member, Page, Picture
from layers.domain.separation import PageMarks


class Documents(Protocol):
    """Reads and renders documents in decoder processes."""

    def identify(self, path: Path, name: str) -> Identity: ...

    def read_text(
        self,
        path: Path,
        media_type: str,
        page_numbers: Sequence[int] | None = None,
        *,
        without_members: bool = False,
    ) -> list[Page]: ...

    def read_images(
        self,
        path: Path,
        media_type: str,
        page_numbers: Sequence[int],
        languages: Sequence[str],
        level: ReadingLevel = ...,
        schema: Mapping[str, Any] = ...,
    ) -> list[Page]: ...

    def members(self, path: Path, media_type: str) -> list[Member]: ...

    def unpack(self, path: Path, media_type: str, indexes: Sequence[int], into: Path) -> list[Member]: ...

    def page_marks(self, path: Path, media_type: str, page_numbers: Sequence[int]) -> list[PageMarks]: ...

    def copy_pages(self, path: Path, media_type: str, ranges: Sequence[Sequence[int]], into: Path) -> list[Member]: ...

    def preview(self, path: Path, media_type: str, into: Path) -> Picture | None: ...

    def thumbnail(self, path: Path, media_type: str, into: Path) -> Picture | None: ...

    def page_picture(self, path: Path, media_type: str, page_number: int, into: Path) -> Picture: ...
    def page_view(self, path: Path, media_type: str, page_number: int, into: Path) -> Picture: ...


# Renders a page, numbered from 1, as a PNG or JPEG file that any service accepts.
PagePicture = Callable[[int], Path]


class OfficePrinter(Protocol):
    """Converts office documents to PDF."""

    def to_pdf(self, path: Path, media_type: str, into: Path, *, first_page_only: bool = False) -> Picture:
        """Print the document as a PDF into the folder `into`. Raises PermanentError if it can't be printed,
        DependencyDown if the preview service is unreachable."""

    def with_values(self, path: Path, media_type: str, into: Path) -> Picture | None:
        """The workbook in the folder `into`, with the values of its formulas computed; None if this printer can only
        print. Raises PermanentError if it can't be computed."""

    def is_up(self) -> bool:
        """Whether documents can be printed."""

    def retire_idle(self) -> None:
        """Stop printers that have been idle for some time."""

    def close(self) -> None: ...


class PaidReader(Protocol):
    """An OCR service that charges for each page, such as Amazon Textract."""

    def read(
        self, file: File, page_numbers: Sequence[int], token: str, picture: PagePicture, meter: Meter
    ) -> list[Page]:
        """Read pages. A page without text has no source.

        `token` identifies the job for the file: a repeated call with the same token finds the same job. Raises Snooze
        while the job is running, Throttled, DependencyDown if the service does not work for any file, PermanentError if
        it refuses this file, TransientError if a call failed.
        """

    def is_up(self) -> bool | None:
        """Whether the service answers and accepts the credentials; None if that is unknown."""


class Model(Protocol):
    """A language model, provided by a service."""

    def ask(self, question: Question, meter: Meter, wrong: tuple[Reply, str] | None = None) -> Reply:
        """Ask a question. `wrong` is an earlier reply and what is wrong with it: the model is asked to correct it.

        Raises Throttled, DependencyDown, TransientError, TooLong, or PermanentError if it refuses the document.
        """

    def is_up(self) -> bool | None:
        """Whether the service answers and accepts the key; None if that is unknown."""


class Scanner(Protocol):
    """Scans files for malware."""

    def scan(self, path: Path) -> str | None:
        """The name of the malware found in a file, or None. Raises DependencyDown."""

    def is_up(self) -> bool:
        """Whether the scanner answers."""


class Extractor(Protocol):
    """Extracts the values of a dataset's schema from text."""

    @property
    def pays_by_call(self) -> bool:
        """Whether each call costs money: its claim is then committed durably before the call."""

    def extract(self, window: Window, schema: Mapping[str, Any], meter: Meter) -> Extraction:
        """Extract the values that a window of text shows."""

    def is_up(self) -> bool | None:
        """Whether the service it uses answers; None if it uses none, or if that is unknown."""
