"""A file as a step sees it: the facts known when the step is claimed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from layers.domain.extraction.values import DateOrder
from layers.domain.extraction_json import extraction_from_json
from layers.domain.formats import KEPT, MAILBOX, NOT_PRINTED, OFFICE, SEEN, Kind, format_of, kind_of
from layers.domain.page import Extraction, Note, Source
from layers.domain.separation import (
    Barcode,
    Separated,
    Separation,
    barcodes_of,
    separated_from_json,
    separation_from_json,
)

ARTIFACTS = "artifacts/"  # how the keys of all artifacts begin
# How a file that contains several documents is treated: a record of the first, a record of each, or a failure.
Several = Literal["first", "records", "fail"]
# How accurately OCR reads: `fast`; `balanced`, which reads the doubtful lines that matter again; or `accurate`.
ReadingLevel = Literal["fast", "balanced", "accurate"]


@dataclass(frozen=True, slots=True)
class PageSummary:
    """How one page was read so far. `source` is None while it is unread; `text_bytes` is the size of its text."""

    number: int
    source: Source | None
    confidence: float
    text_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Reach:
    """What the configured services can do, as far as plans depend on it.

    `window_bytes`: how much text the extractor reads at once (None: no limit); `most_windows`: how many windows of a
    text it reads at most. `reads_objects`: the paid reader can read the object store. A page that OCR read with a mean
    confidence below `sure_from` (0 to 100) goes to the paid reader.
    """

    window_bytes: int | None = None
    most_windows: int = 1
    reads_objects: bool = False
    sure_from: float = 70.0


@dataclass(frozen=True, slots=True)
class File:
    """The facts about a file. `pages` has the pages that some step has examined.

    `failures` maps failed steps to (code, detail). `page_numbers` are the pages of the claimed part, empty if it covers
    the whole file; `part` is the part's number from 0, of `part_count`; `redrives` counts the redrives of the step.
    `windows` has the findings of each part of a step whose parts are merged, once all have ended.
    `when_textract_is_down` (`best_reading` or `wait`), `languages` (in Tesseract's names), `date_order`, `several` and
    `reading` are settings of the dataset. `notes` are those of the steps that have ended. `is_to_be_expanded`: if it is an archive or a mail, the
    files in it become files of the batch. `record_is_complete` is False if the file has a record that lacks something.
    `text_sha256` is the checksum of the stored text artifact, if there is one. Values with a probability below `sure_from`
    (0 to 100), a setting of the dataset, are doubtful. `has_memory`: people have corrected or approved records of the dataset.
    `separation`: how the batch separates scans; None if it does not, or if the file is a part of a scan. `separated` is what
    came of it, and `barcodes` are those on its pages if the schema asks for them, once intake has ended. `routing`: to which
    dataset the rules of the file's dataset send each kind. `waiting` names the steps that wait for an earlier one.
    """

    file_id: str
    tenant_id: str
    dataset_id: str
    batch_id: str
    name: str
    object_key: str
    version_id: str | None
    declared_size_bytes: int
    declared_sha256: str | None
    size_bytes: int | None = None
    media_type: str | None = None
    page_count: int | None = None
    pages: tuple[PageSummary, ...] = ()
    failures: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    schema: Mapping[str, Any] = field(default_factory=dict)
    schema_version: int = 1
    page_numbers: tuple[int, ...] = ()
    when_textract_is_down: str = "best_reading"
    part: int = 0
    part_count: int = 1
    redrives: int = 0
    windows: Mapping[int, Extraction] = field(default_factory=dict)
    reach: Reach = field(default_factory=Reach)
    is_to_be_expanded: bool = False
    languages: tuple[str, ...] = ("eng",)
    notes: tuple[Note, ...] = ()
    record_is_complete: bool = True
    several: Several = "records"
    reading: ReadingLevel = "balanced"
    date_order: DateOrder = "auto"
    text_sha256: str | None = None
    sure_from: float = 0.0
    has_memory: bool = False
    separation: Separation | None = None
    separated: Separated | None = None
    barcodes: tuple[Barcode, ...] = ()
    routing: Mapping[str, str] = field(default_factory=dict)
    waiting: frozenset[str] = frozenset()

    @property
    def unread_pages(self) -> tuple[int, ...]:
        return tuple(page.number for page in self.pages if page.source is None)

    @property
    def text_bytes(self) -> int:
        """The size of the text of all pages."""
        return sum(page.text_bytes for page in self.pages if page.source)

    @property
    def is_image(self) -> bool:
        """A raster image, which has no text layer."""
        return kind_of(self.media_type) is Kind.PICTURE

    @property
    def can_be_seen(self) -> bool:
        """Whether pages can be rendered, so that OCR can read them. In other formats pages are only text."""
        return kind_of(self.media_type) in SEEN

    @property
    def is_scanned_in_part(self) -> bool:
        """A document, mail or slides with pictures that may show more text to OCR."""
        kind = kind_of(self.media_type)
        return kind is not None and format_of(self.media_type).holds_pictures and bool(self.unread_pages)

    @property
    def shows_scans_as_pages(self) -> bool:
        """A document or a mail: each scan in it counts as a page without other text."""
        kind = kind_of(self.media_type)
        return kind in (Kind.DOCUMENT, Kind.MAIL) and format_of(self.media_type).holds_pictures

    @property
    def page_total(self) -> int:
        """The number of pages, as far as it is known."""
        return max(self.page_count or 1, len(self.pages))

    @property
    def is_split(self) -> bool:
        """A scan whose pages are files of their own."""
        return self.separated is not None and bool(self.separated.files)

    @property
    def is_kept_as_it_is(self) -> bool:
        """An archive, a video, or a mailbox or a scan whose content is in files of their own: it is stored and shown but has
        no text to read, so that it yields no record."""
        is_mailbox = self.media_type == MAILBOX and self.is_to_be_expanded
        return kind_of(self.media_type) in KEPT or is_mailbox or self.is_split

    @property
    def is_printed(self) -> bool:
        """An office document: its preview is a printed PDF, if a printer is available."""
        return kind_of(self.media_type) in OFFICE and self.media_type not in NOT_PRINTED


def file_from_facts(facts: Mapping[str, Any]) -> File:
    """A file from the JSON that `schema/functions/claim_step.sql` returns."""
    plain = ("file_id", "tenant_id", "dataset_id", "batch_id", "name", "object_key", "version_id", "declared_size_bytes",
             "declared_sha256", "size_bytes", "media_type", "page_count", "schema", "schema_version", "when_textract_is_down")  # fmt: skip
    return File(
        **{name: facts[name] for name in plain},
        pages=tuple(PageSummary(*page) for page in facts["pages"]),
        is_to_be_expanded=bool(facts.get("is_to_be_expanded")),
        failures={step: (code, detail) for step, (code, detail) in facts["failures"].items()},
        page_numbers=tuple(facts.get("page_numbers") or ()),
        part=facts.get("part") or 0,
        part_count=facts.get("part_count") or 1,
        redrives=facts.get("redrives") or 0,
        windows={int(part): extraction_from_json(found) for part, found in (facts.get("windows") or {}).items()},
        languages=tuple(facts["languages"]),
        date_order=facts.get("date_order") or "auto",
        notes=tuple(dict.fromkeys(Note(*note) for note in facts.get("notes") or ())),
        record_is_complete=facts.get("record_is_complete") is not False,
        several=facts.get("several") or "records",
        reading=facts.get("reading") or "balanced",
        text_sha256=facts.get("text_sha256"),
        sure_from=facts.get("sure_from") or 0.0,
        has_memory=bool(facts.get("has_memory")),
        separation=separation_from_json(facts.get("separation")),
        separated=separated_from_json(facts.get("separated")),
        barcodes=barcodes_of(facts.get("barcodes")),
        routing=facts.get("routing") or {},
        waiting=frozenset(facts.get("waiting") or ()),
    )


# Keys of objects that only test whether events of new objects arrive. The arrival of the event deletes the object.
PROBES = "originals/probes/"


def original_key(tenant_id: str, file_id: str) -> str:
    return f"originals/{tenant_id}/{file_id}"


def artifact_key(tenant_id: str, file_id: str, step: str, part: int, attempt: int, lease_id: str, name: str) -> str:
    """The key of an attempt's artifact. The lease keeps two holders of one attempt number apart."""
    return f"{artifact_prefix(tenant_id)}{file_id}/{step}/{part}-{attempt}-{lease_id[:8]}/{name}"


def artifact_prefix(tenant_id: str) -> str:
    return f"{ARTIFACTS}{tenant_id}/"
