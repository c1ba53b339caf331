"""The audit log in PostgreSQL."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from layers.adapters.postgres.database import Database, load_queries
from layers.adapters.postgres.transaction import Transaction
from layers.ports.audit_log import AuditLogCheck, AuditLogEntry

WORKER_QUERIES = Path(__file__).with_name("queries.sql")


class AuditLogQueries(Transaction):
    """The port `AuditLogCatalog`. Its queries are in `audit_log.sql`."""

    def add_to_audit_log(self, action: str, key_id: str | None, entry: str) -> int:
        return int(self._value("add_to_audit_log", action=action, key_id=key_id, entry=entry))

    def audit_log(
        self,
        *,
        action: str | None,
        key_id: str | None,
        since: datetime | None,
        until: datetime | None,
        after: int | None,
        oldest_first: bool,
        limit: int,
    ) -> list[AuditLogEntry]:
        query = "audit_log_oldest_first" if oldest_first else "audit_log_newest_first"
        chosen = {"action": action, "key_id": key_id, "since": since, "until": until, "after": after}
        return self._rows(AuditLogEntry, query, **chosen, limit=limit)

    def check_audit_log(self, first: int, limit: int) -> AuditLogCheck:
        return self._one(AuditLogCheck, "check_audit_log", first_number=first, limit=limit)


class PostgresAuditLog:
    """The port `AuditLog`, for workers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def forget(self, kept_days: int, limit: int) -> int:
        query = load_queries(WORKER_QUERIES)["forget_audit_log"]
        return int(self._database.rows(query, kept_days=kept_days, limit=limit)[0]["forgotten"])
