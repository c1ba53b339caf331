"""What is going on: steps, lanes, services and budgets, of one tenant or, for an admin, of the whole system."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from functions.api import quotas
from functions.api.operations import breaker_view
from functions.api.requests import Request
from functions.api.views import at
from functions.pipelines import STEPS, concurrency
from layers import bootstrap

Row = dict[str, Any]
WITHIN_S = 300.0
MOST_LANES = 50
STATES = ("ready", "queued", "running", "retrying", "parked")


def show(request: Request) -> tuple[int, Any]:
    of = seen_tenant(request)
    return 200, {
        "as_of": at(datetime.now(UTC)),
        "tenant_id": of,
        "steps": steps(request, of),
        "dependencies": {name: breaker_view(name) for name in dependencies()},
        "budgets": budgets(),
        "lanes": [_lane_view(row) for row in request.catalog.rows("busy_lanes", of_tenant_id=of, limit=MOST_LANES)],
        "quota": None if of is None else {"allowed": quotas.allowed(request), "used": quotas.use(request)},
    }


def seen_tenant(request: Request) -> str | None:
    """Whose figures a caller sees; None: everybody's."""
    return None if request.caller.role == "admin" else request.tenant_id


def steps(request: Request, of: str | None) -> dict[str, Row]:
    """Each step: how many parts are where, and what its attempts came to within the last minutes."""
    now = datetime.now(UTC)
    shown: dict[str, Row] = {name: {**dict.fromkeys(STATES, 0), "oldest_s": None} for name in STEPS}
    for row in request.catalog.rows("step_states", of_tenant_id=of):
        if row["step"] in shown:
            shown[row["step"]][row["state"]] = row["parts"]
            if row["state"] == "ready" and row["oldest_at"]:
                shown[row["step"]]["oldest_s"] = round(max(0.0, (now - row["oldest_at"]).total_seconds()), 1)
    recent = {row["step"]: row for row in request.catalog.rows("recent_attempts", of_tenant_id=of, within_s=WITHIN_S)}
    at_once = concurrency(bootstrap.settings().concurrency)
    return {
        name: counts | _recent_view(recent.get(name)) | {"concurrency": at_once.get(name)}
        for name, counts in shown.items()
    }


def _recent_view(row: Row | None) -> Row:
    if row is None:
        return {"done_a_minute": 0.0, "failed_a_minute": 0.0, "error_rate": None, "duration_s": None}
    minutes = WITHIN_S / 60
    known = row["p50_s"] is not None
    return {
        "done_a_minute": round(row["done"] / minutes, 2),
        "failed_a_minute": round(row["failed"] / minutes, 2),
        "error_rate": round((row["failed"] + row["retried"]) / row["ended"], 4) if row["ended"] else None,
        "duration_s": {"p50": round(row["p50_s"], 3), "p95": round(row["p95_s"], 3)} if known else None,
    }


def dependencies() -> list[str]:
    """All that steps depend on, whether it was ever out of order or not."""
    named = {step.depends_on for step in STEPS.values() if step.depends_on} | {"object_store"}
    return sorted(named | set(bootstrap.breakers().states()))


def budgets() -> dict[str, Row]:
    """Those of services that are in use here."""
    spent = {"textract": bootstrap.paid_reader() is not None, "extraction": bootstrap.extractor().pays_by_call}
    return {
        name: {"full_per_s": one.full_per_s, "per_s": round(one.per_s, 3), "room": one.room, "wait_s": round(one.wait_s, 2)}
        for name, one in bootstrap.budgets().states().items()
        if spent.get(name)
    }  # fmt: skip


def _lane_view(row: Row) -> Row:
    now = datetime.now(UTC)
    return {
        "step": row["step"],
        "tenant_id": str(row["tenant_id"]),
        "tenant": row["tenant_name"],
        **{name: row[name] for name in ("weight", "batches", "files", "parts")},
        "cost_s": round(row["cost_s"], 1),
        "oldest_s": round(max(0.0, (now - row["oldest_ready_at"]).total_seconds()), 1),
    }
