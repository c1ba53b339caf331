"""What reads, shows and extracts: decoders here, and services outside."""

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
    """Reads and pictures documents, in processes that may die."""

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


# A page, from 1, as a PNG or JPEG on disk that any service takes.
PagePicture = Callable[[int], Path]


class OfficePrinter(Protocol):
    """Turns office documents into PDF."""

    def to_pdf(self, path: Path, media_type: str, into: Path, *, first_page_only: bool = False) -> Picture:
        """The document as a PDF in `into`. Raises PermanentError where it can't be printed, DependencyDown where
        what prints can't be reached."""

    def is_up(self) -> bool:
        """Whether documents can be printed."""

    def retire_idle(self) -> None:
        """End what has had nothing to do for a while."""

    def close(self) -> None: ...


class SecondReader(Protocol):
    """A slower and better reader on our own machines, for the pages that the first was unsure of."""

    def reads(self, languages: Sequence[str]) -> bool:
        """Whether it knows the letters of these languages."""

    def read_again(self, path: Path, media_type: str, pages: Sequence[Page]) -> list[Page]:
        """The same pages as it reads them, turned as they were. Raises PermanentError `timeout`."""


class PaidReader(Protocol):
    """A reader that is paid by the page, such as Amazon Textract."""

    def read(
        self, file: File, page_numbers: Sequence[int], token: str, picture: PagePicture, meter: Meter
    ) -> list[Page]:
        """The pages as read; one without any text has no source.

        `token` names the file's job: the same token finds the same job. Raises Throttled, Snooze while the job is
        at work, DependencyDown where the service can't be used by anyone, PermanentError for a file that it refuses,
        TransientError for a call that failed.
        """

    def is_up(self) -> bool | None:
        """Whether the service answers and takes our credentials; None where that can't be told."""


class Model(Protocol):
    """A language model behind some service."""

    def ask(self, question: Question, meter: Meter, wrong: tuple[Reply, str] | None = None) -> Reply:
        """The answer; with `wrong`, the answer to what was said of an earlier one.

        Raises Throttled, DependencyDown, TransientError, TooLong, or PermanentError for a document that it refuses.
        """

    def is_up(self) -> bool | None:
        """Whether the service answers and takes our key; None where that can't be told."""


class Scanner(Protocol):
    """Looks for malware."""

    def scan(self, path: Path) -> str | None:
        """The name of what was found in a file, or None. Raises DependencyDown."""

    def is_up(self) -> bool:
        """Whether it answers."""


class Extractor(Protocol):
    """Turns text into the values of a dataset's schema."""

    @property
    def pays_by_call(self) -> bool:
        """Whether each call costs money, so that its claim is committed durably first."""

    def extract(self, window: Window, schema: Mapping[str, Any], meter: Meter) -> Extraction:
        """The values that a window's text shows."""

    def is_up(self) -> bool | None:
        """Whether what it depends on answers; None where there is nothing to ask, or it can't be told."""
