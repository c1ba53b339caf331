"""Requests: who asks, what for, and the input brought into shape."""

from __future__ import annotations

import json
import math
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from functions.api.cursors import opened, sealed
from functions.api.ports import ApiPorts
from functions.api.problems import Problem

MOST_DIGITS = 12
MOST_LEVELS = 50
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
PUBLIC = "public"  # the role of those who send no key
ROLES = ("viewer", "editor", "operator", "admin")
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Caller:
    tenant_id: str
    role: str


ANYONE = Caller("", PUBLIC)


@dataclass(frozen=True, slots=True)
class Request:
    """One call of the API. `query` holds the first value of each query parameter; names of `headers` are in lower case.

    `catalog` is the request's one transaction. The functions in `afterwards` run once it is committed.
    """

    caller: Caller
    catalog: Any
    ports: ApiPorts
    body: bytes = b""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    afterwards: list[Callable[[], object]] = field(default_factory=list)

    @property
    def tenant_id(self) -> str:
        return self.caller.tenant_id

    def read(self, model: type[Model]) -> Model:
        """The body as a model. Raises Problem with a pointer to each part at fault."""
        try:
            given = json.loads(self.body or b"{}")
        except (ValueError, RecursionError):
            raise Problem("invalid_request", "the body is not JSON") from None
        try:
            return model.model_validate(given)
        except ValidationError as error:
            raise _refusal(error) from None

    def whole_number(self, name: str, default: int, least: int, most: int) -> int:
        text = self.query.get(name)
        if text is None:
            return default
        number = int(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else -1
        if not least <= number <= most:
            raise bad_parameter(name, f"must be a whole number from {least} to {most}")
        return number

    def one_of(self, name: str, allowed: Sequence[str]) -> str | None:
        """A query parameter that takes some words only; None where it is not given."""
        text = self.query.get(name)
        if text is not None and text not in allowed:
            raise bad_parameter(name, f"must be one of {', '.join(allowed)}")
        return text

    def id(self, name: str) -> str | None:
        """A query parameter that holds an id; one that can't be an id is refused."""
        text = self.query.get(name)
        if text is not None and not is_id(text):
            raise bad_parameter(name, "is not an id")
        return text

    def place(self, listing: str, name: str = "cursor") -> list[Any] | None:
        """Where this listing goes on, by the cursor that it gave before; None at its beginning."""
        text = self.query.get(name)
        if text is None:
            return None
        place = opened(f"{self.tenant_id} {listing}", text)
        if place is None:
            raise bad_parameter(name, "is not a cursor that this listing gave")
        return place

    def cursor(self, listing: str, place: list[Any]) -> str:
        return sealed(f"{self.tenant_id} {listing}", place)


@dataclass(frozen=True, slots=True)
class Response:
    """An answer that is more than a status and JSON: `text` is sent as it is where it is given."""

    status: int
    body: Any = None
    text: str | None = None
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def is_id(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _refusal(error: ValidationError) -> Problem:
    errors = [
        {"pointer": "/" + "/".join(str(part) for part in one["loc"]), "detail": one["msg"]}
        for one in error.errors(include_url=False, include_input=False)[:100]
    ]
    return Problem("invalid_request", "the request has parts that can't be taken; `errors` names each", errors)


def bad_parameter(name: str, detail: str) -> Problem:
    return Problem(
        "invalid_request", f"the query parameter `{name}` {detail}", [{"pointer": f"/query/{name}", "detail": detail}]
    )


# --- bodies ------------------------------------------------------------------------------------------


def _is_storable(value: Any, levels: int = MOST_LEVELS) -> bool:
    if isinstance(value, str):
        return UNSTORABLE.search(value) is None
    if isinstance(value, float):
        return math.isfinite(value)
    inner = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    return levels > 0 and all(_is_storable(one, levels - 1) for one in inner)


def _storable(value: dict[str, Any]) -> dict[str, Any]:
    if not _is_storable(value):
        what = f"must hold no NUL, no half of a character, no infinite number, and at most {MOST_LEVELS} levels"
        raise PydanticCustomError("unstorable", what)  # type: ignore[arg-type]
    return value


# Free JSON, which the database is given as it is.
Json = Annotated[dict[str, Any], AfterValidator(_storable)]


def _an_id(text: str) -> str:
    if not is_id(text):
        raise PydanticCustomError("no_id", "is not an id")
    return text


class Body(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, allow_inf_nan=False, defer_build=True)


# As Tesseract names them: `eng`, `deu`, `chi_sim`.
Languages = Annotated[
    list[Annotated[str, Field(pattern=r"^[a-zA-Z][a-zA-Z_]{1,30}$")]],
    Field(min_length=1, max_length=5, description="those that OCR reads, the main one first: `eng`, `deu`, ..."),
]


class NewDataset(Body):
    name: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")
    schema_: Json | None = Field(default=None, alias="schema")
    when_textract_is_down: Literal["best_reading", "wait"] = "best_reading"
    languages: Languages | None = None


class ChangedDataset(Body):
    when_textract_is_down: Literal["best_reading", "wait"] | None = Field(
        default=None, description="go on with the best reading there is, or wait; unread pages always wait"
    )
    languages: Languages | None = None


class NewSchema(Body):
    schema_: Json = Field(alias="schema")


class NewFile(Body):
    name: str = Field(min_length=1, max_length=1024, pattern=r"^[^\x00]*$")
    size_bytes: int = Field(ge=0, le=2**53)
    media_type: str | None = Field(default=None, max_length=255, pattern=r"^[^\x00]*$")
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")


class NewBatch(Body):
    files: list[NewFile] = Field(min_length=1, max_length=1000)
    allow_duplicates: bool = False
    expand_archives: bool = Field(default=False, description="make each member of a zip a file of the batch")
    priority: Literal["normal", "low"] = Field(
        default="normal", description="`low`: after your other batches; nobody else's turn changes by it"
    )


class PartNumbers(Body):
    part_numbers: list[Annotated[int, Field(ge=1, le=10_000)]] = Field(min_length=1, max_length=1000)


class NewRemoval(Body):
    file_ids: list[str] | None = Field(default=None, min_length=1, max_length=10_000)
    batch_id: str | None = None
    undo_window_s: int | None = Field(default=None, ge=0, description="shorter than the default: seconds for an undo")


Allowance = Annotated[int, Field(ge=0, le=2**53)]


class Quota(Body):
    """What a tenant may have; what is not named has no limit."""

    model_config = ConfigDict(extra="forbid")

    files_in_processing: Allowance | None = Field(default=None, description="announced and not settled")
    bytes_stored: Allowance | None = Field(default=None, description="of originals, stored or announced")
    files_a_day: Allowance | None = Field(default=None, description="announced since midnight, UTC")


class NewTenant(Body):
    name: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")
    weight: float = Field(default=1.0, ge=0.01, le=100)
    quota: Quota = Field(default_factory=Quota)


class ChangedTenant(Body):
    weight: float | None = Field(default=None, ge=0.01, le=100)
    quota: Quota | None = Field(default=None, description="replaces the whole quota")


class NewKey(Body):
    role: Literal["viewer", "editor", "operator", "admin"]


class Redrive(Body):
    step: str | None = None


class RedriveDead(Body):
    """What to run again: all that is chosen by each of these that is given."""

    file_ids: list[Annotated[str, AfterValidator(_an_id)]] | None = Field(default=None, min_length=1, max_length=1000)
    step: str | None = Field(default=None, max_length=100, pattern=r"^[^\x00]*$")
    code: str | None = Field(default=None, max_length=100, pattern=r"^[^\x00]*$")
    since: AwareDatetime | None = Field(default=None, strict=False)
    until: AwareDatetime | None = Field(default=None, strict=False)


class RedriveMany(Body):
    state: str = Field(default="failed", pattern=r"^(failed|partial|cancelled)$")
    code: str | None = Field(default=None, max_length=100, pattern=r"^[^\x00]*$")
