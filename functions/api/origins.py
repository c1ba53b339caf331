"""Whose pages may read the API's answers in a browser."""

from __future__ import annotations

EVERYONE = "*"


def readable_by(origin: str, allowed: str) -> dict[str, str]:
    """The headers by which a browser lets a page of this origin read an answer.

    `allowed` names origins with commas, or `*` for all. Another origin is told the first of them, which is not its own.
    """
    names = [name.strip() for name in allowed.split(",")]
    if EVERYONE in names:
        return {"Access-Control-Allow-Origin": EVERYONE}
    return {"Access-Control-Allow-Origin": origin if origin in names else names[0], "Vary": "Origin"}
