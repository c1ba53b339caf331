"""Plans: shows what it would change to process a dataset's files again, does it, and takes it back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.api import datasets, quotas
from functions.api.bodies import ApplyPlan, NewPlan
from functions.api.jobs import job_view
from functions.api.problems import Problem, not_found
from functions.api.requests import Request
from functions.api.views import at
from functions.job_kinds import APPLY, PLAN, ROLLBACK
from layers.domain.differences import together
from layers.ports.jobs import JobRow
from layers.ports.plans import PlanRow

Shown = dict[str, Any]


def create(request: Request, dataset_id: str) -> tuple[int, Any]:
    body = request.read(NewPlan)
    dataset = datasets.existing(request, dataset_id)
    schema = datasets.checked(body.schema_) if body.schema_ is not None else None
    if schema is not None:
        quotas.check_schemas(request, dataset.schema_version)
    chosen = body.where.model_dump(exclude_none=True) if body.where else {}
    first_step = _first_step(body)
    plan = request.catalog.create_plan(dataset_id, first_step, schema, _settings(body), chosen, body.sample)
    if plan is None:
        raise not_found("dataset")
    _request_job(request, PLAN, plan, 0)
    return 202, _view(plan)


def _first_step(body: NewPlan) -> str:
    if body.reading is not None and body.from_ == "extraction":
        raise Problem("invalid_request", "`reading` concerns OCR: name `ocr` or `text` in `from`, or leave it out")
    return body.from_ or ("extraction" if body.reading is None else "ocr")


def _settings(body: NewPlan) -> dict[str, Any]:
    """The settings that the dataset would get."""
    of_extraction = body.extraction.model_dump(exclude_none=True) if body.extraction else {}
    return of_extraction | ({} if body.reading is None else {"reading": body.reading})


def show_all(request: Request, dataset_id: str) -> tuple[int, Any]:
    datasets.existing(request, dataset_id)
    limit = request.whole_number("limit", 50, 1, 200)
    position = request.position(f"plans {dataset_id}")
    rows = request.catalog.plans(dataset_id, position[0] if position else None, limit + 1)
    following = request.cursor(f"plans {dataset_id}", [str(rows[limit - 1].plan_id)]) if len(rows) > limit else None
    return 200, {"plans": [_view(row) for row in rows[:limit]], "next_cursor": following}


def show(request: Request, plan_id: str) -> tuple[int, Any]:
    return 200, _view(_existing(request, plan_id))


def apply(request: Request, plan_id: str) -> tuple[int, Any]:
    """Start the job of a shard. Another call shows the same job, unless that was cancelled or has failed."""
    body = request.read(ApplyPlan)
    if body.shard >= body.shards:
        detail = f"must be less than {body.shards}"
        raise Problem("invalid_request", "there is no such shard", [{"pointer": "/shard", "detail": detail}])
    plan = _existing(request, plan_id, for_update=True)
    if job := _earlier_job(request, APPLY, plan, body.shard):
        return 202, job_view(job)
    if plan.state not in ("planned", "applying"):
        raise Problem("conflict", f"the plan can't be applied: it is {plan.state.replace('_', ' ')}")
    if plan.state == "applying" and plan.shards != body.shards:
        raise Problem("conflict", f"the plan is being applied in {plan.shards} shards")
    request.catalog.change_plan(plan_id, "applying", body.shards)
    return 202, job_view(_request_job(request, APPLY, plan, body.shard))


def roll_back(request: Request, plan_id: str) -> tuple[int, Any]:
    plan = _existing(request, plan_id, for_update=True)
    if job := _earlier_job(request, ROLLBACK, plan, 0):
        return 202, job_view(job)
    if plan.state not in ("applying", "applied", "rolling_back"):
        raise Problem("conflict", f"nothing can be rolled back: the plan is {plan.state.replace('_', ' ')}")
    if request.catalog.has_open_jobs(plan_id):
        raise Problem("conflict", "the plan is being applied; cancel its jobs first")
    request.catalog.change_plan(plan_id, "rolling_back", plan.shards)
    return 202, job_view(_request_job(request, ROLLBACK, plan, 0))


def _request_job(request: Request, kind: str, plan: PlanRow, shard: int) -> JobRow:
    quotas.check_jobs(request)
    parameters = {"plan_id": str(plan.plan_id), "shard": shard}
    job = request.catalog.request_job(kind, str(plan.dataset_id), parameters)
    if job is None:
        raise not_found("dataset")
    request.dispatch()
    return job


def _earlier_job(request: Request, kind: str, plan: PlanRow, shard: int) -> JobRow | None:
    job_id = request.catalog.plan_job(str(plan.plan_id), kind, shard)
    return request.catalog.job(str(job_id)) if job_id else None


def _existing(request: Request, plan_id: str, *, for_update: bool = False) -> PlanRow:
    plan = request.catalog.plan(plan_id, for_update=for_update)
    if plan is None:
        raise not_found("plan")
    return plan


def _view(plan: PlanRow) -> Shown:
    return {
        "id": str(plan.plan_id),
        "dataset_id": str(plan.dataset_id),
        "state": plan.state,
        "from": plan.from_step,
        "schema": plan.schema,
        "reading": plan.settings.get("reading"),
        "extraction": {name: value for name, value in plan.settings.items() if name != "reading"},
        "where": plan.chosen,
        "sample": plan.sample,
        "schema_version": plan.schema_version,
        "estimate": plan.found.get("estimate"),
        "dry_run": together([_dry_run(plan.found)]),
        "applied": together(list(plan.outcome.values())),
        "shards": {"done": len(plan.shards_done), "total": plan.shards},
        "created_at": at(plan.created_at),
    }


def _dry_run(found: Mapping[str, Any]) -> Shown:
    return {**found, "files": found.get("compared", 0), "skipped": found.get("not_compared", 0)}
