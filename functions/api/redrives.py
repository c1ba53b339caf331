"""Redrives: runs a step of a file again, and the steps after it, at a person's request."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from functions.api import datasets, rows
from functions.api.bodies import Redrive, RedriveMany
from functions.api.files import existing
from functions.api.problems import Problem
from functions.api.requests import Request
from functions.extraction import extraction
from functions.pipelines import INTAKE, MAIN_STEPS, PIPELINES, SHOWN_PIPELINES, STEPS
from layers.domain import lifecycle
from layers.domain.file import file_from_facts
from layers.domain.step import Part, PlannedStep
from layers.ports.rows import FileRow

MOST_AT_ONCE = 1000  # as many as `failed_files` returns
FIRST_STEP = PIPELINES[0].steps[0].name


def redrive(request: Request, file_id: str) -> tuple[int, Any]:
    file = existing(request, file_id)
    step = request.read(Redrive).step or file.error_step or _failed_step(request, file)
    if file.text_erased_at or (file.original_erased_at and step != extraction.name):
        what = "text" if file.text_erased_at else "original"
        raise Problem("conflict", f"the step {step} can't run: the dataset's retention has erased the file's {what}")
    if not redrive_step(request, file_id, step):
        raise Problem(
            "conflict", f"the step {step}, or one after it, is running or was not reached yet; try again later"
        )
    request.dispatch()
    request.notify(file.dataset_id)
    return 202, {"id": file_id, "step": step}


def redrive_many(request: Request, dataset_id: str) -> tuple[int, Any]:
    dataset = datasets.existing(request, dataset_id)
    body = request.read(RedriveMany)
    has_more = False
    if body.where:
        where = [
            *(condition.model_dump() for condition in body.where),
            {"field": "@state", "op": "eq", "value": body.state},
        ]
        file_ids, has_more = rows.chosen(request, dataset, where, MOST_AT_ONCE)
        found = request.catalog.files_by_id(file_ids)
        files = [file for file in found if body.code is None or file.error_code == body.code]
        failed = [(str(file.file_id), file.error_step) for file in sorted(files, key=lambda file: file.file_id)]
    else:
        failed = [
            (str(row.file_id), row.error_step)
            for row in request.catalog.failed_files(dataset_id, body.state, body.code)
        ]
    started = sum(redrive_step(request, file_id, step or FIRST_STEP) for file_id, step in failed)
    request.dispatch()
    request.notify(dataset_id)
    return 202, {"count": started, "has_more": has_more or len(failed) == MOST_AT_ONCE}


def redrive_step(request: Request, file_id: str, step: str) -> bool:
    """Run a step of a file again, with the steps after it. Returns False if that is not possible now."""
    names = _from(step)
    if any(STEPS[name].applies for name in names) and not request.catalog.has_routing(file_id):
        names = [name for name in names if not STEPS[name].applies]
    sources = [source for name in names if (source := STEPS[name].page_source)]

    def plan(facts: dict[str, Any]) -> list[PlannedStep]:
        if step == INTAKE.name:
            return [PlannedStep(INTAKE.name, (Part(cost_estimate_s=INTAKE.cost_s(file_from_facts(facts))),))]
        file = replace(file_from_facts(facts), reach=request.ports.reach)
        return lifecycle.plan_from([STEPS[name] for name in names], file)

    is_main = any(name in MAIN_STEPS for name in names)
    return request.catalog.redrive(file_id, names, _before(step), is_main, sources, plan)


def _from(step: str) -> list[str]:
    """A step and those that follow it."""
    if step == INTAKE.name:
        return [INTAKE.name, *(later.name for pipeline in SHOWN_PIPELINES for later in pipeline.steps)]
    for pipeline in PIPELINES:
        names = [later.name for later in pipeline.steps]
        if step in names:
            return names[names.index(step) :]
    detail = f"must be one of {', '.join(STEPS)}"
    raise Problem("invalid_request", f"there is no step `{step}`", [{"pointer": "/step", "detail": detail}])


def _before(step: str) -> list[str]:
    """The steps that come before a step."""
    for pipeline in PIPELINES:
        names = [INTAKE.name, *(earlier.name for earlier in pipeline.steps)]
        if step in names:
            return names[: names.index(step)]
    return []


def _failed_step(request: Request, file: FileRow) -> str:
    parts = request.catalog.steps_of([file.file_id])
    failed = next((part.step for part in parts if part.state == "failed"), None)
    if failed is None:
        raise Problem("conflict", "no step of the file has failed; name the step to run again")
    return failed
