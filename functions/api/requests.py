"""Requests: who asks, what for, and the input brought into shape."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from functions.api.problems import Problem

ROLES = ("viewer", "editor", "operator", "admin")
Handler = TypeVar("Handler", bound=Callable[..., Any])
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Caller:
    tenant_id: str
    role: str


@dataclass(frozen=True, slots=True)
class Request:
    """One call of the API. `query` holds the first value of each query parameter."""

    caller: Caller
    body: bytes = b""
    query: Mapping[str, str] = field(default_factory=dict)

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
        if not text.isascii() or not text.isdigit() or not least <= int(text[:9]) <= most:
            raise _bad_parameter(name, f"must be a whole number from {least} to {most}")
        return int(text)

    def id(self, name: str) -> str | None:
        """A query parameter that holds an id; one that can't be an id is refused."""
        text = self.query.get(name)
        if text is not None and not is_id(text):
            raise _bad_parameter(name, "is not an id")
        return text

    def cursor(self) -> str | None:
        """The id after which a page begins."""
        text = self.query.get("cursor")
        if text is None:
            return None
        try:
            after = base64.urlsafe_b64decode(text.encode() + b"==").decode()
        except ValueError:
            after = ""
        if not is_id(after):
            raise _bad_parameter("cursor", "is not a cursor that a listing gave")
        return after


def as_cursor(after: Any) -> str:
    return base64.urlsafe_b64encode(str(after).encode()).decode().rstrip("=")


def is_id(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def needs(role: str) -> Callable[[Handler], Handler]:
    """Mark a handler with the least role that may call it."""

    def mark(handler: Handler) -> Handler:
        handler.needs = role  # type: ignore[attr-defined]
        return handler

    return mark


def _refusal(error: ValidationError) -> Problem:
    errors = [
        {"pointer": "/" + "/".join(str(part) for part in one["loc"]), "detail": one["msg"]}
        for one in error.errors(include_url=False, include_input=False)[:100]
    ]
    return Problem("invalid_request", "the request has parts that can't be taken; `errors` names each", errors)


def _bad_parameter(name: str, detail: str) -> Problem:
    return Problem(
        "invalid_request", f"the query parameter `{name}` {detail}", [{"pointer": f"/query/{name}", "detail": detail}]
    )


# --- bodies ------------------------------------------------------------------------------------------


class Body(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)


class NewDataset(Body):
    name: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")
    schema_: dict[str, Any] | None = Field(default=None, alias="schema")


class NewSchema(Body):
    schema_: dict[str, Any] = Field(alias="schema")


class NewFile(Body):
    name: str = Field(min_length=1, max_length=1024, pattern=r"^[^\x00]*$")
    size_bytes: int = Field(ge=0, le=2**53)
    media_type: str | None = Field(default=None, max_length=255, pattern=r"^[^\x00]*$")
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")


class NewBatch(Body):
    files: list[NewFile] = Field(min_length=1, max_length=1000)
    allow_duplicates: bool = False


class NewRemoval(Body):
    file_ids: list[str] | None = Field(default=None, min_length=1, max_length=10_000)
    batch_id: str | None = None


class Redrive(Body):
    step: str | None = None


class RedriveMany(Body):
    state: str = Field(default="failed", pattern=r"^(failed|partial|cancelled)$")
    code: str | None = Field(default=None, max_length=100)
