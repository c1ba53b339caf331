"""Files: listed, shown, uploaded anew, and run again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from functions.api import datasets
from functions.api.batches import tell
from functions.api.changes import first_cursor
from functions.api.problems import Problem, not_found
from functions.api.requests import Redrive, RedriveMany, Request
from functions.api.views import attempt_view, file_views
from functions.pipelines import INTAKE, PIPELINES, STEPS
from layers import bootstrap
from layers.domain import lifecycle
from layers.domain.file import file_from_facts
from layers.domain.step import Part, PlannedStep

Row = dict[str, Any]
STATES = ("uploading", "upload_missing", "processing", "done", "partial", "failed", "cancelled", "removed")


def show_all(request: Request, dataset_id: str) -> tuple[int, Any]:
    datasets.existing(request, dataset_id)
    limit = request.whole_number("limit", 50, 1, 200)
    name = request.query.get("name")
    filters = {"state": request.one_of("state", STATES), "batch_id": request.id("batch"), "name": name}
    listing = " ".join(["files", dataset_id, *(f"{which}={value!r}" for which, value in filters.items())])
    place = request.place(listing)
    shown: Row = {} if place else {"changes_cursor": first_cursor(request, dataset_id)}
    rows = request.catalog.rows(
        "files" if name is None else "files_by_name",
        **filters | {"name": None if name is None else _anywhere(name)},
        dataset_id=dataset_id,
        after=place[0] if place else None,
        limit=limit + 1,
    )
    following = request.cursor(listing, [str(rows[limit - 1]["file_id"])]) if len(rows) > limit else None
    return 200, {"files": file_views(request.catalog, rows[:limit]), "next_cursor": following, **shown}


def show(request: Request, file_id: str) -> tuple[int, Any]:
    return 200, file_views(request.catalog, [_existing(request, file_id)])[0]


def history(request: Request, file_id: str) -> tuple[int, Any]:
    _existing(request, file_id)
    return 200, {"attempts": [attempt_view(row) for row in request.catalog.rows("history", file_id=file_id)]}


def redrive(request: Request, file_id: str) -> tuple[int, Any]:
    row = _existing(request, file_id)
    step = request.read(Redrive).step or row["error_step"] or _failed_step(request, row)
    if not redrive_step(request, file_id, step):
        raise Problem("conflict", f"the {step} step or one after it is at work or was not reached; try again later")
    _go_on(request, row["dataset_id"])
    return 202, {"id": file_id, "step": step}


def redrive_many(request: Request, dataset_id: str) -> tuple[int, Any]:
    datasets.existing(request, dataset_id)
    given = request.read(RedriveMany)
    rows = request.catalog.rows("failed_files", dataset_id=dataset_id, state=given.state, code=given.code)
    started = sum(redrive_step(request, str(row["file_id"]), row["error_step"] or "text") for row in rows)
    _go_on(request, dataset_id)
    return 202, {"count": started}


def redrive_step(request: Request, file_id: str, step: str) -> bool:
    """Run a step of a file again, with what follows it; whether that could be."""
    names = _from(step)
    main = {one.name for one in PIPELINES[0].steps}

    def plan(facts: dict[str, Any]) -> list[PlannedStep]:
        if step == INTAKE.name:
            return [PlannedStep(INTAKE.name, (Part(cost_estimate_s=0.1),))]
        return lifecycle.plan_from(
            [STEPS[name] for name in names], replace(file_from_facts(facts), reach=bootstrap.reach())
        )

    return bool(request.catalog.redrive(file_id, names, _before(step), bool(main & set(names)), plan))


def _go_on(request: Request, dataset_id: Any) -> None:
    """What was readied is dispatched, and those who watch are told, once this request is committed."""
    request.afterwards.append(lambda: bootstrap.topics().dispatch_later(0))
    tell(request, dataset_id)


def _from(step: str) -> list[str]:
    """A step and those that follow it."""
    if step == INTAKE.name:
        return [INTAKE.name, *(one.name for pipeline in PIPELINES for one in pipeline.steps)]
    for pipeline in PIPELINES:
        names = [one.name for one in pipeline.steps]
        if step in names:
            return names[names.index(step) :]
    raise Problem("invalid_request", f"there is no step `{step}`", [{"pointer": "/step", "detail": "is no step"}])


def _before(step: str) -> list[str]:
    """The steps that come before a step."""
    for pipeline in PIPELINES:
        names = [INTAKE.name, *(one.name for one in pipeline.steps)]
        if step in names:
            return names[: names.index(step)]
    return []


def _failed_step(request: Request, row: Row) -> str:
    steps = request.catalog.rows("steps_of", file_ids=[row["file_id"]])
    failed = next((step["step"] for step in steps if step["state"] == "failed"), None)
    if failed is None:
        raise Problem("conflict", "no step of the file has failed; name the step to run again")
    return str(failed)


def _existing(request: Request, file_id: str) -> Row:
    row: Row | None = request.catalog.row("file", file_id=file_id)
    if row is None:
        raise not_found("file")
    return row


def _anywhere(name: str) -> str:
    """A pattern for ILIKE that finds the name anywhere, its own wildcards taken literally."""
    escaped = name.replace("\x00", "").replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
