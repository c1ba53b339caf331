"""Errors of requests, as RFC 9457 problem details."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

TITLES = {
    "invalid_request": (400, "The request is not valid"),
    "unauthorized": (401, "A valid key is needed"),
    "forbidden": (403, "The key's role does not allow this"),
    "not_found": (404, "Not found"),
    "method_not_allowed": (405, "This address does not allow the method"),
    "not_acceptable": (406, "None of the accepted media types is available"),
    "conflict": (409, "Not possible in the current state"),
    "precondition_failed": (412, "It was changed in the meantime"),
    "too_large": (413, "Too large"),
    "precondition_required": (428, "The version is missing"),
    "quota_exceeded": (429, "The tenant's quota is exceeded"),
    "rate_limited": (429, "Too many requests"),
    "internal_error": (500, "Internal error"),
    "unavailable": (503, "Temporarily unavailable"),
}
MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """An error that the client sees. `code` is stable, `detail` is one sentence, `errors` list the invalid parts of the
    input. Keywords are HTTP headers, with `_` in place of `-`."""

    def __init__(self, code: str, detail: str, errors: Sequence[dict[str, str]] = (), **headers: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.errors = list(errors)
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    @property
    def status(self) -> int:
        return TITLES[self.code][0]

    def body(self) -> dict[str, Any]:
        status, title = TITLES[self.code]
        body = {
            "type": f"urn:fairway:{self.code}",
            "title": title,
            "status": status,
            "detail": self.detail,
            "code": self.code,
        }
        return body | {"errors": self.errors} if self.errors else body


def not_found(what: str) -> Problem:
    return Problem("not_found", f"there is no {what} with this id")


def unavailable(what: str = "the status store") -> Problem:
    return Problem("unavailable", f"{what} can't be reached; try again in a few seconds", Retry_After="5")
