"""API keys: their prefix, and the hash that is stored instead of a key."""

from __future__ import annotations

import hashlib
import hmac

PREFIX = "fw_"


def hash_key(api_key: str, pepper: str) -> bytes:
    """A keyed hash: a stolen table of hashes is useless without the pepper."""
    return hmac.new(pepper.encode(), api_key.encode("utf-8", "replace"), hashlib.sha256).digest()
