"""Retries, plans and messages as JSON, and the kinds of errors."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.domain.errors import DecoderCrashed, PermanentError, Snooze, StoreUnreachable, TransientError
from layers.domain.lifecycle import FOLLOWS
from layers.domain.message import WakeUp, bundle_as_json, bundle_from_json
from layers.domain.plan_json import plan_as_json
from layers.domain.retry import RetryPolicy
from layers.domain.step import Part, PlannedStep, Skip, State, Stop

CHANCE = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize(
    ("policy", "longest_s"),
    [
        (RetryPolicy(), [2, 4, 8, None, None]),
        (RetryPolicy(max_attempts=1), [None]),
        (RetryPolicy(max_attempts=6, base_s=10, longest_s=60), [10, 20, 40, 60, 60, None]),
    ],
)
def test_the_longest_delay_doubles_up_to_a_limit_until_no_attempt_is_left(
    policy: RetryPolicy, longest_s: list[float | None]
) -> None:
    assert [policy.delay_s(failures, 1.0) for failures in range(1, len(longest_s) + 1)] == longest_s


@given(st.integers(1, 50), st.floats(0.1, 60), st.floats(0.1, 3600), CHANCE, CHANCE)
def test_jitter_covers_the_range_from_zero_and_stays_within_it(
    failures: int, base_s: float, longest_s: float, chance: float, other: float
) -> None:
    policy = RetryPolicy(max_attempts=51, base_s=base_s, longest_s=longest_s)
    low, high = sorted((chance, other))
    shorter, longer = policy.delay_s(failures, low), policy.delay_s(failures, high)
    assert shorter is not None and longer is not None
    assert 0 <= shorter <= longer <= longest_s
    assert policy.delay_s(failures, 0.0) == 0.0


TEXT = st.text(max_size=20)
PARTS = st.lists(
    st.builds(Part, st.lists(st.integers(1, 5000), max_size=5).map(tuple), st.floats(0, 600)), min_size=1, max_size=4
).map(tuple)
PLANS = st.one_of(st.none(), st.builds(Skip, TEXT), st.builds(Stop, TEXT, TEXT), PARTS)


def read_back(body: dict[str, Any]) -> PlannedStep:
    match body:
        case {"step": name, "state": "waiting"}:
            return PlannedStep(name, None)
        case {"step": name, "state": "skipped", "reason": reason}:
            return PlannedStep(name, Skip(reason))
        case {"step": name, "state": "failed", "error_code": code, "error_detail": detail}:
            return PlannedStep(name, Stop(code, detail))
        case {"step": name, "state": "ready", "parts": parts}:
            return PlannedStep(name, tuple(Part(tuple(part["pages"]), part["cost_s"]) for part in parts))
    raise AssertionError(body)


@given(st.lists(st.builds(PlannedStep, TEXT, PLANS), max_size=5))
def test_a_plan_can_be_read_back_from_its_json(planned: list[PlannedStep]) -> None:
    body = json.loads(json.dumps(plan_as_json(planned)))
    assert [read_back(step) for step in body] == planned


@pytest.mark.parametrize("plan", [None, Skip("x"), Stop("c", "d"), (Part(),)], ids=["wait", "skip", "stop", "run"])
def test_every_plan_has_a_state_that_may_follow_waiting(plan: Any) -> None:
    (body,) = plan_as_json([PlannedStep("ocr", plan)])
    assert State(body["state"]) in FOLLOWS[State.WAITING] | {State.WAITING}


@given(st.builds(WakeUp, TEXT, TEXT, st.integers(0, 9999), st.integers(1, 99)))
def test_a_wake_up_can_be_read_back_from_its_message(wake_up: WakeUp) -> None:
    assert bundle_from_json(json.loads(json.dumps(bundle_as_json([wake_up])))) == [wake_up]


@pytest.mark.parametrize("missing", ["file_id", "step", "part", "attempt"])
def test_a_wake_up_without_one_of_its_fields_is_refused(missing: str) -> None:
    body = bundle_as_json([WakeUp("f", "ocr", 0, 1)])
    del body[missing]
    with pytest.raises(KeyError):
        bundle_from_json(body)


@pytest.mark.parametrize("kind", [PermanentError, TransientError, DecoderCrashed])
def test_an_error_has_a_code_for_programs_and_a_sentence_for_people(
    kind: type[PermanentError] | type[TransientError],
) -> None:
    error = kind("corrupt", "the file is damaged")
    assert (error.code, error.detail, str(error)) == ("corrupt", "the file is damaged", "the file is damaged")


def test_a_snooze_says_how_long_and_why() -> None:
    assert (Snooze(20, "throttled").delay_s, str(Snooze(20, "throttled"))) == (20, "throttled")


def test_only_a_decoder_crash_is_a_transient_error() -> None:
    assert issubclass(DecoderCrashed, TransientError)
    for kind in (PermanentError, Snooze, StoreUnreachable):
        assert not issubclass(kind, TransientError) and not issubclass(TransientError, kind)
