"""Webhooks in PostgreSQL, for workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from psycopg.types.json import Jsonb

from layers.adapters.postgres.database import Database, Row, load_queries
from layers.domain.webhook import GIVE_UP_AFTER_S, Sent, Verdict
from layers.ports.webhooks import Delivery

QUERIES = Path(__file__).with_name("webhooks.sql")
CLAIMED_AT_ONCE = 20
CLAIMED_OF_TENANT = 80


class PostgresWebhooks:
    """The port `Webhooks`. Its queries are in `webhooks.sql`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = load_queries(QUERIES)

    def are_used(self) -> bool:
        return self._database.row(self._sql["are_endpoints_used"]) is not None

    def claim(self, lease_s: float) -> list[Delivery]:
        rows = self._database.rows(
            self._sql["claim_deliveries"], lease_s=lease_s, most=CLAIMED_AT_ONCE, most_of_tenant=CLAIMED_OF_TENANT
        )
        return [_as_delivery(row) for row in rows]

    def end(self, delivery: Delivery, sent: Sent, verdict: Verdict) -> bool:
        row = self._database.row(
            self._sql["end_delivery"],
            endpoint_id=delivery.endpoint_id,
            event_seq=delivery.event_seq,
            lease_id=delivery.lease_id,
            sent=Jsonb(asdict(sent)),
            verdict=Jsonb(asdict(verdict)),
            give_up_s=GIVE_UP_AFTER_S,
        )
        return bool(row and row["held"])

    def give_back(self, deliveries: Sequence[Delivery]) -> None:
        claimed = [
            {"endpoint_id": str(d.endpoint_id), "event_seq": d.event_seq, "lease_id": str(d.lease_id)}
            for d in deliveries
        ]
        self._database.run(self._sql["give_deliveries_back"], claimed=Jsonb(claimed))

    def forget(self, kept_days: int, limit: int) -> int:
        row = self._database.rows(self._sql["forget_webhook_events"], kept_days=kept_days, limit=limit)[0]
        return int(row["forgotten"])


def _as_delivery(row: Row) -> Delivery:
    secrets = [bytes(secret) for secret in (row.pop("secret"), row.pop("former_secret")) if secret is not None]
    return Delivery(secrets=secrets, **row)
