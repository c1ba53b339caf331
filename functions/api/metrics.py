"""Metrics for Prometheus: gauges of the current state, counters of all attempts."""

from __future__ import annotations

from functions.api import dead_letters, fleet, overview
from functions.api.ports import ApiPorts
from functions.api.requests import Request, Response
from layers.domain.breaker import Mode
from layers.telemetry import prometheus
from layers.telemetry.prometheus import Sample


def show(request: Request) -> Response:
    """Metrics of the whole system for an admin's key, otherwise of the caller's tenant, as Prometheus text."""
    samples = [*_steps(request), *_attempts(request), *_dead_letters(request), *_services(request.ports)]
    return Response(200, text=prometheus.text(samples), media_type=prometheus.MEDIA_TYPE)


def _steps(request: Request) -> list[Sample]:
    samples = []
    shown_steps = overview.steps(request)
    if request.caller.seen_tenant is None and not request.ports.settings.on_lambda:
        samples += fleet.samples(request.catalog, shown_steps, request.ports.settings.target_s)
    for step, shown in shown_steps.items():
        samples += [Sample("parts", shown[state], {"step": step, "state": state}) for state in overview.STATES]
        samples.append(Sample("oldest_ready_seconds", shown["oldest_s"] or 0.0, {"step": step}))
        samples.append(Sample("reserved_concurrency", shown["concurrency"], {"step": step}))
        for which, seconds in (shown["duration_s"] or {}).items():
            labels = {"step": step, "quantile": f"0.{which[1:]}"}
            samples.append(Sample("attempt_duration_seconds", seconds, labels))
    return samples


def _attempts(request: Request) -> list[Sample]:
    samples = []
    for total in request.catalog.attempt_totals(request.caller.seen_tenant):
        labels = {"step": total.step, "outcome": total.outcome}
        samples.append(Sample("attempts", total.attempts, labels))
        samples.append(Sample("attempt_seconds", total.cost_s, labels))
    return samples


def _dead_letters(request: Request) -> list[Sample]:
    by_step = dead_letters.count_by_step(request)
    return [Sample("dead_letters", count, {"step": step}) for step, count in by_step.items()]


def _services(ports: ApiPorts) -> list[Sample]:
    states = ports.breakers.states()
    modes = {name: states[name].mode if name in states else Mode.CLOSED for name in overview.dependencies(ports)}
    samples = [
        Sample("breaker_open", float(mode is not Mode.CLOSED), {"dependency": name}) for name, mode in modes.items()
    ]
    for name, budget in overview.budgets(ports).items():
        labels = {"dependency": name}
        samples.append(Sample("budget_units_per_second", budget["per_s"], labels))
        samples.append(Sample("budget_full_units_per_second", budget["full_per_s"], labels))
        samples.append(Sample("budget_room_parts", budget["room"], labels))
    return samples
