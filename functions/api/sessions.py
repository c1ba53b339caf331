"""Sessions: a one-time code, which a link can carry, is exchanged for a key that expires. And who the caller is."""

from __future__ import annotations

import secrets
from typing import Any

from functions.api import audit_log, quotas
from functions.api.access import FAILURES_A_MINUTE, notification_of
from functions.api.bodies import FILES_A_CALL, LINES_A_MANIFEST, CodeToExchange, NewSession
from functions.api.problems import Problem
from functions.api.requests import ROLES, Caller, Request, Response
from functions.api.views import at
from layers.domain.keys import PREFIX, hash_key

CODE_S = 300
SESSION_S = 12 * 3600
CODE_PREFIX = "fwc_"
SECRET_BYTES = 32
EXCHANGE = "POST /sessions/exchange"  # a public route, whose caller is known only to its handler
DEFAULT_ROLE = "editor"


def me(request: Request) -> tuple[int, Any]:
    """The caller, its limits, and what this Fairway can read."""
    caller, settings = request.caller, request.ports.settings
    return 200, {
        "tenant": {"id": caller.tenant_id, "name": request.catalog.tenant_name()},
        "role": caller.role,
        "name": caller.name,
        "expires_at": at(caller.expires_at),
        "limits": {
            "max_file_bytes": settings.max_file_bytes,
            "multipart_from_bytes": max(1, settings.multipart_from_bytes),
            "files_a_call": FILES_A_CALL,
            "lines_a_manifest": LINES_A_MANIFEST,
            "takes_gzip": not settings.on_lambda,
            "undo_window_s": settings.undo_window_s,
        },
        "reads": {
            "ocr": True,
            "languages": list(request.ports.languages()),
            "textract": request.ports.is_paid("textract"),
            "extraction": settings.extraction,
        },
    }


def create(request: Request) -> tuple[int, Any]:
    """Create a code. Its session has at most the rights of the key that creates it."""
    if request.caller.is_session:
        raise Problem("forbidden", "the key of a session can't create sessions; use the key that created this one")
    body = request.read(NewSession)
    role: str = body.role or min(DEFAULT_ROLE, request.caller.role, key=ROLES.index)
    if ROLES.index(role) > ROLES.index(request.caller.role):
        raise Problem("forbidden", f"a session of your key can have at most the role {request.caller.role}")
    request.catalog.forget_ended_sessions()
    quotas.check_sessions(request)
    code = CODE_PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    code_hash = hash_key(code, request.ports.settings.key_pepper)
    expires_at = request.catalog.create_code(code_hash, request.caller.key_id, role, body.name, CODE_S)
    return 201, {"code": code, "role": role, "expires_at": at(expires_at)}


def exchange(request: Request) -> tuple[int, Any]:
    """Exchange a code for the key of a session. A code works once."""
    code, pepper = request.read(CodeToExchange).code, request.ports.settings.key_pepper
    api_key = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    with request.ports.catalogs.transaction() as catalog:
        session = catalog.exchange_code(hash_key(code, pepper), hash_key(api_key, pepper), SESSION_S)
        if session is not None:
            catalog.act_as(str(session.tenant_id))
            person = Caller(str(session.tenant_id), session.role, str(session.key_id), session.name, session.expires_at)
            audit_log.note(catalog, EXCHANGE, person, {}, request, Response(201))
    if session is None:
        if request.ports.limits.count(f"denied:{request.address}", window_s=60) > FAILURES_A_MINUTE:
            raise Problem("rate_limited", "too many unknown codes from your address; wait a minute", Retry_After="60")
        detail = "the code is unknown, was used or has expired; request a new link"
        raise Problem("unauthorized", detail, WWW_Authenticate="Bearer")
    return 201, {"api_key": api_key, "role": session.role, "expires_at": at(session.expires_at)}


def end(request: Request) -> tuple[int, Any]:
    """End the session of the caller's key."""
    key = request.catalog.end_session(request.caller.key_id)
    if key is None:
        raise Problem("conflict", "this key is not the key of a session; an admin can revoke it")
    request.notify(notification_of(key.key_id))
    return 200, {"ended_at": at(key.revoked_at)}
