"""The rows of imported files in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence

from layers.adapters.postgres.database import Database, load_queries
from layers.adapters.postgres.jobs import QUERIES
from layers.ports.imports import Room


class PostgresImports:
    """The port `Imports`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = load_queries(QUERIES)

    def import_file(
        self, batch_id: str, source_key: str, name: str, size_bytes: int, sha256: str, upload_s: float
    ) -> tuple[str, str | None]:
        row = self._database.rows(
            self._sql["import_file"],
            batch_id=batch_id,
            source_key=source_key,
            name=name,
            size_bytes=size_bytes,
            sha256=sha256,
            upload_s=upload_s,
        )[0]
        return row["verdict"], row["object_key"]

    def keep_in_place(self, batch_id: str, source_key: str, object_key: str) -> None:
        self._database.run(self._sql["keep_in_place"], batch_id=batch_id, source_key=source_key, object_key=object_key)

    def room_of(self, tenant_id: str) -> Room:
        row = self._database.rows(self._sql["room_of"], tenant_id=tenant_id)[0]
        return Room(row["files"], row["bytes"])

    def import_sources_of(self, tenant_id: str) -> Sequence[str]:
        row = self._database.rows(self._sql["import_sources_of"], tenant_id=tenant_id)[0]
        return list(row["import_sources"])
