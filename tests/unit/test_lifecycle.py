"""The life of a step, as tables: plans, retries, losses and states."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.pipelines import INTAKE, PIPELINES
from layers.domain import lifecycle
from layers.domain.file import File, PageSummary
from layers.domain.lifecycle import FOLLOWS
from layers.domain.page import Source
from layers.domain.plan_json import plan_as_json
from layers.domain.retry import RetryPolicy
from layers.domain.slicing import RISE, slices
from layers.domain.step import (
    ENDED,
    WHOLE_FILE,
    Failed,
    Part,
    Plan,
    PlannedStep,
    Retry,
    Skip,
    State,
    Step,
    Stop,
)


def file(
    media_type: str, *pages: tuple[Source | None, float], page_count: int | None = None, failures: tuple[str, ...] = ()
) -> File:
    summaries = tuple(PageSummary(number, *page) for number, page in enumerate(pages, 1))
    return File(
        "f", "t", "d", "b", "name", "key", None, 10, None,
        media_type=media_type, page_count=page_count, pages=summaries,
        failures=dict.fromkeys(failures, ("code", "detail")),
    )  # fmt: skip


def word(plan: Plan | None) -> str:
    """A plan in one word."""
    kinds = {Skip: "skip", Stop: "stop", type(None): "wait"}
    return kinds.get(type(plan), "run")


def words(planned: list[PlannedStep]) -> dict[str, str]:
    return {planned_step.step: word(planned_step.plan) for planned_step in planned}


STEPS = {step.name: step for pipeline in PIPELINES for step in pipeline.steps}


@pytest.mark.parametrize(
    ("media_type", "page_count", "text", "ocr", "preview", "thumbnail"),
    [
        ("application/pdf", 3, "run", "wait", "run", "run"),
        ("text/plain", None, "run", "wait", "run", "run"),
        ("image/jpeg", 1, "skip", "run", "run", "run"),
        ("image/tiff", 7, "skip", "run", "run", "run"),
    ],
)
def test_intake_starts_each_pipeline_at_its_first_step(
    media_type: str, page_count: int | None, text: str, ocr: str, preview: str, thumbnail: str
) -> None:
    planned = words(lifecycle.start(PIPELINES, file(media_type, page_count=page_count)))
    assert planned["text"] == text and planned["ocr"] == ocr
    assert (planned["preview"], planned["thumbnail"]) == (preview, thumbnail)
    assert planned["extraction"] == "wait"


READ, UNREAD, SURE, UNSURE = ("native", 100.0), (None, 0.0), ("ocr", 92.0), ("ocr", 41.0)


@pytest.mark.parametrize(
    ("ended", "pages", "failures", "expected"),
    [
        ("text", [READ, READ], (), {"ocr": "skip", "textract": "skip", "extraction": "run"}),
        ("text", [READ, UNREAD], (), {"ocr": "run", "textract": "wait", "extraction": "wait"}),
        ("ocr", [SURE, SURE], (), {"textract": "skip", "extraction": "run"}),
        ("ocr", [SURE, UNSURE], (), {"textract": "run", "extraction": "wait"}),
        ("ocr", [UNREAD], ("ocr",), {"textract": "run", "extraction": "wait"}),
        ("textract", [SURE, UNSURE], (), {"extraction": "run"}),
        ("textract", [UNSURE], ("textract",), {"extraction": "run"}),
        ("textract", [UNREAD], ("ocr", "textract"), {"extraction": "stop"}),
    ],
)
def test_each_reader_runs_only_if_the_one_before_left_pages_unread_or_unsure(
    ended: str, pages: list[tuple[Source | None, float]], failures: tuple[str, ...], expected: dict[str, str]
) -> None:
    known_file = file("application/pdf", *pages, page_count=len(pages), failures=failures)
    assert words(lifecycle.follow(PIPELINES, STEPS[ended], ended in failures, known_file)) == expected


@pytest.mark.parametrize(
    ("media_type", "pages", "expected"),
    [
        ("message/rfc822", [READ, UNREAD], {"ocr": "run", "textract": "wait", "extraction": "wait"}),
        ("message/rfc822", [READ], {"ocr": "skip", "textract": "skip", "extraction": "run"}),
        ("text/plain", [UNREAD], {"ocr": "skip", "textract": "skip", "extraction": "stop"}),
    ],
)
def test_ocr_reads_unread_pages_only_in_formats_that_may_contain_pictures(
    media_type: str, pages: list[tuple[Source | None, float]], expected: dict[str, str]
) -> None:
    known_file = file(media_type, *pages, page_count=None)
    assert words(lifecycle.follow(PIPELINES, STEPS["text"], False, known_file)) == expected


def test_the_steps_after_a_failed_one_are_skipped_with_its_name_as_the_reason() -> None:
    text, *later = PIPELINES[0].steps
    planned = lifecycle.follow(PIPELINES, text, True, file("application/pdf", failures=("text",)))
    assert planned == [PlannedStep(step.name, Skip("text failed")) for step in later if step.applies is None]


def test_a_step_that_does_not_apply_is_not_planned() -> None:
    known = replace(file("text/plain", READ), routing={})
    assert "routing" not in words(lifecycle.start(PIPELINES, known))
    assert "routing" not in words(lifecycle.follow(PIPELINES, STEPS["text"], False, known))


def test_whether_a_step_applies_is_decided_when_the_pipelines_start() -> None:
    with_rules = replace(file("text/plain", READ), routing={"invoice": "d2"})
    assert words(lifecycle.start(PIPELINES, with_rules))["routing"] == "wait"
    assert "routing" not in words(lifecycle.follow(PIPELINES, STEPS["text"], False, with_rules))
    waits = replace(with_rules, waiting=frozenset({"routing"}))
    assert words(lifecycle.follow(PIPELINES, STEPS["text"], False, waits))["routing"] == "run"
    without_rules = replace(waits, routing={})
    assert words(lifecycle.follow(PIPELINES, STEPS["text"], False, without_rules))["routing"] == "skip"


def test_a_file_whose_kind_could_not_be_recognised_is_extracted_where_it_is() -> None:
    known = replace(file("text/plain", READ, failures=("routing",)), routing={"invoice": "d2"})
    assert words(lifecycle.follow(PIPELINES, STEPS["routing"], True, known)) == {"extraction": "run"}


def test_the_end_of_a_pipeline_plans_no_step_of_another() -> None:
    for pipeline in PIPELINES[1:]:
        assert lifecycle.follow(PIPELINES, pipeline.steps[-1], False, file("application/pdf")) == []
    assert lifecycle.follow(PIPELINES, INTAKE, False, file("application/pdf")) == []


def planned_step(name: str, plan: Plan) -> Step:
    return Step(name, run=lambda file, work: Skip("never run"), plan=lambda file: plan)


@pytest.mark.parametrize(
    ("plans", "expected"),
    [
        ([Skip("a"), Skip("b"), WHOLE_FILE], ["skip", "skip", "run"]),
        ([Skip("a"), WHOLE_FILE, Skip("not planned yet")], ["skip", "run", "wait"]),
        ([Stop("c", "d"), WHOLE_FILE, WHOLE_FILE], ["stop", "skip", "skip"]),
        ([Skip("a"), Skip("b")], ["skip", "skip"]),
    ],
)
def test_steps_are_planned_up_to_the_first_that_runs(plans: list[Plan], expected: list[str]) -> None:
    steps = [planned_step(str(index), plan) for index, plan in enumerate(plans)]
    assert [word(planned_step.plan) for planned_step in lifecycle.plan_from(steps, file("text/plain"))] == expected


def test_a_plan_as_json_has_a_state_for_each_step() -> None:
    body = plan_as_json(
        [
            PlannedStep("text", Skip("a picture")),
            PlannedStep("ocr", (Part((1, 2), 4.0), Part((3,), 2.0))),
            PlannedStep("textract", None),
            PlannedStep("extraction", Stop("no_text", "nothing to read")),
        ]
    )
    assert body == [
        {"step": "text", "state": "skipped", "reason": "a picture"},
        {"step": "ocr", "state": "ready", "parts": [{"pages": [1, 2], "cost_s": 4.0}, {"pages": [3], "cost_s": 2.0}]},
        {"step": "textract", "state": "waiting"},
        {"step": "extraction", "state": "failed", "error_code": "no_text", "error_detail": "nothing to read"},
    ]


@given(st.lists(st.integers(1, 5000), unique=True, max_size=400), st.floats(0.05, 30), st.floats(1, 30))
def test_slices_have_every_page_once_and_equal_sizes_after_the_first_ones(
    pages: list[int], page_cost_s: float, slice_s: float
) -> None:
    parts = slices(pages, page_cost_s, slice_s)
    assert [number for part in parts for number in part.page_numbers] == pages
    sizes = [len(part.page_numbers) for part in parts]
    even = sizes if len(sizes) <= RISE else sizes[RISE - 1 :]
    assert not sizes or max(even) - min(even) <= 1
    for part in parts:
        assert len(part.page_numbers) == 1 or part.cost_estimate_s <= slice_s * 1.001


def test_the_first_slices_of_a_long_scan_do_not_end_together() -> None:
    sizes = [len(part.page_numbers) for part in slices(range(1, 301), 1.0, 10.0)]
    assert sizes == [2, 4, 6, 8] + [10] * 28
    assert [len(part.page_numbers) for part in slices(range(1, 51), 1.0, 10.0)] == [10] * 5


@given(st.integers(1, 20), st.floats(0, 1, exclude_max=True), st.integers(1, 10))
def test_retries_have_a_bounded_random_delay_and_a_limited_number(failures: int, chance: float, most: int) -> None:
    policy = RetryPolicy(max_attempts=most, base_s=2.0, longest_s=60.0)
    outcome = lifecycle.after_failure(policy, failures, chance, "code", "detail")
    if failures >= most:
        assert outcome == Failed("code", "detail")
    else:
        assert isinstance(outcome, Retry)
        assert 0 <= outcome.delay_s <= min(60.0, 2.0 * 2 ** (failures - 1))


def test_delays_are_uniform_over_the_whole_range() -> None:
    policy, chance = RetryPolicy(base_s=8.0), random.Random(7)
    delays = [policy.delay_s(1, chance.random()) or 0.0 for _ in range(1000)]
    assert min(delays) < 0.1 and max(delays) > 7.9 and 3.6 < sum(delays) / 1000 < 4.4


@pytest.mark.parametrize(
    ("losses", "held_alone", "code"),
    [
        (0.0, True, "worker_lost"),
        (1.0, True, "quarantined"),
        (0.0, False, "lost_with_others"),
        (1.0, False, "lost_with_others"),
        (1.5, False, "quarantined"),
    ],
)
def test_a_part_is_quarantined_after_two_lost_workers_and_a_shared_loss_counts_half(
    losses: float, held_alone: bool, code: str
) -> None:
    outcome = lifecycle.after_loss(losses, held_alone)
    assert outcome.lost and outcome.code == code
    assert isinstance(outcome, Failed) == (code == "quarantined")
    assert isinstance(outcome, Failed) or outcome.delay_s == 0


@pytest.mark.parametrize("state", list(State))
def test_every_state_leads_to_an_ended_state(state: State) -> None:
    assert bool(FOLLOWS[state]) == (state not in ENDED)
    reached, frontier = {state}, {state}
    while frontier:
        frontier = {after for step in frontier for after in FOLLOWS[step]} - reached
        reached |= frontier
    assert reached & ENDED
