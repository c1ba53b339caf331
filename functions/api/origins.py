"""Origins: decides which web pages may read the API's responses in a browser."""

from __future__ import annotations

EVERYONE = "*"
SENT_HEADERS = ("Authorization", "Content-Encoding", "Content-Type", "Idempotency-Key", "If-Match")
READ_HEADERS = ("Retry-After", "Link", "X-Schema-Version", "ETag")


def readable_by(origin: str, allowed: str) -> dict[str, str]:
    """The headers that let a browser hand a response to a page of this origin.

    `allowed` names origins with commas, or `*` for all. For an origin that is not allowed the header names the first
    allowed one, so that the browser withholds the response.
    """
    names = [name.strip() for name in allowed.split(",")]
    if EVERYONE in names:
        return {"Access-Control-Allow-Origin": EVERYONE}
    return {"Access-Control-Allow-Origin": origin if origin in names else names[0], "Vary": "Origin"}
