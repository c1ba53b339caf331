"""Views: datasets, batches, files and attempts as the API shows them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from functions.api import waits
from functions.api.artifacts import NO_RECORD, artifacts_view, record_views
from functions.api.ports import ApiPorts
from functions.pipelines import INTAKE, PIPELINES, SHOWN_PIPELINES
from layers.domain.kinds.learnt import SURE_FROM
from layers.domain.step import ENDED
from layers.ports.catalog import Catalog
from layers.ports.rows import ArtifactRow, AttemptRow, Batch, Dataset, FileRow, RecordOfFile, StepPart

Shown = dict[str, Any]
Parts = Sequence[StepPart]
SETTLED = {"done", "partial", "failed", "cancelled"}
# The state of a step with several parts is the first of these that any part is in.
FOREMOST = ("running", "queued", "ready", "retrying", "parked", "waiting", "failed", "cancelled", "done", "skipped")
BUSY = {"running", "queued", "ready", "retrying"}


def at(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else None


def dataset_view(dataset: Dataset, by_state: Mapping[str, int]) -> Shown:
    return {
        "id": str(dataset.dataset_id),
        "name": dataset.name,
        "schema": dataset.schema,
        "schema_version": dataset.schema_version,
        "when_textract_is_down": dataset.when_textract_is_down,
        "languages": dataset.languages,
        "date_order": dataset.date_order,
        "several": dataset.several,
        "sure_from": round(dataset.sure_from, 2),
        "reading": dataset.reading,
        "retention": dataset.retention,
        "routing": dataset.routing or {},
        "counts": {"files": sum(by_state.values()), "by_state": by_state, "as_of": at(datetime.now(UTC))},
        "created_at": at(dataset.created_at),
    }


def batch_view(batch: Batch, by_state: Mapping[str, int], eta_s: Sequence[float] | None) -> Shown:
    total = sum(by_state.values())
    settled = sum(count for state, count in by_state.items() if state in SETTLED)
    return {
        "id": str(batch.batch_id),
        "dataset_id": str(batch.dataset_id),
        "name": batch.name,
        "created_at": at(batch.created_at),
        "cancelled_at": at(batch.cancelled_at),
        "priority": batch.priority,
        "separation": batch.separation,
        "labels": batch.labels,
        "counts": {"files": total, "by_state": by_state},
        "progress": {"done": settled, "total": total, "unit": "file"},
        "eta_s": eta_s,
    }


def file_views(ports: ApiPorts, catalog: Catalog, files: Sequence[FileRow]) -> list[Shown]:
    """Files with their steps, artifacts, records and waits. The number of queries is the same for any number of files."""
    file_ids = [file.file_id for file in files]
    if not file_ids:
        return []
    steps: dict[UUID, dict[str, list[StepPart]]] = defaultdict(lambda: defaultdict(list))
    for part in catalog.steps_of(file_ids):
        steps[part.file_id][part.step].append(part)
    artifacts: dict[UUID, dict[str, ArtifactRow]] = defaultdict(dict)
    for artifact in catalog.artifacts_of(file_ids):
        artifacts[artifact.file_id][artifact.kind] = artifact
    records = {record.file_id: record for record in catalog.records_of(file_ids)}
    parts: dict[UUID, dict[int, str]] = defaultdict(dict)
    if split := [file.file_id for file in files if file.separated and file.separated["files"]]:
        for member in catalog.parts_of(split):
            parts[member.archive_id][member.archive_place] = str(member.file_id)
    batch_ids = {file.batch_id for file in files if file.state == "processing"}
    view = waits.view(ports, catalog, batch_ids) if batch_ids else None
    return [
        _file_view(ports, file, steps[file.file_id], artifacts[file.file_id], records.get(file.file_id), view)
        | _separation_view(file, parts[file.file_id])
        for file in files
    ]


def _file_view(
    ports: ApiPorts,
    file: FileRow,
    steps: Mapping[str, Parts],
    artifacts: Mapping[str, ArtifactRow],
    record: RecordOfFile | None,
    view: waits.View | None,
) -> Shown:
    pipelines = {
        pipeline.name: _pipeline_view(
            [
                (step.name, steps.get(step.name, ()))
                for step in pipeline.steps
                if step.applies is None or step.name in steps
            ],
            file.state,
        )
        for pipeline in SHOWN_PIPELINES
    }
    shown = record_views(record) if record else NO_RECORD
    return {
        "id": str(file.file_id),
        "name": file.name,
        "batch_id": str(file.batch_id),
        "dataset_id": str(file.dataset_id),
        "size_bytes": file.size_bytes if file.size_bytes is not None else file.declared_size_bytes,
        "media_type": file.media_type or file.declared_media_type,
        "sha256": file.sha256 or file.declared_sha256,
        "created_at": at(file.created_at),
        "uploaded_at": at(file.uploaded_at),
        "updated_at": at(file.updated_at),
        "modified_at": at(file.modified_at),
        "state": file.state,
        "stage": _stage(file.state, steps, pipelines),
        "pipelines": pipelines,
        "waiting": waits.waiting(view, file.state, file.batch_id, steps),
        "error": _error(file),
        "artifacts": artifacts_view(ports, file, artifacts, shown.whole),
        "records": shown.documents,
        "review": shown.review,
        "kind": kind_view(file.kind, file.kind_probability, file.kind_by),
        "moved": file.moved,
    }


def kind_view(kind: str | None, probability: float | None, by: str | None) -> Shown | None:
    """What routing recognised a file as; None if it did not look."""
    if kind is None or probability is None:
        return None
    doubtful = by != "person" and probability < 100 * SURE_FROM
    return {"name": kind, "probability": round(probability, 1), "doubtful": doubtful, "by": by}


def _separation_view(file: FileRow, parts: Mapping[int, str]) -> Shown:
    """From which file this one was taken, and what it was separated into."""
    taken_from: Shown | None = None
    if file.archive_id:
        taken_from = {"id": str(file.archive_id), "first_page": file.first_page, "last_page": file.last_page}
    if file.separated is None:
        return {"taken_from": taken_from, "separated": None}
    files = [{"id": parts.get(place), "pages": pages} for place, pages in enumerate(file.separated["files"])]
    return {"taken_from": taken_from, "separated": file.separated | {"files": files}}


def _stage(state: str, steps: Mapping[str, Parts], pipelines: Shown) -> str | None:
    """The current step of the main pipeline; None if the file is not in processing or the pipeline has ended."""
    if state != "processing":
        return None
    if any(part.state != "done" for part in steps.get(INTAKE.name, ())):
        return INTAKE.name
    main = pipelines[PIPELINES[0].name]["steps"]
    return next((step["step"] for step in main if step["state"] not in ENDED), None)


def _pipeline_view(steps: list[tuple[str, Parts]], file_state: str) -> Shown:
    shown = [_step_view(name, parts, file_state) for name, parts in steps]
    return {"state": pipeline_state([step["state"] for step in shown]), "steps": shown}


def pipeline_state(states: Sequence[str]) -> str:
    """The state of a pipeline whose steps are in these states."""
    if "parked" in states:
        return "parked"
    if any(state in BUSY for state in states):
        return "running"
    if "waiting" in states:
        return "waiting" if all(state == "waiting" for state in states) else "running"
    last = states[-1]
    if last == "skipped" and "failed" in states:
        return "failed"
    return last


class _Whole(NamedTuple):
    """The parts of a step, combined."""

    state: str
    attempts: int
    started_at: datetime | None
    ended_at: datetime | None
    reason: str | None
    error_code: str | None
    error_detail: str | None


def _step_view(name: str, parts: Parts, file_state: str) -> Shown:
    if not parts:
        return {"step": name, "state": "cancelled" if file_state in SETTLED else "waiting", "attempts": 0}
    whole = _as_one(parts)
    view: Shown = {
        "step": name,
        "state": "queued" if whole.state == "ready" else whole.state,  # both only wait for a worker
        "attempts": whole.attempts,
        "started_at": at(whole.started_at),
        "ended_at": at(whole.ended_at),
    }
    if whole.reason:
        view["reason"] = whole.reason
    if whole.error_code:
        view["error"] = {"code": whole.error_code, "detail": whole.error_detail}
    if len(parts) > 1 or parts[0].page_numbers:
        view["progress"] = _progress(parts)
    return view


def _as_one(parts: Parts) -> _Whole:
    if len(parts) == 1:
        (part,) = parts
        attempts = part.attempt - part.snoozes
        times = part.started_at, part.ended_at
        return _Whole(part.state, attempts, *times, part.reason, part.error_code, part.error_detail)
    state = state_of_parts([part.state for part in parts])
    failed = next((part for part in parts if part.error_code), parts[0])
    return _Whole(
        state,
        max(part.attempt - part.snoozes for part in parts),
        min((part.started_at for part in parts if part.started_at), default=None),
        max((part.ended_at for part in parts if part.ended_at), default=None),
        next((part.reason for part in parts if part.reason), None),
        failed.error_code,
        failed.error_detail,
    )


def state_of_parts(states: Sequence[str]) -> str:
    """The state of a step whose parts are in these states."""
    state = next(state for state in FOREMOST if state in states)
    # A failed part leaves its pages unread; the step as a whole has read some.
    return "done" if state == "failed" and "done" in states else state


def _progress(parts: Parts) -> Shown:
    """Progress in pages if the parts have pages, otherwise in parts."""
    pages = [(part.state in ("done", "skipped", "failed"), len(part.page_numbers or ())) for part in parts]
    if total := sum(count for _, count in pages):
        return {"done": sum(count for is_done, count in pages if is_done), "total": total, "unit": "page"}
    return {"done": sum(is_done for is_done, _ in pages), "total": len(parts), "unit": "window"}


def _error(file: FileRow) -> Shown | None:
    if not file.error_code:
        return None
    return {"step": file.error_step, "code": file.error_code, "detail": file.error_detail}


def attempt_view(row: AttemptRow) -> Shown:
    return {
        "step": row.step,
        "part": row.part,
        "attempt": row.attempt,
        "outcome": row.outcome,
        "cost_s": row.cost_s,
        "host": row.host,
        "started_at": at(row.started_at),
        "ended_at": at(row.ended_at),
        "error": {"code": row.error_code, "detail": row.error_detail} if row.error_code else None,
    } | ({"used": row.used} if row.used else {})
