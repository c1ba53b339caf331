"""Dead letters: what was given up after its last attempt, listed, counted, and run again by a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from functions.api.files import redrive_step
from functions.api.requests import RedriveDead, Request, bad_parameter
from functions.api.views import at
from functions.pipelines import PIPELINES, STEPS
from layers import bootstrap

Row = dict[str, Any]
MOST_COUNTED = 10_000
MOST_REDRIVEN = 1_000
TOPICS = ("arrivals", *STEPS, "dispatch")
SIDE_STEPS = [step.name for pipeline in PIPELINES[1:] for step in pipeline.steps]


def show_all(request: Request) -> tuple[int, Any]:
    limit = request.whole_number("limit", 50, 1, 200)
    chosen: dict[str, Any] = {
        "step": request.one_of("step", sorted(STEPS)),
        "code": request.query.get("code", "").replace("\x00", "") or None,
        "since": _moment(request, "since"),
        "until": _moment(request, "until"),
    }
    listing = " ".join(["dead-letters", *(f"{which}={value!r}" for which, value in chosen.items())])
    place = request.place(listing)
    rows = _rows(request, limit=limit + 1, after=place, **chosen)
    shown = rows[:limit]
    last = shown[-1] if len(rows) > limit else None
    counted = Counter(row["code"] for row in _rows(request, limit=MOST_COUNTED + 1, **chosen))
    return 200, {
        "dead_letters": [_view(row) for row in shown],
        "count": min(counted.total(), MOST_COUNTED),
        "count_is_exact": counted.total() <= MOST_COUNTED,
        "by_code": dict(counted.most_common()),
        "next_cursor": last
        and request.cursor(listing, [last["given_up_at"].isoformat(), str(last["file_id"]), last["step"]]),
    }


def redrive(request: Request) -> tuple[int, Any]:
    given = request.read(RedriveDead)
    rows = _rows(
        request,
        limit=MOST_REDRIVEN + 1,
        file_ids=given.file_ids,
        step=given.step,
        code=given.code,
        since=given.since,
        until=given.until,
    )
    is_admin = request.caller.role == "admin"
    started = 0
    for row in rows[:MOST_REDRIVEN]:
        request.catalog.be(str(row["tenant_id"]), is_system=is_admin)
        started += redrive_step(request, str(row["file_id"]), row["step"])
    request.catalog.be(request.tenant_id, is_system=is_admin)
    if is_admin:
        request.afterwards.append(lambda: bootstrap.topics().redrive_dead(TOPICS, MOST_REDRIVEN))
    request.afterwards.append(lambda: bootstrap.topics().dispatch_later(0))
    request.afterwards.append(
        lambda: bootstrap.change_notifications().publish({str(row["dataset_id"]) for row in rows})
    )
    return 202, {"count": started, "has_more": len(rows) > MOST_REDRIVEN}


def count_by_step(request: Request) -> dict[str, int]:
    """How many there are of each step, as far as they are counted."""
    any_of_them = dict.fromkeys(("step", "code", "since", "until"))
    found = Counter(row["step"] for row in _rows(request, limit=MOST_COUNTED, **any_of_them))
    return {step: found[step] for step in STEPS}


def _rows(
    request: Request, *, limit: int, after: Sequence[Any] | None = None, file_ids: Any = None, **chosen: Any
) -> list[Row]:
    after_at, after_file, after_step = after or (None, None, None)
    rows: list[Row] = request.catalog.rows(
        "dead_letters",
        of_tenant_id=None if request.caller.role == "admin" else request.tenant_id,
        side_steps=SIDE_STEPS,
        file_ids=file_ids,
        after_at=after_at,
        after_file=after_file,
        after_step=after_step,
        limit=limit,
        **chosen,
    )
    return rows


def _view(row: Row) -> Row:
    return {
        **{name: str(row[name]) for name in ("file_id", "dataset_id", "tenant_id")},
        **{name: row[name] for name in ("step", "code", "detail", "attempts")},
        "given_up_at": at(row["given_up_at"]),
    }


def _moment(request: Request, name: str) -> datetime | None:
    text = request.query.get(name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise bad_parameter(name, "is not a time with its offset from UTC, such as 2026-01-15T09:30:00Z")
    return moment
