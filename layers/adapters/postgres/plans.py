"""Plans in PostgreSQL, for workers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from layers.adapters.postgres.database import Database, load_queries
from layers.adapters.postgres.jobs import QUERIES
from layers.adapters.postgres.store import QUERIES as STORE_QUERIES
from layers.domain.differences import NOTHING, Found
from layers.domain.file import File, file_from_facts
from layers.domain.plan_json import plan_as_json
from layers.domain.step import PlannedStep
from layers.ports.plans import Plan, SettledFile


class PostgresPlans:
    """The port `Plans`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = {**load_queries(STORE_QUERIES), **load_queries(QUERIES)}

    def plan(self, plan_id: str) -> Plan | None:
        row = self._database.row(self._sql["planned"], plan_id=plan_id)
        if row is None:
            return None
        ids = {name: str(row[name]) for name in ("plan_id", "tenant_id", "dataset_id")}
        return Plan(**{**row, **ids})

    def count_chosen(self, plan: Plan) -> int:
        row = self._database.rows(
            self._sql["count_chosen"], dataset_id=plan.dataset_id, chosen=Jsonb(dict(plan.chosen))
        )[0]
        return int(row["files"])

    def chosen_files(self, plan: Plan, after: str, shard: int, shards: int, limit: int) -> list[str]:
        rows = self._database.rows(
            self._sql["chosen_files"],
            dataset_id=plan.dataset_id,
            chosen=Jsonb(dict(plan.chosen)),
            after=after,
            shard=shard,
            shards=shards,
            limit=limit,
        )
        return [str(row["file_id"]) for row in rows]

    def id_range(self, dataset_id: str) -> tuple[str, str] | None:
        row = self._database.rows(self._sql["id_range"], dataset_id=dataset_id)[0]
        return (str(row["first"]), str(row["last"])) if row["first"] else None

    def file(self, file_id: str) -> File:
        return file_from_facts(self._database.rows(self._sql["file_facts"], file_id=file_id)[0]["facts"])

    def found_in_record(self, file_id: str) -> Found:
        row = self._database.row(self._sql["found_in_record"], file_id=file_id)
        return _found(row["fields"], row["doubtful"], row["further"]) if row else NOTHING

    def step_costs(self, tenant_id: str) -> Mapping[str, float]:
        rows = self._database.rows(self._sql["step_costs"], tenant_id=tenant_id)
        return {row["step"]: float(row["cost_s"] or 0) for row in rows}

    def save_dry_run(self, plan_id: str, found: Mapping[str, Any], *, ended: bool) -> None:
        self._database.run(self._sql["save_dry_run"], plan_id=plan_id, found=Jsonb(dict(found)), ended=ended)

    def apply_schema(self, plan_id: str) -> None:
        self._database.rows(self._sql["apply_schema"], plan_id=plan_id)

    def process_again(
        self,
        plan_id: str,
        shard: int,
        file_id: str,
        steps: Sequence[str],
        earlier: Sequence[str],
        forgotten_sources: Sequence[str],
        planner: Callable[[File], list[PlannedStep]],
    ) -> str:
        parameters = {
            "plan_id": plan_id,
            "shard": shard,
            "file_id": file_id,
            "steps": list(steps),
            "earlier": list(earlier),
            "forgotten_sources": list(forgotten_sources),
        }
        with self._database.connection() as connection, connection.transaction():
            row = connection.execute(self._sql["process_again"], parameters).fetchone()
            assert row is not None
            if row["verdict"] != "started":
                return str(row["verdict"])
            facts = connection.execute(self._sql["file_facts"], parameters).fetchone()
            assert facts is not None
            planned = Jsonb(plan_as_json(planner(file_from_facts(facts["facts"]))))
            connection.execute(self._sql["apply_plan"], {"file_id": file_id, "planned": planned})
            return "started"

    def ended_files(self, plan_id: str, shard: int, limit: int) -> list[SettledFile]:
        rows = self._database.rows(self._sql["ended_plan_files"], plan_id=plan_id, shard=shard, limit=limit)
        return [
            SettledFile(
                str(row["file_id"]),
                _found(row["former_fields"], row["former_doubtful"], row["former_further"]),
                _found(row["fields"], row["doubtful"], row["further"]),
                bool(row["failed"]),
            )
            for row in rows
        ]

    def count_applying(self, plan_id: str, shard: int) -> int:
        return int(self._database.rows(self._sql["count_applying"], plan_id=plan_id, shard=shard)[0]["files"])

    def save_outcome(
        self, plan_id: str, shard: int, outcome: Mapping[str, Any], counted: Sequence[str], *, ended: bool
    ) -> bool:
        parameters = {
            "plan_id": plan_id,
            "shard": shard,
            "shard_name": str(shard),
            "so_far": Jsonb(dict(outcome)),
            "ended": ended,
            "file_ids": list(counted),
        }
        with self._database.connection() as connection, connection.transaction() as transaction:
            if connection.execute(self._sql["count_as_applied"], parameters).rowcount != len(counted):
                raise psycopg.Rollback(transaction)  # another worker has counted some of them
            connection.execute(self._sql["save_outcome"], parameters)
            return True
        return False

    def restore_records(self, plan_id: str, limit: int) -> tuple[int, int]:
        row = self._database.rows(self._sql["restore_records"], plan_id=plan_id, limit=limit)[0]
        return row["restored"], row["busy"]

    def restore_schema(self, plan_id: str) -> None:
        self._database.rows(self._sql["restore_schema"], plan_id=plan_id)


def _found(fields: Mapping[str, Any] | None, doubtful: Sequence[str] | None, further: int | None) -> Found:
    """From columns of a record, which are None without one. `further` counts its further documents."""
    return NOTHING if fields is None else Found(fields, frozenset(doubtful or ()), 1 + (further or 0))
