"""What is wrong with a request, as RFC 9457 problem details."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

TITLES = {
    "invalid_request": (400, "The request can't be taken"),
    "unauthorized": (401, "A valid key is needed"),
    "forbidden": (403, "The key's role does not allow this"),
    "not_found": (404, "There is no such thing"),
    "method_not_allowed": (405, "This can't be done here"),
    "conflict": (409, "It does not fit the present state"),
    "too_large": (413, "Too large"),
    "quota_exceeded": (429, "More than the tenant may have"),
    "rate_limited": (429, "Too many requests"),
    "internal_error": (500, "Something broke on our side"),
    "unavailable": (503, "Not available just now"),
}
MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """A refusal: `code` is a stable word, `detail` a sentence, `errors` name the parts of the input at fault."""

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
    return Problem("not_found", f"there is no such {what}")


def unavailable(what: str = "the status store") -> Problem:
    return Problem("unavailable", f"{what} can't be reached; try again shortly", Retry_After="5")
