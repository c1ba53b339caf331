"""The models of request bodies, which validate them."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal, NotRequired

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
    with_config,
)
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict  # pydantic can't use that of Python 3.11

from functions.api.requests import is_id
from layers.domain.extraction.doubts import SURE_FROM
from layers.domain.extraction.values import DateOrder
from layers.domain.file import ReadingLevel, Several
from layers.domain.kinds.rules import Kind
from layers.domain.row_filter import MOST_CONDITIONS
from layers.domain.separation import PATCH_T, BlankPages, Separation
from layers.domain.zip_paths import MOST_TEMPLATE

MOST_LEVELS = 50
FILES_A_CALL = 1000
LINES_A_MANIFEST = 100_000
LONGEST_UPLOAD_S = 30 * 24 * 3600
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def _is_storable(value: Any, levels: int = MOST_LEVELS) -> bool:
    if isinstance(value, str):
        return UNSTORABLE.search(value) is None
    if isinstance(value, float):
        return math.isfinite(value)
    inner = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    return levels > 0 and all(_is_storable(value, levels - 1) for value in inner)


def _storable(value: dict[str, Any]) -> dict[str, Any]:
    if not _is_storable(value):
        rule = f"must have no NUL, no lone surrogate, no infinite number, and at most {MOST_LEVELS} levels"
        raise PydanticCustomError("unstorable", rule)  # type: ignore[arg-type]
    return value


# Any JSON object, stored as it is.
Json = Annotated[dict[str, Any], AfterValidator(_storable)]


def _checked_id(text: str) -> str:
    if not is_id(text):
        raise PydanticCustomError("no_id", "is not an id")
    return text


def _storable_text(text: str) -> str:
    if not _is_storable(text):
        raise PydanticCustomError("unstorable", "must have no NUL and no lone surrogate")
    return text


class Body(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, allow_inf_nan=False, defer_build=True)


# As Tesseract names them: `eng`, `deu`, `chi_sim`.
Languages = Annotated[
    list[Annotated[str, Field(pattern=r"^[a-zA-Z][a-zA-Z_]{1,30}$")]],
    Field(min_length=1, max_length=5, description="languages for OCR, the main one first: `eng`, `deu`, ..."),
]


SureFrom = Annotated[
    float,
    Field(
        ge=0,
        le=100,
        strict=False,
        description="a value is doubtful if the probability that it is right is lower; 0: no value is doubtful for this",
    ),
    AfterValidator(lambda confidence: round(confidence, 2)),
]


Days = Annotated[int, Field(ge=1, le=36_500)]


class Retention(Body):
    """For how many days after a file was created a dataset keeps its parts; absent: for good."""

    model_config = ConfigDict(extra="forbid")

    originals_days: Days | None = Field(
        default=None,
        description="the original, the previews and the thumbnails, and a text that is the original itself",
    )
    text_days: Days | None = Field(default=None, description="the text, with its pages and words")
    records_days: Days | None = Field(default=None, description="the whole file with its record")

    @model_validator(mode="after")
    def _nothing_outlives_the_record(self) -> Retention:
        for name in ("originals_days", "text_days"):
            days = getattr(self, name)
            if days is not None and self.records_days is not None and days > self.records_days:
                raise PydanticCustomError("retention", "nothing of a file is kept longer than its record")
        return self

    def as_json(self) -> dict[str, int]:
        return self.model_dump(exclude_none=True)


# The kinds and the ids, or the names, of the datasets to which files of each are sent.
Routing = Annotated[
    dict[Kind, Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]],
    Field(description="for each kind of document the dataset to which its files are sent, by its id or its name"),
]


class NewDataset(Body):
    name: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")
    schema_: Json | None = Field(default=None, alias="schema")
    when_textract_is_down: Literal["best_reading", "wait"] = "best_reading"
    languages: Languages | None = None
    date_order: DateOrder = "auto"
    several: Several = "records"
    sure_from: SureFrom = SURE_FROM
    reading: ReadingLevel = "balanced"
    retention: Retention | None = None
    routing: Routing | None = None


class ChangedDataset(Body):
    name: str | None = Field(default=None, min_length=1, max_length=200, pattern=r"^[^\x00]*$")
    when_textract_is_down: Literal["best_reading", "wait"] | None = Field(
        default=None, description="continue with the best reading so far, or wait; pages without a reading always wait"
    )
    languages: Languages | None = None
    date_order: DateOrder | None = Field(
        default=None,
        description="how 3/4/2024 is read; `auto`: as other dates in the document show, or else the value is doubtful",
    )
    several: Several | None = Field(
        default=None,
        description="for a file that contains several documents: a record of the `first`, `records` of all, or `fail`",
    )
    reading: ReadingLevel | None = Field(
        default=None,
        description="how OCR reads: `fast`, `balanced` (doubtful lines that show values are read again) or `accurate`",
    )

    sure_from: SureFrom | None = None
    retention: Retention | None = Field(default=None, description="replaces the whole retention")
    routing: Routing | None = Field(default=None, description="replaces all rules; `{}`: all files stay in the dataset")


class NewSchema(Body):
    schema_: Json = Field(alias="schema")


FileName = Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^[^\x00]*$")]
SizeBytes = Annotated[int, Field(ge=0, le=2**53)]
MediaType = Annotated[str, Field(max_length=255, pattern=r"^[^\x00]*$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class NewFile(Body):
    name: FileName
    size_bytes: SizeBytes
    media_type: MediaType | None = None
    sha256: Sha256 | None = None


MOST_LABELS, LONGEST_LABEL = 20, 100
Label = Annotated[
    str,
    Field(min_length=1, max_length=LONGEST_LABEL, pattern=r"^[^\s,](?:[^\x00-\x1f\x7f,]*[^\s,])?$"),
    AfterValidator(_storable_text),
]


def _distinct(labels: list[str]) -> list[str]:
    return list(dict.fromkeys(labels))


Labels = Annotated[
    list[Label],
    Field(max_length=MOST_LABELS, description="words of your own, without commas, by which its files are found"),
    AfterValidator(_distinct),
]

BarcodeText = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_storable_text)]


class NewSeparation(Body):
    """How scans (PDF and TIFF) are separated into files of their own. A text that ends with `*` stands for all barcodes
    that begin like it."""

    model_config = ConfigDict(extra="forbid")

    separators: list[BarcodeText] = Field(
        default=[PATCH_T],
        max_length=20,
        description="texts of barcodes on separator sheets, which are left out",
    )
    first_pages: list[BarcodeText] = Field(
        default=[], max_length=20, description="texts of barcodes on first pages, which begin a file and stay in it"
    )
    blank_pages: BlankPages = Field(
        default="keep",
        description="`drop`: blank pages are left out of the files that a scan is separated into; `separate`: a blank page is a "
        "separator too",
    )

    def as_json(self) -> dict[str, Any]:
        return Separation(tuple(self.separators), tuple(self.first_pages), self.blank_pages).as_json()


class NewBatch(Body):
    files: list[NewFile] = Field(min_length=1, max_length=FILES_A_CALL)
    name: str | None = Field(default=None, min_length=1, max_length=200, pattern=r"^[^\x00]*$")
    allow_duplicates: bool = False
    expand_archives: bool = Field(
        default=False,
        description="each member of a zip, message of a mailbox and document of a mail becomes a file of the batch",
    )
    separation: NewSeparation | None = Field(
        default=None, description="separate scans into files of their own; absent: a scan stays one file"
    )
    labels: Labels = []
    priority: Literal["normal", "low"] = Field(
        default="normal", description="`low`: processed after your other batches; other tenants are not affected"
    )


@with_config(extra="ignore", strict=True)
class ManifestLine(TypedDict):
    """A line of a manifest: one file."""

    # A dictionary, because a model takes twice the time.

    name: FileName
    size_bytes: SizeBytes
    media_type: NotRequired[MediaType | None]
    sha256: NotRequired[Sha256 | None]
    modified_at: NotRequired[
        Annotated[
            AwareDatetime | None,
            Field(strict=False, description="when the file was last changed where it comes from"),
        ]
    ]


class ManifestOptions(BaseModel):
    """The query parameters of a manifest."""

    name: str | None = Field(default=None, min_length=1, max_length=200, pattern=r"^[^\x00]*$")
    allow_duplicates: bool = False
    expand_archives: bool = False
    separate: bool = False
    separators: Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_storable_text)] = PATCH_T
    blank_pages: BlankPages = "keep"
    labels: Annotated[
        Labels, BeforeValidator(lambda given: [label.strip() for label in given.split(",")] if given else [])
    ] = []
    priority: Literal["normal", "low"] = "normal"
    deadline_s: int = Field(default=24 * 3600, ge=60, le=LONGEST_UPLOAD_S)

    @property
    def separation(self) -> dict[str, Any] | None:
        texts = tuple(text.strip() for text in self.separators.split(",") if text.strip())
        return Separation(texts, blank_pages=self.blank_pages).as_json() if self.separate else None


class PartNumbers(Body):
    part_numbers: list[Annotated[int, Field(ge=1, le=10_000)]] = Field(min_length=1, max_length=1000)


class Condition(Body):
    """A condition on a value of a record, or on the file: `@state`, `@review`, `@name`, `@batch`, `@label`, `@kind`,
    `@probability`."""

    field: str = Field(min_length=1, max_length=200)
    op: Literal["eq", "ne", "lt", "le", "gt", "ge", "contains", "missing", "doubtful"]
    value: str | int | float | bool | None = None


Where = Annotated[
    list[Condition],
    Field(min_length=1, max_length=MOST_CONDITIONS, description="conditions, all of which the files must fulfil"),
]


class NewRemoval(Body):
    file_ids: list[str] | None = Field(default=None, min_length=1, max_length=10_000)
    batch_id: str | None = None
    where: Where | None = None
    undo_window_s: int | None = Field(
        default=None, ge=0, description="seconds in which the removal can be undone, at most the default"
    )


Allowance = Annotated[int, Field(ge=0, le=2**53)]


class Quota(Body):
    """A tenant's limits. Absent limits of files and bytes do not apply; the others have defaults."""

    model_config = ConfigDict(extra="forbid")

    files_in_processing: Allowance | None = Field(
        default=None, description="files that were created and are not settled"
    )
    bytes_stored: Allowance | None = Field(default=None, description="bytes of original files, uploaded or declared")
    files_a_day: Allowance | None = Field(default=None, description="files created since midnight, UTC")
    datasets: Allowance | None = Field(default=None, description="datasets; default 1000")
    keys: Allowance | None = Field(default=None, description="keys that were not revoked; default 200")
    sessions: Allowance | None = Field(
        default=None, description="sessions of people and codes for them that have not expired; default 1000"
    )
    schema_versions: Allowance | None = Field(default=None, description="schema versions of a dataset; default 1000")
    open_batches: Allowance | None = Field(
        default=None, description="batches with files that are not settled; default 10000"
    )
    requests_per_s: Annotated[int, Field(ge=1, le=100_000)] | None = Field(
        default=None,
        description="requests a second of each key, on average over 10 seconds, so that bursts are allowed; default 50",
    )


class ChosenFiles(Body):
    """Which files of a dataset to process again: those that match every member; absent: all."""

    model_config = ConfigDict(extra="forbid")

    state: Literal["done", "partial", "failed"] | None = None
    batch_id: Annotated[str, AfterValidator(_checked_id)] | None = None
    older_schema: bool | None = Field(
        default=None, description="only files whose record has an older version of the schema"
    )


class ExtractionSettings(Body):
    """Settings of a dataset that extraction uses."""

    model_config = ConfigDict(extra="forbid")

    date_order: DateOrder | None = None
    several: Several | None = None
    sure_from: SureFrom | None = None


class NewPlan(Body):
    """What to process again, and how."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    schema_: Json | None = Field(default=None, alias="schema", description="absent: the dataset's current schema")
    reading: ReadingLevel | None = Field(
        default=None, description="the level at which OCR reads again; absent: the dataset's current one"
    )
    extraction: ExtractionSettings | None = Field(default=None, description="absent: the dataset's current settings")
    from_: Literal["extraction", "ocr", "text"] | None = Field(
        default=None,
        alias="from",
        description="the first step that runs again: by default `ocr` with a `reading`, and otherwise `extraction`; only for"
        " `extraction` are records compared before",
    )
    where: ChosenFiles | None = None
    sample: int | None = Field(default=100, ge=1, le=1_000_000, description="how many files to compare; null: all")


class ApplyPlan(Body):
    """Which part of the files to process again: the shard of this number, from 0, of so many."""

    shard: int = Field(default=0, ge=0, le=99)
    shards: int = Field(default=1, ge=1, le=100)


# Keys that S3 accepts, without those that PostgreSQL can't store.
ObjectKey = Annotated[str, Field(min_length=1, max_length=1024), AfterValidator(_storable_text)]


class NewImport(Body):
    """Where to import from: all objects under a prefix, or the listed ones."""

    bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    prefix: Annotated[str, Field(max_length=1024), AfterValidator(_storable_text)] | None = None
    keys: list[ObjectKey] | None = Field(default=None, min_length=1, max_length=1000)
    since: AwareDatetime | None = Field(
        default=None, strict=False, description="only objects that were stored at this time or later"
    )
    objects_per_s: int = Field(default=20, ge=1, le=1000, description="how many objects to import in a second at most")
    in_place: bool = Field(
        default=False,
        description="leave the originals where they are, and read them there; the bucket has to keep versions",
    )
    allow_duplicates: bool = False
    expand_archives: bool = False
    separation: NewSeparation | None = None
    labels: Labels = []
    priority: Literal["normal", "low"] = "low"


class NewTenant(Body):
    name: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")
    weight: float = Field(default=1.0, ge=0.01, le=100)
    quota: Quota = Field(default_factory=Quota)


class ChangedTenant(Body):
    weight: float | None = Field(default=None, ge=0.01, le=100)
    quota: Quota | None = Field(default=None, description="replaces the whole quota")
    import_sources: (
        list[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[^\x00]{0,1024}$")]] | None
    ) = Field(
        default=None, max_length=100, description="from where the tenant may import, as `bucket/prefix`; replaces all"
    )


class EraseTenant(Body):
    name: str = Field(description="the name of the tenant, as a confirmation")
    export: bool = Field(default=False, description="export everything first")


class NewKey(Body):
    role: Literal["viewer", "editor", "operator", "admin", "scheduler"]


ReviewState = Literal["open", "approved", "rejected"]


class NewSession(Body):
    role: Literal["viewer", "editor", "operator", "admin"] | None = Field(
        default=None, description="at most your own; default: `editor`, or your own if that is lower"
    )
    name: str | None = Field(
        default=None, min_length=1, max_length=200, pattern=r"^[^\x00]*$", description="the name of the person"
    )


class CodeToExchange(Body):
    code: str = Field(min_length=1, max_length=200)


class NamedEvidence(Body):
    """Where a person saw a value."""

    page: int = Field(ge=1, le=100_000)
    text: str | None = Field(default=None, max_length=10_000, pattern=r"^[^\x00]*$")
    box: list[Annotated[float, Field(ge=0, le=1, strict=False)]] | None = Field(
        default=None, min_length=4, max_length=4, description="in fractions of the page, origin at the top left"
    )


class Corrections(Body):
    fields: Json = Field(
        default_factory=dict,
        description="new values by property of the schema; null: the document has no such value",
    )
    reset: list[str] = Field(
        default_factory=list, max_length=1000, description="properties that show again what extraction found"
    )
    evidence: dict[str, NamedEvidence] = Field(
        default_factory=dict, description="where the new values are on the pages, by property"
    )
    document: int | None = Field(
        default=None, ge=1, le=100_000, description="the number of the document, if the file contains several"
    )


class Review(Body):
    state: ReviewState


class Reviews(Body):
    state: ReviewState
    file_ids: list[str] | None = Field(default=None, min_length=1, max_length=10_000)
    where: Where | None = None


class Moves(Body):
    to: str = Field(description="the id of the dataset to which the files are moved")
    file_ids: list[str] | None = Field(default=None, min_length=1, max_length=1000)
    where: Where | None = None
    kind: Kind | None = Field(
        default=None, description="what the files are; by default the only kind that the rules send to this dataset"
    )


class Redrive(Body):
    step: str | None = None


class RedriveDead(Body):
    """Selects the dead letters to run again: those that match every field that is present."""

    file_ids: list[Annotated[str, AfterValidator(_checked_id)]] | None = Field(
        default=None, min_length=1, max_length=1000
    )
    step: str | None = Field(default=None, max_length=100, pattern=r"^[^\x00]*$")
    code: str | None = Field(default=None, max_length=100, pattern=r"^[^\x00]*$")
    since: AwareDatetime | None = Field(default=None, strict=False)
    until: AwareDatetime | None = Field(default=None, strict=False)


class RedriveMany(Body):
    state: str = Field(default="failed", pattern=r"^(failed|partial|cancelled)$")
    code: str | None = Field(default=None, max_length=100, pattern=r"^[^\x00]*$")
    where: Where | None = None


class NewExport(Body):
    format: Literal["csv", "xlsx", "jsonl", "parquet", "zip"]
    where: Where | None = None
    sort: str | None = Field(
        default=None, min_length=1, max_length=201, description="a property of the schema, or `-` and a property"
    )
    names: str | None = Field(
        default=None,
        min_length=1,
        max_length=MOST_TEMPLATE,
        description="only with `zip`: the paths in it, such as `{company}/{date.year}/{date}`",
    )
