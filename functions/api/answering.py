"""Answers a request: checks the key and the role, runs the handler in one transaction, gives all errors one shape."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from functions.api import audit_log
from functions.api.access import caller_of, check_role
from functions.api.origins import readable_by
from functions.api.ports import ApiPorts
from functions.api.problems import MEDIA_TYPE, Problem, not_found, unavailable
from functions.api.rates import check_rate
from functions.api.requests import ANYONE, Request, Response, is_id
from functions.api.routes import Route
from layers.domain.errors import DependencyDown, StoreUnreachable
from layers.domain.services import word_of
from layers.ports.catalog import Catalog
from layers.settings import Settings
from layers.telemetry.log import log

# Left out of stored responses: URLs expire, keys are secret.
NOT_STORED = {"upload", "api_key", "code", "secret"}
LAMBDA_MOST_BYTES = 5_900_000  # a Lambda response may have 6 MB; the rest is for headers and JSON escapes
COMMON_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
# Fairway's own WSGI server passes the client's address in this header; API Gateway passes it in the event's context.
ADDRESS_HEADER = "x-fairway-peer"


def answer(route: Route, http_request: Any, ids: Mapping[str, str], ports: Callable[[], ApiPorts]) -> Response:
    """The response to one of Chalice's requests, which has `.headers`, `.raw_body`, `.query_params` and `.context`.

    `ids` are the parameters of the path by name. Never raises.
    """
    try:
        return _answer(route, http_request, ids, ports())
    except Problem as problem:
        return problem_response(problem)
    except StoreUnreachable as error:
        log("store_unreachable", detail=str(error))
        return problem_response(unavailable())
    except DependencyDown as error:
        log("dependency_down", dependency=error.dependency, detail=error.detail)
        return problem_response(unavailable(word_of(error.dependency)))
    except Exception as error:
        log("request_failed", error=error)
        return problem_response(Problem("internal_error", "this is a fault in Fairway; it has been logged"))


def problem_response(problem: Problem) -> Response:
    return Response(problem.status, problem.body(), media_type=MEDIA_TYPE, headers=problem.headers)


def encode(
    response: Response, origin: str, settings: Callable[[], Settings]
) -> tuple[str | bytes, dict[str, str], int]:
    """The content, headers and status of a response. `origin` is that of the web page that sent the request, or empty.

    On Lambda a response that is too large for it becomes the problem `too_large`.
    """
    text = as_text(response) if response.content is None else ""
    if len(text) > LAMBDA_MOST_BYTES / 4 and settings().on_lambda and len(text.encode()) > LAMBDA_MOST_BYTES:
        response = problem_response(
            Problem("too_large", "the response would be larger than 6 MB; ask for fewer items with `limit`")
        )
        text = as_text(response)
    headers = {"Content-Type": response.media_type, **COMMON_HEADERS, **readable_by(origin, _allowed_origins(settings))}
    content = text if response.content is None else response.content
    return content, {**headers, **response.headers}, response.status


def _allowed_origins(settings: Callable[[], Settings]) -> str:
    """The setting; empty if the settings can't be read, so that this problem gets a response too."""
    try:
        return settings().allowed_origins
    except Exception as error:
        log("settings_unreadable", error=error)
        return ""


def as_text(response: Response) -> str:
    """The body as text that UTF-8 can encode: a lone surrogate becomes a question mark."""
    text = response.text
    if text is None:
        text = json.dumps(response.body, ensure_ascii=False, separators=(",", ":"))
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _answer(route: Route, http_request: Any, ids: Mapping[str, str], ports: ApiPorts) -> Response:
    headers = {name.lower(): value for name, value in http_request.headers.items()}
    query = dict(http_request.query_params or {})
    address = _address(http_request, headers)
    if route.is_public:
        return _as_response(route.handler(Request(ANYONE, ports, None, http_request.raw_body, query, headers, address)))
    with ports.catalogs.transaction() as catalog:
        caller = caller_of(headers, address, catalog, ports)
        check_role(caller, route.role, is_for_scheduler=route.is_for_scheduler)
        for name, value in ids.items():
            if not is_id(value):
                raise not_found(name.removesuffix("_id"))
        catalog.act_as(caller.tenant_id, is_system=caller.sees_system)
        transaction = None if route.waits else catalog
        request = Request(caller, ports, transaction, http_request.raw_body, query, headers, address)
        check_rate(request, catalog)
        if not route.waits:
            response = _run_once(route, request, ids)
        else:
            _note(catalog, route, request, ids, None)
    if route.waits:
        response = _as_response(route.handler(request, **ids))
    for act in request.afterwards:
        act()
    return response


def _run_once(route: Route, request: Request, ids: Mapping[str, str]) -> Response:
    """Run a handler once for each Idempotency-Key: its effects and the stored response are committed together."""
    key = request.idempotency_key() if route.repeat else None
    if key is None or route.repeat is None:
        response = _as_response(route.handler(request, **ids))
        _note(request.catalog, route, request, ids, response)
        return response
    identity = json.dumps(
        [f"{route.handler.__module__}.{route.handler.__name__}", dict(ids), request.query], sort_keys=True
    )
    digest = hashlib.sha256(identity.encode() + b"\x00" + request.body).digest()
    if before := request.earlier_response(key, digest):
        return Response(before.status, route.repeat(request, before.body))
    response = _as_response(route.handler(request, **ids))
    request.catalog.keep_response(key, response.status, _without_secrets(response.body))
    _note(request.catalog, route, request, ids, response)
    return response


def _note(catalog: Catalog, route: Route, request: Request, ids: Mapping[str, str], response: Response | None) -> None:
    """Add a request that changes something to the audit log, in its transaction. `response` is None while it is not known."""
    if route.changes:
        audit_log.note(catalog, route.name, request.caller, ids, request, response)


def _without_secrets(body: Any) -> Any:
    if isinstance(body, dict):
        return {name: None if name in NOT_STORED else _without_secrets(value) for name, value in body.items()}
    return [_without_secrets(item) for item in body] if isinstance(body, list) else body


def _as_response(result: Any) -> Response:
    return result if isinstance(result, Response) else Response(*result)


def _address(http_request: Any, headers: Mapping[str, str]) -> str:
    gateway = ((getattr(http_request, "context", None) or {}).get("identity") or {}).get("sourceIp")
    return headers.get(ADDRESS_HEADER) or str(gateway or "unknown")
