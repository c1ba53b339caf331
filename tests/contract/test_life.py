"""A state machine of the life of a step: its invariants hold after any sequence of messages, crashes, clock changes and
user actions.

It runs on the store in memory and on PostgreSQL. A message may be delivered twice, late, in any order, or never. Every
earlier claim may still write. A worker that crashes reports nothing.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from functions.dispatch import dispatch
from functions.upkeep import erase_removed, miss_uploads, repair_lanes, repeat_unclaimed, rescue_expired, rescue_of
from layers.attempts.runner import Runner
from layers.attempts.work import Work
from layers.domain import lifecycle
from layers.domain.file import File
from layers.domain.message import Arrival, WakeUp
from layers.domain.page import Extraction
from layers.domain.step import (
    ENDED,
    Artifact,
    Done,
    Failed,
    Later,
    Outcome,
    Parked,
    Part,
    Pipeline,
    Plan,
    PlannedStep,
    Retry,
    Skipped,
    step,
)
from layers.ports import Claim, Ports
from tests.contract.worlds import FileSnapshot, MemoryWorld, PostgresWorld, World
from tests.fakes import MemoryObjects, MemoryTopics
from tests.making import INTAKE_DONE, Urls

OWNERS = ("one", "two")
LEASE_S = 60.0
UNDO_S = 500.0
# Longer than any lease, delay, undo or upload, however often the clock steps back.
FOREVER_S = 200_000.0


def two_parts(_file: File) -> Plan:
    return Part((1,)), Part((2,))


def merged(file: File) -> Done:
    return Done(extraction=Extraction({"windows": len(file.windows)}, (), {}))


@step()
def intake(file: File, work: Work) -> Done: ...  # type: ignore[empty-body]


@step()
def text(file: File, work: Work) -> Done: ...  # type: ignore[empty-body]


@step(plan=two_parts, continues_after_failure=True)
def ocr(file: File, work: Work) -> Done: ...  # type: ignore[empty-body]


@step(plan=two_parts, merge=merged)
def extraction(file: File, work: Work) -> Done: ...  # type: ignore[empty-body]


@step()
def thumbnail(file: File, work: Work) -> Done: ...  # type: ignore[empty-body]


PIPELINES = (Pipeline("main", (text, ocr, extraction)), Pipeline("thumbnail", (thumbnail,)))
STEPS = {step.name: step for step in (intake, text, ocr, extraction, thumbnail)}
DONE = {
    "intake": INTAKE_DONE,
    "text": Done(),
    "ocr": Done(),
    "extraction": Done(window=Extraction({}, (), {})),
}
OUTCOMES: dict[str, Outcome | None] = {
    "done": None,
    "skipped": Skipped("nothing to do"),
    "failed": Failed("corrupt", "damaged"),
    "retry": Retry(20.0, "unreachable", "no answer"),
    "later": Later(20.0, "throttled"),
    "parked": Parked(300.0, "down", "textract"),
}


class Life(RuleBasedStateMachine):
    """The world, everything that was published and claimed in it, and its state before the last event."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.topics = MemoryTopics()
        ports = Ports(world.store, MemoryObjects(), self.topics, None, None, None)  # type: ignore[arg-type]
        concurrency = dict.fromkeys(STEPS, 2)
        self.runner = Runner(ports, intake, PIPELINES, concurrency, host=OWNERS[0], chance=random.Random(0).random)
        self.claims: list[Claim] = []
        self.removals: list[str] = []
        self.keys: dict[str, str] = {}
        self.accepted: Counter[tuple[str, str, int]] = Counter()
        self.may_restart: set[str] = set()
        self.before = world.everything()
        self.tenant_id = world.tenant()
        self.upload(2, True)

    # --- uploads and people --------------------------------------------------------------------------

    @rule(count=st.integers(1, 3), arrives=st.booleans())
    @precondition(lambda self: sum(not row.removed for row in self.world.everything().values()) < 5)
    def upload(self, count: int, arrives: bool) -> None:
        files = self.world.promised(count, self.tenant_id)
        self.keys |= dict(files)
        if arrives:
            self._objects_arrive([key for _, key in files])

    @rule(index=st.integers(0, 3), times=st.integers(1, 3))
    def arrival_event(self, index: int, times: int) -> None:
        self._objects_arrive([self._chosen(self.keys.values(), index)] * times)

    def _objects_arrive(self, keys: list[str]) -> None:
        self.world.store.arrive([Arrival(key, f"v{n}") for n, key in enumerate(keys)])
        self.runner.dispatch({"intake"})

    @rule(index=st.integers(0, 3), undo_s=st.sampled_from([None, 0.0, UNDO_S]))
    def cancel_or_remove(self, index: int, undo_s: float | None) -> None:
        """Cancel the batch of a file, or remove the file."""
        if not (file_id := self._living(index)):
            return
        if undo_s is None:
            self.world.cancel(file_id)
            self.may_restart = {f for f, row in self.world.everything().items() if row.state == "cancelled"}
        else:
            self.removals.append(self.world.remove(file_id, undo_s))

    @rule(index=st.integers(0, 3))
    @precondition(lambda self: self.removals)
    def undo(self, index: int) -> None:
        if self.world.undo(self._chosen(self.removals, index)):
            self.may_restart = set(self.keys)

    @rule(index=st.integers(0, 3), name=st.sampled_from(sorted(STEPS)))
    def redrive(self, index: int, name: str) -> None:
        if not (file_id := self._living(index)):
            return
        chosen = next((p.steps for p in PIPELINES if STEPS[name] in p.steps), PIPELINES[0].steps)
        names = [step.name for step in chosen]
        at = names.index(name) if name in names else 0
        steps, earlier = ([*STEPS], []) if name == "intake" else (names[at:], ["intake", *names[:at]])
        if name == "intake":
            steps = ["intake", "thumbnail", "text", "ocr", "extraction"]

        def plan(file: File) -> list[PlannedStep]:
            if name == "intake":
                return [PlannedStep("intake", (Part(),))]
            return lifecycle.plan_from([STEPS[name] for name in steps], file)

        if self.world.redrive(file_id, steps, earlier, plan):
            self.may_restart = {file_id}
            for key in [key for key in self.accepted if key[0] == file_id and key[1] in steps]:
                del self.accepted[key]

    @rule(seconds=st.sampled_from([-3600.0, -5.0, 5.0, 25.0, 100.0, 4000.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.time_passes(seconds)

    # --- workers -------------------------------------------------------------------------------------

    @rule(index=st.integers(0, 5), owner=st.sampled_from(OWNERS), again=st.booleans())
    @precondition(lambda self: self.topics.published)
    def deliver(self, index: int, owner: str, again: bool) -> None:
        """A message is delivered: one of a queued part, or any earlier one."""
        known = self.world.everything()
        queued = [claim for claim in self._latest() if _is_queued(known, claim)]
        messages = self.topics.published if again or not queued else queued[::-1]
        self._deliver(self._chosen(messages, index), owner)

    def _deliver(self, wake_up: WakeUp, owner: str) -> Claim | None:
        held = {claim.lease_id for claim in self._held() if _part_of(claim) == _part_of(wake_up)}
        claim = self.world.store.claim(wake_up, owner, LEASE_S, durably=False)
        if claim is not None:
            assert not held, "two live leases on one part"
            self.claims.append(claim)
        return claim

    @rule(count=st.integers(1, 6))
    def work(self, count: int) -> None:
        """A worker claims the latest messages and succeeds."""
        for _ in range(count):
            done = any(
                (claim := self._deliver(delivered, OWNERS[0])) and self._write(claim, "done")
                for delivered in self._latest()
            )
            if not done:
                break

    def _latest(self) -> list[WakeUp]:
        return list(dict.fromkeys(reversed(self.topics.published)))[:8]

    @rule(index=st.integers(0, 5), how=st.sampled_from(["done", *OUTCOMES]), late=st.booleans())
    @precondition(lambda self: self.claims)
    def write(self, index: int, how: str, late: bool) -> None:
        """An attempt ends: of a worker that holds the lease or, `late`, of one that has lost it."""
        held = {claim.lease_id for claim in self._held()}
        writers = [claim for claim in self.claims if (claim.lease_id in held) is not late]
        if writers:
            self._write(self._chosen(writers, index), how)

    def _write(self, claim: Claim, how: str) -> bool:
        is_held = claim.lease_id in {claim.lease_id for claim in self._held()}
        outcome = OUTCOMES[how] or DONE.get(claim.step) or Done(artifacts=(_artifact(claim),))
        recorded = self.runner.record(claim, outcome)
        assert recorded.fenced or is_held, "a late writer changed something"
        assert is_held is False or not recorded.fenced, "the lease holder could not write"
        if not recorded.fenced and not recorded.removed and isinstance(outcome, Done | Skipped | Failed):
            self.accepted[_part_of(claim)] += 1
        return True

    @rule(index=st.integers(0, 5))
    @precondition(lambda self: self.claims)
    def keep_artifact_early(self, index: int) -> None:
        claim = self._chosen(self.claims, index)
        is_held = claim.lease_id in {claim.lease_id for claim in self._held()}
        assert is_held or not self.world.store.keep_artifact(claim, _artifact(claim))

    @rule(owner=st.sampled_from(OWNERS))
    def worker_restarts(self, owner: str) -> None:
        rescue_of(self.runner, owner)

    # --- upkeep --------------------------------------------------------------------------------------

    @rule()
    def upkeep(self) -> None:
        for duty in (rescue_expired, repair_lanes, repeat_unclaimed, miss_uploads, erase_removed, dispatch):
            duty(self.runner)

    @rule()
    def two_upkeeps_rescue_at_once(self) -> None:
        listed = [self.world.store.expired(10) for _ in range(2)]
        for claim in [claim for claims in listed for claim in claims]:
            self.runner.record(claim, lifecycle.after_loss(claim.losses, held_alone=True))

    @rule()
    @precondition(lambda self: self._held())
    def leases_expire(self) -> None:
        self.world.time_passes(LEASE_S + 1)
        rescue_expired(self.runner)
        dispatch(self.runner)

    @rule(name=st.sampled_from(sorted(STEPS)))
    def service_is_back(self, name: str) -> None:
        self.world.store.wake_parked([name], 10)

    @rule()
    def dispatcher_is_called(self) -> None:
        dispatch(self.runner)

    # --- invariants ----------------------------------------------------------------------------------

    @invariant()
    def an_end_is_final(self) -> None:
        now, may_restart = self.world.everything(), self.may_restart
        for file_id, before in self.before.items():
            if file_id in may_restart or file_id not in now:
                continue
            assert before.state not in ("done", "partial", "failed", "cancelled") or now[file_id].state == before.state
            for part, row in before.parts.items():
                if row[0] in ENDED:
                    assert now[file_id].parts[part] == row, f"{part} left its final state"
        self.before, self.may_restart = now, set()

    @invariant()
    def each_effect_is_accepted_once(self) -> None:
        assert max(self.accepted.values(), default=0) <= 1

    @invariant()
    def the_audit_finds_nothing(self) -> None:
        self.world.store.fold_counts(1000)
        findings = dict(self._audit())
        findings.pop("steps_long_overdue", None)  # upkeep has not run yet
        assert not findings

    def teardown(self) -> None:
        """From any state, working workers and upkeep settle every file."""
        for _ in range(60):
            self.world.time_passes(FOREVER_S)
            at = len(self.topics.published)
            self.upkeep()
            for wake_up in self.topics.published[at:]:
                if claim := self._deliver(wake_up, OWNERS[0]):
                    self._write(claim, "done")
            if not (self.topics.published[at:] or self.world.store.steps_with_backlog() or self._held()):
                break
        for file_id, file in self.world.everything().items():
            assert not file.removed, "a removed file is not erased"
            assert file.state not in ("processing", "uploading"), f"{file_id} is lost"
            assert {part[0] for part in file.parts.values()} <= ENDED, file.parts
        assert not self._audit()

    # --- helpers -------------------------------------------------------------------------------------

    def _audit(self) -> dict[str, int]:
        main_steps = ["intake", *(step.name for step in PIPELINES[0].steps)]
        side_artifacts = {"thumbnail": ["thumbnail"]}
        return self.world.store.audit_rows(-FOREVER_S * 1000, 1000, main_steps, side_artifacts) or {}

    def _held(self) -> list[Claim]:
        return [claim for owner in OWNERS for claim in self.world.store.held_by(owner)]

    def _living(self, index: int) -> str | None:
        now = self.world.everything()
        living = [file_id for file_id in self.keys if file_id in now and not now[file_id].removed]
        return self._chosen(living, index) if living else None

    @staticmethod
    def _chosen(of, index: int):  # type: ignore[no-untyped-def]
        """One of them, counted from the latest."""
        items = list(of)
        return items[-1 - index % len(items)]


def _part_of(work: Claim | WakeUp) -> tuple[str, str, int]:
    file_id = work.file_id if isinstance(work, WakeUp) else work.file.file_id
    return file_id, work.step, work.part


def _is_queued(known: dict[str, FileSnapshot], wake_up: WakeUp) -> bool:
    file = known.get(wake_up.file_id)
    return file is not None and file.parts.get((wake_up.step, wake_up.part), ("",))[:2] == (
        "queued",
        wake_up.attempt - 1,
    )


def _artifact(claim: Claim) -> Artifact:
    return Artifact("thumbnail", claim.artifact_key("thumbnail.webp"), "image/webp", 1)


@pytest.mark.parametrize(("where", "examples", "moves"), [("memory", 200, 50), ("postgres", 10, 40)])
def test_invariants_hold_in_any_order_of_events(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, where: str, examples: int, moves: int
) -> None:
    if where == "memory":
        live(MemoryWorld, examples, moves)
    else:
        urls: Urls = request.getfixturevalue("database_urls")
        live(lambda: PostgresWorld(urls), examples, moves)


@pytest.mark.parametrize("how", ["failed", "lost with its workers"])
def test_no_step_waits_for_an_intake_that_failed_again_after_a_redrive(world: World, how: str) -> None:
    life = Life(world)
    life.cancel_or_remove(index=0, undo_s=None)
    life.redrive(index=0, name="intake")
    life.dispatcher_is_called()
    if how == "failed":
        life.deliver(index=0, owner=OWNERS[0], again=False)
        life.write(index=0, how=how, late=False)
    else:
        for _ in range(int(lifecycle.QUARANTINE_AT)):
            life.deliver(index=0, owner=OWNERS[0], again=False)
            life.leases_expire()
    (failed,) = [file for file in world.everything().values() if file.state == "failed"]
    assert {part[0] for name, part in failed.parts.items() if name[0] != "intake"} == {"skipped"}
    life.teardown()


def live(world: Callable[[], World], examples: int, moves: int, *, derandomize: bool = True) -> None:
    """Run this many sequences of this many events. Raises AssertionError with the shortest one that violates an
    invariant."""
    chosen = settings(
        max_examples=examples,
        stateful_step_count=moves,
        deadline=None,
        database=None,
        derandomize=derandomize,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(lambda: Life(world()), settings=chosen)
