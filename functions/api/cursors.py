"""Cursors: positions in listings, sealed so that each works only for the listing and the tenant it was issued for."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

SEAL_BYTES = 10


def seal(listing: str, position: list[Any], pepper: str) -> str:
    """A cursor for a position in a listing; `listing` names the tenant, what is listed, and its filters."""
    content = json.dumps(position, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_seal_of(listing, content, pepper) + content).decode().rstrip("=")


def unseal(listing: str, cursor: str, pepper: str) -> list[Any] | None:
    """The position in a cursor of this listing; None for anything else."""
    try:
        decoded = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
    sealed, content = decoded[:SEAL_BYTES], decoded[SEAL_BYTES:]
    if not hmac.compare_digest(sealed, _seal_of(listing, content, pepper)):
        return None
    position = json.loads(content)
    return position if isinstance(position, list) else None


def _seal_of(listing: str, content: bytes, pepper: str) -> bytes:
    key = f"cursor:{pepper}".encode()
    return hmac.new(key, listing.encode() + b"\x00" + content, hashlib.sha256).digest()[:SEAL_BYTES]
