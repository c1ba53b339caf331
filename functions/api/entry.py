"""The API behind `app.py`: builds the ports of the handlers at the first request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.api.answering import answer, encode
from functions.api.ports import ApiPorts, Probe
from functions.api.routes import ROUTES, Route
from functions.pipelines import DECLARED_CONCURRENCY
from layers import bootstrap


@bootstrap.once
def ports() -> ApiPorts:
    settings = bootstrap.settings_for(DECLARED_CONCURRENCY)
    return ApiPorts(
        settings=settings,
        catalogs=bootstrap.catalog(),
        objects=bootstrap.objects(),
        topics=bootstrap.topics(),
        notifications=bootstrap.change_notifications(),
        limits=bootstrap.limits(),
        breakers=bootstrap.breakers(),
        budgets=bootstrap.budgets(),
        reach=bootstrap.reach(),
        concurrency=settings.concurrency,
        languages=bootstrap.known_languages,
        probes=probes,
        is_paid=is_paid,
        contract=contract,
    )


def respond(route: Route, http_request: Any, ids: Mapping[str, str]) -> tuple[str | bytes, dict[str, str], int]:
    """The content, headers and status that answer one of Chalice's requests."""
    response = answer(route, http_request, ids, ports)
    return encode(response, http_request.headers.get("origin", ""), bootstrap.settings)


def probes() -> dict[str, Probe]:
    """How to check each dependency that is a separate service."""
    scanner, reader = bootstrap.scanner(), bootstrap.paid_reader()
    found = {
        "postgres": Probe(bootstrap.catalog_probe().is_up),
        "object_store": Probe(bootstrap.objects().is_up),
        "topics": Probe(bootstrap.topics().is_up),
        "redis": Probe(bootstrap.limits().is_up),
    }
    if scanner:
        found["scanner"] = Probe(scanner.is_up)
    has_service = bootstrap.settings().extraction != "rules"
    unknown = "configured; a check would cost money" if has_service else "runs inside the workers"
    found["extraction"] = Probe(bootstrap.extractor().is_up, unknown)
    found["textract"] = Probe(reader.is_up, "configured") if reader else Probe(lambda: None, "not configured")
    return found


def is_paid(service: str) -> bool:
    """Whether a service is in use here and charges for each call."""
    if service == "textract":
        return bootstrap.paid_reader() is not None
    return service == "extraction" and bootstrap.extractor().pays_by_call


def contract() -> dict[str, Any]:
    """The OpenAPI document of all routes."""
    # Imported at first use: no other route needs it, and the import is slow.
    from functions.api.openapi import document

    return document(ROUTES)
