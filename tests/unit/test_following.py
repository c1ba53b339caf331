"""Short parts that a thread makes ready and runs itself, without a message."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from functions.arrivals import take_arrivals
from layers.attempts.runner import Runner
from layers.domain.errors import StoreUnreachable, TakesLong
from layers.domain.fairness import FOLLOWS_S, VISIT_S
from layers.domain.file import File, original_key
from layers.domain.message import Arrival, WakeUp
from layers.domain.page import Identity
from layers.domain.step import Done, Part, Pipeline, Step
from layers.ports import Claim
from tests.unit.test_runner import TENANT, Host, done

SHORT = (Part(cost_estimate_s=FOLLOWS_S),)
STEPS = ("intake", "read", "extract", "picture")


def following_host(may_follow: tuple[str, ...] = STEPS, parts: tuple[Part, ...] = SHORT, **runs: Any) -> Host:
    """A host whose steps take ten parts a message. `parts` are those of the step `read`."""
    host = Host()
    intake = Step("intake", runs.get("intake", identified), parts_per_message=10)
    main = (
        Step("read", runs.get("read", done), plan=lambda _: parts, parts_per_message=10),
        Step("extract", runs.get("extract", done), plan=lambda _: SHORT, parts_per_message=10),
    )
    picture = Step("picture", runs.get("picture", done), plan=lambda _: SHORT, parts_per_message=10)
    host.runner = Runner(
        host.runner.ports,
        intake,
        (Pipeline("main", main), Pipeline("side", (picture,))),
        dict.fromkeys(STEPS, 1),
        host="worker-1",
        may_follow=may_follow,
    )
    return host


def identified(file: File, work: Any) -> Done:
    return Done(identity=Identity("text/plain", 1), size_bytes=5)


def run_intakes(host: Host) -> int:
    """Run the first message, which is of intake. Returns how many parts of it could be claimed."""
    bundle, host.topics.published = host.topics.published, []
    return host.runner.run_all(bundle)


def states(host: Host, step: str) -> list[str]:
    return [row.state for key, row in host.store.steps.items() if key[1] == step]


def test_one_message_is_enough_for_all_short_steps_of_a_file() -> None:
    host = following_host()
    file_id = host.arrive()
    assert run_intakes(host) == 1
    assert host.topics.published == []
    assert [host.outcomes(file_id, step) for step in STEPS] == [["done"]] * 4
    assert host.file(file_id).state == "done"


def test_each_step_that_follows_has_its_own_lease_and_attempt() -> None:
    claims: list[Claim] = []

    def note(file: File, work: Any) -> Done:
        claims.append(work.claim)
        return Done()

    host = following_host(read=note, extract=note, picture=note)
    host.arrive()
    run_intakes(host)
    assert [(claim.step, claim.attempt, claim.owner) for claim in claims] == [
        ("read", 1, "worker-1"),
        ("picture", 1, "worker-1"),
        ("extract", 1, "worker-1"),
    ]
    assert len({claim.lease_id for claim in claims}) == 3


def test_files_that_leave_a_step_together_are_recorded_together_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    host = following_host()
    for _ in range(2):
        host.arrive()
    host.topics.published.clear()
    recorded: list[list[str]] = []
    record_all = host.store.record_all

    def noted(finished: Any, **rest: Any) -> Any:
        recorded.append([attempt.claim.step for attempt in finished])
        return record_all(finished, **rest)

    monkeypatch.setattr(host.store, "record_all", noted)
    keys = [key for key in host.store.steps if key[1] == "intake"]
    host.runner.run_all([wake_up_of(host, key) for key in keys])
    assert recorded == [["intake"] * 2, ["read", "read", "picture", "picture"], ["extract"] * 2]


def wake_up_of(host: Host, key: tuple[str, str, int]) -> WakeUp:
    return WakeUp(*key, host.store.steps[key].attempt + 1)


def test_a_lease_of_parts_that_follow_is_no_longer_than_that_of_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    host = following_host()
    leases: list[float] = []
    real: Callable[..., Any] = host.store.claim_all

    def claim_all(wake_ups: Any, owner: str, lease_s: float, **rest: Any) -> Any:
        leases.append(lease_s)
        return real(wake_ups, owner, lease_s, **rest)

    monkeypatch.setattr(host.store, "claim_all", claim_all)
    take_arrivals(host.runner, [Arrival(original_key(TENANT, host.upload())) for _ in range(10)])
    bundle, host.topics.published = host.topics.published, []
    assert host.runner.run_all(bundle) == 10
    assert len(leases) == 4 and set(leases) == {leases[0]}


def test_a_thread_goes_back_to_its_own_step_when_a_part_that_follows_takes_long() -> None:
    ran: list[str] = []

    def endless(file: File, work: Any) -> Done:
        ran.append(work.claim.step)
        raise TakesLong

    host = following_host(read=endless, picture=endless)
    take_arrivals(host.runner, [Arrival(original_key(TENANT, host.upload())) for _ in range(5)])
    assert run_intakes(host) == 5
    assert ran == ["read"]
    assert {state for step in ("read", "picture") for state in states(host, step)} == {"retrying"}


@pytest.mark.parametrize(
    ("may_follow", "parts", "published"),
    [
        (("intake", "extract", "picture"), SHORT, {"read"}),  # this worker does not run it
        (STEPS, (Part(cost_estimate_s=2 * FOLLOWS_S),), {"read"}),  # not short
        (STEPS, (Part((1,), FOLLOWS_S), Part((2,), FOLLOWS_S)), {"read"}),  # several parts may run at once elsewhere
        ((), SHORT, {"read", "picture"}),  # on Lambda
    ],
)
def test_what_may_not_follow_is_published(
    may_follow: tuple[str, ...], parts: tuple[Part, ...], published: set[str]
) -> None:
    host = following_host(may_follow, parts)
    file_id = host.arrive()
    run_intakes(host)
    assert {wake_up.step for wake_up in host.topics.published} == published
    host.settle()
    assert host.file(file_id).state == "done"


def test_a_part_that_would_overtake_others_of_its_step_is_published_behind_them() -> None:
    host = following_host()
    ports, pipelines = host.runner.ports, host.runner.pipelines
    first = host.arrive()
    only_intake = Runner(ports, host.runner.intake, pipelines, {"read": 0, "picture": 0}, host="worker-2")
    bundle, host.topics.published = host.topics.published, []
    only_intake.run_all(bundle)  # the other steps of the first file wait in their lanes
    second = host.arrive()
    run_intakes(host)
    assert [(wake_up.file_id, wake_up.step) for wake_up in host.topics.published] == [
        (file_id, step) for step in ("picture", "read") for file_id in (first, second)
    ]
    assert host.outcomes(second, "read") == []


def test_a_thread_leaves_what_follows_to_others_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])

    def slow(file: File, work: Any) -> Done:
        clock[0] += VISIT_S
        return Done()

    host = following_host(read=slow)
    file_id = host.arrive()
    run_intakes(host)
    assert [wake_up.step for wake_up in host.topics.published] == ["extract"]
    assert host.outcomes(file_id, "read") == ["done"]


def test_a_process_that_is_about_to_end_leaves_what_follows_to_others() -> None:
    host = following_host()
    host.arrive()
    host.runner.leave_all_to_others()
    run_intakes(host)
    assert {wake_up.step for wake_up in host.topics.published} == {"read", "picture"}


def test_parts_that_can_not_be_claimed_because_the_store_is_away_are_published(monkeypatch: pytest.MonkeyPatch) -> None:
    host = following_host()
    file_id = host.arrive()
    away_from_second_call(monkeypatch, host.store)
    with pytest.raises(StoreUnreachable):
        run_intakes(host)
    assert {(wake_up.file_id, wake_up.step) for wake_up in host.topics.published} == {
        (file_id, "read"),
        (file_id, "picture"),
    }
    monkeypatch.undo()
    host.settle()
    assert host.file(file_id).state == "done"


def away_from_second_call(monkeypatch: pytest.MonkeyPatch, store: Any) -> None:
    """The store can't be reached from the second claim on."""
    real: Callable[..., Any] = store.claim_all
    calls: list[Any] = []

    def claim_all(wake_ups: Any, *args: Any, **rest: Any) -> Any:
        calls.append(wake_ups)
        if len(calls) > 1:
            raise StoreUnreachable("away")
        return real(wake_ups, *args, **rest)

    monkeypatch.setattr(store, "claim_all", claim_all)
