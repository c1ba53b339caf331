"""Who calls: bearer keys, kept as keyed hashes, looked up at every request so that a revoked one is dead at once."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

from functions.api.problems import Problem
from functions.api.requests import ROLES, Caller
from layers import bootstrap
from layers.domain.keys import hash_key

FAILURES_A_MINUTE = 60


def caller_of(headers: Mapping[str, str], address: str, catalog: Any) -> Caller:
    """The caller whose key the Authorization header holds. Raises Problem `unauthorized` or `rate_limited`."""
    scheme, _, key = (headers.get("authorization") or "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise _unauthorized("send your key as `Authorization: Bearer <key>`")
    key_hash = hash_key(key.strip(), bootstrap.settings().key_pepper)
    row = catalog.key_holder(key_hash)
    if row is None or not hmac.compare_digest(bytes(row["key_hash"]), key_hash):
        if bootstrap.limits().count(f"denied:{address}", window_s=60) > FAILURES_A_MINUTE:
            raise Problem("rate_limited", "too many unknown keys from your address; wait a minute", Retry_After="60")
        raise _unauthorized("the key is unknown or was revoked")
    return Caller(str(row["tenant_id"]), row["role"])


def check_role(caller: Caller, least: str) -> None:
    if ROLES.index(caller.role) < ROLES.index(least):
        raise Problem("forbidden", f"this needs the role {least}; the key's is {caller.role}")


def _unauthorized(detail: str) -> Problem:
    return Problem("unauthorized", detail, WWW_Authenticate="Bearer")
