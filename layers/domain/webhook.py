"""Webhooks: what an event looks like on the wire, how it is signed, and what follows an attempt to deliver it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from layers.domain.breaker import FAILURES_TO_OPEN, FIRST_PROBE_S, LONGEST_PROBE_S

# What an endpoint can subscribe to. Triggers write these events in the transaction that makes them true.
EventType = Literal[
    "file.done",
    "file.partial",
    "file.failed",
    "file.moved",
    "file.removed",
    "file.restored",
    "batch.settled",
    "record.approved",
    "plan.applied",
    "export.ready",
]
EVENT_TYPES: tuple[str, ...] = get_args(EventType)
TEST_TYPE = "endpoint.test"
# CloudEvents 1.0 in its structured mode.
MEDIA_TYPE = "application/cloudevents+json"
SEQUENCE_DIGITS = 20  # the attribute `sequence` is compared as text

SECRET_PREFIX = "whsec_"  # noqa: S105  (the prefix of Standard Webhooks, not a secret)
SECRET_BYTES = 32
FORMER_SECRET_S = 24 * 3600.0

GIVE_UP_AFTER_S = 24 * 3600.0
FIRST_DELAY_S, DELAY_GROWTH, LONGEST_DELAY_S = 5.0, 3.0, 3 * 3600.0
MOST_DELAYS = 16  # before this many attempts the longest delay is reached
GONE = 410

DeliveryState = Literal["waiting", "delivered", "failed"]


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """Something that happened. `sequence` increases from event to event of one subject. `occurred_at` is RFC 3339."""

    event_id: str
    sequence: int
    type: str
    source: str
    subject: str
    occurred_at: str
    data: Mapping[str, Any]

    def body(self) -> bytes:
        """The event as a CloudEvent. Every attempt sends the same bytes."""
        envelope = {
            "specversion": "1.0",
            "id": self.event_id,
            "type": self.type,
            "source": self.source,
            "subject": self.subject,
            "time": self.occurred_at,
            "sequence": str(self.sequence).zfill(SEQUENCE_DIGITS),
            "datacontenttype": "application/json",
            "data": dict(self.data),
        }
        return json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode()


# --- signatures --------------------------------------------------------------------------------------


def secret_text(secret: bytes) -> str:
    """A secret as its owner sees it."""
    return SECRET_PREFIX + base64.b64encode(secret).decode()


def signature(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """The signature `v1` of Standard Webhooks: https://www.standardwebhooks.com."""
    digest = hmac.new(secret, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def headers(secrets: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of a delivery, with a signature for each secret that is valid. `timestamp` is in Unix seconds."""
    return {
        "Content-Type": MEDIA_TYPE,
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(secret, message_id, timestamp, body) for secret in secrets),
    }


# --- after an attempt --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sent:
    """The result of one attempt: the status of the response or, without one, why there is none.

    `retry_after_s` is what the receiver asked for.
    """

    status: int | None
    error: str | None = None
    took_s: float = 0.0
    retry_after_s: float | None = None

    @property
    def is_accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows an attempt. `probe_delay_s`: the endpoint gets nothing for so long, and then a single delivery.

    `disables` says why the endpoint is switched off.
    """

    state: DeliveryState
    delay_s: float = 0.0
    probe_delay_s: float | None = None
    disables: str | None = None


def after_attempt(sent: Sent, *, attempts: int, age_s: float, failures: int, chance: float) -> Verdict:
    """What follows the attempt number `attempts`, `age_s` after the delivery was first due.

    `failures` are the endpoint's consecutive failures before this attempt; `chance` is a random number in [0, 1).
    """
    if sent.is_accepted:
        return Verdict("delivered")
    probe_delay_s = probe_delay(failures + 1, chance)
    disables = "it answered 410 Gone" if sent.status == GONE else None
    if age_s >= GIVE_UP_AFTER_S:
        return Verdict("failed", 0.0, probe_delay_s, disables)
    delay_s = max(retry_delay(attempts, chance), min(sent.retry_after_s or 0.0, LONGEST_DELAY_S))
    # The last attempt is made when the time is over.
    return Verdict("waiting", min(delay_s, GIVE_UP_AFTER_S - age_s), probe_delay_s, disables)


def retry_delay(attempts: int, chance: float) -> float:
    """Seconds from the failed attempt number `attempts` to the next one; about sixteen attempts fill a day."""
    growing_s = FIRST_DELAY_S * DELAY_GROWTH ** min(attempts - 1, MOST_DELAYS)
    return min(growing_s, LONGEST_DELAY_S) * (0.75 + 0.25 * chance)


def probe_delay(failures: int, chance: float) -> float | None:
    """Seconds until an endpoint is tried again after so many consecutive failures; None while its breaker is closed."""
    if failures < FAILURES_TO_OPEN:
        return None
    doublings = min(failures - int(FAILURES_TO_OPEN), 10)
    return min(FIRST_PROBE_S * 2.0**doublings, LONGEST_PROBE_S) * (0.75 + 0.25 * chance)
