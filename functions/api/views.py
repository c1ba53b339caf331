"""Rows as the contract shows them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from functions.api import waits
from functions.pipelines import INTAKE, PIPELINES
from layers import bootstrap

Row = dict[str, Any]
SETTLED = {"done", "partial", "failed", "cancelled"}
# Of several parts, the step is in the state that comes first here.
FOREMOST = ("running", "queued", "ready", "retrying", "parked", "waiting", "failed", "cancelled", "done", "skipped")
BUSY = {"running", "queued", "ready", "retrying"}


def at(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else None


def dataset_view(row: Row, by_state: Mapping[str, int]) -> Row:
    return {
        "id": str(row["dataset_id"]),
        "name": row["name"],
        "schema": row["schema"],
        "schema_version": row["schema_version"],
        "when_textract_is_down": row["when_textract_is_down"],
        "languages": row["languages"],
        "counts": {"files": sum(by_state.values()), "by_state": by_state, "as_of": at(datetime.now(UTC))},
        "created_at": at(row["created_at"]),
    }


def batch_view(row: Row, by_state: Mapping[str, int], eta_s: Sequence[float] | None) -> Row:
    total = sum(by_state.values())
    settled = sum(count for state, count in by_state.items() if state in SETTLED)
    return {
        "id": str(row["batch_id"]),
        "dataset_id": str(row["dataset_id"]),
        "created_at": at(row["created_at"]),
        "cancelled_at": at(row["cancelled_at"]),
        "priority": row["priority"],
        "counts": {"files": total, "by_state": by_state},
        "progress": {"done": settled, "total": total, "unit": "file"},
        "eta_s": eta_s,
    }


def file_views(catalog: Any, rows: Sequence[Row]) -> list[Row]:
    """Files with their steps, artifacts, records and waits, by a few queries however many they are."""
    file_ids = [row["file_id"] for row in rows]
    if not file_ids:
        return []
    steps: dict[Any, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for step in catalog.rows("steps_of", file_ids=file_ids):
        steps[step["file_id"]][step["step"]].append(step)
    artifacts: dict[Any, dict[str, Row]] = defaultdict(dict)
    for artifact in catalog.rows("artifacts_of", file_ids=file_ids):
        artifacts[artifact["file_id"]][artifact["kind"]] = artifact
    records = {record["file_id"]: record for record in catalog.rows("records_of", file_ids=file_ids)}
    batch_ids = {row["batch_id"] for row in rows if row["state"] == "processing"}
    seen = waits.view(catalog, batch_ids) if batch_ids else None
    return [
        _file_view(row, steps[row["file_id"]], artifacts[row["file_id"]], records.get(row["file_id"]), seen)
        for row in rows
    ]


def _file_view(
    row: Row, steps: dict[str, list[Row]], artifacts: dict[str, Row], record: Row | None, seen: waits.View | None
) -> Row:
    pipelines = {
        pipeline.name: _pipeline_view([(step.name, steps.get(step.name, [])) for step in pipeline.steps], row["state"])
        for pipeline in PIPELINES
    }
    return {
        "id": str(row["file_id"]),
        "name": row["name"],
        "batch_id": str(row["batch_id"]),
        "dataset_id": str(row["dataset_id"]),
        "size_bytes": row["size_bytes"] if row["size_bytes"] is not None else row["declared_size_bytes"],
        "media_type": row["media_type"] or row["declared_media_type"],
        "sha256": row["sha256"] or row["declared_sha256"],
        "created_at": at(row["created_at"]),
        "uploaded_at": at(row["uploaded_at"]),
        "updated_at": at(row["updated_at"]),
        "state": row["state"],
        "stage": _stage(row["state"], steps, pipelines),
        "pipelines": pipelines,
        "waiting": waits.waiting(seen, row, steps),
        "error": _error(row),
        "artifacts": _artifacts(row, artifacts, record),
    }


def _stage(state: str, steps: dict[str, list[Row]], pipelines: Row) -> str | None:
    if state != "processing":
        return None
    if any(part["state"] != "done" for part in steps.get(INTAKE.name, [])):
        return INTAKE.name
    main = pipelines[PIPELINES[0].name]["steps"]
    return next(
        (step["step"] for step in main if step["state"] not in ("done", "skipped", "failed", "cancelled")), None
    )


def _pipeline_view(steps: list[tuple[str, list[Row]]], file_state: str) -> Row:
    shown = [_step_view(name, parts, file_state) for name, parts in steps]
    return {"state": _pipeline_state([step["state"] for step in shown]), "steps": shown}


def _pipeline_state(states: list[str]) -> str:
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


def _step_view(name: str, parts: list[Row], file_state: str) -> Row:
    if not parts:
        return {"step": name, "state": "cancelled" if file_state in SETTLED else "waiting", "attempts": 0}
    whole = parts[0] if len(parts) == 1 else _as_one(parts)
    state = whole["state"]
    view: Row = {
        "step": name,
        "state": "queued" if state == "ready" else state,  # both wait their turn
        "attempts": whole["attempt"] - whole["snoozes"],
        "started_at": at(whole["started_at"]),
        "ended_at": at(whole["ended_at"]),
    }
    if whole["reason"]:
        view["reason"] = whole["reason"]
    if whole["error_code"]:
        view["error"] = {"code": whole["error_code"], "detail": whole["error_detail"]}
    if len(parts) > 1 or whole["page_numbers"]:
        view["progress"] = _progress(parts)
    return view


def _as_one(parts: list[Row]) -> Row:
    """Several parts of a step as one: the state is the foremost of theirs."""
    states = {part["state"] for part in parts}
    state = next(state for state in FOREMOST if state in states)
    if state == "failed" and "done" in states:
        state = "done"  # a part that failed leaves its pages unread; the step as a whole has read some
    failed = next((part for part in parts if part["error_code"]), parts[0])
    return {
        "state": state,
        "attempt": max(part["attempt"] - part["snoozes"] for part in parts),
        "snoozes": 0,
        "started_at": min((part["started_at"] for part in parts if part["started_at"]), default=None),
        "ended_at": max((part["ended_at"] for part in parts if part["ended_at"]), default=None),
        "reason": next((part["reason"] for part in parts if part["reason"]), None),
        "error_code": failed["error_code"],
        "error_detail": failed["error_detail"],
    }


def _progress(parts: list[Row]) -> Row:
    """By pages, where the parts are made of pages, else by parts."""
    pages = [(part["state"] in ("done", "skipped", "failed"), len(part["page_numbers"] or ())) for part in parts]
    if total := sum(count for _, count in pages):
        return {"done": sum(count for is_done, count in pages if is_done), "total": total, "unit": "page"}
    return {"done": sum(is_done for is_done, _ in pages), "total": len(parts), "unit": "window"}


def _error(row: Row) -> Row | None:
    if not row["error_code"]:
        return None
    return {"step": row["error_step"], "code": row["error_code"], "detail": row["error_detail"]}


def _artifacts(row: Row, artifacts: dict[str, Row], record: Row | None) -> Row:
    return {
        "record": record_view(record) if record else None,
        "text": _linked(artifacts.get("text"), row, source="source", pages="page_count", confidence="confidence"),
        "preview": _linked(artifacts.get("preview"), row, media_type="media_type", pages="page_count"),
        "thumbnail": _linked(artifacts.get("thumbnail"), row, media_type="media_type", width="width", height="height"),
        "original": {"url": original_url(row)} if row["uploaded_at"] and not _is_infected(row) else None,
    }


def _is_infected(row: Row) -> bool:
    return bool(row["error_code"] == "infected")


def original_url(row: Row) -> str:
    return str(bootstrap.objects().presign_get(row["object_key"], row["version_id"], download_name=row["name"]))


def _linked(artifact: Row | None, row: Row, **shown: str) -> Row | None:
    if artifact is None:
        return None
    version_id = row["version_id"] if artifact["object_key"] == row["object_key"] else None
    url = bootstrap.objects().presign_get(artifact["object_key"], version_id, media_type=artifact["media_type"])
    return {"url": url} | {name: artifact[column] for name, column in shown.items()}


def record_view(record: Row) -> Row:
    return {
        "id": str(record["record_id"]),
        "fields": record["fields"],
        "complete": record["complete"],
        "missing": record["missing"],
        "evidence": record["evidence"],
        "schema_version": record["schema_version"],
    }


def attempt_view(row: Row) -> Row:
    return {
        **{name: row[name] for name in ("step", "part", "attempt", "outcome", "cost_s", "host")},
        "started_at": at(row["started_at"]),
        "ended_at": at(row["ended_at"]),
        "error": {"code": row["error_code"], "detail": row["error_detail"]} if row["error_code"] else None,
    } | ({"used": row["used"]} if row["used"] else {})
