"""A plan as JSON for `schema/functions/apply_plan.sql`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from layers.domain.step import PlannedStep, Skip, Stop


def plan_as_json(planned: Sequence[PlannedStep]) -> list[dict[str, Any]]:
    """One object for each step: its new state, its reason or error, and its parts if it runs."""
    return [{"step": planned_step.step, **_state(planned_step)} for planned_step in planned]


def _state(planned_step: PlannedStep) -> dict[str, Any]:
    match planned_step.plan:
        case None:
            return {"state": "waiting"}
        case Skip(reason):
            return {"state": "skipped", "reason": reason}
        case Stop(code, detail):
            return {"state": "failed", "error_code": code, "error_detail": detail}
        case parts:
            return {
                "state": "ready",
                "parts": [{"pages": list(part.page_numbers), "cost_s": part.cost_estimate_s} for part in parts],
            }
