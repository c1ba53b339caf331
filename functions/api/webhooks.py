"""Webhooks: the endpoints to which a tenant's events are delivered, and the log of the deliveries."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from functions.api.problems import Problem, not_found
from functions.api.requests import Request
from functions.api.views import at
from functions.api.webhook_bodies import ChangedWebhook, NewWebhook, Redelivery
from layers.domain.webhook import FORMER_SECRET_S, SECRET_BYTES, TEST_TYPE, secret_text
from layers.domain.webhook_address import Refused, check_url, networks
from layers.ports.webhooks import DeliveryRow, Endpoint

Shown = dict[str, Any]
MOST_ENDPOINTS = 10  # of a tenant
REDELIVERED_AT_ONCE = 10_000
STATES = ("waiting", "delivered", "failed")
RETRY_S = 3600  # an endpoint has to be deleted first


def create(request: Request) -> tuple[int, Any]:
    body = request.read(NewWebhook)
    _check(request, body.url)
    request.catalog.lock_quota()
    if len(request.catalog.endpoints()) >= MOST_ENDPOINTS:
        detail = f"a tenant may have {MOST_ENDPOINTS} webhooks; delete one first"
        raise Problem("quota_exceeded", detail, Retry_After=str(RETRY_S))
    secret = secrets.token_bytes(SECRET_BYTES)
    types = list(dict.fromkeys(body.event_types))
    endpoint = request.catalog.create_endpoint(body.url, body.description, types, secret)
    return 201, _view(endpoint) | {"secret": secret_text(secret)}


def show_all(request: Request) -> tuple[int, Any]:
    return 200, {"webhooks": list(map(_view, request.catalog.endpoints()))}


def show(request: Request, webhook_id: str) -> tuple[int, Any]:
    return 200, _view(_existing(request, webhook_id))


def change(request: Request, webhook_id: str) -> tuple[int, Any]:
    body = request.read(ChangedWebhook)
    if body.url is not None:
        _check(request, body.url)
    endpoint = request.catalog.change_endpoint(
        webhook_id,
        url=body.url,
        description=body.description,
        event_types=list(dict.fromkeys(body.event_types)) if body.event_types else None,
        enabled=body.enabled,
    )
    if endpoint is None:
        raise not_found("webhook")
    return 200, _view(endpoint)


def delete(request: Request, webhook_id: str) -> tuple[int, Any]:
    if not request.catalog.delete_endpoint(webhook_id):
        raise not_found("webhook")
    return 200, {"id": webhook_id}


def replace_secret(request: Request, webhook_id: str) -> tuple[int, Any]:
    """Replace the secret. The former one signs beside it for a day, so that the receiver can be changed meanwhile."""
    secret = secrets.token_bytes(SECRET_BYTES)
    endpoint = request.catalog.replace_secret(webhook_id, secret, FORMER_SECRET_S)
    if endpoint is None:
        raise not_found("webhook")
    return 200, _view(endpoint) | {"secret": secret_text(secret)}


def send_test(request: Request, webhook_id: str) -> tuple[int, Any]:
    endpoint = _existing(request, webhook_id)
    if not endpoint.enabled:
        raise Problem("conflict", "this webhook is switched off; change `enabled` first")
    event_id = request.catalog.send_test_event(webhook_id, TEST_TYPE)
    return 202, _delivery_view(_existing_delivery(request, webhook_id, str(event_id)))


# --- the log -----------------------------------------------------------------------------------------


def show_deliveries(request: Request, webhook_id: str) -> tuple[int, Any]:
    _existing(request, webhook_id)
    state, limit = request.one_of("state", STATES), request.whole_number("limit", 50, 1, 200)
    listing = f"deliveries {webhook_id} {state}"
    position = request.position(listing)
    after = int(position[0]) if position else None
    rows = request.catalog.deliveries(webhook_id, state=state, after=after, limit=limit + 1)
    following = request.cursor(listing, [rows[limit - 1].event_seq]) if len(rows) > limit else None
    return 200, {"deliveries": list(map(_delivery_view, rows[:limit])), "next_cursor": following}


def show_delivery(request: Request, webhook_id: str, event_id: str) -> tuple[int, Any]:
    delivery = _existing_delivery(request, webhook_id, event_id)
    attempts = request.catalog.delivery_attempts(webhook_id, delivery.event_seq)
    listed = [
        {"attempt": a.attempt, "at": at(a.sent_at), "took_s": round(a.took_s, 3), "status": a.status, "error": a.error}
        for a in attempts
    ]
    return 200, _delivery_view(delivery) | {"history": listed}


def redeliver(request: Request, webhook_id: str, event_id: str) -> tuple[int, Any]:
    _existing_delivery(request, webhook_id, event_id)
    if not request.catalog.redeliver(webhook_id, event_id):
        raise Problem("conflict", "this event is being delivered now")
    return 202, _delivery_view(_existing_delivery(request, webhook_id, event_id))


def redeliver_failed(request: Request, webhook_id: str) -> tuple[int, Any]:
    since: datetime = request.read(Redelivery).since
    _existing(request, webhook_id)
    count = request.catalog.redeliver_failed(webhook_id, since, REDELIVERED_AT_ONCE)
    return 202, {"count": count, "has_more": count == REDELIVERED_AT_ONCE}


def _check(request: Request, url: str) -> None:
    settings = request.ports.settings
    try:
        check_url(url, networks(settings.webhook_networks), publishes=bool(settings.kafka_events))
    except Refused as refused:
        raise Problem("invalid_request", f"the URL {refused}", [{"pointer": "/url", "detail": str(refused)}]) from None


def _existing(request: Request, webhook_id: str) -> Endpoint:
    endpoint = request.catalog.endpoint(webhook_id)
    if endpoint is None:
        raise not_found("webhook")
    return endpoint


def _existing_delivery(request: Request, webhook_id: str, event_id: str) -> DeliveryRow:
    delivery = request.catalog.delivery(webhook_id, event_id)
    if delivery is None:
        raise not_found("event")
    return delivery


def _view(endpoint: Endpoint) -> Shown:
    return {
        "id": str(endpoint.endpoint_id),
        "url": endpoint.url,
        "description": endpoint.description,
        "event_types": endpoint.event_types,
        "enabled": endpoint.enabled,
        "disabled_because": endpoint.disabled_because,
        "failures": endpoint.failures,
        "failing_since": at(endpoint.failing_since),
        "next_probe_at": at(endpoint.probe_at),
        "former_secret_until": at(endpoint.former_secret_until),
        "created_at": at(endpoint.created_at),
    }


def _delivery_view(delivery: DeliveryRow) -> Shown:
    last = None
    if delivery.last_at is not None:
        last = {"at": at(delivery.last_at), "status": delivery.last_status, "error": delivery.last_error}
    return {
        "event_id": str(delivery.event_id),
        "type": delivery.event_type,
        "subject": str(delivery.subject_id),
        "occurred_at": at(delivery.occurred_at),
        "state": delivery.state,
        "attempts": delivery.attempts,
        "last_attempt": last,
        "due_at": at(delivery.due_at) if delivery.state == "waiting" else None,
        "ended_at": at(delivery.ended_at),
    }
