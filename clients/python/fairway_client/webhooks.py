"""Verifies deliveries of webhooks, as Standard Webhooks defines it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

TOLERANCE_S = 300


class NotGenuine(Exception):
    """A delivery does not come from Fairway, was changed on the way, or is sent again by somebody; the text says which."""


def verified(secret: str, headers: Mapping[str, str], body: bytes, *, now: float | None = None) -> dict[str, Any]:
    """The event of a delivery. `body` are its bytes as they arrived; the names of headers may be in any case. `secret` is the
    webhook's, as `POST /webhooks` shows it. Raises NotGenuine."""
    given = {name.lower(): value for name, value in headers.items()}
    try:
        delivery, timestamp, signatures = (given[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
        age_s = abs((time.time() if now is None else now) - int(timestamp))
        key = base64.b64decode(secret.removeprefix("whsec_"))
    except KeyError as error:
        raise NotGenuine(f"the header {error} is absent") from None
    except ValueError as error:
        raise NotGenuine(f"the timestamp or the secret is not valid: {error}") from None
    if age_s > TOLERANCE_S:
        raise NotGenuine(f"it was signed {age_s:.0f} seconds ago, or the clocks differ")
    digest = hmac.new(key, f"{delivery}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    expected = f"v1,{base64.b64encode(digest).decode()}".encode()
    if not any(hmac.compare_digest(expected, each.encode()) for each in signatures.split()):
        raise NotGenuine("no signature is right")
    event: dict[str, Any] = json.loads(body)
    return event
