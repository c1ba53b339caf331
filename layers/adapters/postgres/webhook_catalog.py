"""The parts of a request's transaction that concern webhooks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from layers.adapters.postgres.transaction import Transaction
from layers.ports.webhooks import DeliveryAttempt, DeliveryRow, Endpoint


class WebhookQueries(Transaction):
    """The port `WebhookCatalog`. Its queries are in `webhook_catalog.sql`."""

    def create_endpoint(self, url: str, description: str | None, event_types: Sequence[str], secret: bytes) -> Endpoint:
        values = {"url": url, "description": description, "event_types": list(event_types), "secret": secret}
        return self._one(Endpoint, "create_endpoint", **values)

    def endpoints(self) -> list[Endpoint]:
        return self._rows(Endpoint, "endpoints")

    def endpoint(self, endpoint_id: str) -> Endpoint | None:
        return self._row(Endpoint, "endpoint", endpoint_id=endpoint_id)

    def change_endpoint(
        self,
        endpoint_id: str,
        *,
        url: str | None,
        description: str | None,
        event_types: Sequence[str] | None,
        enabled: bool | None,
    ) -> Endpoint | None:
        return self._row(
            Endpoint,
            "change_endpoint",
            endpoint_id=endpoint_id,
            url=url,
            description=description,
            event_types=None if event_types is None else list(event_types),
            enabled=enabled,
        )

    def replace_secret(self, endpoint_id: str, secret: bytes, former_s: float) -> Endpoint | None:
        return self._row(Endpoint, "replace_secret", endpoint_id=endpoint_id, secret=secret, former_s=former_s)

    def delete_endpoint(self, endpoint_id: str) -> bool:
        return self._value("delete_endpoint", endpoint_id=endpoint_id) is not None

    def send_test_event(self, endpoint_id: str, event_type: str) -> UUID:
        event_id: UUID = self._value("create_test_event", endpoint_id=endpoint_id, event_type=event_type)
        return event_id

    def deliveries(self, endpoint_id: str, *, state: str | None, after: int | None, limit: int) -> list[DeliveryRow]:
        return self._rows(DeliveryRow, "deliveries", endpoint_id=endpoint_id, state=state, after=after, limit=limit)

    def delivery(self, endpoint_id: str, event_id: str) -> DeliveryRow | None:
        return self._row(DeliveryRow, "delivery", endpoint_id=endpoint_id, event_id=event_id)

    def delivery_attempts(self, endpoint_id: str, event_seq: int) -> list[DeliveryAttempt]:
        return self._rows(DeliveryAttempt, "delivery_attempts", endpoint_id=endpoint_id, event_seq=event_seq)

    def redeliver(self, endpoint_id: str, event_id: str) -> bool:
        return self._value("redeliver", endpoint_id=endpoint_id, event_id=event_id) is not None

    def redeliver_failed(self, endpoint_id: str, since: datetime, limit: int) -> int:
        return len(self._tuples("redeliver_failed", endpoint_id=endpoint_id, since=since, limit=limit))
