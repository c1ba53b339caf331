"""Attempts from wake-up to outcome, and upkeep after a crash, on ports in memory."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from functions import handlers
from functions.arrivals import take_arrivals
from functions.upkeep import (
    AWAITED_S,
    PULSE_S,
    SURELY_LOST_S,
    UNCLAIMED_S,
    UPKEEP_S,
    erase_removed,
    find_lost_work,
    pulse,
    pulse_in_turn,
    recover,
    repeat_unclaimed,
    rescue_of,
    upkeep,
)
from layers.adapters.redis.breakers import RedisBreakers
from layers.attempts.fleet_view import FleetView
from layers.attempts.runner import Runner
from layers.decoding.short_limit import current_limit_s
from layers.domain.errors import (
    DecoderCrashed,
    DecoderKilled,
    DependencyDown,
    PermanentError,
    Snooze,
    StoreUnreachable,
    TakesLong,
    Throttled,
    TransientError,
)
from layers.domain.fairness import in_flight_cap
from layers.domain.file import File, original_key
from layers.domain.fleet import Fleet
from layers.domain.message import Arrival, WakeUp
from layers.domain.page import Identity
from layers.domain.retry import RetryPolicy
from layers.domain.step import Artifact, Done, Part, Pipeline, Skip, Step
from layers.ports import Ports
from layers.telemetry.log import log
from tests.fakes import MemoryObjects, MemoryStore, MemoryTopics

TENANT = str(uuid.uuid4())
Run = Callable[[File, Any], Done | Skip]


def identified(file: File, work: Any) -> Done:
    return Done(identity=Identity("text/plain", 1), size_bytes=5)


def done(file: File, work: Any) -> Done:
    return Done()


def raising(*errors: Exception | None) -> Run:
    """A step that raises one of these errors at each attempt, and then succeeds."""
    remaining = list(errors)

    def run(file: File, work: Any) -> Done:
        if remaining and (error := remaining.pop(0)):
            raise error
        return Done()

    return run


@dataclass
class Host:
    """A runner for a main pipeline of two steps and a side pipeline, with a clock that tests set."""

    identify: Run = identified
    read: Run = done
    extract: Run = done
    picture: Run = done
    now: float = 0.0
    continues_after_failure: bool = False
    concurrency: dict[str, int] = field(default_factory=dict)
    depends_on: str | None = None
    store: MemoryStore = field(init=False)

    def __post_init__(self) -> None:
        self.store = MemoryStore(now=lambda: self.now)
        self.objects, self.topics = MemoryObjects(), MemoryTopics()
        policy = RetryPolicy(max_attempts=3, base_s=4.0)
        main = (
            Step(
                "read",
                self.read,
                retry=policy,
                continues_after_failure=self.continues_after_failure,
                depends_on=self.depends_on,
            ),
            Step("extract", self.extract, retry=policy),
        )
        pipelines = (Pipeline("main", main), Pipeline("side", (Step("picture", self.picture, retry=policy),)))
        self.breakers = RedisBreakers("", now=lambda: self.now, chance=lambda: 0.5)
        ports = Ports(
            self.store, self.objects, self.topics, cast(Any, None), cast(Any, None), None, breakers=self.breakers
        )
        intake = Step("intake", self.identify)
        self.runner = Runner(ports, intake, pipelines, self.concurrency, host="worker-1", chance=lambda: 0.5)

    def upload(self) -> str:
        file_id = str(uuid.uuid4())
        key = original_key(TENANT, file_id)
        self.store.promise(File(file_id, TENANT, "d", "b", "a.txt", key, None, 5, None))
        self.objects.objects[key] = b"hello"
        return file_id

    def arrive(self) -> str:
        file_id = self.upload()
        take_arrivals(self.runner, [Arrival(original_key(TENANT, file_id))])
        return file_id

    def work(self) -> None:
        """Run all published wake-ups, including those that are published during this."""
        while self.topics.published:
            self.runner.run(self.topics.published.pop(0))

    def settle(self, rounds: int = 40) -> None:
        """Work and let time pass until no part waits any more."""
        for _ in range(rounds):
            self.work()
            self.now += 60
            self.store.wake_due(100)
            self.runner.dispatch(self.store.steps_with_backlog())
        self.work()

    def file(self, file_id: str) -> Any:
        return self.store.files[file_id]

    def outcomes(self, file_id: str, step: str) -> list[str]:
        return [outcome for name, _, _, outcome in self.file(file_id).attempts if name == step]


def test_every_step_of_every_pipeline_runs_once() -> None:
    host = Host()
    file_id = host.arrive()
    host.work()
    assert host.file(file_id).state == "done"
    assert [attempt[::3] for attempt in host.file(file_id).attempts] == [
        (step, "done") for step in ("intake", "picture", "read", "extract")
    ]


def test_duplicate_delivery_does_nothing() -> None:
    host = Host()
    file_id = host.arrive()
    (wake_up,) = host.topics.published
    host.work()
    before = list(host.file(file_id).attempts)
    assert not host.runner.run(wake_up)
    take_arrivals(host.runner, [Arrival(original_key(TENANT, file_id))] * 2)
    assert host.file(file_id).attempts == before and host.topics.published == []


@pytest.mark.parametrize(
    ("errors", "outcomes", "state"),
    [
        ([PermanentError("corrupt", "damaged")], ["failed"], "failed"),
        ([TransientError("unreachable", "no answer")], ["retried", "done"], "done"),
        ([TransientError("unreachable", "no answer")] * 3, ["retried", "retried", "failed"], "failed"),
        ([TakesLong()], ["snoozed", "done"], "done"),
        ([Snooze(5, "throttled")] * 6, ["snoozed"] * 6 + ["done"], "done"),
        ([Throttled(5, "ten calls a second", "textract")] * 6, ["snoozed"] * 6 + ["done"], "done"),
        ([DependencyDown("textract", "no answer")] * 6, ["parked"] * 6 + ["done"], "done"),
        ([DecoderCrashed("decoder_crashed", "it died")], ["retried", "done"], "done"),
        ([DecoderCrashed("decoder_crashed", "it died")] * 2, ["retried", "failed"], "failed"),
        ([DecoderKilled("decoder_crashed", "SIGKILL")] * 6, ["snoozed"] * 6 + ["done"], "done"),
        (
            [DecoderKilled("decoder_crashed", "SIGKILL")] * 23,
            ["snoozed"] * 20 + ["retried", "retried", "failed"],
            "failed",
        ),
        ([ZeroDivisionError()], ["retried", "done"], "done"),
    ],
)
def test_each_kind_of_error_has_its_outcome(errors: list[Exception], outcomes: list[str], state: str) -> None:
    host = Host(read=raising(*errors))
    file_id = host.arrive()
    host.settle()
    assert host.outcomes(file_id, "read") == outcomes
    assert host.file(file_id).state == state


def test_a_part_over_its_short_limit_runs_again_without_one() -> None:
    limits_s: list[float] = []

    def slow(file: File, work: Any) -> Done:
        limits_s.append(current_limit_s())
        if limits_s[-1] < float("inf"):
            raise TakesLong
        return Done()

    host = Host(read=slow)
    file_id = host.arrive()
    host.settle()
    assert host.file(file_id).state == "done"
    assert len(limits_s) == 2 and limits_s[0] < 60


def test_a_failed_file_has_the_step_code_and_detail_of_its_error() -> None:
    host = Host(read=raising(PermanentError("password_protected", "send it without a password")))
    file_id = host.arrive()
    host.settle()
    assert host.file(file_id).error == ("read", "password_protected", "send it without a password")


def test_the_text_of_an_internal_error_is_logged_but_not_shown_to_users(capsys: pytest.CaptureFixture[str]) -> None:
    host = Host(read=raising(*[ZeroDivisionError("secret")] * 3))
    file_id = host.arrive()
    host.settle()
    assert host.file(file_id).error[1] == "internal_error"
    assert "secret" not in host.file(file_id).error[2] and "secret" in capsys.readouterr().err


def test_log_lines_of_an_attempt_have_its_file_step_attempt_and_tenant(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def read(file: File, work: Any) -> Done:
        log("page_read", by="a function deep in the stack")
        return raising(ZeroDivisionError())(file, work) if not host.outcomes(file.file_id, "read") else Done()

    host = Host(read=read)
    file_id = host.arrive()
    host.settle()
    log("afterwards")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    for event in ("page_read", "step_failed", "attempt"):
        (first, *_) = [line for line in lines if line["event"] == event and line["step"] == "read"]
        assert (first["file_id"], first["attempt"], first["part"], first["tenant_id"]) == (file_id, 1, 0, TENANT)
    assert "file_id" not in lines[-1] and lines[-1]["event"] == "afterwards"


def test_a_failed_side_pipeline_neither_delays_nor_fails_the_file() -> None:
    host = Host(picture=raising(*[PermanentError("corrupt", "no picture")] * 3))
    file_id = host.arrive()
    host.settle()
    assert host.file(file_id).state == "done"


def test_a_retry_calls_the_dispatcher_when_it_is_due() -> None:
    host = Host(read=raising(TransientError("x", "y")))
    host.arrive()
    host.work()
    assert host.topics.delays_s == [2.0]


def test_an_unreachable_store_during_a_step_spends_no_attempt() -> None:
    host = Host(read=raising(*[StoreUnreachable("no answer")] * 5))
    file_id = host.arrive()
    host.settle()
    assert host.outcomes(file_id, "read") == ["snoozed"] * 5 + ["done"]


def test_a_worker_that_lost_its_lease_changes_nothing_and_its_artifact_is_deleted() -> None:
    host = Host()

    def overtaken(file: File, work: Any) -> Done:
        path = work.scratch / "a.txt"
        path.write_text("made by a worker that lost its lease")
        artifact = work.save("text", path, "text/plain")
        host.store.steps[file.file_id, "read", 0].lease_id = "another worker's"
        return Done(artifacts=(artifact,))

    host = Host(read=overtaken)
    file_id = host.arrive()
    host.work()
    assert host.outcomes(file_id, "read") == [] and host.file(file_id).artifacts == {}
    assert list(host.objects.objects) == [original_key(TENANT, file_id)]


def test_a_file_removed_while_a_step_runs_leaves_nothing() -> None:
    host = Host()

    def removed_meanwhile(file: File, work: Any) -> Done:
        path = work.scratch / "a.txt"
        path.write_text("made from a file that is being removed")
        artifact = work.save("text", path, "text/plain")
        host.store.remove([file.file_id])
        return Done(artifacts=(artifact,))

    host = Host(read=removed_meanwhile)
    file_id = host.arrive()
    host.settle()
    assert erase_removed(host.runner) == 1
    assert host.objects.objects == {} and file_id not in host.store.files


# --- upkeep ------------------------------------------------------------------------------------------


def abandoned(host: Host) -> str:
    """A file whose read step was claimed by a worker that then vanished."""
    file_id = host.arrive()
    host.runner.run(host.topics.published.pop(0))
    wake_up = next(wake_up for wake_up in host.topics.published if wake_up.step == "read")
    host.topics.published.remove(wake_up)
    assert host.store.claim(wake_up, "worker-1", 60.0, durably=False)
    host.work()
    return file_id


def test_an_expired_lease_is_rescued_and_the_step_runs_again() -> None:
    host = Host()
    file_id = abandoned(host)
    assert upkeep(host.runner)["leases_rescued"] == 0
    host.now += 61
    assert upkeep(host.runner)["leases_rescued"] == 1
    host.settle()
    assert host.outcomes(file_id, "read") == ["lost", "done"]
    assert host.file(file_id).state == "done"


def test_a_dead_workers_steps_are_rescued_at_once() -> None:
    host = Host()
    file_id = abandoned(host)
    assert rescue_of(host.runner, "worker-2") == 0
    assert rescue_of(host.runner, "worker-1") == 1
    host.settle()
    assert host.file(file_id).state == "done"


def claimed_and_lost(host: Host) -> None:
    """A worker claims all published parts, and is lost."""
    host.store.wake_due(10)
    host.runner.dispatch({"read"})
    for wake_up in [wake_up for wake_up in host.topics.published if wake_up.step == "read"]:
        host.store.claim(wake_up, "worker-1", 60.0, durably=False)
    host.topics.published.clear()
    rescue_of(host.runner, "worker-1")


def test_a_step_that_kills_its_worker_twice_is_quarantined() -> None:
    host = Host()
    file_id = host.arrive()
    host.runner.run(host.topics.published.pop(0))
    claimed_and_lost(host)
    assert host.file(file_id).state == "processing"
    claimed_and_lost(host)
    assert host.file(file_id).state == "failed" and host.file(file_id).error[1] == "quarantined"
    assert host.outcomes(file_id, "read") == ["lost", "lost"]


def test_each_of_several_parts_lost_together_counts_half() -> None:
    host = Host(concurrency={"read": 8})
    file_ids = [host.arrive() for _ in range(3)]
    while host.topics.published and host.topics.published[0].step == "intake":
        host.runner.run(host.topics.published.pop(0))
    for _ in range(3):
        claimed_and_lost(host)
    assert {host.file(file_id).state for file_id in file_ids} == {"processing"}
    host.settle()
    assert {host.file(file_id).state for file_id in file_ids} == {"done"}


def test_lost_wake_ups_are_published_again() -> None:
    host = Host()
    file_id = host.arrive()
    host.topics.published.clear()
    host.now += 31
    upkeep(host.runner)
    host.settle()
    assert host.file(file_id).state == "done"


def test_wake_ups_that_may_still_be_in_their_topic_are_published_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host()
    host.arrive()
    sent = len(host.topics.published)
    monkeypatch.setattr(host.topics, "holds_messages", lambda topic: topic == "intake")
    host.now += UNCLAIMED_S + 1
    assert repeat_unclaimed(host.runner) == 0
    host.now += SURELY_LOST_S
    assert repeat_unclaimed(host.runner) == sent
    monkeypatch.undo()
    host.now += UNCLAIMED_S + 1
    assert repeat_unclaimed(host.runner) == sent


def test_the_sweep_finds_objects_whose_event_was_lost() -> None:
    host = Host()
    file_ids = [host.upload() for _ in range(20)]
    missing = host.upload()
    del host.objects.objects[original_key(TENANT, missing)]
    assert upkeep(host.runner)["objects_swept"] == 0  # their events may still come
    host.now += AWAITED_S
    assert upkeep(host.runner)["objects_swept"] == 20
    host.settle()
    assert {host.file(file_id).state for file_id in file_ids} == {"done"}
    assert host.file(missing).state == "uploading"


def test_a_missing_upload_is_marked_and_may_still_arrive() -> None:
    host = Host()
    file_id = host.upload()
    content = host.objects.objects.pop(original_key(TENANT, file_id))
    host.now += 3601
    upkeep(host.runner)
    assert host.file(file_id).state == "upload_missing"
    host.objects.objects[original_key(TENANT, file_id)] = content
    take_arrivals(host.runner, [Arrival(original_key(TENANT, file_id))])
    host.settle()
    assert host.file(file_id).state == "done"


def test_a_late_upload_of_a_removed_file_is_deleted() -> None:
    host = Host()
    file_id = host.upload()
    host.store.remove([file_id])
    erase_removed(host.runner)
    host.objects.objects[original_key(TENANT, file_id)] = b"late"
    take_arrivals(host.runner, [Arrival(original_key(TENANT, file_id))])
    assert host.objects.objects == {}


@pytest.mark.parametrize(
    "key", ["originals/x/y", "artifacts/a/b", "originals/../../etc", "", "originals/" + "0" * 36 + "/" + "f" * 36]
)
def test_an_object_with_a_foreign_key_is_ignored(key: str) -> None:
    host = Host()
    host.objects.objects[key] = b"foreign"
    take_arrivals(host.runner, [Arrival(key)])
    assert host.objects.objects == {key: b"foreign"} and host.topics.published == []


def test_a_worker_reclaims_its_parts_after_a_restart() -> None:
    host = Host()
    file_id = abandoned(host)
    host.topics.published.clear()
    recover(host.runner, "worker-1")
    host.settle()
    assert host.file(file_id).state == "done"


def test_all_parts_of_one_worker_are_reclaimed_in_one_write(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(concurrency={"read": 8})
    file_ids = [host.arrive() for _ in range(5)]
    while intakes := [wake_up for wake_up in host.topics.published if wake_up.step == "intake"]:
        host.topics.published.remove(intakes[0])
        host.runner.run(intakes[0])
    for wake_up in host.topics.published:
        assert host.store.claim(wake_up, "worker-1", 60.0, durably=False)
    held = len(host.topics.published)
    host.topics.published.clear()
    write_sizes: list[int] = []
    record_all = host.store.record_all
    monkeypatch.setattr(
        host.store,
        "record_all",
        lambda finished, **options: write_sizes.append(len(finished)) or record_all(finished, **options),
    )
    assert held > 5 and rescue_of(host.runner, "worker-1") == held
    assert write_sizes == [held]
    host.settle()
    assert {host.file(file_id).state for file_id in file_ids} == {"done"}


def test_a_worker_starts_work_before_it_searches_for_lost_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host()
    unclaimed, missed = host.arrive(), host.upload()
    host.topics.published.clear()
    with monkeypatch.context() as patched:
        for port, name in ((host.objects, "keys_after"), (host.store, "unclaimed")):
            patched.setattr(port, name, lambda *_: pytest.fail("the start waited for a search that may take long"))
        recover(host.runner, "worker-1")
    find_lost_work(host.runner)
    host.settle()
    assert {host.file(file_id).state for file_id in (unclaimed, missed)} == {"done"}


def test_wake_ups_that_a_dead_worker_received_are_published_again_once_the_topic_is_empty(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = Host()
    host.arrive()
    received = host.topics.published.copy()
    host.topics.published.clear()
    host.now += 1
    messages = [2]  # of other files; running workers receive them one by one
    monkeypatch.setattr(host.topics, "holds_messages", lambda topic: messages[0] > 0)

    def wait(_seconds: float) -> None:
        assert host.topics.published == [], "the lost wake-ups may be among these messages"
        messages[0] -= 1

    find_lost_work(host.runner, wait)
    assert messages == [0] and host.topics.published == received != []


def test_a_failed_duty_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    host = Host()
    file_id = host.upload()

    def broken(limit: int) -> list[Any]:
        raise RuntimeError("lost connection")

    monkeypatch.setattr(host.store, "expired", broken)
    host.now += AWAITED_S
    assert upkeep(host.runner)["objects_swept"] == 1
    assert "lost connection" in capsys.readouterr().err
    host.settle()
    assert host.file(file_id).state == "done"


def test_an_artifact_key_has_the_attempt_and_the_lease() -> None:
    keys: list[str] = []

    def make(file: File, work: Any) -> Done:
        keys.append(work.key("a.webp"))
        if len(keys) == 1:
            raise TransientError("x", "y")
        return Done(artifacts=(Artifact("preview", keys[-1], "image/webp", 1),))

    host = Host(picture=make)
    file_id = host.arrive()
    host.settle()
    first, second = (key.split("/") for key in keys)
    assert first[:4] == ["artifacts", TENANT, file_id, "picture"]
    assert first[4].startswith("0-1-") and second[4].startswith("0-2-")


def test_the_next_step_waits_for_all_parts() -> None:
    parts_read: list[tuple[int, ...]] = []

    def read(file: File, work: Any) -> Done:
        parts_read.append(file.page_numbers)
        assert host.outcomes(file.file_id, "extract") == []
        return Done()

    host = Host(read=read)
    parts = (Part((1, 2)), Part((3,)), Part((4,)))
    main = host.runner.pipelines[0].steps
    sliced = Step("read", read, plan=lambda file: parts)
    pipelines = (Pipeline("main", (sliced, main[1])), host.runner.pipelines[1])
    host.runner = Runner(host.runner.ports, Step("intake", identified), pipelines, {"read": 8})
    file_id = host.arrive()
    host.settle()
    assert sorted(parts_read) == [(1, 2), (3,), (4,)]
    assert host.outcomes(file_id, "extract") == ["done"]


def test_a_wake_up_for_an_unknown_step_raises_key_error() -> None:
    host = Host()
    with pytest.raises(KeyError):
        host.runner.run(WakeUp("f", "no such step", 0, 1))


def test_a_lost_wake_up_is_published_again_within_half_a_minute() -> None:
    host = Host()
    file_id = host.arrive()
    host.topics.published.clear()  # the topic lost all messages
    host.now += UNCLAIMED_S - 1
    pulse(host.runner)
    assert host.topics.published == []
    host.now += PULSE_S
    pulse(host.runner)
    host.work()
    assert host.file(file_id).state == "done" and UNCLAIMED_S + PULSE_S < 30


def test_a_part_that_is_given_back_runs_again_and_spends_no_attempt() -> None:
    gave_back: list[int] = []

    def read(file: File, work: Any) -> Done:
        if not gave_back:
            gave_back.append(host.runner.give_back())
        return Done()

    host = Host(read=read)
    file_id = host.arrive()
    host.settle()
    row = host.store.steps[file_id, "read", 0]
    assert gave_back == [1]
    assert host.outcomes(file_id, "read") == ["snoozed", "done"]
    assert (row.failures, row.losses) == (0, 0.0)


def test_only_one_of_several_workers_repairs_the_flow_in_a_pulse() -> None:
    host = Host()
    file_id = host.arrive()
    host.topics.published.clear()  # the topic lost all messages
    host.now += UNCLAIMED_S + 1
    assert [pulse_in_turn(host.runner) for _ in range(3)] == [True, False, False]
    assert [wake_up.file_id for wake_up in host.topics.published] == [file_id]
    host.now += PULSE_S
    assert pulse_in_turn(host.runner)


def test_dispatch_follows_the_live_workers() -> None:
    host, view = Host(concurrency={"intake": 100}), FleetView()
    host.runner = Runner(
        host.runner.ports,
        host.runner.intake,
        host.runner.pipelines,
        {"intake": 100},
        fleet=view,
        ceilings={"intake": 4},
    )
    in_flight = []
    for slots in ({}, {"intake": 2}, {"intake": 50}):
        view.current = Fleet(1, slots)
        for _ in range(10):
            host.arrive()
        in_flight.append(len(host.topics.published))
    assert in_flight == [0, in_flight_cap(2), 4]


def test_upkeep_once_a_minute_schedules_the_pulses_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host()
    monkeypatch.setattr(handlers, "runner", lambda: host.runner)
    monkeypatch.setattr(handlers, "run_exports", lambda **_: None)
    handlers.upkeep({})
    assert host.topics.delays_s == [10.0, 20.0, 30.0, 40.0, 50.0] and UPKEEP_S == 60.0
