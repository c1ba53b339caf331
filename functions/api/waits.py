"""Why a file waits, and for how long: for every file that has not settled, in words and in figures."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from functions.pipelines import INTAKE, PIPELINES, STEPS, concurrency
from layers import bootstrap
from layers.domain.breaker import Breaker, Mode
from layers.domain.errors import is_limit
from layers.domain.paid_reading import READING
from layers.domain.waiting import UNKNOWN_RUN, Ahead, Outlook, OwnLane, Range, Standing

Row = dict[str, Any]
Parts = list[Row]
KEPT_S = 1.0
MAIN = (INTAKE.name, *(step.name for step in PIPELINES[0].steps))
ENDED = {"done", "skipped", "failed", "cancelled"}
# What each step is in a sentence, and what of it is counted as being ahead.
SAID = {
    "intake": ("the first look at it", "file"),
    "text": ("reading its text", "file"),
    "ocr": ("OCR", "file"),
    "textract": ("Textract", "page"),
    "extraction": ("extraction", "file"),
}
SERVICES = {"textract": "Textract", "extraction": "the model service", "preview": "the preview service",
            "object_store": "the object store", "ocr": "OCR", "scanner": "the scanner"}  # fmt: skip
OUTAGE_LASTS_S = 600.0  # at least, for all that can be said

_kept: tuple[float, dict[str, Outlook]] = (0.0, {})
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class View:
    """What one request needs to know to explain waits: the tenant's place in the lanes, and how the services are."""

    standing: Standing
    now: float
    breakers: Mapping[str, Breaker]
    scarce: frozenset[str]


def view(catalog: Any, batch_ids: Iterable[Any]) -> View:
    """Loaded once for all files of an answer, which are of these batches."""
    outlooks = _outlooks(catalog)
    now = time.time()
    lanes: dict[str, dict[str, OwnLane]] = {}
    for row in catalog.rows("own_backlogs", batch_ids=list(set(batch_ids))):
        lanes.setdefault(row["step"], {})[str(row["batch_id"])] = _lane(row)
    budgets = bootstrap.budgets().states()
    scarce = frozenset(name for name, one in budgets.items() if one.room == 0 or one.per_s < 0.99 * one.full_per_s)
    return View(Standing(outlooks, lanes), now, bootstrap.breakers().states(), scarce)


def waiting(seen: View | None, row: Row, steps: Mapping[str, Parts]) -> Row | None:
    """Why a file has not settled; None where it has, or is not there."""
    if row["state"] == "uploading":
        return _said("upload", "its bytes have not arrived yet", None, None)
    if row["state"] != "processing" or seen is None:
        return None
    name = next((one for one in MAIN if any(part["state"] not in ENDED for part in steps.get(one, ()))), None)
    if name is None:
        return None
    return _of_step(seen, str(row["batch_id"]), name, steps[name])


def batch_eta_s(catalog: Any, batch_id: Any, by_state: Mapping[str, int]) -> list[int] | None:
    """When the last file of a batch will have settled, of those whose bytes have arrived; None where the rest have not."""
    if not by_state.get("processing"):
        return None if by_state.get("uploading") or by_state.get("upload_missing") else [0, 0]
    seen = view(catalog, [batch_id])
    low, high = seen.standing.batch_finishes(str(batch_id), MAIN)
    for service in _held(seen, str(batch_id)):
        low, high = low + _until_probe_s(seen, service), high + _outage_s(seen, service)
    return _whole((low, high))


def _of_step(seen: View, batch_id: str, name: str, parts: Parts) -> Row:
    left = [part for part in parts if part["state"] not in ENDED]
    rest = MAIN[MAIN.index(name) + 1 :]
    service = _down(seen, name)
    ready = [part for part in left if part["state"] == "ready"]
    parked = [part for part in left if part["state"] == "parked"]
    if parked or (ready and service):
        return _without_service(seen, batch_id, name, parked or ready, service, rest)
    if at_work := [part for part in left if part["state"] == "running"]:
        return _at_work(seen, batch_id, name, parts, at_work, ready, rest)
    if any(part["state"] == "queued" for part in left):
        eta_s = seen.standing.goes_on(name, batch_id, (0.0, 0.0), rest)
        return _said("fair_share", f"it is next for {SAID[name][0]}", 0, eta_s)
    if ready:
        return _in_line(seen, batch_id, name, ready, rest)
    return _put_off(seen, batch_id, name, left, rest)


def _in_line(seen: View, batch_id: str, name: str, ready: Parts, rest: Sequence[str]) -> Row:
    ahead, before_last = _ahead(seen, batch_id, name, ready)
    eta_s = seen.standing.finishes(name, batch_id, before_last, rest)
    if STEPS[name].depends_on in seen.scarce:
        return _said("rate_limited", f"{_limiting(name)}; {_before(seen, name, ahead)}", round(ahead.files), eta_s)
    others = ", and others' take turns with yours" if ahead.cost_s > ahead.own_s + 0.5 else ""
    detail = f"it waits its turn for {SAID[name][0]}: {_before(seen, name, ahead)}{others}"
    return _said("fair_share", detail, round(ahead.files), eta_s)


def _at_work(
    seen: View, batch_id: str, name: str, parts: Parts, at_work: Parts, ready: Parts, rest: Sequence[str]
) -> Row:
    outlook = seen.standing.outlook(name)
    run_low, run_high = outlook.run_s
    taken_s = max(0.0, seen.now - min(part["started_at"].timestamp() for part in at_work))
    begins_s = (-min(taken_s, run_low), -min(taken_s, 0.5 * run_high))
    if ready:  # more parts of the same file
        last = seen.standing.outlook(name).takes(_ahead(seen, batch_id, name, ready)[1].cost_s)
        begins_s = max(begins_s[0], last[0]), max(begins_s[1], last[1])
    eta_s = seen.standing.goes_on(name, batch_id, begins_s, rest)
    done = sum(part["state"] in ENDED for part in parts)
    progress = f": {done} of {len(parts)} parts are done" if len(parts) > 1 else ""
    return _said("at_work", f"{SAID[name][0]} is at work{progress}", 0, eta_s)


def _put_off(seen: View, batch_id: str, name: str, left: Parts, rest: Sequence[str]) -> Row:
    """A retry after a failure, or later because the service said so."""
    part = max(left, key=lambda one: one["due_at"] or datetime.now(UTC))
    due_s = max(0.0, part["due_at"].timestamp() - seen.now) if part["due_at"] else 0.0
    latest_s = due_s + seen.standing.outlook(name).takes(_behind_all(seen, batch_id, name).cost_s)[1]
    eta_s = seen.standing.goes_on(name, batch_id, (due_s, latest_s), rest)
    if part["error_code"]:
        detail = f"{part['error_detail'] or part['error_code']}; it is tried again in {_seconds(due_s)}"
        return _said("retry_backoff", detail, 0, eta_s)
    if part["reason"] == READING:
        return _said("at_work", READING, 0, eta_s)
    ahead = _behind_all(seen, batch_id, name)
    if not is_limit(part["reason"] or ""):
        detail = f"{part['reason'] or 'it goes on shortly'}; {_before(seen, name, ahead)}"
        return _said("fair_share", detail, round(ahead.files), eta_s)
    return _said("rate_limited", f"{_limiting(name)}; {_before(seen, name, ahead)}", round(ahead.files), eta_s)


def _without_service(
    seen: View, batch_id: str, name: str, parts: Parts, service: str | None, rest: Sequence[str]
) -> Row:
    """While what the step depends on is down."""
    due_s = max((part["due_at"].timestamp() - seen.now for part in parts if part["due_at"]), default=0.0)
    soonest_s = max(0.0, _until_probe_s(seen, service) if service else due_s)
    lasts_s = _outage_s(seen, service) if service else max(0.0, due_s)
    ahead, before_last = _ahead(seen, batch_id, name, parts)
    turn_s = seen.standing.finishes(name, batch_id, before_last, rest)
    said = parts[0]["reason"] or (seen.breakers[service].reason if service else "")
    what = f"{SERVICES.get(service, service)} is out of order" if service else "it was out of order"
    detail = f"{what}{f' ({said})' if said else ''}; it is asked again in {_seconds(soonest_s)}"
    return _said("dependency_down", detail, round(ahead.files), (turn_s[0] + soonest_s, turn_s[1] + lasts_s))


def _ahead(seen: View, batch_id: str, name: str, parts: Parts) -> tuple[Ahead, Ahead]:
    """What is served before the first and before the last of these parts, all of one file."""
    times = [part["ready_at"].timestamp() for part in parts if part["ready_at"]] or [seen.now]
    lane, part_s = seen.standing.lane(name, batch_id), parts[-1]["cost_estimate_s"]
    places = [lane.before(at) if lane else (0.0, 0.0) for at in (min(times), max(times))]
    first = seen.standing.ahead(name, batch_id, *places[0], part_s)
    return first, first if places[0] == places[1] else seen.standing.ahead(name, batch_id, *places[1], part_s)


def _behind_all(seen: View, batch_id: str, name: str) -> Ahead:
    """What is served before a part that comes to the end of its lane."""
    lane = seen.standing.lane(name, batch_id)
    return seen.standing.ahead(name, batch_id, lane.files if lane else 0, lane.cost_s if lane else 0)


def _down(seen: View, name: str) -> str | None:
    needed = ("object_store", STEPS[name].depends_on)
    return next((one for one in needed if one and one in seen.breakers and _is_open(seen.breakers[one])), None)


def _held(seen: View, batch_id: str) -> set[str]:
    """The services that are down and for which files of a batch wait."""
    waited_for = {_down(seen, step) for step in MAIN if seen.standing.lane(step, batch_id)}
    return {one for one in waited_for if one}


def _is_open(breaker: Breaker) -> bool:
    return breaker.mode is not Mode.CLOSED


def _until_probe_s(seen: View, service: str) -> float:
    return seen.breakers[service].wait_s(seen.now)


def _outage_s(seen: View, service: str) -> float:
    """An outage lasts about as long again as it has lasted."""
    return max(OUTAGE_LASTS_S, 2 * (seen.now - seen.breakers[service].opened_at))


def _limiting(name: str) -> str:
    return f"{SERVICES[STEPS[name].depends_on or name].capitalize()} is limiting calls"


def _before(seen: View, name: str, ahead: Ahead) -> str:
    unit, count = SAID[name][1], round(ahead.files)
    if unit == "page":
        own = seen.standing.lanes.get(name, {}).values()
        cost_s = sum(lane.cost_s for lane in own)
        count = round(sum(lane.parts for lane in own) * ahead.own_s / cost_s) if cost_s else 0
    if count == 0:
        return f"no {unit} of yours is ahead"
    return f"{count} {unit}{'s' if count > 1 else ''} of yours {'are' if count > 1 else 'is'} ahead"


def _seconds(seconds: float) -> str:
    return f"{max(1, round(seconds))} s" if seconds < 120 else f"{round(seconds / 60)} minutes"


def _said(reason: str, detail: str, position: int | None, eta_s: Range | None) -> Row:
    return {"reason": reason, "detail": detail, "position": position, "eta_s": _whole(eta_s) if eta_s else None}


def _whole(eta_s: Range) -> list[int]:
    low = max(0, int(eta_s[0]))
    return [low, max(low + 1, int(eta_s[1]) + 1)]


def _outlooks(catalog: Any) -> dict[str, Outlook]:
    """Every step's outlook; the same for all tenants, so it is kept for a moment."""
    global _kept
    with _lock:
        read_at, kept = _kept
    if time.monotonic() - read_at < KEPT_S and kept:
        return kept
    at_once = concurrency(bootstrap.settings().concurrency)
    found = {step: Outlook(concurrency=at_once[step]) for step in STEPS}
    found |= {row["step"]: _outlook(row, at_once.get(row["step"], 1)) for row in catalog.rows("outlooks")}
    with _lock:
        _kept = time.monotonic(), found
    return found


def _outlook(row: Row, concurrency: int) -> Outlook:
    served = (row["served_low"], row["served_high"]) if row["served_low"] and row["served_high"] else None
    run_s = (row["run_low_s"], row["run_high_s"]) if row["run_high_s"] is not None else UNKNOWN_RUN
    return Outlook(
        row["cost_s"],
        row["curve_pass"],
        row["curve_cost_s"],
        served,
        row["cost_a_file_s"] or 0.0,
        run_s,
        concurrency,
        row["age_s"],
    )


def _lane(row: Row) -> OwnLane:
    return OwnLane(
        row["files"],
        row["parts"],
        row["cost_s"],
        row["pass"],
        row["weight"],
        row["batch_pass"],
        row["batch_weight"],
        [moment.timestamp() for moment in row["marks_at"]],
        row["marks_files"],
        row["marks_cost_s"],
    )
