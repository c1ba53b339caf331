"""Files: listed, shown, uploaded anew, removed, and run again."""

from __future__ import annotations

from typing import Any

from functions.api import datasets
from functions.api.batches import upload_view
from functions.api.problems import Problem, not_found
from functions.api.requests import NewRemoval, Redrive, RedriveMany, Request, as_cursor, is_id, needs
from functions.api.views import at, attempt_view, file_views
from functions.handlers import runner
from functions.pipelines import INTAKE, PIPELINES
from layers import bootstrap
from layers.domain import lifecycle
from layers.domain.file import file_from_facts
from layers.domain.step import Part, PlannedStep

Row = dict[str, Any]
STATES = ("uploading", "upload_missing", "processing", "done", "partial", "failed", "cancelled", "removed")


@needs("viewer")
def show_all(request: Request, dataset_id: str) -> tuple[int, Any]:
    datasets.existing(request, dataset_id)
    limit = request.whole_number("limit", 50, 1, 200)
    state = request.query.get("state")
    if state is not None and state not in STATES:
        raise Problem("invalid_request", f"the state must be one of {', '.join(STATES)}")
    name = request.query.get("name")
    rows = bootstrap.catalog().rows(
        "files",
        tenant_id=request.tenant_id,
        dataset_id=dataset_id,
        after=request.cursor(),
        state=state,
        batch_id=request.id("batch"),
        name=None if name is None else _anywhere(name),
        limit=limit + 1,
    )
    following = as_cursor(rows[limit - 1]["file_id"]) if len(rows) > limit else None
    return 200, {"files": file_views(rows[:limit]), "next_cursor": following}


@needs("viewer")
def show(request: Request, file_id: str) -> tuple[int, Any]:
    return 200, file_views([_existing(request, file_id)])[0]


@needs("viewer")
def history(request: Request, file_id: str) -> tuple[int, Any]:
    _existing(request, file_id)
    rows = bootstrap.catalog().rows("history", tenant_id=request.tenant_id, file_id=file_id)
    return 200, {"attempts": [attempt_view(row) for row in rows]}


@needs("editor")
def renew_upload(request: Request, file_id: str) -> tuple[int, Any]:
    _existing(request, file_id)
    settings = bootstrap.settings()
    row = bootstrap.catalog().row(
        "renew_upload",
        tenant_id=request.tenant_id,
        file_id=file_id,
        upload_s=settings.upload_url_s + settings.upload_grace_s,
    )
    if row is None:
        raise Problem("conflict", "the file has arrived already; nothing is to be uploaded")
    return 200, {"id": file_id, "name": row["name"], "state": "uploading", "upload": upload_view(row)}


@needs("editor")
def remove(request: Request, file_id: str) -> tuple[int, Any]:
    row = _existing(request, file_id)
    return 202, _removed(request, str(row["dataset_id"]), [file_id], None)


@needs("editor")
def remove_many(request: Request, dataset_id: str) -> tuple[int, Any]:
    datasets.existing(request, dataset_id)
    given = request.read(NewRemoval)
    if (given.file_ids is None) == (given.batch_id is None):
        raise Problem("invalid_request", "name either `file_ids` or a `batch_id`")
    if any(not is_id(one) for one in (given.file_ids or [given.batch_id or ""])):
        raise not_found("file" if given.file_ids else "batch")
    return 202, _removed(request, dataset_id, given.file_ids or [], given.batch_id)


@needs("viewer")
def removal(request: Request, removal_id: str) -> tuple[int, Any]:
    row = bootstrap.catalog().row("removal", tenant_id=request.tenant_id, removal_id=removal_id)
    if row is None:
        raise not_found("removal")
    return 200, {
        "id": removal_id,
        "count": row["file_count"],
        "created_at": at(row["created_at"]),
        "erased_at": at(row["erased_at"]),
        "objects_erased": row["objects_erased"],
        "rows_erased": row["rows_erased"],
    }


@needs("operator")
def redrive(request: Request, file_id: str) -> tuple[int, Any]:
    row = _existing(request, file_id)
    step = request.read(Redrive).step or row["error_step"] or _failed_step(row)
    if not _redrive(request, file_id, step):
        raise Problem("conflict", f"the {step} step or one after it is at work or was not reached; try again later")
    return 202, {"id": file_id, "step": step}


@needs("operator")
def redrive_many(request: Request, dataset_id: str) -> tuple[int, Any]:
    datasets.existing(request, dataset_id)
    given = request.read(RedriveMany)
    rows = bootstrap.catalog().rows(
        "failed_files", tenant_id=request.tenant_id, dataset_id=dataset_id, state=given.state, code=given.code
    )
    started = sum(_redrive(request, str(row["file_id"]), row["error_step"] or "text") for row in rows)
    return 202, {"count": started}


def _redrive(request: Request, file_id: str, step: str) -> bool:
    names = _from(step)
    main = {one.name for one in PIPELINES[0].steps}

    def plan(facts: dict[str, Any]) -> list[PlannedStep]:
        if step == INTAKE.name:
            return [PlannedStep(INTAKE.name, (Part(cost_estimate_s=0.1),))]
        steps = [runner().steps[name] for name in names]
        return lifecycle.plan_from(steps, file_from_facts(facts))

    redriven = bootstrap.catalog().redrive(request.tenant_id, file_id, names, bool(main & set(names)), plan)
    if redriven:
        runner().dispatch(names)
    return bool(redriven)


def _from(step: str) -> list[str]:
    """A step and those that follow it."""
    if step == INTAKE.name:
        return [INTAKE.name, *(one.name for pipeline in PIPELINES for one in pipeline.steps)]
    for pipeline in PIPELINES:
        names = [one.name for one in pipeline.steps]
        if step in names:
            return names[names.index(step) :]
    raise Problem("invalid_request", f"there is no step `{step}`", [{"pointer": "/step", "detail": "is no step"}])


def _failed_step(row: Row) -> str:
    steps = bootstrap.catalog().rows("steps_of", file_ids=[row["file_id"]])
    failed = next((step["step"] for step in steps if step["state"] == "failed"), None)
    if failed is None:
        raise Problem("conflict", "no step of the file has failed; name the step to run again")
    return str(failed)


def _removed(request: Request, dataset_id: str, file_ids: list[str], batch_id: str | None) -> Row:
    row = bootstrap.catalog().row(
        "remove_files",
        tenant_id=request.tenant_id,
        dataset_id=dataset_id,
        file_ids=file_ids,
        batch_id=batch_id,
        undo_s=0,
    )
    assert row is not None
    bootstrap.topics().dispatch_later(0)
    return {"id": str(row["removal_id"]), "count": row["file_count"]}


def _existing(request: Request, file_id: str) -> Row:
    row = bootstrap.catalog().row("file", tenant_id=request.tenant_id, file_id=file_id)
    if row is None:
        raise not_found("file")
    return row


def _anywhere(name: str) -> str:
    """A pattern for ILIKE that finds the name anywhere, its own wildcards taken literally."""
    escaped = name.replace("\x00", "").replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
