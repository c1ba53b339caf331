"""The response shapes of webhooks."""

from __future__ import annotations

from functions.api.json_schema import (
    BOOLEAN,
    COUNT,
    CURSOR,
    ID,
    NUMBER,
    TEXT,
    TIME,
    Schema,
    each,
    object_of,
    one_of,
    or_null,
    ref,
)
from functions.api.webhooks import STATES
from layers.domain.webhook import EVENT_TYPES, TEST_TYPE

WEBHOOK = {
    "id": ID,
    "url": TEXT,
    "description": or_null(TEXT),
    "event_types": each(one_of(*EVENT_TYPES), minItems=1),
    "enabled": BOOLEAN,
    "disabled_because": or_null(TEXT) | {"description": "why Fairway has switched it off"},
    "failures": COUNT | {"description": "consecutive failed attempts"},
    "failing_since": or_null(TIME),
    "next_probe_at": or_null(TIME)
    | {"description": "when it is tried again, after several failures one after another"},
    "former_secret_until": or_null(TIME) | {"description": "until when the former secret signs as well"},
    "created_at": TIME,
}
SECRET = or_null(TEXT) | {"description": "shown once; null in the response to a repeated Idempotency-Key"}
DELIVERY = {
    "event_id": ID | {"description": "the `webhook-id`, and the `id` of the event"},
    "type": one_of(*EVENT_TYPES, TEST_TYPE),
    "subject": ID,
    "occurred_at": TIME,
    "state": one_of(*STATES),
    "attempts": COUNT,
    "last_attempt": or_null(object_of(at=TIME, status=or_null(COUNT), error=or_null(TEXT))),
    "due_at": or_null(TIME) | {"description": "of the next attempt"},
    "ended_at": or_null(TIME),
}
ERROR = or_null(TEXT) | {
    "description": "why there is no response: dns, address_refused, connect, tls, timeout, closed or response"
}

WEBHOOK_SHAPES: dict[str, Schema] = {
    "Webhook": object_of(**WEBHOOK),
    "WebhookWithSecret": object_of(**WEBHOOK, secret=SECRET),
    "Webhooks": object_of(webhooks=each(ref("Webhook"))),
    "DeletedWebhook": object_of(id=ID),
    "Delivery": object_of(**DELIVERY),
    "Deliveries": object_of(deliveries=each(ref("Delivery")), next_cursor=or_null(CURSOR)),
    "DeliveryHistory": object_of(
        **DELIVERY,
        history=each(object_of(attempt=COUNT, at=TIME, took_s=NUMBER, status=or_null(COUNT), error=ERROR)),
    ),
    "Redelivered": object_of(
        count=COUNT, has_more=BOOLEAN | {"description": "more may have failed; repeat the request for them"}
    ),
}
