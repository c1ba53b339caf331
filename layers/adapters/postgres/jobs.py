"""Jobs in PostgreSQL, for workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg.types.json import Jsonb

from layers.adapters.postgres.database import Database, Row, load_queries
from layers.domain.job import Job, JobState, Slice

QUERIES = Path(__file__).with_name("jobs.sql")


class PostgresJobs:
    """The port `Jobs`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = load_queries(QUERIES)

    def claim_job(self, kinds: Sequence[str], lease_s: float) -> Job | None:
        row = self._database.row(self._sql["claim_job"], kinds=list(kinds), lease_s=lease_s)
        return _as_job(row) if row else None

    def end_slice(self, job: Job, ended: Slice) -> bool:
        return self._write(
            "end_slice",
            job,
            position=Jsonb(dict(ended.position)),
            result=Jsonb(dict(ended.result)),
            done=ended.done,
            total=ended.total,
            delay_s=ended.wait_s,
            ended=ended.has_ended,
        )

    def cancel_claimed(self, job: Job) -> bool:
        return self._write("end_job", job, state=JobState.CANCELLED, error=None)

    def retry_slice(self, job: Job, delay_s: float, *, counts: bool, error: str) -> bool:
        return self._write("retry_slice", job, delay_s=delay_s, failures=int(counts), error=error)

    def fail_job(self, job: Job, error: str) -> bool:
        return self._write("end_job", job, state=JobState.FAILED, error=error)

    def start_job(self, kind: str, parameters: Mapping[str, Any]) -> None:
        self._database.run(self._sql["start_job"], kind=kind, parameters=Jsonb(dict(parameters)))

    def start_due_job(self, duty: str, due_at: datetime, kind: str, parameters: Mapping[str, Any]) -> bool:
        row = self._database.row(
            self._sql["start_due_job"], duty=duty, due_at=due_at, kind=kind, parameters=Jsonb(dict(parameters))
        )
        return row is not None

    def forget_jobs(self, frequent: Sequence[str]) -> int:
        return self._database.run(self._sql["forget_jobs"], kinds=list(frequent))

    def _write(self, query: str, job: Job, **parameters: Any) -> bool:
        changed = self._database.run(self._sql[query], job_id=job.job_id, lease_id=job.lease_id, **parameters)
        return changed > 0


def _as_job(row: Row) -> Job:
    return Job(
        str(row["job_id"]),
        row["kind"],
        str(row["lease_id"]),
        row["tenant_id"] and str(row["tenant_id"]),
        row["dataset_id"] and str(row["dataset_id"]),
        row["parameters"],
        row["position"],
        row["result"],
        row["done"],
        row["total"],
        row["failures"],
        row["cancelling"],
    )
