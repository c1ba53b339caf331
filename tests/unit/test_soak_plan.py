"""The plan of a soak run: the seed decides all of it, and every fault strikes everything that it can."""

from __future__ import annotations

from tests.soak.contents import MAKERS, content
from tests.soak.plan import CALM_SHARE, FATES, FAULTS, KINDS, Batch, Strike, make_plan
from tests.soak.strikes import STRIKES

PLAN = make_plan(7, 20)
BATCHES = [event.what for event in PLAN.events if isinstance(event.what, Batch)]
TIMED_STRIKES = [(event.at_s, event.what) for event in PLAN.events if isinstance(event.what, Strike)]


def test_the_same_seed_makes_the_same_plan_and_another_seed_another() -> None:
    assert make_plan(7, 20) == PLAN
    assert make_plan(8, 20) != PLAN


def test_each_fault_strikes_each_of_its_targets_in_twenty_minutes() -> None:
    struck = {(strike.fault, strike.target) for _, strike in TIMED_STRIKES}
    assert struck == {(name, target) for name, fault in FAULTS.items() for target in fault.targets}


def test_a_fault_does_not_strike_again_before_it_has_ended_and_all_have_ended_before_the_plan() -> None:
    ends: dict[tuple[str, str], float] = {}
    for at_s, strike in TIMED_STRIKES:
        assert at_s >= ends.get((strike.fault, strike.target), 0.0)
        ends[strike.fault, strike.target] = at_s + strike.lasts_s
    assert max(ends.values()) <= 20 * 60 * (1 - CALM_SHARE) + 1e-6


def test_users_send_every_kind_of_file_and_give_files_every_fate() -> None:
    files = [file for batch in BATCHES for file in batch.files]
    assert {file.kind for file in files} == set(KINDS) == set(MAKERS)
    assert {file.fate for file in files} == set(FATES)
    assert any(batch.cancel_after is not None for batch in BATCHES)


def test_every_fault_of_the_plan_can_be_carried_out() -> None:
    assert set(FAULTS) == set(STRIKES)


def test_two_files_of_a_kind_have_different_content_and_the_same_number_the_same() -> None:
    for kind in ("text", "mail", "pdf", "office"):
        assert content(kind, 3).body == content(kind, 3).body != content(kind, 6).body
