"""How many wake-ups may be in flight, given the live workers and the ceiling of a step."""

from __future__ import annotations

import pytest

from layers.attempts.fleet_view import FleetView
from layers.domain.fairness import slots
from layers.domain.fleet import Fleet, Limit, at_once, limit


@pytest.mark.parametrize(
    ("live", "ceiling", "expected"),
    [
        (0, None, Limit(0)),  # no worker runs the step
        (4, None, Limit(5)),
        (4, 8, Limit(5)),
        (8, 8, Limit(10)),
        (9, 8, Limit(10, 8)),
        (1000, 8, Limit(10, 8)),
    ],
)
def test_the_cap_follows_the_live_workers_up_to_the_ceiling(live: int, ceiling: int | None, expected: Limit) -> None:
    assert limit(live, ceiling) == expected


@pytest.mark.parametrize("mean_s", [0.1, 2.0, 10.0])
@pytest.mark.parametrize("ceiling", [1, 3, 40, 1000])
def test_with_more_workers_than_the_ceiling_allows_the_ceiling_is_reached_and_not_exceeded(
    ceiling: int, mean_s: float
) -> None:
    found, in_flight = limit(10 * ceiling, ceiling), 0
    while in_flight < min(slots(found.cap, in_flight, in_flight * mean_s), found.ceiling or 0):
        in_flight += 1
    assert in_flight == ceiling


def test_a_view_without_a_fleet_knows_no_workers() -> None:
    view = FleetView()
    assert view.workers == 0
    view.current = Fleet(3, {"ocr": 6})
    assert view.workers == 3


def test_at_most_the_ceiling_runs_at_once() -> None:
    assert (at_once(5, None), at_once(5, 8), at_once(9, 8)) == (5, 5, 8)
