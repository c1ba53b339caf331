"""The workers as the API shows them: how many parts they run at once, and how many workers are needed."""

from __future__ import annotations

from typing import Any

from functions.api.ports import ApiPorts
from functions.pipelines import STEPS
from layers.domain.fleet import at_once
from layers.domain.scaling import needed_workers
from layers.ports.catalog import Catalog
from layers.ports.rows import LiveSlots
from layers.telemetry.prometheus import Sample

Shown = dict[str, Any]
IN_FLIGHT = ("queued", "running")


def concurrency(ports: ApiPorts, catalog: Catalog) -> dict[str, int]:
    """How many parts of each step run at once: on the live workers or, if no workers register, as reserved."""
    live = {row.step: row.slots for row in catalog.live_slots()}
    if not live:
        return dict(ports.concurrency)
    return {step: at_once(live.get(step, 0), ports.settings.ceilings.get(step)) for step in STEPS}


def samples(catalog: Catalog, steps: dict[str, Shown], target_s: float) -> list[Sample]:
    """The metrics for autoscaling, of the whole system. `steps`: the number of parts of each step by state."""
    live = {row.step: row for row in catalog.live_slots()}
    ready_s = {row.step: row.cost_s for row in catalog.step_backlogs()}
    result: list[Sample] = []
    for step, parts in steps.items():
        of_step, labels = live.get(step, LiveSlots(step, 0, 0)), {"step": step}
        per_worker = of_step.slots / of_step.workers if of_step.workers else STEPS[step].slots_per_worker
        in_flight = sum(parts[state] for state in IN_FLIGHT)
        needed = needed_workers(in_flight, ready_s.get(step, 0.0), per_worker, target_s)
        result += [
            Sample("ready_cost_seconds", ready_s.get(step, 0.0), labels),
            Sample("live_workers", of_step.workers, labels),
            Sample("live_slots", of_step.slots, labels),
            Sample("needed_workers", round(needed, 3), labels),
        ]
    return result
