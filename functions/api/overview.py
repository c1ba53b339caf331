"""Shows the current state of steps, lanes, services and budgets: of a tenant or, for an admin, of the whole system."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from functions.api import fleet, quotas
from functions.api.operations import breaker_view
from functions.api.ports import ApiPorts
from functions.api.requests import Request
from functions.api.views import at
from functions.pipelines import STEPS
from layers.domain.services import OBJECT_STORE
from layers.ports.rows import BusyLane, RecentAttempts, RegisteredWorker

Shown = dict[str, Any]
WITHIN_S = 300.0
MOST_LANES = 50
STATES = ("ready", "queued", "running", "retrying", "parked")


def show(request: Request) -> tuple[int, Any]:
    tenant_id, ports = request.caller.seen_tenant, request.ports
    return 200, {
        "as_of": at(datetime.now(UTC)),
        "tenant_id": tenant_id,
        "steps": steps(request),
        "dependencies": {name: breaker_view(ports, name) for name in dependencies(ports)},
        "budgets": budgets(ports),
        "lanes": [_lane_view(row) for row in request.catalog.busy_lanes(tenant_id, MOST_LANES)],
        "workers": [_worker_view(worker) for worker in request.catalog.registered_workers()],
        "quota": None if tenant_id is None else {"allowed": quotas.allowed(request), "used": quotas.used(request)},
    }


def steps(request: Request) -> dict[str, Shown]:
    """For each step, the number of parts by state and the outcomes of its recent attempts."""
    now, tenant_id = datetime.now(UTC), request.caller.seen_tenant
    shown: dict[str, Shown] = {name: {**dict.fromkeys(STATES, 0), "oldest_s": None} for name in STEPS}
    for row in request.catalog.step_states(tenant_id):
        if row.step in shown:
            shown[row.step][row.state] = row.parts
            if row.state == "ready" and row.oldest_at:
                shown[row.step]["oldest_s"] = round(max(0.0, (now - row.oldest_at).total_seconds()), 1)
    at_once = fleet.concurrency(request.ports, request.catalog)
    recent = {row.step: row for row in request.catalog.recent_attempts(tenant_id, WITHIN_S)}
    return {
        name: counts | _recent_view(recent.get(name)) | {"concurrency": at_once[name]} for name, counts in shown.items()
    }


def _recent_view(row: RecentAttempts | None) -> Shown:
    if row is None:
        return {"done_a_minute": 0.0, "failed_a_minute": 0.0, "error_rate": None, "duration_s": None}
    minutes = WITHIN_S / 60
    has_durations = row.p50_s is not None and row.p95_s is not None
    return {
        "done_a_minute": round(row.done / minutes, 2),
        "failed_a_minute": round(row.failed / minutes, 2),
        "error_rate": round((row.failed + row.retried) / row.ended, 4) if row.ended else None,
        "duration_s": {"p50": round(row.p50_s or 0, 3), "p95": round(row.p95_s or 0, 3)} if has_durations else None,
    }


def dependencies(ports: ApiPorts) -> list[str]:
    """All services that steps depend on, and all that have a breaker."""
    named = {step.depends_on for step in STEPS.values() if step.depends_on} | {OBJECT_STORE}
    return sorted(named | set(ports.breakers.states()))


def budgets(ports: ApiPorts) -> dict[str, Shown]:
    """The budgets of services that are in use here and charge for each call."""
    return {
        name: {
            "full_per_s": budget.full_per_s,
            "per_s": round(budget.per_s, 3),
            "room": budget.room,
            "wait_s": round(budget.wait_s, 2),
        }
        for name, budget in ports.budgets.states().items()
        if ports.is_paid(name)
    }


def _lane_view(row: BusyLane) -> Shown:
    now = datetime.now(UTC)
    return {
        "step": row.step,
        "tenant_id": str(row.tenant_id),
        "tenant": row.tenant_name,
        "weight": row.weight,
        "batches": row.batches,
        "files": row.files,
        "parts": row.parts,
        "cost_s": round(row.cost_s, 1),
        "oldest_s": round(max(0.0, (now - row.oldest_ready_at).total_seconds()), 1),
    }


def _worker_view(worker: RegisteredWorker) -> Shown:
    return {
        "worker": worker.worker,
        "host": worker.host,
        "version": worker.version,
        "state": worker.state,
        "slots": worker.slots,
        "started_at": at(worker.started_at),
        "silent_s": round(max(0.0, (datetime.now(UTC) - worker.beat_at).total_seconds()), 1),
    }
