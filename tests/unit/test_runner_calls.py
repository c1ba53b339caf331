"""The runner's calls of its ports for each attempt, and the plans after each end of a step."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, cast

import pytest

from functions.pipelines import INTAKE, PIPELINES, STEPS
from layers.attempts.attempt import LEASE_GRACE_S, RECORD_EVERY_S, YIELDS_AFTER_S
from layers.attempts.dispatching import BACKLOG_SAMPLE_EVERY_S
from layers.attempts.runner import Runner
from layers.domain import lifecycle
from layers.domain.errors import StoreUnreachable, TakesLong
from layers.domain.fairness import BUNDLE_TOOK_LONG, LONG_S, TAKES_LONG
from layers.domain.file import File, PageSummary
from layers.domain.message import WakeUp
from layers.domain.page import Source
from layers.domain.step import Done, Failed, Later, Outcome, Pipeline, Retry, Skip, Skipped, Step, Stop
from layers.ports import Claim, Finished, Ports, Recorded

FILE = File("f", "t", "d", "b", "a.pdf", "originals/t/f", "v1", 10, None)
CLAIM = Claim(FILE, "read", 0, 1, "lease-of-this-attempt", failures=0, cost_estimate_s=1.0)
WAKE_UP = WakeUp("f", "read", 0, 1)
EXPIRED_S = -LEASE_GRACE_S  # a time limit so that the lease has expired when the step begins


@dataclass
class RecordingPorts:
    """Store, objects and topics in one: returns fixed results and keeps a list of the calls."""

    claimed: Claim | None = CLAIM
    answer: Recorded = field(default_factory=Recorded)
    unreachable: str = ""
    waiting: int | None = 0
    unreachable_times: int = 1_000_000
    refused: tuple[type[Outcome], ...] = ()
    held: list[Claim] = field(default_factory=list)
    calls: list[tuple[Any, ...]] = field(default_factory=list)

    def note(self, *call: Any) -> None:
        self.calls.append(call)
        if call[0] == self.unreachable and self.unreachable_times:
            self.unreachable_times -= 1
            raise StoreUnreachable("no answer")

    def claim_all(self, wake_ups: Sequence[WakeUp], owner: str, lease_s: float, *, durably: bool) -> list[Claim]:
        self.note("claim", *wake_ups, owner, lease_s, durably)
        return [self.claimed] * len(wake_ups) if self.claimed else []

    def record_all(self, finished: Sequence[Finished], *, host: str) -> list[Recorded]:
        for attempt in finished:
            if isinstance(attempt.outcome, self.refused):
                raise ValueError("violates a check constraint")
            self.note("record", attempt.claim, attempt.outcome, host)
        return [self.answer] * len(finished)

    def extend(self, claims: Sequence[Claim], lease_s: float) -> int:
        self.note("extend", *claims, lease_s)
        return len(claims)

    def held_by(self, owner: str) -> list[Claim]:
        self.note("held_by", owner)
        return self.held

    def correct_lane(self, claim: Claim, difference_s: float) -> None:
        self.note("correct_lane", difference_s)

    def dispatch(
        self, caps: Mapping[str, int], most: Mapping[str, int], bundles: Mapping[str, int], ceilings: Mapping[str, int]
    ) -> list[WakeUp]:
        self.note("dispatch", dict(caps))
        return [WAKE_UP]

    def measure_backlogs(self, least_s: float) -> int | None:
        self.note("measure_backlogs", least_s)
        return self.waiting

    def publish(self, wake_ups: Iterable[WakeUp]) -> None:
        self.note("publish", *wake_ups)

    def dispatch_later(self, delay_s: float) -> None:
        self.note("dispatch_later", delay_s)

    def delete_prefix(self, prefix: str) -> int:
        self.note("delete_prefix", prefix)
        return 1

    def calls_of(self, name: str) -> list[tuple[Any, ...]]:
        return [call[1:] for call in self.calls if call[0] == name]

    def as_ports(self) -> Ports:
        port, none = cast(Any, self), cast(Any, None)
        return Ports(port, port, port, none, none, None)


def runner(
    ports: RecordingPorts,
    read: Step,
    concurrency: dict[str, int] | None = None,
    chance: Callable[[], float] = lambda: 0.5,
) -> Runner:
    pipelines = (Pipeline("main", (read, Step("extract", done))),)
    intake = Step("intake", done)
    return Runner(ports.as_ports(), intake, pipelines, concurrency or {}, host="worker-1", chance=chance)


def done(file: File, work: Any) -> Done:
    return Done()


def answering(*answers: Done | Exception) -> Callable[[File, Any], Done]:
    """A step that returns, or raises, one answer after the other."""
    left = iter(answers)

    def run(file: File, work: Any) -> Done:
        match next(left):
            case Done() as outcome:
                return outcome
            case error:
                raise error

    return run


@pytest.mark.parametrize("pays_by_call", [False, True])
def test_a_lease_is_longer_than_the_time_limit_and_paid_steps_are_claimed_durably(pays_by_call: bool) -> None:
    ports = RecordingPorts()
    assert runner(ports, Step("read", done, timeout_s=90, pays_by_call=pays_by_call)).run(WAKE_UP)
    assert ports.calls_of("claim") == [(WAKE_UP, "worker-1", 90 + LEASE_GRACE_S, pays_by_call)]
    assert LEASE_GRACE_S > 0


def test_a_bundle_is_claimed_and_recorded_at_once_with_a_lease_for_one_long_part() -> None:
    ports = RecordingPorts()
    assert (
        runner(ports, Step("read", done, timeout_s=5, parts_per_message=10)).run_all([WAKE_UP, WAKE_UP, WAKE_UP]) == 3
    )
    assert ports.calls_of("claim") == [
        (WAKE_UP, WAKE_UP, WAKE_UP, "worker-1", 5 + 2 * YIELDS_AFTER_S + LEASE_GRACE_S, False)
    ]
    assert len(ports.calls_of("record")) == 3
    assert len(ports.calls_of("dispatch")) == 1


def test_the_parts_after_one_that_took_long_are_requeued(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 0.0, 0.1, 0.1, 0.2 + YIELDS_AFTER_S])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock, 9.0))
    ports = RecordingPorts()
    assert runner(ports, Step("read", done, parts_per_message=10)).run_all([WAKE_UP] * 4) == 4
    outcomes = [outcome for _, outcome, _ in ports.calls_of("record")]
    assert [type(outcome) for outcome in outcomes] == [Done, Done, Later, Later]
    assert ports.calls_of("dispatch_later") == [(0.0,)]


def test_the_parts_after_one_that_exceeded_its_short_limit_are_requeued() -> None:
    ports = RecordingPorts()
    read = answering(Done(), TakesLong())
    assert runner(ports, Step("read", read, parts_per_message=10)).run_all([WAKE_UP] * 4) == 4
    outcomes = [outcome for _, outcome, _ in ports.calls_of("record")]
    assert outcomes == [Done(), Later(0.0, TAKES_LONG, LONG_S), *[Later(0.0, BUNDLE_TOOK_LONG)] * 2]


def test_outcomes_of_a_slow_bundle_are_recorded_before_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    ports, now = RecordingPorts(), 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    recorded_before: list[int] = []

    def read(file: File, work: Any) -> Done:
        nonlocal now
        recorded_before.append(len(ports.calls_of("record")))
        now += 0.6 * RECORD_EVERY_S
        return Done()

    assert runner(ports, Step("read", read, parts_per_message=10)).run_all([WAKE_UP] * 5) == 5
    assert recorded_before == [0, 0, 2, 2, 4]
    assert [type(outcome) for _, outcome, _ in ports.calls_of("record")] == [Done] * 5


def test_outcomes_before_the_store_was_lost_are_recorded() -> None:
    ports = RecordingPorts()
    read = answering(Done(), Done(), StoreUnreachable("no answer"))
    assert runner(ports, Step("read", read, parts_per_message=10)).run_all([WAKE_UP] * 3) == 3
    assert [type(outcome) for _, outcome, _ in ports.calls_of("record")] == [Done, Done, Later]


def test_a_part_that_is_not_claimed_is_neither_run_nor_recorded() -> None:
    def never(file: File, work: Any) -> Done:
        raise AssertionError("a step ran without a claim")

    ports = RecordingPorts(claimed=None)
    assert not runner(ports, Step("read", never)).run(WAKE_UP)
    assert [call[0] for call in ports.calls] == ["claim"]


@pytest.mark.parametrize("unreachable", ["claim", "record", "dispatch"])
def test_an_unreachable_store_raises_to_the_host(unreachable: str) -> None:
    ports = RecordingPorts(unreachable=unreachable)
    with pytest.raises(StoreUnreachable):
        runner(ports, Step("read", done, timeout_s=EXPIRED_S)).run(WAKE_UP)
    assert ports.calls[-1][0] == unreachable


def test_a_store_lost_during_a_step_spends_no_attempt() -> None:
    def lost(file: File, work: Any) -> Done:
        raise StoreUnreachable("no answer")

    ports = RecordingPorts()
    assert runner(ports, Step("read", lost)).run(WAKE_UP)
    ((_, outcome, _),) = ports.calls_of("record")
    assert isinstance(outcome, Later)


def test_a_finished_part_is_recorded_when_the_store_is_back_and_does_not_run_again() -> None:
    runs: list[str] = []

    def once(file: File, work: Any) -> Done:
        runs.append(file.file_id)
        return Done()

    ports = RecordingPorts(unreachable="record", unreachable_times=3)
    assert runner(ports, Step("read", once), chance=lambda: 0.0).run(WAKE_UP)
    assert runs == ["f"] and len(ports.calls_of("record")) == 4 and len(ports.calls_of("dispatch")) == 1


def test_an_outcome_that_may_have_been_recorded_keeps_its_artifacts_and_dispatches_later_steps() -> None:
    ports = RecordingPorts(unreachable="record", unreachable_times=1, answer=Recorded(fenced=True))
    runner(ports, Step("read", done), {"extract": 3}, chance=lambda: 0.0).run(WAKE_UP)
    assert ports.calls_of("delete_prefix") == []
    ((caps,),) = ports.calls_of("dispatch")
    assert set(caps) == {"intake", "read", "extract"}


def test_pauses_before_recording_again_are_short_at_first_and_grow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("layers.attempts.recording.time.sleep", pauses.append)
    ports = RecordingPorts(unreachable="record", unreachable_times=7)
    assert runner(ports, Step("read", done), chance=lambda: 1.0).run(WAKE_UP)
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]


def test_a_dispatch_that_failed_is_repeated_when_the_store_is_back() -> None:
    ports = RecordingPorts(unreachable="dispatch", unreachable_times=2)
    host = runner(ports, Step("read", done))
    with pytest.raises(StoreUnreachable):
        host.run(WAKE_UP)  # the outcome is recorded, so that a redelivered message has no effect
    for _ in range(3):
        host.tick()
    assert [set(caps) for (caps,) in ports.calls_of("dispatch")] == [{"read"}] * 3
    assert ports.calls_of("publish") == [(WAKE_UP,)]


def test_a_claim_whose_answer_was_lost_is_reclaimed_once_no_thread_can_be_running_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ports = RecordingPorts(unreachable="claim", unreachable_times=1, held=[CLAIM])
    host = runner(ports, Step("read", done))
    host.reclaim_lost_claims()
    assert ports.calls_of("held_by") == []  # no answer to a claim was lost
    with pytest.raises(StoreUnreachable):
        host.run(WAKE_UP)
    host.reclaim_lost_claims()
    host.reclaim_lost_claims()
    assert ports.calls_of("record") == []  # a thread may have claimed it just now and be about to run it
    monkeypatch.setattr("layers.attempts.held_claims.LOST_AFTER_S", -1.0)
    host.reclaim_lost_claims()
    ((claim, outcome, _),) = ports.calls_of("record")
    assert claim == CLAIM and isinstance(outcome, Later)


@pytest.mark.parametrize(("failures", "recorded_as"), [(0, Retry), (3, Failed)])
def test_an_outcome_that_the_store_refuses_is_recorded_as_a_failed_attempt(
    failures: int, recorded_as: type[Outcome], capsys: pytest.CaptureFixture[str]
) -> None:
    ports = RecordingPorts(claimed=replace(CLAIM, failures=failures), refused=(Done,))
    assert runner(ports, Step("read", done)).run(WAKE_UP)
    ((_, outcome, _),) = ports.calls_of("record")
    assert isinstance(outcome, recorded_as) and outcome.code == "internal_error"
    logged = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(event["event"], event["step"], event["file_id"]) for event in logged] == [
        ("outcome_refused", "read", "f"),
        ("attempt", "read", "f"),
    ]


def test_a_refused_outcome_of_a_paid_call_is_not_paid_for_again() -> None:
    def pay(file: File, work: Any) -> Done:
        work.meter.add(calls=1)
        return Done()

    ports = RecordingPorts(refused=(Done,))
    assert runner(ports, Step("read", pay)).run(WAKE_UP)
    ((_, outcome, _),) = ports.calls_of("record")
    assert isinstance(outcome, Failed) and outcome.code == "internal_error"


def test_a_refused_outcome_does_not_affect_the_others_of_its_bundle() -> None:
    results: list[Done | Skip] = [Skip("nothing to read"), Done(), Skip("nothing to read")]
    ports = RecordingPorts(refused=(Done,))
    step = Step("read", lambda file, work: results.pop(0), parts_per_message=10)
    assert runner(ports, step).run_all([WAKE_UP] * 3) == 3
    recorded = [type(outcome) for _, outcome, _ in ports.calls_of("record")]
    assert recorded[-3:] == [Skipped, Retry, Skipped]


def test_an_outcome_recorded_before_another_was_refused_keeps_its_artifacts() -> None:
    results: list[Done | Skip] = [Done(), Skip("nothing to read")]
    ports = RecordingPorts(refused=(Skipped,), answer=Recorded(fenced=True))
    step = Step("read", lambda file, work: results.pop(0), parts_per_message=10)
    assert runner(ports, step).run_all([WAKE_UP] * 2) == 2
    assert ports.calls_of("delete_prefix") == []


def test_an_attempt_that_cannot_be_recorded_is_logged_and_its_lease_expires(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ports = RecordingPorts(refused=(Done, Retry))
    assert runner(ports, Step("read", done)).run(WAKE_UP)
    assert ports.calls_of("record") == []
    assert [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()] == [
        "outcome_refused",
        "attempt_not_recorded",
        "attempt",
    ]


def test_a_skip_is_recorded_with_its_reason() -> None:
    ports = RecordingPorts()
    runner(ports, Step("read", lambda file, work: Skip("nothing to read"))).run(WAKE_UP)
    assert ports.calls_of("record") == [(CLAIM, Skipped("nothing to read"), "worker-1")]


@pytest.mark.parametrize(
    ("answer", "deleted"),
    [
        (Recorded(fenced=True), [("artifacts/t/f/read/0-1-lease-of/",)]),
        (Recorded(removed=True), [("artifacts/t/f/read/0-1-lease-of/",)]),
        (Recorded(), []),
    ],
)
def test_only_the_artifacts_of_a_fenced_or_removed_attempt_are_deleted(
    answer: Recorded, deleted: list[tuple[str]]
) -> None:
    ports = RecordingPorts(answer=answer)
    runner(ports, Step("read", done)).run(WAKE_UP)
    assert ports.calls_of("delete_prefix") == deleted


def test_the_end_of_a_part_dispatches_its_step_and_the_readied_steps_up_to_their_caps() -> None:
    ports = RecordingPorts(answer=Recorded(readied=frozenset({"extract", "a step no longer registered"})))
    runner(ports, Step("read", done), {"read": 8}).run(WAKE_UP)
    assert ports.calls_of("dispatch") == [({"read": 10, "extract": 2},)]
    assert ports.calls_of("publish") == [(WAKE_UP,)]


def test_a_snooze_calls_the_dispatcher_when_it_is_due() -> None:
    ports = RecordingPorts()
    runner(ports, Step("read", done)).record(CLAIM, Later(20, "throttled"))
    assert ports.calls_of("dispatch_later") == [(20,)]


@pytest.mark.parametrize(
    ("estimate_s", "cost_s", "corrected"),
    [
        (1.0, 1.05, []),
        (1.0, 1.5, [(0.5,)]),
        (1.0, 7.0, [(6.0,)]),
        (8.0, 7.5, []),
        (8.0, 0.5, [(-7.5,)]),
        (60.0, 10.5, []),  # charged as one slice of ten seconds
        (60.0, 100.0, [(90.0,)]),
        (0.05, 0.125, []),
        (0.05, 0.001, []),
    ],
)
def test_the_lane_is_corrected_for_an_estimate_that_was_far_off(
    estimate_s: float, cost_s: float, corrected: list[tuple[float]]
) -> None:
    ports = RecordingPorts()
    claim = Claim(FILE, "read", 0, 1, "lease", failures=0, cost_estimate_s=estimate_s)
    runner(ports, Step("read", done)).record(claim, Done(), cost_s)
    assert ports.calls_of("correct_lane") == corrected


# --- plans after the end of a step -------------------------------------------------------------------

DAMAGED = Failed("corrupt", "the file is damaged")


@pytest.mark.parametrize(
    ("ended", "outcome", "page", "failed", "file_state", "error_step", "planned"),
    [
        ("intake", DAMAGED, None, "intake", "failed", "intake", 0),
        ("intake", Done(), None, "", None, None, 6),
        ("text", DAMAGED, None, "text", "failed", "text", 3),
        ("text", Done(), "native", "", None, None, 3),
        ("ocr", DAMAGED, None, "ocr", None, None, 2),
        ("textract", DAMAGED, None, "ocr textract", "failed", "extraction", 1),
        ("textract", DAMAGED, "ocr", "textract", None, None, 1),
        ("textract", Skipped("not configured"), None, "ocr", "failed", "extraction", 1),
        ("extraction", Done(), "ocr", "", "done", None, 0),
        ("extraction", Done(complete=False), "ocr", "", "partial", None, 0),
        ("extraction", DAMAGED, "ocr", "extraction", "failed", "extraction", 0),
        ("preview", DAMAGED, None, "preview", None, None, 0),
        ("thumbnail", Done(complete=False), None, "", None, None, 0),
    ],
)
def test_the_state_of_a_file_depends_only_on_its_main_pipeline(
    ended: str,
    outcome: Outcome,
    page: Source | None,
    failed: str,
    file_state: str | None,
    error_step: str | None,
    planned: int,
) -> None:
    file = File(
        "f", "t", "d", "b", "a.pdf", "key", None, 10, None, media_type="application/pdf", page_count=1,
        pages=(PageSummary(1, page, 50.0),), failures=dict.fromkeys(failed.split(), (DAMAGED.code, DAMAGED.detail)),
    )  # fmt: skip
    plan = lifecycle.plan_after(INTAKE, PIPELINES, STEPS[ended], outcome, file)
    assert (plan.file_state, len(plan.steps)) == (file_state, planned)
    assert plan.error == (None if error_step is None else (error_step, DAMAGED.code, DAMAGED.detail))


def test_a_side_pipeline_that_cannot_start_does_not_fail_the_file() -> None:
    side = Pipeline("side", (Step("picture", done, plan=lambda file: Stop("corrupt", "no picture")),))
    intake = Step("intake", done)
    main = Pipeline("main", (Step("read", done),))
    plan = lifecycle.plan_after(intake, (main, side), intake, Done(), FILE)
    assert [step.step for step in plan.steps] == ["read", "picture"]
    assert plan.file_state is None and plan.error is None


@pytest.mark.parametrize(
    ("outcome", "failed", "file_state"),
    [
        (Skipped("nothing to check"), "", "done"),
        (Done(complete=False), "", "partial"),
        (DAMAGED, "check", "failed"),
    ],
)
def test_a_file_settles_with_the_last_main_step_whatever_its_outcome(
    outcome: Outcome, failed: str, file_state: str
) -> None:
    read, check = Step("read", done), Step("check", done, continues_after_failure=True)
    file = replace(FILE, failures=dict.fromkeys(failed.split(), (DAMAGED.code, DAMAGED.detail)))
    plan = lifecycle.plan_after(Step("intake", done), (Pipeline("main", (read, check)),), check, outcome, file)
    assert plan.file_state == file_state


def test_a_partial_record_stays_partial_if_the_steps_after_it_are_skipped() -> None:
    extract = Step("extract", done)
    check = Step("check", done, plan=lambda file: Skip("nothing to check"))
    pipelines = (Pipeline("main", (extract, check)),)
    plan = lifecycle.plan_after(Step("intake", done), pipelines, extract, Done(complete=False), FILE)
    assert plan.file_state == "partial"


def test_the_lease_of_a_long_attempt_is_extended_up_to_a_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    extended: list[float] = []

    def slow(file: File, work: Any) -> Done:
        while now[0] < 1000:
            now[0] += 10
            if host.extend_leases():
                extended.append(now[0])
        return Done()

    ports = RecordingPorts()
    host = runner(ports, Step("read", slow, timeout_s=100 - LEASE_GRACE_S))
    assert host.run(WAKE_UP)
    assert ports.calls_of("extend") == [(CLAIM, 100)] * len(extended)
    assert extended[0] == 50 and extended[-1] < 300  # a hanging attempt must lose its lease
    assert all(later - earlier < 100 for earlier, later in pairwise(extended))
    now[0] += 60
    assert host.extend_leases() == 0


def test_backlogs_are_measured_at_intervals_and_without_a_dispatch_only_while_parts_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    ports = RecordingPorts(waiting=7)
    host = runner(ports, Step("read", done))
    for _ in range(3):
        host.dispatch({"read"})
    assert len(ports.calls_of("measure_backlogs")) == 1
    now += BACKLOG_SAMPLE_EVERY_S
    ports.waiting = 0
    host.tick()
    now += BACKLOG_SAMPLE_EVERY_S
    host.tick()
    assert len(ports.calls_of("measure_backlogs")) == 2
    ports.unreachable = "measure_backlogs"
    assert host.dispatch({"read"}) == 1
