"""From a host's request to an answer: the key, the role, the handler, and every error in one shape."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from functions.api.access import caller_of, check_role
from functions.api.problems import MEDIA_TYPE, Problem, not_found, unavailable
from functions.api.requests import Request, is_id
from layers.domain.errors import StoreUnreachable
from layers.telemetry import log

Answer = tuple[int, Any, dict[str, str]]
PUBLIC = "public"


def answer(given: Any, handlers: dict[str, Callable[..., tuple[int, Any]]], **ids: str) -> Answer:
    """Status, body and headers for a request as Chalice gives it: `.method`, `.headers`, `.raw_body`, `.query_params`."""
    try:
        handler = handlers[given.method]
        if getattr(handler, "needs", PUBLIC) == PUBLIC:
            status, body = handler()
            return status, body, {}
        caller = caller_of(given.headers)
        check_role(caller, handler.needs)  # type: ignore[attr-defined]
        for name, value in ids.items():
            if not is_id(value):
                raise not_found(name.removesuffix("_id"))
        request = Request(caller, given.raw_body, dict(given.query_params or {}))
        status, body = handler(request, **ids)
        return status, body, {}
    except Problem as refusal:
        return _refused(refusal)
    except StoreUnreachable as error:
        log("store_unreachable", detail=str(error))
        return _refused(unavailable())
    except Exception as error:
        log("request_broke", error=error)
        return _refused(Problem("internal_error", "the request could not be carried out; it is ours to mend"))


def _refused(problem: Problem) -> Answer:
    return problem.status, problem.body(), {"Content-Type": MEDIA_TYPE, **problem.headers}


def as_json(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
