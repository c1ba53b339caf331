"""Retention in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping

from layers.adapters.postgres.database import Database, load_queries
from layers.adapters.postgres.jobs import QUERIES
from layers.domain.ids import FIRST_ID
from layers.ports.retention import Purged


class PostgresRetention:
    """The port `Retention`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = load_queries(QUERIES)

    def next_retention(self, after: str | None) -> tuple[str, Mapping[str, int]] | None:
        row = self._database.row(self._sql["next_retention"], after=after)
        return (str(row["dataset_id"]), row["retention"]) if row else None

    def retention_of(self, dataset_id: str) -> Mapping[str, int]:
        row = self._database.row(self._sql["retention_of"], dataset_id=dataset_id)
        return row["retention"] if row else {}

    def purge_mark(self, dataset_id: str, kind: str) -> str:
        self._database.run(self._sql["drop_old_mark"], dataset_id=dataset_id, kind=kind)
        row = self._database.row(self._sql["purge_mark"], dataset_id=dataset_id, kind=kind)
        return str(row["reached"]) if row else FIRST_ID

    def purge_files(self, job_id: str, dataset_id: str, kind: str, after: str, before: str, limit: int) -> Purged:
        row = self._database.rows(
            self._sql["purge_files"],
            job_id=job_id,
            dataset_id=dataset_id,
            kind=kind,
            after=after,
            before=before,
            limit=limit,
        )[0]
        file_ids = [str(file_id) for file_id in row["file_ids"]]
        reached = str(row["reached"])
        return Purged(str(row["tenant_id"]), file_ids, row["object_keys"], row["seen"], row["unsettled"], reached)

    def count_purged(self, job_id: str, dataset_id: str, kind: str, objects: int) -> None:
        self._database.run(self._sql["count_purged"], job_id=job_id, dataset_id=dataset_id, kind=kind, objects=objects)

    def purged(self, job_id: str) -> dict[str, dict[str, int]]:
        rows = self._database.rows(self._sql["purged"], job_id=job_id)
        return {row["kind"]: {"files": row["files"], "objects": row["objects"]} for row in rows}
