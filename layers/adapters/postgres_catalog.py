"""What clients see and change, in PostgreSQL. Every query names its tenant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from psycopg.types.json import Jsonb

from layers.database import Database, Row, load_queries
from layers.domain.plan_json import plan_as_json
from layers.domain.step import PlannedStep

QUERIES = Path(__file__).with_name("catalog.sql")
STORE_QUERIES = Path(__file__).with_name("queries.sql")


class PostgresCatalog:
    """Rows as dictionaries, by the names of `catalog.sql`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = load_queries(QUERIES)
        self._store_sql = load_queries(STORE_QUERIES)

    def rows(self, query: str, **parameters: Any) -> list[Row]:
        """The rows of a named query."""
        return self._database.rows(self._sql[query], **parameters)

    def row(self, query: str, **parameters: Any) -> Row | None:
        """The first row of a named query, or None."""
        return self._database.row(self._sql[query], **parameters)

    def create_dataset(self, tenant_id: str, name: str, schema: dict[str, Any]) -> Row:
        row = self.row("create_dataset", tenant_id=tenant_id, name=name, schema=Jsonb(schema))
        assert row is not None
        return row

    def put_schema(self, tenant_id: str, dataset_id: str, schema: dict[str, Any]) -> int | None:
        row = self.row("put_schema", tenant_id=tenant_id, dataset_id=dataset_id, schema=Jsonb(schema))
        return int(row["version"]) if row else None

    def create_files(self, tenant_id: str, batch: Row, described: Sequence[dict[str, Any]], upload_s: int) -> list[Row]:
        """One statement for all; the rows in the order of their description."""
        return self.rows(
            "create_files",
            tenant_id=tenant_id,
            dataset_id=batch["dataset_id"],
            batch_id=batch["batch_id"],
            names=[one["name"] for one in described],
            sizes=[one["size_bytes"] for one in described],
            media_types=[one.get("media_type") for one in described],
            sha256s=[one.get("sha256") for one in described],
            upload_s=upload_s,
        )

    def redrive(
        self,
        tenant_id: str,
        file_id: str,
        steps: Sequence[str],
        is_main: bool,
        planner: Callable[[dict[str, Any]], list[PlannedStep]] | None,
    ) -> bool:
        """Run steps again, by what the planner makes of the file's facts; false where some are at work."""
        with self._database.connection() as connection, connection.transaction():
            parameters = {"tenant_id": tenant_id, "file_id": file_id, "steps": list(steps), "is_main": is_main}
            row = connection.execute(self._sql["redrive"], parameters).fetchone()
            if not row or not row["redriven"]:
                return False
            facts = connection.execute(self._store_sql["file_facts"], {"file_id": file_id}).fetchone()
            assert facts is not None
            if planner is not None:
                planned = plan_as_json(planner(facts["facts"]))
                connection.execute(self._store_sql["apply_plan"], {"file_id": file_id, "planned": Jsonb(planned)})
            return True
