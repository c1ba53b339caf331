"""All data of one tenant in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from layers.adapters.postgres.database import Database, load_queries
from layers.domain.tenant_data import HIDDEN_COLUMNS
from layers.ports.tenant_data import StoredFile

QUERIES = Path(__file__).with_name("tenant_data.sql")
READ_AT_ONCE = 1_000
MARKED_AT_ONCE = 5_000
COUNTED = 100_000


class PostgresTenantData:
    """The port `TenantData`. Its queries are in `tenant_data.sql`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = load_queries(QUERIES)

    def rows(self, tenant_id: str, table: str) -> Iterator[str]:
        places = self._database.rows(self._sql["places_of_rows"], table=table)[0]["query"]
        found = sql.SQL("ctid = ANY (ARRAY({}))").format(sql.SQL(_numbered(places)))
        return self._read(table, found, {"_1": tenant_id, "_2": None})

    def next_dataset(self, tenant_id: str, after: str | None) -> str | None:
        row = self._database.row(self._sql["next_tenant_dataset"], tenant_id=tenant_id, after=after)
        return str(row["dataset_id"]) if row else None

    def files(self, dataset_id: str, after: str | None, limit: int) -> list[StoredFile]:
        rows = self._database.rows(self._sql["tenant_files"], dataset_id=dataset_id, after=after, limit=limit)
        return [StoredFile(**{**row, "file_id": str(row["file_id"])}) for row in rows]

    def rows_of_files(self, table: str, file_ids: Sequence[str]) -> Iterator[str]:
        return self._read(table, sql.SQL("file_id = ANY (%(file_ids)s::uuid[])"), {"file_ids": list(file_ids)})

    def keep_exported(self, receipt_id: str, exported: Mapping[str, Any]) -> None:
        self._database.run(self._sql["keep_exported"], receipt_id=receipt_id, exported=Jsonb(dict(exported)))

    def begin_erasure(self, tenant_id: str, receipt_id: str) -> None:
        self._database.rows(
            self._sql["begin_tenant_erasure"], tenant_id=tenant_id, receipt_id=receipt_id, most=MARKED_AT_ONCE
        )

    def left_to_erase(self, tenant_id: str) -> tuple[int, int]:
        row = self._database.rows(self._sql["left_to_erase"], tenant_id=tenant_id, most=COUNTED)[0]
        return int(row["files"]), int(row["removals"])

    def count_removed(self, tenant_id: str, receipt_id: str) -> None:
        self._database.run(self._sql["count_removed"], tenant_id=tenant_id, receipt_id=receipt_id)

    def count_objects(self, receipt_id: str, objects: int) -> None:
        self._database.run(self._sql["count_objects"], receipt_id=receipt_id, objects=objects)

    def erase_rows(self, tenant_id: str, receipt_id: str, limit: int) -> bool:
        row = self._database.rows(
            self._sql["erase_tenant_rows"], tenant_id=tenant_id, receipt_id=receipt_id, limit=limit
        )[0]
        return bool(row["erased"])

    def rows_left(self, tenant_id: str, receipt_id: str) -> tuple[int, dict[str, int]]:
        left = self._database.rows(self._sql["count_tenant_rows"], tenant_id=tenant_id, receipt_id=receipt_id)
        tables = self._database.rows(self._sql["count_tables"])[0]["tables"]
        return int(tables), {row["table_name"]: int(row["row_count"]) for row in left}

    def end(self, tenant_id: str, receipt_id: str, verified: Mapping[str, Any] | None) -> None:
        with self._database.connection() as connection, connection.transaction():
            if verified is not None:
                connection.execute(self._sql["forget_tenant"], {"tenant_id": tenant_id})
            ended = {"receipt_id": receipt_id, "verified": Jsonb(dict(verified or {}))}
            connection.execute(self._sql["end_receipt"], ended)

    def old_exports(self, kept_days: int) -> list[tuple[str, str]]:
        rows = self._database.rows(self._sql["old_tenant_exports"], kept_days=kept_days)
        return [(str(row["holder_id"]), str(row["receipt_id"])) for row in rows]

    def forget_export(self, receipt_id: str) -> None:
        self._database.run(self._sql["forget_tenant_export"], receipt_id=receipt_id)

    def _read(self, table: str, condition: sql.Composable, values: dict[str, Any]) -> Iterator[str]:
        """The rows of a table as JSON, in a cursor on the server, so that memory does not grow with their number."""
        query = sql.SQL("SELECT (to_jsonb(t) - %(hidden)s::text[])::text AS row FROM {} t WHERE {}").format(
            sql.Identifier(table), condition
        )
        with (
            self._database.connection() as connection,
            connection.transaction(),
            connection.cursor("tenant_data") as cursor,
        ):
            cursor.itersize = READ_AT_ONCE
            cursor.execute(query, {**values, "hidden": list(HIDDEN_COLUMNS.get(table, ()))})
            for row in cursor:
                yield row["row"]


def _numbered(query: str) -> str:
    """A query with the parameters $1 and $2, for a client that names them."""
    return query.replace("%", "%%").replace("$1", "%(_1)s::uuid").replace("$2", "%(_2)s::uuid")
