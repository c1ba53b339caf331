"""Exports in PostgreSQL, for workers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from psycopg.types.json import Jsonb

from layers.adapters.postgres.database import Database, load_queries
from layers.adapters.postgres.people import LAST_ID, PeopleQueries, as_text
from layers.adapters.postgres.transaction import rows_of
from layers.ports.exports import ExportClaim, ExportedRow, Original
from layers.ports.people import RowPosition

QUERIES = Path(__file__).with_name("exports.sql")


class PostgresExports:
    """The port `Exports`. Its queries are in `exports.sql`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = load_queries(QUERIES)

    def claim(self, lease_s: float) -> ExportClaim | None:
        row = self._database.row(self._sql["claim_export"], lease_s=lease_s)
        return ExportClaim(**row) if row else None

    def rows(
        self, claim: ExportClaim, after: RowPosition | None, limit: int
    ) -> tuple[list[ExportedRow], RowPosition | None]:
        with self._of_tenant(claim) as queries:
            if not claim.conditions and claim.order is None:
                before = after.file_id if after else LAST_ID
                rows = queries.exported(self._sql["newest_records"], claim, before=before, limit=limit)
                return rows, RowPosition(True, None, None, rows[-1].file_id) if len(rows) == limit else None
            page = queries.find_rows(str(claim.dataset_id), claim.conditions, claim.order, after, limit)
            found = [str(file_id) for file_id in page.file_ids]
            rows = queries.exported(self._sql["records_of_files"], claim, file_ids=as_text(found))
        by_file = {row.file_id: row for row in rows}
        return [by_file[file_id] for file_id in found if file_id in by_file], page.following

    def extend(self, claim: ExportClaim, rows_written: int, lease_s: float) -> bool:
        return self._extend(claim, rows_written=rows_written, lease_s=lease_s, given_back=0)

    def postpone(self, claim: ExportClaim, delay_s: float) -> None:
        self._extend(claim, rows_written=0, lease_s=delay_s, given_back=1)

    def originals(self, claim: ExportClaim, file_ids: Sequence[str]) -> list[Original]:
        chosen = {"tenant_id": claim.tenant_id, "dataset_id": claim.dataset_id, "file_ids": as_text(list(file_ids))}
        return [Original(**row) for row in self._database.rows(self._sql["originals"], **chosen)]

    def pause(self, claim: ExportClaim, rows_written: int, progress: Mapping[str, Any]) -> bool:
        held = {"export_id": claim.export_id, "lease_id": claim.lease_id}
        saved = {"rows_written": rows_written, "progress": Jsonb(dict(progress))}
        return bool(self._database.row(self._sql["pause_export"], **held, **saved))

    def finish(
        self,
        claim: ExportClaim,
        rows_written: int,
        object_key: str,
        size_bytes: int,
        progress: Mapping[str, Any] | None = None,
    ) -> bool:
        stored = {"object_key": object_key, "size_bytes": size_bytes, "progress": Jsonb(progress) if progress else None}
        return self._end(claim, "done", rows_written=rows_written, **stored)

    def fail(self, claim: ExportClaim, code: str, detail: str) -> None:
        self._end(claim, "failed", error_code=code, error_detail=detail)

    def release(self, claim: ExportClaim, *, counts: bool) -> None:
        self._end(claim, "waiting", given_back=0 if counts else 1)

    def old(self, kept_s: float, limit: int) -> list[tuple[str, str]]:
        rows = self._database.rows(self._sql["old_exports"], kept_s=kept_s, limit=limit)
        return [(str(row["tenant_id"]), str(row["export_id"])) for row in rows]

    def forget(self, export_ids: list[str]) -> None:
        self._database.run(self._sql["forget_exports"], export_ids=export_ids)

    def _extend(self, claim: ExportClaim, **values: float) -> bool:
        held = {"export_id": claim.export_id, "lease_id": claim.lease_id}
        return bool(self._database.row(self._sql["extend_export"], **held, **values))

    def _end(self, claim: ExportClaim, state: str, **more: Any) -> bool:
        ended = {
            "rows_written": 0,
            "given_back": 0,
            **dict.fromkeys(("object_key", "size_bytes", "progress", "error_code", "error_detail")),
            **more,
        }
        held = {"export_id": claim.export_id, "lease_id": claim.lease_id, "state": state}
        return bool(self._database.row(self._sql["end_export"], **held, **ended))

    @contextmanager
    def _of_tenant(self, claim: ExportClaim) -> Iterator[_TenantQueries]:
        with self._database.connection() as connection, connection.transaction():
            queries = _TenantQueries(connection)
            queries.name_tenant(str(claim.tenant_id))
            yield queries


class _TenantQueries(PeopleQueries):
    """The queries of the catalog as a worker, whom row-level security does not restrict: each names its tenant."""

    def name_tenant(self, tenant_id: str) -> None:
        self._tenant_id = tenant_id

    def exported(self, query: str, claim: ExportClaim, **parameters: Any) -> list[ExportedRow]:
        cursor = self._connection.cursor(row_factory=rows_of(ExportedRow))
        chosen = {"tenant_id": self._tenant_id, "dataset_id": claim.dataset_id, **parameters}
        return cursor.execute(query, chosen, prepare=False).fetchall()
