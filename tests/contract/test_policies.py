"""Each policy that SQL repeats gives the same results as layers/domain; each change of state is one of FOLLOWS."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product

import pytest

from functions.pipelines import INTAKE
from layers.domain import estimates, fairness
from layers.domain.file import File, original_key
from layers.domain.ledger import CANCELLED, LOST_WITH_OTHERS, WORKER_LOST, Entry, entry
from layers.domain.lifecycle import INTAKE_STEP
from layers.domain.message import Arrival
from layers.domain.page import Page, replaces
from layers.domain.step import ENDED, Done, Failed, Later, Outcome, Parked, Part, PlannedStep, Retry, Skipped, State
from tests.contract.worlds import PostgresWorld, World, claim, planned
from tests.making import ONE_PART, nothing_follows


@pytest.fixture
def postgres(request: pytest.FixtureRequest) -> PostgresWorld:
    return PostgresWorld(request.getfixturevalue("database_urls"))


def computed(world: PostgresWorld, expression: str, **parameters: object) -> object:
    row = world.bench.database.row(f"SELECT {expression} AS value", **parameters)
    assert row
    return row["value"]


# --- formulas ------------------------------------------------------------------------------------------


def test_sql_and_python_allow_the_same_number_of_wake_ups_in_flight(postgres: PostgresWorld) -> None:
    loads = [(0, 0.0), (1, 0.1), (4, 1.0), (4, 2.0), (20, 10.0), (30, 600.0)]
    for cap, (in_flight, seconds_each) in product([1, 2, 3, 5, 25, 125], loads):
        expression = "in_flight_slots(%(cap)s, %(in_flight)s, %(in_flight_s)s, %(per_worker)s)"
        case = {"cap": cap, "in_flight": in_flight, "in_flight_s": in_flight * seconds_each}
        value = computed(postgres, expression, per_worker=fairness.IN_FLIGHT_PER_WORKER, **case)
        assert value == fairness.slots(**case), case


def test_sql_and_python_make_bundles_of_the_same_size(postgres: PostgresWorld) -> None:
    for most, losses in product([1, 3, 8, 10], [0.0, 0.5, 1.0, 1.5, 2.0, 4.5]):
        expression = "bundle_size(%(most)s::integer, %(losses)s::real, %(after_loss)s)"
        value = computed(postgres, expression, most=most, losses=losses, after_loss=fairness.BUNDLE_AFTER_LOSS)
        assert value == fairness.bundle_size(most, losses), (most, losses)


@pytest.mark.parametrize(("priority", "weight"), [("low", fairness.LOW_WEIGHT), ("normal", 1.0)])
def test_sql_and_python_weigh_a_batch_alike(postgres: PostgresWorld, priority: str, weight: float) -> None:
    assert computed(postgres, "weight_of_priority(%(p)s)", p=priority) == weight


def test_the_index_of_short_parts_ends_where_long_parts_begin(postgres: PostgresWorld) -> None:
    index = str(computed(postgres, "pg_get_indexdef('steps_ready_short'::regclass)"))
    (limit,) = re.findall(r"cost_estimate_s <= \(?(\d+)", index)
    assert float(limit) == fairness.SLICE_S
    dispatch = str(computed(postgres, "(SELECT prosrc FROM pg_proc WHERE proname = 'dispatch_step')"))
    assert re.findall(r"cost_estimate_s <= (\d+)", dispatch) == [limit]


@pytest.mark.parametrize("size_bytes", [0, 10, 1_000_000, 5_000_000_000])
def test_intake_is_estimated_alike_on_arrival_and_on_redrive(postgres: PostgresWorld, size_bytes: int) -> None:
    ((_, key),) = postgres.promised(1)
    postgres.bench.database.run("UPDATE files SET declared_size_bytes = %(n)s", n=size_bytes)
    postgres.store.arrive([Arrival(key)])
    (wake_up,) = postgres.store.dispatch({INTAKE_STEP: 1})
    held = claim(postgres, wake_up)
    assert held.cost_estimate_s == pytest.approx(INTAKE.cost_s(held.file))
    assert INTAKE.cost_s(held.file) == estimates.intake_s(held.file)


def test_intake_is_the_first_step_and_estimated_by_size() -> None:
    assert INTAKE.name == INTAKE_STEP
    file = File("f", "t", "d", "b", "a.pdf", original_key("t", "f"), None, 20_000_000, None)
    assert estimates.intake_s(file) - estimates.intake_s(replace(file, declared_size_bytes=0)) == pytest.approx(1.0)


# --- readings of a page --------------------------------------------------------------------------------

READINGS = [(None, 0.0, 0.0), (None, 50.0, 10.0), ("ocr", 50.0, 49.9), ("ocr", 50.0, 50.0), ("native", 100.0, 95.0)]


@pytest.mark.parametrize(("known_source", "known", "new"), READINGS)
def test_every_store_keeps_the_reading_of_a_page_that_the_policy_chooses(
    world: World, known_source: str | None, known: float, new: float
) -> None:
    wake_ups = planned(world, 1, [PlannedStep("text", (Part(), Part()))])
    readings = (Page(1, "known", (), known_source, known), Page(1, "new", (), "textract", new))  # type: ignore[arg-type]
    for wake_up, page in zip(wake_ups, readings, strict=True):
        world.store.record(claim(world, wake_up), Done(pages=(page,)), nothing_follows, cost_s=0, host="h")
    kept = "new" if replaces(new, known_source, known) else "known"  # type: ignore[arg-type]
    assert [page.text for page in world.store.pages(wake_ups[0].file_id)] == [kept]


# --- outcomes ------------------------------------------------------------------------------------------

OUTCOMES: list[tuple[Outcome, Entry]] = [
    (Done(), Entry(State.DONE, "done")),
    (Skipped("nothing to do"), Entry(State.SKIPPED, "skipped")),
    (Failed("corrupt", "damaged"), Entry(State.FAILED, "failed", failures=1)),
    (Failed("quarantined", "lost", lost=True), Entry(State.FAILED, "lost", losses=1.0)),
    (Retry(5, "unreachable", "no answer"), Entry(State.RETRYING, "retried", failures=1)),
    (Retry(5, WORKER_LOST, "lost", lost=True), Entry(State.RETRYING, "lost", losses=1.0)),
    (Retry(5, LOST_WITH_OTHERS, "lost", lost=True), Entry(State.RETRYING, "lost", losses=0.5)),
    (Later(5, "throttled"), Entry(State.RETRYING, "snoozed", snoozes=1)),
    (Parked(5, "down", "textract"), Entry(State.PARKED, "parked", snoozes=1)),
]


@pytest.mark.parametrize(("outcome", "expected"), OUTCOMES)
def test_every_store_records_an_outcome_as_the_ledger_says(world: World, outcome: Outcome, expected: Entry) -> None:
    assert entry(outcome) == expected
    (wake_up,) = planned(world, 1, [PlannedStep("text", ONE_PART)])
    world.store.record(claim(world, wake_up), outcome, nothing_follows, cost_s=0, host="h")
    assert world.states(wake_up.file_id)["text", 0] == expected.state
    assert world.attempts(wake_up.file_id)[-1] == ("text", 0, 1, expected.word)
    if expected.state not in ENDED:
        world.time_passes(6)
        assert world.store.wake_due(10) == {"text"}
        (again,) = world.store.dispatch({"text": 10})
        held = claim(world, again)
        assert (held.failures, held.snoozes, held.losses) == (expected.failures, expected.snoozes, expected.losses)


def test_the_database_knows_the_states_and_the_outcomes_of_the_domain(postgres: PostgresWorld) -> None:
    words = {expected.word for _, expected in OUTCOMES} | {CANCELLED.word}
    for constraint, known in (("steps_state_check", set(State)), ("attempts_outcome_check", words)):
        definition = "(SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %(name)s)"
        assert set(re.findall(r"'(\w+)'", str(computed(postgres, definition, name=constraint)))) == {
            str(w) for w in known
        }


# --- transitions ---------------------------------------------------------------------------------------


def test_every_store_refuses_a_transition_that_may_not_follow(world: World) -> None:
    (wake_up,) = planned(world, 1, [PlannedStep("text", ONE_PART)])
    with pytest.raises(Exception, match="queued"):
        world.force(wake_up, State.DONE)
    assert world.states(wake_up.file_id)["text", 0] == "queued"
