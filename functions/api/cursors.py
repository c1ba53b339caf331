"""Cursors: where a listing goes on. Sealed, so that what comes back is what was given, to whom, and for which listing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from layers import bootstrap

SEAL_BYTES = 10


def sealed(listing: str, place: list[Any]) -> str:
    """A cursor for a place in a listing; `listing` names the tenant, what is listed, and its filters."""
    content = json.dumps(place, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_seal(listing, content) + content).decode().rstrip("=")


def opened(listing: str, cursor: str) -> list[Any] | None:
    """The place that a cursor of this very listing holds; None for anything else."""
    try:
        given = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
    seal, content = given[:SEAL_BYTES], given[SEAL_BYTES:]
    if not hmac.compare_digest(seal, _seal(listing, content)):
        return None
    place = json.loads(content)
    return place if isinstance(place, list) else None


def _seal(listing: str, content: bytes) -> bytes:
    key = f"cursor:{bootstrap.settings().key_pepper}".encode()
    return hmac.new(key, listing.encode() + b"\x00" + content, hashlib.sha256).digest()[:SEAL_BYTES]
