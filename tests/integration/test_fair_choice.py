"""The order of dispatch in the database is that of the model in layers/domain/fairness.py, for random sequences of
events."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from layers.domain.fairness import LOW_WEIGHT, SLICE_S, Lanes, is_long, slots, slots_for_long_parts
from layers.domain.message import WakeUp
from layers.domain.step import Done
from tests.making import Bench, Urls, nothing_follows

STEP = "ocr"
WEIGHTS = (1.0, 1.0, 2.0, 4.0)
COSTS = st.sampled_from([0.25, 0.5, 2.0, 8.0, 64.0])  # in binary, so that sums are the same in any order
READY = st.tuples(st.just("ready"), st.integers(0, 3), st.integers(0, 1), st.integers(1, 4), COSTS)
TAKE = st.tuples(st.just("take"), st.integers(1, 6))
END = st.tuples(st.just("end"), st.integers(0, 20), st.sampled_from([0.0, 0.5, 4.0, 32.0]))
FLOORS = st.tuples(st.just("floors"))
TURNS = st.lists(st.one_of(READY, READY, TAKE, TAKE, END, FLOORS), min_size=8, max_size=40)

APPLY = "SELECT apply_plan(%(file_id)s, %(plan)s)"


@pytest.fixture(scope="module")
def bench(database_urls: Urls) -> Bench:
    return Bench.on(database_urls, most=4)


@dataclass
class Both:
    """The same events, applied to the model and to the database."""

    bench: Bench
    lanes: Lanes = field(default_factory=Lanes)
    chosen: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    in_flight: list[WakeUp] = field(default_factory=list)
    of_file: dict[str, tuple[str, str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bench.empty()
        self.tenants = [self.bench.tenant(weight) for weight in WEIGHTS]
        self.datasets = [self.bench.dataset(tenant_id) for tenant_id in self.tenants]
        self.batches = {
            (index, low): self.bench.batch(tenant_id, self.datasets[index], "low" if low else "normal")
            for index, tenant_id in enumerate(self.tenants)
            for low in (0, 1)
        }

    def ready(self, index: int, low: int, files: int, cost_s: float) -> None:
        tenant_id, batch_id = self.tenants[index], self.batches[index, low]
        for file_id, _ in self.bench.files(tenant_id, self.datasets[index], batch_id, files):
            plan = [{"step": STEP, "state": "ready", "parts": [{"pages": [], "cost_s": cost_s}]}]
            self.bench.database.rows(APPLY, file_id=file_id, plan=Jsonb(plan))
            self.lanes.ready(tenant_id, batch_id, file_id, cost_s, WEIGHTS[index], LOW_WEIGHT if low else 1.0)
            self.of_file[file_id] = tenant_id, batch_id, cost_s

    def take(self, room: int) -> None:
        cap = len(self.in_flight) + room
        costs_s = [self.of_file[wake_up.file_id][2] for wake_up in self.in_flight]
        taken = self.bench.store.dispatch({STEP: cap})
        self.in_flight += taken
        self.chosen += [wake_up.file_id for wake_up in taken]
        while len(costs_s) < slots(cap, len(costs_s), sum(costs_s)):
            item = self.lanes.next(long_parts_too=sum(map(is_long, costs_s)) < slots_for_long_parts(cap))
            if item is None:
                break
            self.expected.append(item)
            costs_s.append(self.of_file[item][2])
        assert self.chosen == self.expected

    def end(self, index: int, cost_s: float) -> None:
        """A part in flight ends, and its lane is charged the measured time."""
        if not self.in_flight:
            return
        claim = self.bench.claim(self.in_flight.pop(index % len(self.in_flight)))
        self.bench.store.record(claim, Done(), nothing_follows, cost_s=cost_s, host="h")
        tenant_id, batch_id, estimate_s = self.of_file[claim.file.file_id]
        self.bench.store.correct_lane(claim, cost_s - min(estimate_s, SLICE_S))
        self.lanes.correct(tenant_id, batch_id, estimate_s, cost_s)

    def floors(self) -> None:
        """Time passes, so that the next dispatch raises the floors."""
        self.bench.database.run("UPDATE lane_clocks SET floor_at = '-infinity'")


@given(TURNS)
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
def test_the_database_dispatches_in_the_order_of_the_model(bench: Bench, turns: list[tuple]) -> None:
    both = Both(bench)
    for name, *arguments in turns:
        getattr(both, name)(*arguments)
    for _ in both.of_file:
        while both.in_flight:
            both.end(0, 0.5)
        both.take(len(both.of_file) + 1)
        if len(both.chosen) == len(both.of_file):
            break
    assert sorted(both.chosen) == sorted(both.of_file), "every file is dispatched exactly once"


def test_files_that_became_ready_at_once_are_taken_in_the_order_of_their_ids(bench: Bench) -> None:
    both = Both(bench)
    both.ready(0, 0, 5, 1.0)
    both.take(5)
    assert [uuid.UUID(file_id) for file_id in both.chosen] == sorted(uuid.UUID(file_id) for file_id in both.chosen)
