"""What clients see and change, in PostgreSQL: one transaction a request, in which one tenant exists.

Every query names its tenant; row-level security holds it a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.types.json import Json, Jsonb

from layers.adapters.postgres.database import Database, Row, load_queries
from layers.domain.plan_json import plan_as_json
from layers.domain.step import PlannedStep

QUERIES = Path(__file__).with_name("catalog.sql")
STORE_QUERIES = Path(__file__).with_name("queries.sql")
# Planned for their very parameters: a filter that is absent must not choose the index.
PLANNED_EACH_TIME = {"files", "changes"}


class PostgresCatalog:
    """Opens transactions on a database, as a role that owns nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def transaction(self) -> Iterator[Catalog]:
        """A transaction that knows no tenant yet. Raises StoreUnreachable."""
        with self._database.connection() as connection, connection.transaction():
            yield Catalog(connection)


class Catalog:
    """One transaction: rows as dictionaries, by the names of `catalog.sql`.

    `tenant_id` goes into every query by itself, once `be` has said whose it is.
    """

    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self._connection = connection
        self._sql = load_queries(QUERIES)
        self._tenant_id: str | None = None

    def key_holder(self, key_hash: bytes) -> Row | None:
        """The key of this hash, unless it is unknown or revoked."""
        self.row("look_up_key", key_hash=key_hash.hex())
        return self.row("key_holder", key_hash=key_hash.hex())

    def be(self, tenant_id: str, *, is_system: bool = False) -> None:
        """From here on this transaction is a tenant's; an admin's sees all tenants and keys besides."""
        self._tenant_id = tenant_id
        self.row("be", system="on" if is_system else "off")

    def rows(self, query: str, **parameters: Any) -> list[Row]:
        """The rows of a named query."""
        given = {"tenant_id": self._tenant_id, **parameters}
        prepare = False if query in PLANNED_EACH_TIME else None
        return self._connection.execute(self._sql[query], given, prepare=prepare).fetchall()

    def row(self, query: str, **parameters: Any) -> Row | None:
        """The first row of a named query, or None."""
        return next(iter(self.rows(query, **parameters)), None)

    def run(self, query: str, **parameters: Any) -> int:
        """Run a named statement that answers nothing; the number of rows it touched."""
        return self._connection.execute(self._sql[query], {"tenant_id": self._tenant_id, **parameters}).rowcount

    def create_dataset(
        self,
        name: str,
        schema: dict[str, Any],
        when_textract_is_down: str = "best_reading",
        languages: Sequence[str] = ("eng",),
    ) -> Row:
        row = self.row(
            "create_dataset",
            name=name,
            schema=Json(schema),
            when_textract_is_down=when_textract_is_down,
            languages=list(languages),
        )
        assert row is not None
        return row

    def put_schema(self, dataset_id: str, schema: dict[str, Any]) -> int | None:
        """The number of the new version; None where there is no such dataset."""
        row = self.row("put_schema", dataset_id=dataset_id, schema=Json(schema))
        return int(row["version"]) if row else None

    def create_files(self, batch: Row, described: Sequence[dict[str, Any]], upload_s: int) -> list[Row]:
        """One statement for all; the rows in the order of their description."""
        return self.rows(
            "create_files",
            dataset_id=batch["dataset_id"],
            batch_id=batch["batch_id"],
            names=[one["name"] for one in described],
            sizes=[one["size_bytes"] for one in described],
            media_types=[one.get("media_type") for one in described],
            sha256s=[one.get("sha256") for one in described],
            upload_s=upload_s,
        )

    def counts(self, owner_ids: Sequence[Any]) -> dict[Any, dict[str, int]]:
        """Live files by state, for each of these datasets or batches."""
        counts: dict[Any, dict[str, int]] = {owner_id: {} for owner_id in owner_ids}
        for row in self.rows("counts_of", owner_ids=list(owner_ids)):
            counts[row["owner_id"]][row["state"]] = row["files"]
        return counts

    def redrive(
        self,
        file_id: str,
        steps: Sequence[str],
        earlier: Sequence[str],
        is_main: bool,
        planner: Callable[[dict[str, Any]], list[PlannedStep]],
    ) -> bool:
        """Run steps again, by what the planner makes of the file's facts.

        False where some of them are at work, or of the `earlier` ones some have not ended.
        """
        row = self.row("redrive", file_id=file_id, steps=list(steps), earlier=list(earlier), is_main=is_main)
        if not row or not row["redriven"]:
            return False
        store_sql = load_queries(STORE_QUERIES)
        facts = self._connection.execute(store_sql["file_facts"], {"file_id": file_id}).fetchone()
        assert facts is not None
        planned = Jsonb(plan_as_json(planner(facts["facts"])))
        self._connection.execute(store_sql["apply_plan"], {"file_id": file_id, "planned": planned})
        return True

    def take_request(self, key: str, digest: bytes) -> Row | None:
        """Take an idempotency key for this request: None when it is new, else what it was used for before."""
        if self.row("keep_request", key=key, digest=digest) is not None:
            return None
        return self.row("kept_request", key=key)

    def keep_answer(self, key: str, status: int, body: Any) -> None:
        self.run("keep_answer", key=key, status=status, body=Jsonb(body))

    def create_tenant(self, name: str, weight: float, quota: dict[str, Any]) -> Row | None:
        """The new tenant; None where the name is taken."""
        return self.row("create_tenant", name=name, weight=weight, quota=Jsonb(quota))

    def change_tenant(self, tenant_id: str, weight: float | None, quota: dict[str, Any] | None) -> Row | None:
        given = None if quota is None else Jsonb(quota)
        return self.row("change_tenant", of_tenant_id=tenant_id, weight=weight, quota=given)
