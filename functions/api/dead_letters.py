"""Dead letters: lists, counts and redrives the steps that were given up after their last attempt."""

from __future__ import annotations

from collections import Counter
from typing import Any

from functions.api.bodies import RedriveDead
from functions.api.redrives import redrive_step
from functions.api.requests import Request
from functions.api.views import at
from functions.pipelines import PIPELINES, STEPS
from layers.domain.message import ARRIVALS, DISPATCH
from layers.ports.rows import DeadLetter, DeadLetterFilter

MOST_COUNTED = 10_000
MOST_REDRIVEN = 1_000
TOPICS = (ARRIVALS, *STEPS, DISPATCH)
SIDE_STEPS = [step.name for pipeline in PIPELINES[1:] for step in pipeline.steps]
ALL = DeadLetterFilter()


def show_all(request: Request) -> tuple[int, Any]:
    limit = request.whole_number("limit", 50, 1, 200)
    chosen = DeadLetterFilter(
        step=request.one_of("step", sorted(STEPS)),
        code=request.query.get("code", "").replace("\x00", "") or None,
        since=request.time("since"),
        until=request.time("until"),
    )
    filters = {"step": chosen.step, "code": chosen.code, "since": chosen.since, "until": chosen.until}
    listing = " ".join(["dead-letters", *(f"{name}={value!r}" for name, value in filters.items())])
    rows = _rows(request, chosen, limit=limit + 1, after=request.position(listing))
    shown = rows[:limit]
    last = shown[-1] if len(rows) > limit else None
    by_code = Counter(row.code for row in _rows(request, chosen, limit=MOST_COUNTED + 1))
    return 200, {
        "dead_letters": [_view(row) for row in shown],
        "count": min(by_code.total(), MOST_COUNTED),
        "count_is_exact": by_code.total() <= MOST_COUNTED,
        "by_code": dict(by_code.most_common()),
        "next_cursor": last and request.cursor(listing, [last.given_up_at.isoformat(), str(last.file_id), last.step]),
    }


def redrive(request: Request) -> tuple[int, Any]:
    body = request.read(RedriveDead)
    chosen = DeadLetterFilter(body.step, body.code, body.since, body.until, body.file_ids)
    rows = _rows(request, chosen, limit=MOST_REDRIVEN + 1)
    is_admin = request.caller.is_admin
    started = 0
    for row in rows[:MOST_REDRIVEN]:
        request.catalog.act_as(str(row.tenant_id), is_system=is_admin)
        started += redrive_step(request, str(row.file_id), row.step)
    request.catalog.act_as(request.tenant_id, is_system=is_admin)
    if is_admin:
        request.afterwards.append(lambda: request.ports.topics.redrive_dead(TOPICS, MOST_REDRIVEN))
    request.dispatch()
    request.notify(*(row.dataset_id for row in rows))
    return 202, {"count": started, "has_more": len(rows) > MOST_REDRIVEN}


def count_by_step(request: Request) -> dict[str, int]:
    """The number of dead letters of each step, among the first `MOST_COUNTED` of all steps."""
    counts = Counter(row.step for row in _rows(request, ALL, limit=MOST_COUNTED))
    return {step: counts[step] for step in STEPS}


def _rows(
    request: Request, chosen: DeadLetterFilter, *, limit: int, after: list[Any] | None = None
) -> list[DeadLetter]:
    position = (after[0], after[1], after[2]) if after else None
    return request.catalog.dead_letters(request.caller.seen_tenant, SIDE_STEPS, chosen, after=position, limit=limit)


def _view(row: DeadLetter) -> dict[str, Any]:
    return {
        "file_id": str(row.file_id),
        "dataset_id": str(row.dataset_id),
        "tenant_id": str(row.tenant_id),
        "step": row.step,
        "code": row.code,
        "detail": row.detail,
        "attempts": row.attempts,
        "given_up_at": at(row.given_up_at),
    }
