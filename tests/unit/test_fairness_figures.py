"""The figures that the fairness laboratory computes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.fairness import scenes
from benchmarks.fairness.figures import (
    Read,
    gone_before,
    jain,
    jain_by_cost,
    percentile,
    turnaround_s,
    waits,
    while_all_wait,
    worst_window,
)
from benchmarks.fairness.forecasts import Forecast, held


def read(tenant: str, file_id: str, *, arrived: float = 0.0, queued: float = 0.0, started: float = 0.0) -> Read:
    return Read(tenant, "batch", file_id, arrived, arrived, queued, started, started + 2.0, 2.0)


def test_a_file_waits_until_its_first_part_is_read() -> None:
    parts = [read("a", "1", started=3.0), read("a", "1", started=1.0), read("a", "2", arrived=5.0, started=5.5)]
    assert waits(parts) == [1.0, 0.5]


@pytest.mark.parametrize(("share", "value"), [(0.5, 2), (0.95, 4), (0.75, 3), (0.0, 1)])
def test_a_percentile_is_one_of_the_values(share: float, value: int) -> None:
    assert percentile([4, 1, 3, 2], share) == value


def test_the_worst_window_is_found_between_good_ones() -> None:
    assert worst_window([0.0] * 50 + [9.0] * 10 + [0.0] * 50, 0.95, size=20) == 9.0
    assert worst_window([0.0] * 500 + [9.0] * 4 + [0.0] * 500, 0.95) == 0.0


@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=20))
def test_jains_index_lies_between_its_extremes(shares: list[float]) -> None:
    assert 1 / len(shares) - 1e-9 <= jain(shares) <= 1 + 1e-9
    assert jain([shares[0]] * len(shares)) == pytest.approx(1)


def test_a_tenant_without_any_service_counts_for_jains_index() -> None:
    assert jain_by_cost([read("a", "1")], {"a": 1.0, "b": 1.0}) == 0.5


def test_shares_are_compared_only_while_all_tenants_wait() -> None:
    a = [read("a", str(n), arrived=1.0, queued=float(n)) for n in range(6)]
    b = [read("b", str(n), arrived=2.0, queued=n + 0.5) for n in range(4)]
    assert [row.queued_at for row in while_all_wait([*a, *b])] == [2.0, 3.0, 2.5]


def test_the_turnaround_of_a_batch_ends_when_its_last_part_is_read() -> None:
    assert turnaround_s([read("a", "1", arrived=3.0, started=4.0), read("a", "2", arrived=3.0, started=9.0)]) == 8.0


def test_parts_dispatched_before_a_part_are_counted_from_when_it_became_ready() -> None:
    others = [read("noisy", str(n), queued=float(n)) for n in range(10)]
    mine = read("quiet", "mine", arrived=3.5, queued=7.5)
    assert gone_before([*others, mine], ["quiet"]) == [4]


def test_the_announced_size_encodes_pages_and_estimate() -> None:
    assert scenes.announced(scenes.Drop(0.0, "a", 1, pages=300, judged=0.1).size_bytes) == (300, 0.1)


def test_a_quiet_tenant_drops_a_file_every_few_seconds() -> None:
    drops = [drop.at_s for drop in scenes.quiet(500.0, 20) if drop.tenant == scenes.QUIET[0]]
    assert drops == sorted(drops) and drops[0] < 5 and 80 < len(drops) < 120


def test_quiet_tenants_use_a_fifth_of_any_number_of_readers() -> None:
    for concurrency in (4, 20, 50):
        read_s = len(scenes.quiet(5000.0, concurrency)) * scenes.PAGE_S
        assert 0.15 < read_s / (5000.0 * concurrency) < 0.21


def test_a_forecast_holds_if_its_file_settles_within_the_range() -> None:
    forecasts = [
        Forecast("early", 100.0, 5.0, 9.0),
        Forecast("in time", 100.0, 5.0, 9.0),
        Forecast("late", 100.0, 5.0, 9.0),
    ]
    assert held([*forecasts, Forecast("never", 100.0, 0.0, 9.0)], {"early": 104.0, "in time": 109.0, "late": 110.0}) == [
        False, True, False,
    ]  # fmt: skip
