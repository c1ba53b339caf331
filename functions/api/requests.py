"""Requests and responses: the caller, the validated input, and what a handler returns."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from functions.api.cursors import seal, unseal
from functions.api.ports import ApiPorts
from functions.api.problems import Problem
from layers.ports.catalog import Catalog
from layers.ports.rows import StoredResponse

MOST_DIGITS = 12
MOST_ERRORS = 100
LONGEST_KEY = 200
PUBLIC = "public"  # the role of callers without a key
ROLES = ("viewer", "editor", "operator", "admin")
# A key of a scheduler calls the routes that are made for it, and no others; it has none of the rights of other roles.
SCHEDULER = "scheduler"
KEY_ROLES = (*ROLES, SCHEDULER)
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Caller:
    """The holder of the key of a request. `name` and `expires_at` are those of a session."""

    tenant_id: str
    role: str
    key_id: str = ""
    name: str | None = None
    expires_at: datetime | None = None

    @property
    def is_session(self) -> bool:
        return self.expires_at is not None

    @property
    def is_admin(self) -> bool:
        return self.role == "admin"

    @property
    def sees_system(self) -> bool:
        """Whether the caller may see figures of the whole system."""
        return self.is_admin or self.role == SCHEDULER

    @property
    def seen_tenant(self) -> str | None:
        """The tenant whose figures the caller may see; None for all tenants."""
        return None if self.sees_system else self.tenant_id


ANYONE = Caller("", PUBLIC)


@dataclass(frozen=True, slots=True)
class Request:
    """One call of the API. `query` has the first value of each query parameter; names of `headers` are in lower case.

    `transaction` is the request's one transaction; public and waiting routes have none. The functions in `afterwards`
    run once it is committed. `address` is the client's.
    """

    caller: Caller
    ports: ApiPorts
    transaction: Catalog | None = None
    body: bytes = b""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    address: str = ""
    afterwards: list[Callable[[], object]] = field(default_factory=list)

    @property
    def catalog(self) -> Catalog:
        assert self.transaction is not None, "this route has no transaction"
        return self.transaction

    @property
    def tenant_id(self) -> str:
        return self.caller.tenant_id

    def notify(self, *names: Any) -> None:
        """After the commit, notify the calls that wait for these names: ids of changed datasets, or revoked keys."""
        texts = {str(name) for name in names}
        self.afterwards.append(lambda: self.ports.notifications.publish(texts))

    def dispatch(self) -> None:
        """After the commit, wake the dispatcher."""
        self.afterwards.append(lambda: self.ports.topics.dispatch_later(0))

    def within(self, catalog: Catalog) -> Request:
        """The same request in this transaction."""
        return replace(self, transaction=catalog)

    def idempotency_key(self) -> str | None:
        """The client's name for this request; None if it has none."""
        key = self.headers.get("idempotency-key")
        if key is not None and (not 0 < len(key) <= LONGEST_KEY or not key.isprintable()):
            raise Problem("invalid_request", f"an Idempotency-Key has 1 to {LONGEST_KEY} printable characters")
        return key

    def earlier_response(self, key: str, digest: bytes) -> StoredResponse | None:
        """The response to an earlier request with this Idempotency-Key; None for the first one, which takes the key. Raises
        Problem `conflict` if the earlier request was another one."""
        before = self.catalog.take_request(key, digest)
        if before is not None and bytes(before.digest) != digest:
            raise Problem("conflict", "this Idempotency-Key was used for another request; use a new key")
        return before

    def read(self, model: type[Model]) -> Model:
        """The body as a model. Raises Problem with a pointer to each invalid part."""
        try:
            content = json.loads(self.body or b"{}")
        except (ValueError, RecursionError):
            raise Problem("invalid_request", "the body is not JSON") from None
        try:
            return model.model_validate(content)
        except ValidationError as error:
            raise _invalid(error) from None

    def whole_number(self, name: str, default: int, least: int, most: int) -> int:
        text = self.query.get(name)
        if text is None:
            return default
        number = int(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else -1
        if not least <= number <= most:
            raise bad_parameter(name, f"must be a whole number from {least} to {most}")
        return number

    def one_of(self, name: str, allowed: Sequence[str]) -> str | None:
        """A query parameter that allows only these values; None if it is absent."""
        text = self.query.get(name)
        if text is not None and text not in allowed:
            raise bad_parameter(name, f"must be one of {', '.join(allowed)}")
        return text

    def time(self, name: str) -> datetime | None:
        """A query parameter with a time; None if it is absent."""
        text = self.query.get(name)
        if text is None:
            return None
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise bad_parameter(name, "is not a time with its offset from UTC, such as 2026-01-15T09:30:00Z")
        return moment

    def id(self, name: str) -> str | None:
        """A query parameter with an id; None if it is absent."""
        text = self.query.get(name)
        if text is not None and not is_id(text):
            raise bad_parameter(name, "is not an id")
        return text

    def position(self, listing: str, name: str = "cursor") -> list[Any] | None:
        """The position in the cursor of this listing; None without a cursor: the listing starts at its beginning."""
        text = self.query.get(name)
        if text is None:
            return None
        position = unseal(f"{self.tenant_id} {listing}", text, self.ports.settings.key_pepper)
        if position is None:
            raise bad_parameter(name, "is not a cursor of this listing")
        return position

    def cursor(self, listing: str, position: list[Any]) -> str:
        return seal(f"{self.tenant_id} {listing}", position, self.ports.settings.key_pepper)


@dataclass(frozen=True, slots=True)
class Response:
    """A response. `content` or `text` is sent as it is; where both are None, `body` is sent as JSON. On Lambda, which sends
    only text, there is no `content`."""

    status: int
    body: Any = None
    text: str | None = None
    content: bytes | None = None
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def is_id(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def bad_parameter(name: str, detail: str) -> Problem:
    return Problem(
        "invalid_request", f"the query parameter `{name}` {detail}", [{"pointer": f"/query/{name}", "detail": detail}]
    )


def faults_of(error: ValidationError, below: str = "") -> list[dict[str, str]]:
    """What is invalid, each with a pointer to it below this one."""
    return [
        {"pointer": "/".join([below, *(str(part) for part in fault["loc"])]) or "/", "detail": fault["msg"]}
        for fault in error.errors(include_url=False, include_input=False, include_context=False)[:MOST_ERRORS]
    ]


def _invalid(error: ValidationError) -> Problem:
    return Problem("invalid_request", "some parts of the request are not valid; `errors` names each", faults_of(error))
