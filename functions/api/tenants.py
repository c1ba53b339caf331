"""Tenants: lets admins create, list and change tenants and their keys."""

from __future__ import annotations

import secrets
from typing import Any

from functions.api import quotas, rates
from functions.api.access import notification_of
from functions.api.bodies import ChangedTenant, NewKey, NewTenant
from functions.api.problems import Problem, not_found
from functions.api.requests import Request
from functions.api.views import at
from layers.domain.keys import PREFIX, hash_key
from layers.ports.rows import KeyRow, Tenant

Shown = dict[str, Any]
KEY_BYTES = 32


def create(request: Request) -> tuple[int, Any]:
    body = request.read(NewTenant)
    tenant = request.catalog.create_tenant(body.name, body.weight, body.quota.model_dump(exclude_none=True))
    if tenant is None:
        raise Problem("conflict", f"there is already a tenant with the name {body.name}")
    _, api_key = _new_key(request, str(tenant.tenant_id), "operator")
    return 201, _tenant_view(tenant) | {"api_key": api_key}


def show_all(request: Request) -> tuple[int, Any]:
    limit = request.whole_number("limit", 200, 1, 1000)
    position = request.position("tenants")
    rows = request.catalog.tenants(position[0] if position else None, limit + 1)
    following = request.cursor("tenants", [str(rows[limit - 1].tenant_id)]) if len(rows) > limit else None
    return 200, {"tenants": [_tenant_view(row) for row in rows[:limit]], "next_cursor": following}


def change(request: Request, tenant_id: str) -> tuple[int, Any]:
    body = request.read(ChangedTenant)
    quota = body.quota.model_dump(exclude_none=True) if body.quota else None
    tenant = request.catalog.change_tenant(tenant_id, body.weight, quota, body.import_sources)
    if tenant is None:
        raise not_found("tenant")
    request.afterwards.append(rates.forget_rates)
    return 200, _tenant_view(tenant)


def create_key(request: Request, tenant_id: str) -> tuple[int, Any]:
    role = request.read(NewKey).role
    quotas.check_keys(request, tenant_id)
    key, api_key = _new_key(request, tenant_id, role)
    if key is None:
        raise not_found("tenant")
    return 201, _key_view(key) | {"api_key": api_key}


def show_keys(request: Request, tenant_id: str) -> tuple[int, Any]:
    return 200, {"keys": [_key_view(row) for row in request.catalog.keys_of(tenant_id)]}


def revoke_key(request: Request, key_id: str) -> tuple[int, Any]:
    key = request.catalog.revoke_key(key_id)
    if key is None:
        raise not_found("key")
    request.notify(*map(notification_of, [key.key_id, *request.catalog.revoke_sessions_of(key_id)]))
    return 200, _key_view(key)


def _new_key(request: Request, tenant_id: str, role: str) -> tuple[KeyRow | None, str]:
    """A new key's row, or None if the tenant does not exist, and its secret."""
    api_key = PREFIX + secrets.token_urlsafe(KEY_BYTES)
    key_hash = hash_key(api_key, request.ports.settings.key_pepper)
    return request.catalog.create_key(tenant_id, key_hash, role), api_key


def _tenant_view(tenant: Tenant) -> Shown:
    return {
        "id": str(tenant.tenant_id),
        "name": tenant.name,
        "weight": tenant.weight,
        "quota": tenant.quota,
        "import_sources": tenant.import_sources,
        "created_at": at(tenant.created_at),
    }


def _key_view(key: KeyRow) -> Shown:
    return {
        "id": str(key.key_id),
        "tenant_id": str(key.tenant_id),
        "role": key.role,
        "name": key.name,
        "created_at": at(key.created_at),
        "expires_at": at(key.expires_at),
        "revoked_at": at(key.revoked_at),
    }
