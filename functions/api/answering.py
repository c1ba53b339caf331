"""From a host's request to an answer: the key, the role, one transaction, and every error in one shape."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from functions.api.access import caller_of, check_role
from functions.api.origins import readable_by
from functions.api.problems import MEDIA_TYPE, Problem, not_found, unavailable
from functions.api.requests import Reply, Request, is_id
from layers import bootstrap
from layers.domain.errors import DependencyDown, StoreUnreachable
from layers.telemetry.log import log

Handler = Callable[..., Any]
PUBLIC = "public"
WITHHELD = {"upload", "api_key"}  # expires or is secret: no kept answer holds it
LONGEST_KEY = 200
LAMBDA_MOST_BYTES = 5_900_000  # of the 6 MB that a function may answer, the rest for what is around the text
ALWAYS_SAID = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
# Our own WSGI host says in this header who called; on Lambda the gateway's context does.
ADDRESS_HEADER = "x-fairway-peer"


def answer(given: Any, handlers: Mapping[str, Handler], **ids: str) -> Reply:
    """The answer to a request as Chalice gives it: `.method`, `.headers`, `.raw_body`, `.query_params`, `.context`."""
    try:
        return _answer(given, handlers[given.method], ids)
    except Problem as refusal:
        return refused(refusal)
    except StoreUnreachable as error:
        log("store_unreachable", detail=str(error))
        return refused(unavailable())
    except DependencyDown as error:
        log("dependency_down", dependency=error.dependency, detail=error.detail)
        return refused(unavailable(f"the {error.dependency.replace('_', ' ')}"))
    except Exception as error:
        log("request_broke", error=error)
        return refused(Problem("internal_error", "the request could not be carried out; it is ours to mend"))


def refused(problem: Problem) -> Reply:
    return Reply(problem.status, problem.body(), media_type=MEDIA_TYPE, headers=problem.headers)


def written(reply: Reply, origin: str = "") -> tuple[str, dict[str, str], int]:
    """An answer's text, headers and status, for a page of this origin where a browser asks.

    On Lambda there is a refusal in the place of what it could not hand over.
    """
    text = as_text(reply)
    if len(text) > LAMBDA_MOST_BYTES / 4 and bootstrap.settings().on_lambda and len(text.encode()) > LAMBDA_MOST_BYTES:
        reply = refused(Problem("too_large", "the answer would be larger than 6 MB; ask for less by `limit`"))
        text = as_text(reply)
    said = {"Content-Type": reply.media_type, **ALWAYS_SAID, **readable_by(origin, _allowed_origins())}
    return text, {**said, **reply.headers}, reply.status


def _allowed_origins() -> str:
    """Nobody's, where not even the settings can be read: what went wrong is answered all the same."""
    try:
        return bootstrap.settings().allowed_origins
    except Exception as error:
        log("settings_unread", error=error)
        return ""


def as_text(reply: Reply) -> str:
    """What goes over the wire, in UTF-8: half a surrogate pair, which has no form there, is a question mark."""
    text = reply.text
    if text is None:
        text = json.dumps(reply.body, ensure_ascii=False, separators=(",", ":"))
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _answer(given: Any, handler: Handler, ids: Mapping[str, str]) -> Reply:
    if getattr(handler, "needs", PUBLIC) == PUBLIC:
        return _as_reply(handler())
    headers = {name.lower(): value for name, value in given.headers.items()}
    waits = getattr(handler, "holds_open", False)
    with bootstrap.catalog().transaction() as catalog:
        caller = caller_of(headers, _address(given, headers), catalog)
        check_role(caller, handler.needs)  # type: ignore[attr-defined]
        for name, value in ids.items():
            if not is_id(value):
                raise not_found(name.removesuffix("_id"))
        catalog.be(caller.tenant_id, is_system=caller.role == "admin")
        request = Request(caller, None if waits else catalog, given.raw_body, dict(given.query_params or {}), headers)
        if not waits:
            reply = _carry_out(handler, request, ids)
    if waits:
        reply = _as_reply(handler(request, **ids))
    for act in request.afterwards:
        act()
    return reply


def _carry_out(handler: Handler, request: Request, ids: Mapping[str, str]) -> Reply:
    """Call a handler, once for each Idempotency-Key: what it made and the kept answer are committed together."""
    key = request.headers.get("idempotency-key")
    if key is None or not hasattr(handler, "again"):
        return _as_reply(handler(request, **ids))
    if not 0 < len(key) <= LONGEST_KEY or not key.isprintable():
        raise Problem("invalid_request", f"an Idempotency-Key has 1 to {LONGEST_KEY} printable characters")
    what = json.dumps([f"{handler.__module__}.{handler.__name__}", dict(ids), request.query], sort_keys=True)
    digest = hashlib.sha256(what.encode() + b"\x00" + request.body).digest()
    before = request.catalog.take_request(key, digest)
    if before is None:
        reply = _as_reply(handler(request, **ids))
        request.catalog.keep_answer(key, reply.status, _without_secrets(reply.body))
        return reply
    if bytes(before["digest"]) != digest:
        raise Problem("conflict", "this Idempotency-Key was used for another request")
    return Reply(before["status"], handler.again(request, before["body"]))


def _without_secrets(body: Any) -> Any:
    if isinstance(body, dict):
        return {name: None if name in WITHHELD else _without_secrets(value) for name, value in body.items()}
    return [_without_secrets(one) for one in body] if isinstance(body, list) else body


def _as_reply(answered: Any) -> Reply:
    return answered if isinstance(answered, Reply) else Reply(*answered)


def _address(given: Any, headers: Mapping[str, str]) -> str:
    gateway = ((getattr(given, "context", None) or {}).get("identity") or {}).get("sourceIp")
    return headers.get(ADDRESS_HEADER) or str(gateway or "unknown")
