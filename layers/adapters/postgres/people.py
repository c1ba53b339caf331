"""The part of the catalog for people at a page: sessions."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from layers.adapters.postgres.transaction import Transaction
from layers.ports.rows import KeyRow, Session


class PeopleQueries(Transaction):
    """The port `PeopleCatalog`. Its queries are in `people.sql`."""

    def tenant_name(self) -> str:
        return str(self._value("tenant_name"))

    # --- sessions

    def create_code(self, code_hash: bytes, key_id: str, role: str, name: str | None, lifetime_s: float) -> datetime:
        expires_at: datetime = self._value(
            "create_code", code_hash=code_hash.hex(), key_id=key_id, role=role, name=name, lifetime_s=lifetime_s
        )
        return expires_at

    def exchange_code(self, code_hash: bytes, key_hash: bytes, lifetime_s: float) -> Session | None:
        return self._row(
            Session, "exchange_code", code_hash=code_hash.hex(), key_hash=key_hash.hex(), lifetime_s=lifetime_s
        )

    def end_session(self, key_id: str) -> KeyRow | None:
        return self._row(KeyRow, "end_session", key_id=key_id)

    def revoke_sessions_of(self, key_id: str) -> list[UUID]:
        return [row[0] for row in self._tuples("revoke_sessions_of", key_id=key_id)]

    def session_count(self) -> int:
        return int(self._value("session_count"))

    def forget_ended_sessions(self) -> None:
        self._run("forget_ended_sessions")
