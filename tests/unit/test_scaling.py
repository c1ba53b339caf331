"""How many workers a step needs."""

from __future__ import annotations

import pytest

from layers.domain.scaling import needed_workers


@pytest.mark.parametrize(
    ("in_flight", "ready_cost_s", "slots_per_worker", "needed"),
    [
        (0, 0.0, 2, 0.0),
        (4, 0.0, 2, 2.0),  # busy workers are kept though nothing waits
        (0, 600.0, 2, 5.0),  # ten minutes of work in a minute
        (4, 600.0, 2, 7.0),
    ],
)
def test_workers_are_needed_for_what_runs_and_for_what_waits(
    in_flight: int, ready_cost_s: float, slots_per_worker: float, needed: float
) -> None:
    assert needed_workers(in_flight, ready_cost_s, slots_per_worker, target_s=60) == needed
