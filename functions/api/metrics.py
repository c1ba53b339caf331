"""Metrics for Prometheus: gauges of what stands where, counters of what the ledger came to."""

from __future__ import annotations

from functions.api import dead_letters, overview
from functions.api.requests import Request, Response
from layers import bootstrap
from layers.domain.breaker import Mode
from layers.telemetry import prometheus
from layers.telemetry.prometheus import Sample


def show(request: Request) -> Response:
    """In Prometheus's text format: of the whole system for an admin's key, else of the caller's tenant."""
    of = overview.seen_tenant(request)
    samples = [*_steps(request, of), *_ledger(request, of), *_dead_letters(request), *_services()]
    return Response(200, text=prometheus.text(samples), media_type=prometheus.MEDIA_TYPE)


def _steps(request: Request, of: str | None) -> list[Sample]:
    found = []
    for step, shown in overview.steps(request, of).items():
        found += [Sample("parts", shown[state], {"step": step, "state": state}) for state in overview.STATES]
        found.append(Sample("oldest_ready_seconds", shown["oldest_s"] or 0.0, {"step": step}))
        if shown["concurrency"] is not None:
            found.append(Sample("reserved_concurrency", shown["concurrency"], {"step": step}))
        for which, seconds in (shown["duration_s"] or {}).items():
            found.append(Sample("attempt_duration_seconds", seconds, {"step": step, "quantile": f"0.{which[1:]}"}))
    return found


def _ledger(request: Request, of: str | None) -> list[Sample]:
    found = []
    for row in request.catalog.rows("attempts_in_all", of_tenant_id=of):
        labels = {"step": row["step"], "outcome": row["outcome"]}
        found.append(Sample("attempts", row["attempts"], labels))
        found.append(Sample("attempt_seconds", row["cost_s"], labels))
    return found


def _dead_letters(request: Request) -> list[Sample]:
    by_step = dead_letters.count_by_step(request)
    return [Sample("dead_letters", count, {"step": step}) for step, count in by_step.items()]


def _services() -> list[Sample]:
    states = bootstrap.breakers().states()
    modes = {name: states[name].mode if name in states else Mode.CLOSED for name in overview.dependencies()}
    found = [
        Sample("breaker_open", float(mode is not Mode.CLOSED), {"dependency": name}) for name, mode in modes.items()
    ]
    for name, one in overview.budgets().items():
        labels = {"dependency": name}
        found.append(Sample("budget_units_per_second", one["per_s"], labels))
        found.append(Sample("budget_full_units_per_second", one["full_per_s"], labels))
        found.append(Sample("budget_room_parts", one["room"], labels))
    return found
