"""Access: finds the caller by the key of a request. Each request looks its key up, so a revoked key stops at once."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from functions.api.ports import ApiPorts
from functions.api.problems import Problem
from functions.api.requests import ROLES, SCHEDULER, Caller
from layers.domain.keys import hash_key
from layers.ports.catalog import Catalog

FAILURES_A_MINUTE = 60


def caller_of(headers: Mapping[str, str], address: str, catalog: Catalog, ports: ApiPorts) -> Caller:
    """The caller with the key in the Authorization header. Raises Problem `unauthorized` or `rate_limited`."""
    scheme, _, key = (headers.get("authorization") or "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise _unauthorized("send your key as `Authorization: Bearer <key>`")
    key_hash = hash_key(key.strip(), ports.settings.key_pepper)
    holder = catalog.key_holder(key_hash)
    if holder is None or not hmac.compare_digest(bytes(holder.key_hash), key_hash):
        if ports.limits.count(f"denied:{address}", window_s=60) > FAILURES_A_MINUTE:
            raise Problem("rate_limited", "too many unknown keys from your address; wait a minute", Retry_After="60")
        raise _unauthorized("the key is unknown, was revoked or has expired")
    return Caller(str(holder.tenant_id), holder.role, str(holder.key_id), holder.name, holder.expires_at)


def check_key(caller: Caller, catalog: Catalog) -> None:
    """Check again, in a transaction of the caller's tenant, that the key is still valid."""
    if not catalog.is_key_valid(caller.key_id):
        raise _unauthorized("the key was revoked or has expired")


def notification_of(key_id: object) -> str:
    """The name under which waiting calls of a key are notified when it is revoked."""
    return f"key:{key_id}"


def check_role(caller: Caller, least: str, *, is_for_scheduler: bool = False) -> None:
    """Raise Problem `forbidden` unless the caller has the role `least`, a higher one, or may call it as a scheduler."""
    if caller.role == SCHEDULER:
        if not is_for_scheduler:
            raise Problem("forbidden", "a key with the role scheduler can't do this; see docs/schedules.md")
    elif ROLES.index(caller.role) < ROLES.index(least):
        raise Problem("forbidden", f"this needs the role {least}; your key has the role {caller.role}")


def _unauthorized(detail: str) -> Problem:
    return Problem("unauthorized", detail, WWW_Authenticate="Bearer")
