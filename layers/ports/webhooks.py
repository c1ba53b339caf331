"""Webhooks: deliveries of events to the endpoints of tenants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from layers.domain.webhook import Sent, Verdict


class Delivery(NamedTuple):
    """A delivery that this process has claimed. `attempts` is the number of the attempt that is due now, counted from the
    last request to deliver the event again.

    `failures` are the endpoint's consecutive failures; `age_s` is how long ago the delivery was first due. `secrets`
    are those that are valid, the newest first.
    """

    endpoint_id: UUID
    event_seq: int
    lease_id: UUID
    url: str
    secrets: Sequence[bytes]
    failures: int
    attempts: int
    age_s: float
    event_id: UUID
    event_type: str
    dataset_id: UUID | None
    subject_id: UUID
    data: Mapping[str, Any]
    occurred_at: str


class Webhooks(Protocol):
    """The deliveries of all tenants, for workers."""

    def are_used(self) -> bool:
        """Whether any tenant has an endpoint."""

    def claim(self, lease_s: float) -> list[Delivery]:
        """The next deliveries of one endpoint, in their order; empty if none is due.

        Tenants take turns. Of the events of one subject only the first that has not ended is claimed. An endpoint that
        keeps failing gets one delivery at a time, when its probe is due.
        """

    def end(self, delivery: Delivery, sent: Sent, verdict: Verdict) -> bool:
        """Record an attempt and what follows it. Returns False if another process has claimed the delivery since."""

    def give_back(self, deliveries: Sequence[Delivery]) -> None:
        """Release deliveries that were not attempted: they are due at once."""

    def forget(self, kept_days: int, limit: int) -> int:
        """Delete some events that are older, with their deliveries and attempts. Returns the number of events."""


class WebhookConnection(Protocol):
    """A connection to the server of one endpoint, for several deliveries one after another."""

    def post(self, headers: Mapping[str, str], body: bytes) -> Sent:
        """Send one request. Never raises."""

    def close(self) -> None: ...


class WebhookSender(Protocol):
    """Opens connections to endpoints."""

    def connect(self, url: str) -> WebhookConnection:
        """A connection that is opened at its first request."""


class NoWebhooks:
    """Has no endpoints."""

    def forget(self, kept_days: int, limit: int) -> int:
        return 0

    def __getattr__(self, name: str) -> Any:
        raise NotImplementedError(name)


# --- as their owner sees them --------------------------------------------------------------------------


class Endpoint(NamedTuple):
    """An endpoint of a tenant, without its secret. `probe_at` is set while its breaker is open."""

    endpoint_id: UUID
    url: str
    description: str | None
    event_types: list[str]
    enabled: bool
    disabled_because: str | None
    failures: int
    failing_since: datetime | None
    probe_at: datetime | None
    former_secret_until: datetime | None
    created_at: datetime


class DeliveryRow(NamedTuple):
    """A delivery as the log shows it. The `last_` columns are those of its latest attempt."""

    event_id: UUID
    event_seq: int
    event_type: str
    subject_id: UUID
    occurred_at: datetime
    state: str
    attempts: int
    due_at: datetime
    ended_at: datetime | None
    last_at: datetime | None
    last_status: int | None
    last_error: str | None


class DeliveryAttempt(NamedTuple):
    attempt: int
    sent_at: datetime
    took_s: float
    status: int | None
    error: str | None


class WebhookCatalog(Protocol):
    """The endpoints of a tenant, in the transaction of a `Catalog`."""

    def create_endpoint(
        self, url: str, description: str | None, event_types: Sequence[str], secret: bytes
    ) -> Endpoint: ...

    def endpoints(self) -> list[Endpoint]:
        """All endpoints of the tenant, oldest first."""

    def endpoint(self, endpoint_id: str) -> Endpoint | None: ...

    def change_endpoint(
        self,
        endpoint_id: str,
        *,
        url: str | None,
        description: str | None,
        event_types: Sequence[str] | None,
        enabled: bool | None,
    ) -> Endpoint | None:
        """Change the values that are not None. A new URL and switching it on close the breaker. Returns None if there is
        no such endpoint."""

    def replace_secret(self, endpoint_id: str, secret: bytes, former_s: float) -> Endpoint | None:
        """Replace the secret; the former one also signs for `former_s` seconds."""

    def delete_endpoint(self, endpoint_id: str) -> bool:
        """Delete an endpoint with its log."""

    def send_test_event(self, endpoint_id: str, event_type: str) -> UUID:
        """Create an event for this endpoint alone. Returns its id."""

    def deliveries(self, endpoint_id: str, *, state: str | None, after: int | None, limit: int) -> list[DeliveryRow]:
        """A page of the log, newest first, after the event with this sequence number."""

    def delivery(self, endpoint_id: str, event_id: str) -> DeliveryRow | None: ...

    def delivery_attempts(self, endpoint_id: str, event_seq: int) -> list[DeliveryAttempt]:
        """Every attempt of a delivery, oldest first."""

    def redeliver(self, endpoint_id: str, event_id: str) -> bool:
        """Make a delivery due again, whatever came of it. Returns False if there is none."""

    def redeliver_failed(self, endpoint_id: str, since: datetime, limit: int) -> int:
        """Make failed deliveries of events since this time due again, the oldest first. Returns their number."""
