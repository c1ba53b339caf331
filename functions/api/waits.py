"""Waits: explains why a file has not settled, and forecasts when it will."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from functions.api import fleet
from functions.api.ports import ApiPorts
from functions.pipelines import MAIN_STEPS, STEPS
from layers.domain.breaker import Breaker, Mode
from layers.domain.errors import is_limit
from layers.domain.paid_reading import READING
from layers.domain.services import OBJECT_STORE, word_of
from layers.domain.step import ENDED
from layers.domain.waiting import UNKNOWN_RUN, Ahead, LaneView, OwnLane, Range, StepForecast
from layers.ports.catalog import Catalog
from layers.ports.rows import LaneRow, StepBacklog, StepPart

Shown = dict[str, Any]
Parts = Sequence[StepPart]
CACHED_S = 1.0
OUTAGE_LASTS_S = 600.0  # the shortest forecast of an outage

_cached: tuple[float, dict[str, StepForecast]] = (0.0, {})
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class View:
    """The facts that explain waits: the tenant's lanes, the breakers, and the services that limit calls."""

    lanes: LaneView
    now: float
    breakers: Mapping[str, Breaker]
    limited: frozenset[str]


def view(ports: ApiPorts, catalog: Catalog, batch_ids: Iterable[UUID]) -> View:
    """The facts for all files of a response, which belong to these batches."""
    forecasts = _forecasts(ports, catalog)
    now = time.time()
    lanes: dict[str, dict[str, OwnLane]] = {}
    for row in catalog.own_lanes(list(set(batch_ids))):
        lanes.setdefault(row.step, {})[str(row.batch_id)] = _lane(row)
    budgets = ports.budgets.states()
    limited = frozenset(
        name for name, budget in budgets.items() if budget.room == 0 or budget.per_s < 0.99 * budget.full_per_s
    )
    return View(LaneView(forecasts, lanes), now, ports.breakers.states(), limited)


def waiting(view: View | None, state: str, batch_id: UUID, steps: Mapping[str, Parts]) -> Shown | None:
    """Why a file has not settled; None if it has, or if its upload was given up as missing.

    `steps` has the parts of its steps by name. `view` may be None if the file is not in processing.
    """
    if state == "uploading":
        return _wait("upload", "its bytes have not arrived yet", None, None)
    if state != "processing" or view is None:
        return None
    step = next((name for name in MAIN_STEPS if any(part.state not in ENDED for part in steps.get(name, ()))), None)
    if step is None:
        return None
    rest = [name for name in MAIN_STEPS[MAIN_STEPS.index(step) + 1 :] if STEPS[name].applies is None or name in steps]
    return _of_step(view, str(batch_id), step, steps[step], rest)


def batch_eta_s(ports: ApiPorts, catalog: Catalog, batch_id: UUID, by_state: Mapping[str, int]) -> list[int] | None:
    """Seconds until the last uploaded file of a batch settles: from, to. None if no file is in processing and some
    uploads have not arrived."""
    if not by_state.get("processing"):
        return None if by_state.get("uploading") or by_state.get("upload_missing") else [0, 0]
    facts = view(ports, catalog, [batch_id])
    low, high = facts.lanes.batch_finishes(str(batch_id), MAIN_STEPS)
    for service in _services_waited_for(facts, str(batch_id)):
        low, high = low + _until_probe_s(facts, service), high + _outage_s(facts, service)
    return _whole(low, high)


def _of_step(view: View, batch_id: str, step: str, parts: Parts, rest: Sequence[str]) -> Shown:
    left = [part for part in parts if part.state not in ENDED]
    service = _down(view, step)
    ready = [part for part in left if part.state == "ready"]
    parked = [part for part in left if part.state == "parked"]
    if parked or (ready and service):
        return _without_service(view, batch_id, step, parked or ready, service, rest)
    if running := [part for part in left if part.state == "running"]:
        return _at_work(view, batch_id, step, parts, running, ready, rest)
    if any(part.state == "queued" for part in left):
        eta_s = view.lanes.finishes_after_start(step, batch_id, (0.0, 0.0), rest)
        return _wait("fair_share", f"it is next for {STEPS[step].phrase}", 0, eta_s)
    if ready:
        return _in_lane(view, batch_id, step, ready, rest)
    return _delayed(view, batch_id, step, left, rest)


def _in_lane(view: View, batch_id: str, step: str, ready: Parts, rest: Sequence[str]) -> Shown:
    ahead, before_last = _ahead(view, batch_id, step, ready)
    eta_s = view.lanes.finishes(step, batch_id, before_last, rest)
    if STEPS[step].depends_on in view.limited:
        return _wait("rate_limited", f"{_limiting(step)}; {_count(view, step, ahead)}", round(ahead.files), eta_s)
    others = ", and other tenants' files take turns with yours" if ahead.cost_s > ahead.own_s + 0.5 else ""
    detail = f"it waits its turn for {STEPS[step].phrase}: {_count(view, step, ahead)}{others}"
    return _wait("fair_share", detail, round(ahead.files), eta_s)


def _at_work(
    view: View, batch_id: str, step: str, parts: Parts, running: Parts, ready: Parts, rest: Sequence[str]
) -> Shown:
    forecast = view.lanes.forecast(step)
    run_low, run_high = forecast.run_s
    starts = [part.started_at.timestamp() for part in running if part.started_at]
    run_s = max(0.0, view.now - min(starts, default=view.now))
    begins_s = (-min(run_s, run_low), -min(run_s, 0.5 * run_high))
    if ready:  # other parts of the same file
        last = forecast.takes(_ahead(view, batch_id, step, ready)[1].cost_s)
        begins_s = max(begins_s[0], last[0]), max(begins_s[1], last[1])
    eta_s = view.lanes.finishes_after_start(step, batch_id, begins_s, rest)
    done = sum(part.state in ENDED for part in parts)
    progress = f": {done} of {len(parts)} parts are done" if len(parts) > 1 else ""
    return _wait("at_work", f"{STEPS[step].phrase} is running{progress}", 0, eta_s)


def _delayed(view: View, batch_id: str, step: str, left: Parts, rest: Sequence[str]) -> Shown:
    """The wait for a retry after a failure, or for the time at which the service allows the next call."""
    part = max(left, key=lambda part: part.due_at or datetime.now(UTC))
    due_s = max(0.0, part.due_at.timestamp() - view.now) if part.due_at else 0.0
    ahead = _behind_all(view, batch_id, step)
    latest_s = due_s + view.lanes.forecast(step).takes(ahead.cost_s)[1]
    eta_s = view.lanes.finishes_after_start(step, batch_id, (due_s, latest_s), rest)
    if part.error_code:
        detail = f"{part.error_detail or part.error_code}; it is tried again in {_seconds(due_s)}"
        return _wait("retry_backoff", detail, 0, eta_s)
    if part.reason == READING:
        return _wait("at_work", READING, 0, eta_s)
    if not is_limit(part.reason or ""):
        detail = f"{part.reason or 'it continues shortly'}; {_count(view, step, ahead)}"
        return _wait("fair_share", detail, round(ahead.files), eta_s)
    return _wait("rate_limited", f"{_limiting(step)}; {_count(view, step, ahead)}", round(ahead.files), eta_s)


def _without_service(
    view: View, batch_id: str, step: str, parts: Parts, service: str | None, rest: Sequence[str]
) -> Shown:
    """The wait for a service that is down."""
    due_s = max((part.due_at.timestamp() - view.now for part in parts if part.due_at), default=0.0)
    soonest_s = max(0.0, _until_probe_s(view, service) if service else due_s)
    lasts_s = _outage_s(view, service) if service else max(0.0, due_s)
    ahead, before_last = _ahead(view, batch_id, step, parts)
    turn_s = view.lanes.finishes(step, batch_id, before_last, rest)
    reason = parts[0].reason or (view.breakers[service].reason if service else "")
    what = f"{word_of(service)} is unavailable" if service else "a service was unavailable"
    detail = f"{what}{f' ({reason})' if reason else ''}; it is tried again in {_seconds(soonest_s)}"
    return _wait("dependency_down", detail, round(ahead.files), (turn_s[0] + soonest_s, turn_s[1] + lasts_s))


def _ahead(view: View, batch_id: str, step: str, parts: Parts) -> tuple[Ahead, Ahead]:
    """The work that is served before the first and before the last of these parts of one file."""
    times = [part.ready_at.timestamp() for part in parts if part.ready_at] or [view.now]
    lane, part_s = view.lanes.lane(step, batch_id), parts[-1].cost_estimate_s
    own = [lane.before(at) if lane else (0.0, 0.0) for at in (min(times), max(times))]
    first = view.lanes.ahead(step, batch_id, *own[0], part_s)
    return first, first if own[0] == own[1] else view.lanes.ahead(step, batch_id, *own[1], part_s)


def _behind_all(view: View, batch_id: str, step: str) -> Ahead:
    """The work that is served before a part that joins the end of its lane."""
    lane = view.lanes.lane(step, batch_id)
    return view.lanes.ahead(step, batch_id, lane.files if lane else 0, lane.cost_s if lane else 0)


def _down(view: View, step: str) -> str | None:
    """A service that the step needs and that is down."""
    needed = (OBJECT_STORE, STEPS[step].depends_on)
    known = [service for service in needed if service and service in view.breakers]
    return next((service for service in known if _is_open(view.breakers[service])), None)


def _services_waited_for(view: View, batch_id: str) -> set[str]:
    """The services that files of a batch wait for because they are down."""
    services = {_down(view, step) for step in MAIN_STEPS if view.lanes.lane(step, batch_id)}
    return {service for service in services if service}


def _is_open(breaker: Breaker) -> bool:
    return breaker.mode is not Mode.CLOSED


def _until_probe_s(view: View, service: str) -> float:
    return view.breakers[service].wait_s(view.now)


def _outage_s(view: View, service: str) -> float:
    """How long an outage is expected to continue: twice as long as it has lasted."""
    return max(OUTAGE_LASTS_S, 2 * (view.now - view.breakers[service].opened_at))


def _limiting(step: str) -> str:
    word = word_of(STEPS[step].depends_on or step)
    return f"{word[0].upper()}{word[1:]} is limiting calls"


def _count(view: View, step: str, ahead: Ahead) -> str:
    """A phrase with the number of the tenant's own files or pages that are ahead."""
    unit, count = STEPS[step].counted_in, round(ahead.files)
    if unit == "page":
        own = view.lanes.lanes.get(step, {}).values()
        cost_s = sum(lane.cost_s for lane in own)
        count = round(sum(lane.parts for lane in own) * ahead.own_s / cost_s) if cost_s else 0
    if count == 0:
        return f"no {unit} of yours is ahead"
    return f"{count} {unit}{'s' if count > 1 else ''} of yours {'are' if count > 1 else 'is'} ahead"


def _seconds(seconds: float) -> str:
    return f"{max(1, round(seconds))} s" if seconds < 120 else f"{round(seconds / 60)} minutes"


def _wait(reason: str, detail: str, position: int | None, eta_s: Range | None) -> Shown:
    return {"reason": reason, "detail": detail, "position": position, "eta_s": _whole(*eta_s) if eta_s else None}


def _whole(low: float, high: float) -> list[int]:
    least = max(0, int(low))
    return [least, max(least + 1, int(high) + 1)]


def _forecasts(ports: ApiPorts, catalog: Catalog) -> dict[str, StepForecast]:
    """Every step's forecast. They are the same for all tenants, so they are cached for `CACHED_S`."""
    global _cached
    with _lock:
        read_at, cached = _cached
    if time.monotonic() - read_at < CACHED_S and cached:
        return cached
    at_once = {step: max(1, count) for step, count in fleet.concurrency(ports, catalog).items()}
    found = {step: StepForecast(concurrency=count) for step, count in at_once.items()}
    found |= {row.step: _forecast(row, at_once.get(row.step, 1)) for row in catalog.step_backlogs()}
    with _lock:
        _cached = time.monotonic(), found
    return found


def _forecast(row: StepBacklog, concurrency: int) -> StepForecast:
    served = (row.served_low, row.served_high) if row.served_low and row.served_high else None
    run_s = (row.run_low_s or 0.0, row.run_high_s) if row.run_high_s is not None else UNKNOWN_RUN
    return StepForecast(
        row.cost_s,
        row.curve_pass,
        row.curve_cost_s,
        served,
        row.cost_a_file_s or 0.0,
        run_s,
        concurrency,
        row.age_s,
    )


def _lane(row: LaneRow) -> OwnLane:
    return OwnLane(
        row.files,
        row.parts,
        row.cost_s,
        row.tenant_pass,
        row.tenant_weight,
        row.batch_pass,
        row.batch_weight,
        [moment.timestamp() for moment in row.marks_at],
        row.marks_files,
        row.marks_cost_s,
    )
