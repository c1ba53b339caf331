"""The parts of a request's transaction that concern jobs, plans and reports."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Json, Jsonb

from layers.adapters.postgres.transaction import Transaction
from layers.ports.jobs import JobRow
from layers.ports.plans import PlanRow
from layers.ports.reports import ReportRow


class JobQueries(Transaction):
    """The ports `JobCatalog`, `PlanCatalog` and `ReportCatalog`."""

    def request_system_job(self, kind: str, parameters: Mapping[str, Any]) -> JobRow:
        return self._one(JobRow, "request_system_job", kind=kind, parameters=Jsonb(dict(parameters)))

    def request_job(self, kind: str, dataset_id: str, parameters: Mapping[str, Any]) -> JobRow | None:
        return self._row(JobRow, "request_job", kind=kind, dataset_id=dataset_id, parameters=Jsonb(dict(parameters)))

    def job(self, job_id: str) -> JobRow | None:
        return self._row(JobRow, "job", job_id=job_id)

    def jobs(
        self,
        of_tenant_id: str | None,
        *,
        with_system: bool,
        kind: str | None = None,
        is_open: bool | None = None,
        after: str | None = None,
        limit: int,
    ) -> list[JobRow]:
        return self._rows(
            JobRow,
            "jobs",
            of_tenant_id=of_tenant_id,
            with_system=with_system,
            kind=kind,
            is_open=is_open,
            after=after,
            limit=limit,
        )

    def cancel_job(self, job_id: str) -> JobRow | None:
        return self._row(JobRow, "cancel_job", job_id=job_id)

    def recent_jobs(self, limit: int) -> tuple[int, int]:
        return self._tuples("recent_jobs", limit=limit)[0]  # type: ignore[return-value]

    def create_plan(
        self,
        dataset_id: str,
        from_step: str,
        schema: Mapping[str, Any] | None,
        settings: Mapping[str, Any],
        chosen: Mapping[str, Any],
        sample: int | None,
    ) -> PlanRow | None:
        return self._row(
            PlanRow,
            "create_plan",
            dataset_id=dataset_id,
            from_step=from_step,
            schema=None if schema is None else Json(schema),
            settings=Jsonb(dict(settings)),
            chosen=Jsonb(dict(chosen)),
            sample=sample,
        )

    def plan(self, plan_id: str, *, for_update: bool = False) -> PlanRow | None:
        return self._row(PlanRow, "plan_locked" if for_update else "plan", plan_id=plan_id)

    def plans(self, dataset_id: str, after: str | None, limit: int) -> list[PlanRow]:
        return self._rows(PlanRow, "plans", dataset_id=dataset_id, after=after, limit=limit)

    def change_plan(self, plan_id: str, state: str, shards: int) -> None:
        self._value("change_plan", plan_id=plan_id, state=state, shards=shards)

    def plan_job(self, plan_id: str, kind: str, shard: int) -> UUID | None:
        job_id: UUID | None = self._value("plan_job", plan_id=plan_id, kind=kind, shard=shard)
        return job_id

    def has_open_jobs(self, plan_id: str) -> bool:
        return self._value("has_open_jobs", plan_id=plan_id) is not None

    def report_day(self, day: date) -> datetime | None:
        made_at: datetime | None = self._value("report_day", day=day)
        return made_at

    def reports(
        self, of_tenant_id: str | None, day: date, after: tuple[str, str] | None, limit: int
    ) -> list[ReportRow]:
        after_tenant, after_dataset = after or (None, None)
        return self._rows(
            ReportRow,
            "reports",
            of_tenant_id=of_tenant_id,
            day=day,
            after_tenant=after_tenant,
            after_dataset=after_dataset,
            limit=limit,
        )
