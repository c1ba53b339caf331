"""Readers, renderers and extractors: decoders on this machine, and services outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from layers.domain.extraction.conversation import Question, Reply
from layers.domain.extraction.windows import Window
from layers.domain.file import File
from layers.domain.meter import Meter
from layers.domain.page import Extraction, Identity, Member, Page, Picture


class Documents(Protocol):
    """Reads and renders documents, in separate processes that may crash."""

    def identify(self, path: Path, name: str) -> Identity: ...

    def read_text(self, path: Path, media_type: str, page_numbers: Sequence[int] | None = None) -> list[Page]: ...

    def read_images(
        self, path: Path, media_type: str, page_numbers: Sequence[int], languages: Sequence[str]
    ) -> list[Page]: ...

    def members(self, path: Path) -> list[Member]: ...

    def unpack(self, path: Path, places: Sequence[int], into: Path) -> list[Member]: ...

    def preview(self, path: Path, media_type: str, into: Path) -> Picture | None: ...

    def thumbnail(self, path: Path, media_type: str, into: Path) -> Picture | None: ...

    def page_picture(self, path: Path, media_type: str, page_number: int, into: Path) -> Picture: ...


# The path of a page, numbered from 1, as a PNG or JPEG that any service accepts.
PagePicture = Callable[[int], Path]


class OfficePrinter(Protocol):
    """Turns office documents into PDF."""

    def to_pdf(self, path: Path, media_type: str, into: Path, *, first_page_only: bool = False) -> Picture:
        """The document as a PDF in `into`. Raises PermanentError where it can't be printed, DependencyDown where
        the printer can't be reached."""

    def is_up(self) -> bool:
        """Whether documents can be printed."""

    def retire_idle(self) -> None:
        """End printers that have been idle for a while."""

    def close(self) -> None: ...


class SecondReader(Protocol):
    """A slower and better OCR reader on the same machine, for pages that the first one was unsure of."""

    def reads(self, languages: Sequence[str]) -> bool:
        """Whether it can read these languages."""

    def read_again(self, path: Path, media_type: str, pages: Sequence[Page]) -> list[Page]:
        """The same pages read again, with the same `turned`. Raises PermanentError `timeout`."""


class PaidReader(Protocol):
    """A reader that charges by the page, such as Amazon Textract."""

    def read(
        self, file: File, page_numbers: Sequence[int], token: str, picture: PagePicture, meter: Meter
    ) -> list[Page]:
        """The pages as read; a page without text has no source.

        `token` names the file's job: the same token finds the same job. Raises Throttled, Snooze while the job
        runs, DependencyDown where the service can't be used for any file, PermanentError for a file that it refuses,
        TransientError for a call that failed.
        """

    def is_up(self) -> bool | None:
        """Whether the service answers and accepts our credentials; None where that is not known."""


class Model(Protocol):
    """A language model behind some service."""

    def ask(self, question: Question, meter: Meter, wrong: tuple[Reply, str] | None = None) -> Reply:
        """The answer; with `wrong`, the answer to what was said of an earlier one.

        Raises Throttled, DependencyDown, TransientError, TooLong, or PermanentError for a document that it refuses.
        """

    def is_up(self) -> bool | None:
        """Whether the service answers and accepts our key; None where that is not known."""


class Scanner(Protocol):
    """Scans for malware."""

    def scan(self, path: Path) -> str | None:
        """The name of the malware in a file, or None. Raises DependencyDown."""

    def is_up(self) -> bool:
        """Whether it answers."""


class Extractor(Protocol):
    """Extracts the values of a dataset's schema from text."""

    @property
    def pays_by_call(self) -> bool:
        """Whether each call costs money; then its claim is committed durably first."""

    def extract(self, window: Window, schema: Mapping[str, Any], meter: Meter) -> Extraction:
        """The values found in a window's text, with evidence."""

    def is_up(self) -> bool | None:
        """Whether its service answers; None where it has none, or that is not known."""
