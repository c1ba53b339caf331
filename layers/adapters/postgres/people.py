"""The part of the catalog for people at a page: sessions, corrections and reviews."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from layers.adapters.postgres.transaction import Transaction, pattern_of
from layers.ports.people import RecordChange, TableRow
from layers.ports.rows import KeyRow, RecordOfFile, Session


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

    # --- corrections and reviews

    def record_of(self, file_id: str) -> RecordOfFile | None:
        return self._row(RecordOfFile, "records_of", file_ids=[file_id])

    def correct_record(
        self,
        file_id: str,
        document: int,
        set_values: Mapping[str, Any],
        changes: Sequence[Mapping[str, Any]],
        key_id: str,
        person: str | None,
    ) -> None:
        self._run(
            "correct_record",
            file_id=file_id,
            document=document,
            set_values=Jsonb(set_values),
            changes=Jsonb(list(changes)),
            key_id=key_id,
            person=person,
        )

    def review_records(
        self, dataset_id: str, file_ids: Sequence[str], review: str, key_id: str, person: str | None
    ) -> tuple[int, int]:
        parameters = {"file_ids": list(file_ids), "review": review, "key_id": key_id, "person": person}
        changed, found = self._tuples("review_records", dataset_id=dataset_id, **parameters)[0]
        return changed, found

    def record_changes(self, file_id: str, limit: int) -> list[RecordChange]:
        return self._rows(RecordChange, "record_changes", file_id=file_id, limit=limit)

    def record_change_count(self, file_id: str) -> int:
        return int(self._value("record_change_count", file_id=file_id))

    # --- tables

    def file_ids(
        self,
        dataset_id: str,
        *,
        state: str | None = None,
        batch_id: str | None = None,
        name: str | None = None,
        after: str | None = None,
        limit: int,
    ) -> list[UUID]:
        chosen = {"dataset_id": dataset_id, "state": state, "batch_id": batch_id, "after": after, "limit": limit}
        if name is None:
            return [row[0] for row in self._tuples("file_ids", **chosen)]
        return [row[0] for row in self._tuples("file_ids_by_name", name=pattern_of(name), **chosen)]

    def table_rows(self, file_ids: Sequence[UUID | str]) -> list[TableRow]:
        return self._rows(TableRow, "table_rows", file_ids=list(file_ids))
