"""Circuit breakers: when they open, which calls they allow, and how the load returns."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.domain.breaker import (
    CLOSED,
    DOUBT,
    FIRST_PROBE_S,
    LONGEST_PROBE_S,
    PROBE_LASTS_S,
    RAMP_S,
    Breaker,
    Mode,
)


def opened(now: float = 0.0, failures: int = 5) -> Breaker:
    breaker = CLOSED
    for _ in range(failures):
        breaker = breaker.after_failure(now, "no answer", 1.0)
    return breaker


@pytest.mark.parametrize(("failures", "mode"), [(4, Mode.CLOSED), (5, Mode.OPEN), (50, Mode.OPEN)])
def test_failures_in_a_row_open_the_breaker(failures: int, mode: Mode) -> None:
    assert opened(failures=failures).mode is mode


def test_a_success_between_failures_keeps_the_breaker_closed() -> None:
    breaker = opened(failures=4).after_success(0.0)
    assert breaker.after_failure(0.0, "no answer", 0.5).mode is Mode.CLOSED


@pytest.mark.parametrize(("failures", "mode"), [(19, Mode.CLOSED), (20, Mode.OPEN)])
def test_failures_that_the_file_may_have_caused_count_less(failures: int, mode: Mode) -> None:
    breaker = CLOSED
    for _ in range(failures):
        breaker = breaker.after_failure(0.0, "failed", 0.5, DOUBT)
    assert breaker.mode is mode


def test_an_open_breaker_allows_nothing_until_one_probe_is_due() -> None:
    breaker = opened()
    assert breaker.cap(40, FIRST_PROBE_S - 0.1) == 0 and not breaker.admits(FIRST_PROBE_S - 0.1)
    assert breaker.cap(40, FIRST_PROBE_S) == 1 and breaker.admits(FIRST_PROBE_S)
    probing = breaker.probing(FIRST_PROBE_S)
    assert probing.cap(40, FIRST_PROBE_S + 1) == 0 and not probing.admits(FIRST_PROBE_S + 1)


def test_a_lost_probe_is_followed_by_another() -> None:
    probing = opened().probing(FIRST_PROBE_S)
    assert probing.admits(FIRST_PROBE_S + PROBE_LASTS_S)


def test_an_inconclusive_probe_is_followed_by_another_at_once() -> None:
    assert opened().probing(FIRST_PROBE_S).after_inconclusive(FIRST_PROBE_S + 1).admits(FIRST_PROBE_S + 1)


def test_failed_probes_are_repeated_at_growing_intervals_without_end() -> None:
    breaker, now, intervals_s = opened(), 0.0, []
    for _ in range(100):
        intervals_s.append(breaker.probe_at - now)
        now = breaker.probe_at
        breaker = breaker.probing(now).after_failure(now, "still down", 1.0)
    assert intervals_s[:4] == [5.0, 10.0, 20.0, 40.0]
    assert max(intervals_s) == LONGEST_PROBE_S and breaker.opened_at == 0.0


def test_a_success_does_not_close_an_open_breaker_without_a_probe() -> None:
    assert opened().after_success(1.0).mode is Mode.OPEN


def test_the_cap_rises_gradually_after_a_successful_probe() -> None:
    recovered = opened().probing(100.0).after_success(100.0)
    caps = [recovered.cap(40, 100.0 + second) for second in (0, 3, 6, 15, 24, RAMP_S, RAMP_S + 100)]
    assert caps == [4, 4, 8, 20, 32, 40, 40]
    assert recovered.cap(2, 100.0) == 1


def test_one_failure_during_the_ramp_opens_the_breaker_again() -> None:
    recovered = opened().probing(100.0).after_success(100.0)
    assert recovered.after_failure(101.0, "down again", 0.5).mode is Mode.OPEN
    assert recovered.after_failure(101.0, "one bad file", 0.5, DOUBT).mode is Mode.CLOSED
    assert recovered.after_failure(100.0 + RAMP_S, "one", 0.5).mode is Mode.CLOSED


@given(st.floats(-1e9, -PROBE_LASTS_S))
def test_a_clock_that_steps_back_far_does_not_delay_a_probe(step_s: float) -> None:
    assert opened(now=0.0).admits(step_s - LONGEST_PROBE_S)


steps = st.lists(
    st.tuples(st.floats(0, 120), st.sampled_from(["ok", "down", "doubt", "nothing", "probe"]), st.floats(0, 0.99)),
    max_size=60,
)


@given(steps)
def test_after_any_sequence_of_events_a_call_is_allowed_in_time(events: list[tuple[float, str, float]]) -> None:
    breaker, now = CLOSED, 0.0
    for passed_s, event, chance in events:
        now += passed_s
        match event:
            case "ok":
                breaker = breaker.after_success(now)
            case "nothing":
                breaker = breaker.after_inconclusive(now)
            case "probe" if breaker.mode is not Mode.CLOSED and breaker.admits(now):
                breaker = breaker.probing(now)
            case "down" | "doubt":
                breaker = breaker.after_failure(now, "x", chance, 1.0 if event == "down" else DOUBT)
        assert breaker.wait_s(now) <= max(LONGEST_PROBE_S, PROBE_LASTS_S)
        assert 0 <= breaker.cap(10, now) <= 10
        assert (breaker.cap(10, now) > 0) == breaker.admits(now)
        assert Breaker.from_json(breaker.as_json()) == breaker
    assert breaker.admits(now + PROBE_LASTS_S)
    assert replace(breaker, mode=Mode.CLOSED, risen_at=None).cap(10, now) == 10
