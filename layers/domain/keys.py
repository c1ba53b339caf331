"""API keys: how one is made, and what is stored of it."""

from __future__ import annotations

import hashlib
import hmac

PREFIX = "fw_"


def hash_key(api_key: str, pepper: str) -> bytes:
    """A keyed hash, so that a stolen table of them is of no use without the pepper."""
    return hmac.new(pepper.encode(), api_key.encode("utf-8", "replace"), hashlib.sha256).digest()
