"""Tenants and their keys, made and changed by admins."""

from __future__ import annotations

import secrets
from typing import Any

from functions.api.problems import Problem, not_found
from functions.api.requests import ChangedTenant, NewKey, NewTenant, Request
from functions.api.views import at
from layers import bootstrap
from layers.domain.keys import PREFIX, hash_key

Row = dict[str, Any]
KEY_BYTES = 32


def create(request: Request) -> tuple[int, Any]:
    given = request.read(NewTenant)
    row = request.catalog.create_tenant(given.name, given.weight, given.quota.model_dump(exclude_none=True))
    if row is None:
        raise Problem("conflict", f"there is a tenant named {given.name}")
    _, api_key = _new_key(request, row["tenant_id"], "operator")
    return 201, _tenant_view(row) | {"api_key": api_key}


def show_all(request: Request) -> tuple[int, Any]:
    limit = request.whole_number("limit", 200, 1, 1000)
    place = request.place("tenants")
    rows = request.catalog.rows("tenants", after=place[0] if place else None, limit=limit + 1)
    following = request.cursor("tenants", [str(rows[limit - 1]["tenant_id"])]) if len(rows) > limit else None
    return 200, {"tenants": [_tenant_view(row) for row in rows[:limit]], "next_cursor": following}


def change(request: Request, tenant_id: str) -> tuple[int, Any]:
    given = request.read(ChangedTenant)
    quota = given.quota.model_dump(exclude_none=True) if given.quota else None
    row = request.catalog.change_tenant(tenant_id, given.weight, quota)
    if row is None:
        raise not_found("tenant")
    return 200, _tenant_view(row)


def create_key(request: Request, tenant_id: str) -> tuple[int, Any]:
    row, api_key = _new_key(request, tenant_id, request.read(NewKey).role)
    if row is None:
        raise not_found("tenant")
    return 201, _key_view(row) | {"api_key": api_key}


def show_keys(request: Request, tenant_id: str) -> tuple[int, Any]:
    return 200, {"keys": [_key_view(row) for row in request.catalog.rows("keys_of", of_tenant_id=tenant_id)]}


def revoke_key(request: Request, key_id: str) -> tuple[int, Any]:
    row = request.catalog.row("revoke_key", key_id=key_id)
    if row is None:
        raise not_found("key")
    return 200, _key_view(row)


def _new_key(request: Request, tenant_id: Any, role: str) -> tuple[Row | None, str]:
    api_key = PREFIX + secrets.token_urlsafe(KEY_BYTES)
    key_hash = hash_key(api_key, bootstrap.settings().key_pepper)
    return request.catalog.row("create_key", of_tenant_id=tenant_id, key_hash=key_hash.hex(), role=role), api_key


def _tenant_view(row: Row) -> Row:
    return {
        "id": str(row["tenant_id"]),
        **{name: row[name] for name in ("name", "weight", "quota")},
        "created_at": at(row["created_at"]),
    }


def _key_view(row: Row) -> Row:
    return {
        "id": str(row["key_id"]),
        "tenant_id": str(row["tenant_id"]),
        "role": row["role"],
        "created_at": at(row["created_at"]),
        "revoked_at": at(row.get("revoked_at")),
    }
