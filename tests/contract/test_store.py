"""The contract of the status store, for the store in memory and for PostgreSQL."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import pytest

from layers.domain.fairness import FOLLOWS_S
from layers.domain.file import File
from layers.domain.lifecycle import plan_after
from layers.domain.message import Arrival, WakeUp, bundles
from layers.domain.page import Evidence, Extraction, Member, Note, Page, Word
from layers.domain.separation import Barcode, LeftOut, Separated, Separation
from layers.domain.step import (
    Artifact,
    Done,
    Failed,
    Later,
    Parked,
    Part,
    Pipeline,
    PlannedStep,
    Retry,
    Skip,
    Step,
    Stop,
)
from layers.ports import FilePlan, Finished, Planner
from tests.contract.worlds import World, arrived, claim, intake_of, planned
from tests.making import INTAKE_DONE, ONE_PART, nothing_follows


def test_repeated_arrival_events_make_intake_ready_once(world: World) -> None:
    ((_, key),) = world.promised(1)
    assert world.store.arrive([Arrival(key, "v1"), Arrival(key, "v1")]) == {key: "arrived"}
    assert world.store.arrive([Arrival(key, "v2"), Arrival(key, "v3")]) == {key: "known"}
    (wake_up,) = world.store.dispatch({"intake": 10})
    assert claim(world, wake_up).file.version_id == "v1"


def test_an_object_that_was_not_announced_is_unknown(world: World) -> None:
    key = f"originals/{uuid.uuid4()}/{uuid.uuid4()}"
    assert world.store.arrive([Arrival(key)]) == {key: "unknown"}


def test_an_object_of_a_removed_or_erased_file_is_reported_as_removed(world: World) -> None:
    ((file_id, key),) = world.promised(1)
    removal = world.remove(file_id)
    assert world.store.arrive([Arrival(key)]) == {key: "removed"}
    world.store.erase(removal, [file_id], 0)
    assert world.store.arrive([Arrival(key)]) == {key: "removed"}
    assert world.store.removals_due(10) == []


def test_an_object_that_arrives_while_a_removal_can_be_undone_is_kept(world: World) -> None:
    ((file_id, key),) = world.promised(1)
    removal = world.remove(file_id, undo_s=60)
    assert world.store.arrive([Arrival(key)]) == {key: "known"}
    assert world.undo(removal) == 1
    assert world.store.arrive([Arrival(key)]) == {key: "arrived"}


def test_a_due_removal_lists_its_files_until_they_are_erased(world: World) -> None:
    tenant_id = world.tenant()
    ((file_id, _),) = world.promised(1, tenant_id)
    removal = world.remove(file_id)
    assert world.store.removals_due(10) == [(removal, [(tenant_id, file_id)])]


def test_a_part_is_claimed_once(world: World) -> None:
    wake_up = intake_of(world)
    assert world.store.claim(wake_up, "one", 60, durably=False) is not None
    assert world.store.claim(wake_up, "two", 60, durably=True) is None


def test_a_wake_up_for_another_attempt_claims_nothing(world: World) -> None:
    wake_up = intake_of(world)
    assert world.store.claim(replace(wake_up, attempt=2), "one", 60, durably=False) is None
    assert world.store.claim(wake_up, "one", 60, durably=False) is not None


def test_a_late_writer_changes_nothing(world: World) -> None:
    held = claim(world, intake_of(world))
    zombie = replace(held, lease_id=str(uuid.uuid4()))
    artifact = Artifact("text", "key", "text/plain", 1)
    assert world.store.record(zombie, Done(artifacts=(artifact,)), nothing_follows, cost_s=1, host="h").fenced
    assert not world.store.keep_artifact(zombie, artifact)
    assert world.store.keep_artifact(held, artifact)
    assert not world.store.record(held, INTAKE_DONE, nothing_follows, cost_s=1, host="h").fenced
    assert world.store.record(held, INTAKE_DONE, nothing_follows, cost_s=1, host="h").fenced
    assert world.attempts(held.file.file_id) == [("intake", 0, 1, "done")]


def test_the_checksum_of_the_stored_text_is_known_to_later_steps(world: World) -> None:
    text, ocr = planned(world, 1, [PlannedStep("text", ONE_PART), PlannedStep("ocr", ONE_PART)])
    artifact = Artifact("text", "key", "text/plain", 1, sha256="ab" * 32)
    world.store.record(claim(world, text), Done(artifacts=(artifact,)), nothing_follows, cost_s=1, host="h")
    assert claim(world, ocr).file.text_sha256 == "ab" * 32


def test_members_of_an_archive_are_created_once_and_only_by_the_lease_holder(world: World) -> None:
    held = claim(world, intake_of(world))
    members = [Member(index, f"folder/{index}.txt", 5, f"{index:064x}") for index in (0, 3)]
    announced = world.store.add_members(held, members, 60)
    assert list(announced) == [0, 3] and all(announced.values())
    assert world.store.add_members(held, members, 60) == announced
    key = announced[3]
    assert key and world.store.arrive([Arrival(key, "v1")]) == {key: "arrived"}
    assert world.store.add_members(held, members, 60) == {**announced, 3: None}
    assert world.store.add_members(replace(held, lease_id=str(uuid.uuid4())), [Member(4, "late", 1)], 60) == {}


def test_what_a_scan_was_separated_into_is_known_to_later_attempts_and_its_parts_are_never_separated(
    world: World,
) -> None:
    how = Separation(("SEP*",), ("INV*",), "drop")
    ((_, key),) = world.promised(1, separation=how)
    world.store.arrive([Arrival(key, "v1")])
    held = claim(world, *world.store.dispatch({"intake": 1}))
    assert held.file.separation == how
    announced = world.store.add_members(held, [Member(0, "scan, page 1.pdf", 5, "0" * 64, "", 1, 1)], 60)
    separated = Separated(((1,),), (LeftOut(2, "separator", 0.01, "PATCHT"),), "separated into 1 file")
    barcodes = (Barcode(1, "QR Code", "INV-7", (0.1, 0.2, 0.3, 0.4)),)
    outcome = replace(INTAKE_DONE, separated=separated, barcodes=barcodes)
    known: list[File] = []

    def planner(file: File) -> FilePlan:
        known.append(file)
        return FilePlan([PlannedStep("text", ONE_PART)])

    world.store.record(held, outcome, planner, cost_s=1, host="h")
    later = claim(world, *world.store.dispatch({"text": 1})).file
    assert [(file.separated, file.barcodes, file.is_split) for file in (*known, later)] == [
        (separated, barcodes, True)
    ] * 2
    assert announced[0] and world.store.arrive([Arrival(announced[0], "v1")])
    part = claim(world, *world.store.dispatch({"intake": 1})).file
    assert (part.separation, part.separated, part.barcodes) == (None, None, ())


def test_an_outcome_and_the_steps_that_follow_it_are_written_together(world: World) -> None:
    held = claim(world, intake_of(world))
    plan = FilePlan(
        [PlannedStep("text", Skip("a picture")), PlannedStep("ocr", ONE_PART), PlannedStep("textract", None)]
    )
    recorded = world.store.record(held, INTAKE_DONE, lambda file: plan, cost_s=1, host="h")
    assert recorded.readied == {"ocr"}
    assert not recorded.short  # it takes a second
    assert world.states(held.file.file_id) == {
        ("intake", 0): "done",
        ("text", 0): "skipped",
        ("ocr", 0): "ready",
        ("textract", 0): "waiting",
    }


def test_an_outcome_is_not_recorded_if_its_planner_fails(world: World) -> None:
    held = claim(world, intake_of(world))

    def broken(_file: object) -> FilePlan:
        raise RuntimeError("died here")

    with pytest.raises(RuntimeError):
        world.store.record(held, INTAKE_DONE, broken, cost_s=1, host="h")
    assert world.states(held.file.file_id) == {("intake", 0): "running"}
    assert not world.store.record(held, INTAKE_DONE, nothing_follows, cost_s=1, host="h").fenced


def test_the_planner_is_given_the_file_with_the_outcome_applied(world: World) -> None:
    held = claim(world, intake_of(world))
    planner_input = []
    world.store.record(held, INTAKE_DONE, lambda file: planner_input.append(file) or FilePlan(), cost_s=1, host="h")  # type: ignore[func-returns-value]
    (file,) = planner_input
    assert (file.media_type, file.size_bytes) == ("text/plain", 10)


def test_the_results_of_a_step_are_stored(world: World) -> None:
    (wake_up,) = planned(world, 1, [PlannedStep("text", ONE_PART)])
    held = claim(world, wake_up)
    page = Page(1, "Total 9.00", (Word("Total", 0.1, 0.2, 0.3, 0.25, 91.0),), "ocr", 91.0, 100, 200)
    found = Extraction({"total": 9.0}, ("title",), {"total": Evidence(1, "9.00", (0.1, 0.2, 0.3, 0.4))})
    outcome = Done(pages=(page,), extraction=found, complete=False)
    world.store.record(held, outcome, lambda _: FilePlan((), "partial"), cost_s=1, host="h")
    assert world.store.pages(wake_up.file_id) == [page]
    assert world.fields(wake_up.file_id) == {"total": 9.0}
    assert world.file_state(wake_up.file_id) == "partial"


def test_the_read_pages_of_a_file_are_counted_without_some(world: World) -> None:
    (wake_up,) = planned(world, 1, [PlannedStep("ocr", ONE_PART)])
    assert world.store.count_read_pages(wake_up.file_id, [1]) == 0
    pages = tuple(Page(number, "read", (), "ocr" if number != 3 else None, 90.0) for number in (1, 2, 3, 4))
    world.store.record(claim(world, wake_up), Done(pages=pages), nothing_follows, cost_s=1, host="h")
    assert world.store.count_read_pages(wake_up.file_id, []) == 3
    assert world.store.count_read_pages(wake_up.file_id, [2, 3]) == 2


def test_a_step_sees_the_notes_of_the_steps_before_it(world: World) -> None:
    hidden, lost = Note("a sheet is hidden"), Note("2 further messages were not read", lost=True)
    text, ocr = planned(world, 1, [PlannedStep("text", ONE_PART), PlannedStep("ocr", ONE_PART)])
    planner_input: list[File] = []
    outcome = Done(notes=(hidden, lost))
    world.store.record(
        claim(world, text), outcome, lambda file: planner_input.append(file) or FilePlan(), cost_s=1, host="h"
    )  # type: ignore[func-returns-value]
    assert claim(world, ocr).file.notes == (hidden, lost)
    assert [file.notes for file in planner_input] == [(hidden, lost)]


def test_the_better_reading_of_a_page_is_kept(world: World) -> None:
    first, second = planned(world, 1, [PlannedStep("ocr", (Part((1,)), Part((1,))))])
    sure, unsure = Page(1, "sure", (), "ocr", 90.0), Page(1, "unsure", (), "textract", 40.0)
    world.store.record(claim(world, first), Done(pages=(sure,)), nothing_follows, cost_s=1, host="h")
    world.store.record(claim(world, second), Done(pages=(unsure,)), nothing_follows, cost_s=1, host="h")
    assert [page.text for page in world.store.pages(first.file_id)] == ["sure"]


def window(**fields: object) -> Done:
    return Done(window=Extraction(dict(fields), (), {"total": Evidence(1, "9.00", (0.1, 0.2, 0.3, 0.4), 88.0, 7)}))


def test_the_last_part_merges_the_findings_of_all_parts(world: World) -> None:
    wake_ups = planned(world, 1, [PlannedStep("extraction", (Part(), Part(), Part()))])
    file_id, planner_input = wake_ups[0].file_id, []

    def merging(file: File) -> FilePlan:
        planner_input.append(file)
        fields = {str(part): found.fields["n"] for part, found in file.windows.items()}
        return FilePlan((), "partial", merged=Done(extraction=Extraction(fields, ("title",), {}), complete=False))

    outcomes = [window(n=0), Failed("refused", "no"), window(n=2)]
    for delivered in sorted(wake_ups, key=lambda wake_up: -wake_up.part):
        held = claim(world, delivered)
        assert (held.file.part, held.file.part_count) == (delivered.part, 3)
        world.store.record(held, outcomes[delivered.part], merging, cost_s=1, host="h")
    (file,) = planner_input
    assert (sorted(file.windows), file.part_count) == ([0, 2], 3)
    assert file.windows[2].evidence["total"] == Evidence(1, "9.00", (0.1, 0.2, 0.3, 0.4), 88.0, 7)
    assert world.fields(file_id) == {"0": 0, "2": 2}
    assert world.file_state(file_id) == "partial"


def test_a_late_writer_stores_no_window(world: World) -> None:
    first, second = planned(world, 1, [PlannedStep("extraction", (Part(), Part()))])
    zombie = replace(claim(world, first), lease_id=str(uuid.uuid4()))
    assert world.store.record(zombie, window(n=9), nothing_follows, cost_s=1, host="h").fenced
    world.store.record(world.store.held_by("worker")[0], Failed("x", "y"), nothing_follows, cost_s=1, host="h")
    planner_input: list[File] = []
    world.store.record(
        claim(world, second),
        window(n=1),
        lambda file: planner_input.append(file) or FilePlan(),
        cost_s=1,
        host="h",  # type: ignore[func-returns-value]
    )
    assert [found.fields for found in planner_input[0].windows.values()] == [{"n": 1}]


def test_the_size_of_all_text_is_known_to_the_planner(world: World) -> None:
    (wake_up,) = planned(world, 1, [PlannedStep("text", ONE_PART)])
    planner_input: list[File] = []
    pages = (Page(1, "größe", (), "native", 100.0), Page(2, "", (), None))
    world.store.record(
        claim(world, wake_up),
        Done(pages=pages),
        lambda file: planner_input.append(file) or FilePlan(),
        cost_s=1,
        host="h",  # type: ignore[func-returns-value]
    )
    assert planner_input[0].text_bytes == 7


def test_the_next_step_is_planned_when_the_last_part_ends(world: World) -> None:
    wake_ups = planned(world, 1, [PlannedStep("ocr", tuple(Part((n,)) for n in (1, 2, 3)))])
    assert sorted(claim(world, wake_up).file.page_numbers for wake_up in wake_ups[:1]) == [(wake_ups[0].part + 1,)]
    plan = FilePlan([PlannedStep("extraction", ONE_PART)])
    held = {0: world.store.held_by("worker")[0]} | {n: claim(world, wake_ups[n]) for n in (1, 2)}
    readied = [world.store.record(held[n], Done(), lambda _: plan, cost_s=0, host="h").readied for n in (2, 0, 1)]
    assert readied == [frozenset(), frozenset(), frozenset({"extraction"})]


def test_the_planner_is_given_the_reason_of_a_failed_step(world: World) -> None:
    (wake_up,) = planned(world, 1, [PlannedStep("ocr", ONE_PART)])
    planner_input = []
    outcome = Failed("corrupt", "damaged")
    plan = FilePlan([PlannedStep("textract", Stop("unreadable", "nothing could be read"))], "failed")
    world.store.record(
        claim(world, wake_up),
        outcome,
        lambda file: planner_input.append(file.failures) or plan,
        cost_s=0,
        host="h",  # type: ignore[func-returns-value]
    )
    assert planner_input == [{"ocr": ("corrupt", "damaged")}]
    states = world.states(wake_up.file_id)
    assert (states["ocr", 0], states["textract", 0]) == ("failed", "failed")
    assert world.file_state(wake_up.file_id) == "failed"


@pytest.mark.parametrize(
    ("outcome", "word", "counts"),
    [
        (Retry(0, "unreachable", "no answer"), "retried", (1, 0, 0)),
        (Retry(0, "worker_lost", "gone", lost=True), "lost", (0, 0, 1)),
        (Retry(0, "lost_with_others", "gone", lost=True), "lost", (0, 0, 0.5)),
        (Later(0, "throttled"), "snoozed", (0, 1, 0)),
        (Parked(0, "the service is down", "textract"), "parked", (0, 1, 0)),
    ],
)
def test_a_retry_becomes_ready_when_it_is_due(
    world: World, outcome: Retry | Later | Parked, word: str, counts: tuple[int, int, float]
) -> None:
    wake_up = intake_of(world)
    world.store.record(claim(world, wake_up), outcome, nothing_follows, cost_s=1, host="h")
    assert world.store.dispatch({"intake": 10}) == []
    assert world.store.wake_due(10) == {"intake"}
    (again,) = world.store.dispatch({"intake": 10})
    assert again == replace(wake_up, attempt=2)
    held = claim(world, again)
    assert (held.failures, held.snoozes, held.losses) == counts
    assert world.attempts(wake_up.file_id) == [("intake", 0, 1, word)]


def test_a_parked_part_is_due_at_once_when_its_step_is_woken(world: World) -> None:
    wake_ups = planned(world, 3, [PlannedStep("ocr", ONE_PART)])
    for wake_up in wake_ups:
        world.store.record(claim(world, wake_up), Parked(600, "down", "ocr"), nothing_follows, cost_s=0, host="h")
    assert world.store.wake_parked(["text"], 10) == 0 and world.store.wake_due(10) == set()
    assert world.store.wake_parked(["ocr", "text"], 2) == 2
    assert world.store.wake_due(10) == {"ocr"}
    assert len(world.store.dispatch({"ocr": 10})) == 2


def test_a_part_that_is_not_due_stays_in_its_state(world: World) -> None:
    wake_up = intake_of(world)
    world.store.record(claim(world, wake_up), Retry(60, "x", "y"), nothing_follows, cost_s=1, host="h")
    assert world.store.wake_due(10) == set()


def test_only_expired_leases_are_found(world: World) -> None:
    arrived(world, 2)
    first, second = world.store.dispatch({"intake": 10})
    claim(world, first, lease_s=-1)
    claim(world, second)
    assert [claim.file.file_id for claim in world.store.expired(10)] == [first.file_id]
    assert {claim.file.file_id for claim in world.store.held_by("worker")} == {first.file_id, second.file_id}
    assert world.store.held_by("work") == []


def test_only_its_holder_extends_a_lease(world: World) -> None:
    arrived(world, 2)
    first, second = (claim(world, wake_up, lease_s=-1) for wake_up in world.store.dispatch({"intake": 10}))
    assert world.store.extend([first, replace(second, lease_id=str(uuid.uuid4()))], 60) == 1
    assert [claim.lease_id for claim in world.store.expired(10)] == [second.lease_id]
    world.store.record(first, Retry(0, "x", "y"), nothing_follows, cost_s=1, host="h")
    assert world.store.extend([first], 60) == 0


def test_an_unclaimed_wake_up_is_returned_again(world: World) -> None:
    wake_up = intake_of(world)
    assert world.store.unclaimed(30, 10) == []
    assert world.store.unclaimed(0, 10) == [wake_up]
    assert world.store.unclaimed(30, 10) == []


def test_a_wake_up_is_returned_again_after_the_clock_was_set_back(world: World) -> None:
    wake_up = intake_of(world)
    world.time_passes(-600)
    assert world.store.unclaimed_steps(30) == {"intake"}
    assert world.store.unclaimed(30, 10) == [wake_up]
    assert world.store.unclaimed(30, 10) == []


def test_unclaimed_wake_ups_of_some_steps_can_be_left_out(world: World) -> None:
    wake_up = intake_of(world)
    assert world.store.unclaimed_steps(30) == set()
    assert world.store.unclaimed_steps(0) == {"intake"}
    assert world.store.unclaimed(0, 10, {"intake"}) == []
    assert world.store.unclaimed(0, 10, {"text"}) == [wake_up]


def test_parts_of_a_lost_bundle_stay_in_one_bundle(world: World) -> None:
    arrived(world, 7)
    taken = world.store.dispatch({"intake": 10}, bundles={"intake": 3})
    for _ in range(2):
        again = world.store.unclaimed(0, 10)
        assert sorted(again, key=str) == sorted(taken, key=str)
        assert [len(bundle) for bundle in bundles(again)] == [3, 3, 1]


def test_the_rest_of_a_bundle_whose_first_part_was_claimed_is_a_new_bundle(world: World) -> None:
    for tenant_id in (world.tenant(), world.tenant()):
        world.store.arrive([Arrival(key) for _, key in world.promised(2, tenant_id)])
    first, *_ = world.store.dispatch({"intake": 2}, bundles={"intake": 2})
    claim(world, first)
    assert sorted(len(bundle) for bundle in bundles(world.store.unclaimed(0, 10))) == [1, 2]


def test_an_upload_is_looked_for_after_the_clock_was_set_back(world: World) -> None:
    tenant_id = world.tenant()
    ((_, key),) = world.promised(1, tenant_id)
    assert world.store.awaited(60) == {}
    world.time_passes(-600)
    assert world.store.awaited(60) == {tenant_id: [key]}


def test_missed_uploads_are_marked_and_may_still_arrive(world: World) -> None:
    tenant_id = world.tenant()
    ((file_id, key),) = world.promised(1, tenant_id)
    assert world.store.awaited(0) == {tenant_id: [key]}
    world.upload_times_out()
    assert world.store.miss_uploads(10) == 1
    assert world.file_state(file_id) == "upload_missing"
    assert world.store.arrive([Arrival(key)]) == {key: "arrived"}


def test_a_removed_file_cannot_be_claimed_and_its_late_outcome_reports_the_removal(world: World) -> None:
    arrived(world, 2)
    running, queued = world.store.dispatch({"intake": 10})
    held = claim(world, running)
    for wake_up in (running, queued):
        world.remove(wake_up.file_id)
    assert world.store.claim(queued, "late", 60, durably=False) is None
    recorded = world.store.record(held, INTAKE_DONE, nothing_follows, cost_s=1, host="h")
    assert recorded.removed and not recorded.readied
    assert not world.store.keep_artifact(held, Artifact("text", "key", "text/plain", 1))
    assert set(world.states(running.file_id).values()) == set(world.states(queued.file_id).values()) == {"cancelled"}


def test_dispatch_is_limited_to_the_most_per_call(world: World) -> None:
    arrived(world, 5)
    assert [len(world.store.dispatch({"intake": 4}, {"intake": most})) for most in (3, 0, 9, 9)] == [3, 0, 1, 0]


def test_dispatch_keeps_to_the_in_flight_cap(world: World) -> None:
    arrived(world, 5)
    first = world.store.dispatch({"intake": 2})
    assert len(first) == 2
    assert world.store.dispatch({"intake": 2}) == []
    world.store.record(claim(world, first[0]), INTAKE_DONE, nothing_follows, cost_s=0, host="h")
    assert len(world.store.dispatch({"intake": 2})) == 1
    assert world.store.steps_with_backlog() == {"intake"}


def ready_to_read(world: World, costs_s: Sequence[float]) -> None:
    """Files past intake, each with a ready part of `text` of this cost."""
    arrived(world, len(costs_s))
    for wake_up, cost_s in zip(world.store.dispatch({"intake": 1000}), costs_s, strict=True):
        plan = FilePlan([PlannedStep("text", (Part(cost_estimate_s=cost_s),))])
        world.store.record(claim(world, wake_up), INTAKE_DONE, lambda _, plan=plan: plan, cost_s=0, host="h")  # type: ignore[misc]


def test_cheap_parts_share_a_wake_up_and_the_cap_counts_wake_ups(world: World) -> None:
    ready_to_read(world, [0.1] * 11)
    taken = world.store.dispatch({"text": 2}, bundles={"text": 4})
    assert [wake_up.joins_bundle for wake_up in taken] == [False, True, True, True] * 2
    assert world.store.dispatch({"text": 2}, bundles={"text": 4}) == []
    claims = world.store.claim_all(taken[:4], "worker", 60, durably=False)
    world.store.record_all([Finished(taken_claim, Done(), nothing_follows, 0.1) for taken_claim in claims], host="h")
    assert [wake_up.joins_bundle for wake_up in world.store.dispatch({"text": 2}, bundles={"text": 4})] == [
        False,
        True,
        True,
    ]


def test_a_part_that_does_not_fit_a_bundle_begins_the_next_one(world: World) -> None:
    ready_to_read(world, [0.3, 0.1, 0.3, 0.1])
    assert [wake_up.joins_bundle for wake_up in world.store.dispatch({"text": 1}, bundles={"text": 10})] == [
        False,
        True,
    ]
    assert [wake_up.joins_bundle for wake_up in world.store.dispatch({"text": 2}, bundles={"text": 10})] == [
        False,
        True,
    ]


def test_each_shared_loss_halves_the_bundle(world: World) -> None:
    ready_to_read(world, [0.01] * 12)
    sizes = []
    for _ in range(4):
        taken = world.store.dispatch({"text": 100}, bundles={"text": 8})
        sizes.append([len(bundle) for bundle in bundles(taken)])
        claims = world.store.claim_all(taken, "worker", 60, durably=False)
        lost = Retry(0, "lost_with_others", "gone", lost=True)
        world.store.record_all([Finished(lost_claim, lost, nothing_follows, 0.0) for lost_claim in claims], host="h")
        assert world.store.wake_due(100) == {"text"}
    assert sizes == [[8, 4], [4, 4, 4], [2] * 6, [1] * 12]


def test_a_bundle_has_parts_of_one_tenant_only(world: World) -> None:
    for tenant_id in (world.tenant(), world.tenant()):
        world.store.arrive([Arrival(key) for _, key in world.promised(6, tenant_id)])
    taken = world.store.dispatch({"intake": 2}, bundles={"intake": 3})
    assert [wake_up.joins_bundle for wake_up in taken] == [False, True, True] * 2
    first, second = ({claim(world, wake_up).file.tenant_id for wake_up in bundle} for bundle in (taken[:3], taken[3:]))
    assert len(first) == len(second) == 1 and first != second


def test_long_parts_take_at_most_a_quarter_of_the_slots(world: World) -> None:
    ready_to_read(world, [20.0] * 4 + [1.0] * 7)
    held = [claim(world, wake_up) for wake_up in world.store.dispatch({"text": 10})]
    assert [held_claim.cost_estimate_s for held_claim in held] == [20.0] * 2 + [1.0] * 7
    for held_claim in held[2:]:
        world.store.record(held_claim, Done(), nothing_follows, cost_s=1, host="h")
    assert world.store.dispatch({"text": 10}) == []
    world.store.record(held[0], Done(), nothing_follows, cost_s=1, host="h")
    assert [claim(world, wake_up).cost_estimate_s for wake_up in world.store.dispatch({"text": 10})] == [20.0]
    assert world.store.steps_with_backlog() == {"text"}


def test_a_part_that_exceeded_its_short_limit_runs_as_a_long_part(world: World) -> None:
    ready_to_read(world, [1.0] * 3)
    for wake_up in world.store.dispatch({"text": 3}):
        late = Later(0, "it takes long", 30.0)
        world.store.record(claim(world, wake_up), late, nothing_follows, cost_s=1, host="h")
    world.store.wake_due(10)
    (again,) = world.store.dispatch({"text": 3})
    held = claim(world, again)
    assert (held.cost_estimate_s, held.attempt, held.failures) == (30.0, 2, 0)


def test_expensive_parts_have_a_wake_up_of_their_own(world: World) -> None:
    ready_to_read(world, [5.0] * 3)
    assert [wake_up.joins_bundle for wake_up in world.store.dispatch({"text": 10}, bundles={"text": 10})] == [False] * 3


def test_tenants_take_turns_by_weight(world: World) -> None:
    heavy, light = world.tenant(weight=3.0), world.tenant()
    of_heavy = set(arrived(world, 40, heavy))
    arrived(world, 40, light)
    taken = [wake_up.file_id in of_heavy for wake_up in world.store.dispatch({"intake": 20})]
    assert sum(taken) == 15


def test_a_new_tenant_does_not_wait_behind_a_backlog(world: World) -> None:
    arrived(world, 50)
    world.store.dispatch({"intake": 20})
    newcomer = arrived(world, 1)
    assert newcomer[0] in {wake_up.file_id for wake_up in world.store.dispatch({"intake": 22})}


def test_several_parts_are_claimed_and_recorded_at_once_each_fenced_by_its_own_lease(world: World) -> None:
    wake_ups = [*planned(world, 3, [PlannedStep("text", ONE_PART)])]
    claims = world.store.claim_all([*wake_ups, replace(wake_ups[0], attempt=7)], "worker", 60, durably=False)
    assert {by_type.file.file_id for by_type in claims} == {by_type.file_id for by_type in wake_ups}
    zombie = replace(claims[1], lease_id=str(uuid.uuid4()))
    plan = FilePlan([PlannedStep("ocr", ONE_PART)])
    finished = [
        Finished(finished_claim, Done(), lambda _: plan, 0.1) for finished_claim in (claims[2], zombie, claims[0])
    ]
    recorded = world.store.record_all(finished, host="h")
    assert [result.fenced for result in recorded] == [False, True, False]
    assert [result.readied for result in recorded] == [{"ocr"}, frozenset(), {"ocr"}]
    assert {wake_up.file_id for wake_up in world.store.dispatch({"ocr": 10})} == {
        c.file.file_id for c in (claims[0], claims[2])
    }
    assert world.states(claims[1].file.file_id)["text", 0] == "running"


def test_outcomes_of_several_steps_of_a_file_are_recorded_at_once_as_if_one_after_the_other(world: World) -> None:
    short = (Part(cost_estimate_s=FOLLOWS_S),)
    steps = [PlannedStep("text", short), PlannedStep("extraction", None), PlannedStep("preview", short)]
    wake_ups = sorted(planned(world, 2, steps), key=lambda wake_up: wake_up.step, reverse=True)
    claims = [claim(world, wake_up) for wake_up in wake_ups]
    text_page, picture = Page(1, "a", (), "native", 100.0), Artifact("preview", "key", "image/png", 3)
    outcomes = {
        "text": (Done(pages=(text_page,)), FilePlan([PlannedStep("extraction", short)])),
        "preview": (Done(artifacts=(picture,)), FilePlan()),
    }
    finished = [Finished(held, *_outcome_and_planner(*outcomes[held.step])) for held in claims]
    finished[3] = Finished(claims[3], Retry(5, "busy", "again"), nothing_follows)
    recorded = world.store.record_all(finished, host="h")
    assert [result.readied for result in recorded] == [{"extraction"}, {"extraction"}, frozenset(), frozenset()]
    assert [result.short for result in recorded] == [result.readied for result in recorded]
    for number, held in enumerate(claims[:2]):
        file_id = held.file.file_id
        assert [page.text for page in world.store.pages(file_id)] == ["a"]
        is_done = file_id == claims[2].file.file_id
        assert world.states(file_id) == {
            ("intake", 0): "done",
            ("text", 0): "done",
            ("extraction", 0): "ready",
            ("preview", 0): "done" if is_done else "retrying",
        }, number
    extraction = world.store.dispatch({"extraction": 10})
    assert {wake_up.file_id for wake_up in extraction} == {held.file.file_id for held in claims[:2]}


def _outcome_and_planner(outcome: Done, plan: FilePlan) -> tuple[Done, Planner]:
    return outcome, lambda _: plan


def test_the_plan_of_what_follows_is_made_from_the_file_after_the_step(world: World) -> None:
    (wake_up,) = planned(world, 1, [PlannedStep("text", ONE_PART)])
    planner_input = []
    held = claim(world, wake_up)
    pages = (Page(1, "a", (), "native", 100.0), Page(2, "", (), None, 0.0))
    world.store.record(
        held, Done(pages=pages), lambda file: planner_input.append(file) or FilePlan(), cost_s=0, host="h"
    )  # type: ignore[func-returns-value]
    assert [(page.number, page.source) for page in planner_input[0].pages] == [(1, "native"), (2, None)]
    assert (planner_input[0].media_type, planner_input[0].unread_pages, planner_input[0].failures) == (
        "text/plain",
        (2,),
        {},
    )


def test_the_plan_after_a_failure_is_given_the_failure(world: World) -> None:
    (wake_up,) = planned(world, 1, [PlannedStep("text", ONE_PART)])
    planner_input = []
    failed = Failed("corrupt", "damaged")
    world.store.record(
        claim(world, wake_up), failed, lambda file: planner_input.append(file) or FilePlan(), cost_s=0, host="h"
    )  # type: ignore[func-returns-value]
    assert planner_input[0].failures == {"text": ("corrupt", "damaged")}


def record_of(complete: bool) -> Done:
    missing = () if complete else ("total",)
    return Done(extraction=Extraction({"title": "x"}, missing, {}), complete=complete)


@pytest.mark.parametrize(
    ("of_parts", "merged", "file_state"),
    [
        ([record_of(False)], None, "partial"),
        ([record_of(True)], None, "done"),
        ([window(n=0), window(n=1)], record_of(False), "partial"),
        ([window(n=0), window(n=1)], record_of(True), "done"),
    ],
)
@pytest.mark.parametrize("parts_of_check", [1, 2])
def test_a_file_with_a_partial_record_is_partial_whichever_main_step_ends_last(
    world: World, of_parts: list[Done], merged: Done | None, file_state: str, parts_of_check: int
) -> None:
    parts = {"extract": len(of_parts), "check": parts_of_check}
    extract, check = (
        Step(name, lambda file, work: Done(), plan=lambda _, count=count: tuple(Part() for _ in range(count)))
        for name, count in parts.items()
    )
    if merged:
        extract = replace(extract, merge=lambda _: merged)
    intake = Step("intake", lambda file, work: Done())
    main = (Pipeline("main", (extract, check)),)

    def record(wake_up: WakeUp, outcome: Done) -> None:
        step = {"extract": extract, "check": check}[wake_up.step]
        held = claim(world, wake_up)
        plan = partial(plan_after, intake, main, step, outcome)
        world.store.record(held, outcome, plan, cost_s=0, host="h")

    wake_ups = planned(world, 1, [PlannedStep("extract", tuple(Part() for _ in of_parts)), PlannedStep("check", None)])
    for wake_up, outcome in zip(wake_ups, of_parts, strict=True):
        record(wake_up, outcome)
    for wake_up in world.store.dispatch({"check": 10}):
        assert world.file_state(wake_up.file_id) == "processing"
        record(wake_up, Done())
    assert world.file_state(wake_ups[0].file_id) == file_state


def test_a_step_may_make_an_artifact_of_a_new_kind_and_read_pages_in_a_new_way(world: World) -> None:
    (wake_up,) = planned(world, 1, [PlannedStep("virus_report", ONE_PART)])
    held = claim(world, wake_up)
    report = Artifact("virus_report", held.artifact_key("report.json"), "application/json", 1)
    page = Page(1, "clean", (), "sandbox", 100.0)  # type: ignore[arg-type]
    world.store.record(held, Done(pages=(page,), artifacts=(report,)), nothing_follows, cost_s=0, host="h")
    assert world.store.object_verdicts([report.object_key]) == {report.object_key: "referenced"}
    assert [page.source for page in world.store.pages(wake_up.file_id)] == ["sandbox"]


def test_a_page_that_begins_a_document_still_does_when_it_is_read_again(world: World) -> None:
    text, ocr = planned(world, 1, [PlannedStep("text", ONE_PART), PlannedStep("ocr", ONE_PART)])
    first, second = Page(1, "one", (), "native", 100.0), Page(2, begins_document=True)
    world.store.record(claim(world, text), Done(pages=(first, second)), nothing_follows, cost_s=0, host="h")
    again = Page(2, "two", (), "ocr", 90.0)
    world.store.record(claim(world, ocr), Done(pages=(again,)), nothing_follows, cost_s=0, host="h")
    assert [(page.text, page.begins_document) for page in world.store.pages(text.file_id)] == [
        ("one", False),
        ("two", True),
    ]


# --- audit ---------------------------------------------------------------------------------------------


def audited(world: World, main_steps: list[str], side_artifacts: dict[str, list[str]]) -> dict[str, int] | None:
    world.store.fold_counts(1000)
    return world.store.audit_rows(-1e9, 1000, main_steps, side_artifacts)


def test_the_audit_names_a_step_that_is_done_without_its_artifacts(world: World) -> None:
    (wake_up,) = planned(world, 1, [PlannedStep("virus_report", ONE_PART), PlannedStep("text", None)])
    held = claim(world, wake_up)
    made = Artifact("virus_report", held.artifact_key("report.json"), "application/json", 1)
    world.store.record(held, Done(artifacts=(made,)), nothing_follows, cost_s=0, host="h")
    findings = audited(world, ["intake", "text"], {"virus_report": ["virus_report", "signature"], "text": ["text"]})
    assert findings == {"artifacts_missing": 1, "lost": 1}


@pytest.mark.parametrize(("main_steps", "findings"), [(["intake", "text"], {}), (["intake", "text", "ocr"], 1)])
def test_only_main_steps_keep_a_settled_file_unfinished(world: World, main_steps: list[str], findings: object) -> None:
    (wake_up,) = planned(world, 1, [PlannedStep("text", ONE_PART), PlannedStep("ocr", None)])
    failed = FilePlan((), "failed", ("text", "corrupt", "damaged"))
    world.store.record(claim(world, wake_up), Failed("corrupt", "damaged"), lambda _: failed, cost_s=0, host="h")
    assert audited(world, main_steps, {}) == (findings and {"settled_files_with_work_left": findings})


# --- cancel, undo, redrive ---------------------------------------------------------------------------


def test_a_cancelled_file_runs_no_step_again_whatever_the_outcome_of_a_running_one(world: World) -> None:
    first, second = planned(world, 1, [PlannedStep("ocr", (Part((1,)), Part((2,))))])
    held = claim(world, first)
    assert world.cancel(first.file_id) == 1 and world.cancel(first.file_id) == 0
    assert world.store.claim(second, "late", 60, durably=False) is None
    world.store.record(held, Retry(0, "x", "y"), nothing_follows, cost_s=0, host="h")
    assert world.states(first.file_id) == {("intake", 0): "done", ("ocr", 0): "cancelled", ("ocr", 1): "cancelled"}
    assert world.store.wake_due(10) == set()
    assert world.file_state(first.file_id) == "cancelled"


def test_a_step_that_succeeds_in_a_cancelled_file_is_recorded_and_nothing_follows(world: World) -> None:
    held = claim(world, intake_of(world))
    world.cancel(held.file.file_id)
    plan = FilePlan([PlannedStep("text", ONE_PART)], "done")
    assert not world.store.record(held, INTAKE_DONE, lambda _: plan, cost_s=0, host="h").readied
    assert world.states(held.file.file_id) == {("intake", 0): "done"}
    assert world.file_state(held.file.file_id) == "cancelled"


def test_an_undo_runs_the_steps_that_the_removal_cancelled(world: World) -> None:
    running, queued = planned(world, 1, [PlannedStep("ocr", (Part((1,)), Part((2,)))), PlannedStep("extraction", None)])
    held = claim(world, running)
    removal = world.remove(running.file_id, undo_s=60)
    world.store.record(held, Done(), nothing_follows, cost_s=0, host="h")
    assert set(world.states(running.file_id).values()) == {"done", "cancelled"}
    assert world.undo(removal) == 1 and world.undo(removal) is None
    again = {(wake_up.part, wake_up.attempt) for wake_up in world.store.dispatch({"ocr": 10})}
    assert again == {(running.part, 2), (queued.part, 1)}
    assert world.states(running.file_id)["extraction", 0] == "waiting"


def test_an_undo_does_not_restore_steps_that_were_cancelled_before_the_removal(world: World) -> None:
    held = claim(world, intake_of(world))
    world.cancel(held.file.file_id)
    removal = world.remove(held.file.file_id, undo_s=60)
    world.store.record(held, INTAKE_DONE, nothing_follows, cost_s=0, host="h")
    assert world.undo(removal) == 1
    assert world.states(held.file.file_id) == {("intake", 0): "cancelled"}
    assert world.store.dispatch({"intake": 10}) == []


def test_a_removal_cannot_be_undone_once_erasure_has_begun(world: World) -> None:
    ((file_id, _),) = world.promised(1)
    removal = world.remove(file_id, undo_s=60)
    assert world.store.removals_due(10) == []
    world.time_passes(61)
    assert len(world.store.removals_due(10)) == 1
    world.time_passes(-120)
    assert world.undo(removal) is None


def test_a_redrive_runs_a_step_and_those_after_it_again(world: World) -> None:
    (wake_up,) = planned(world, 1, [PlannedStep("text", ONE_PART), PlannedStep("extraction", None)])
    failed = FilePlan([PlannedStep("extraction", Skip("text failed"))], "failed", ("text", "corrupt", "damaged"))
    world.store.record(claim(world, wake_up), Failed("corrupt", "damaged"), lambda _: failed, cost_s=0, host="h")
    plan = [PlannedStep("text", (Part((1,)), Part((2,)))), PlannedStep("extraction", None)]
    assert world.redrive(wake_up.file_id, ["text", "extraction"], ["intake"], lambda _: plan)
    assert world.file_state(wake_up.file_id) == "processing"
    assert world.states(wake_up.file_id) == {
        ("intake", 0): "done",
        ("text", 0): "ready",
        ("text", 1): "ready",
        ("extraction", 0): "waiting",
    }
    first, second = world.store.dispatch({"text": 10})
    assert {(retried.part, retried.attempt) for retried in (first, second)} == {(0, 2), (1, 1)}
    held = claim(world, first)
    assert (held.failures, held.file.redrives) == (0, 1)


def test_a_step_that_is_queued_or_running_is_not_redriven(world: World) -> None:
    (wake_up,) = planned(world, 1, [PlannedStep("text", ONE_PART), PlannedStep("extraction", None)])
    plan = [PlannedStep("text", ONE_PART), PlannedStep("extraction", None)]
    assert not world.redrive(wake_up.file_id, ["text", "extraction"], ["intake"], lambda _: plan)


def test_a_step_is_not_redriven_while_an_earlier_one_has_not_ended(world: World) -> None:
    (wake_up,) = planned(world, 1, [PlannedStep("text", ONE_PART), PlannedStep("extraction", None)])
    world.store.record(claim(world, wake_up), Parked(60, "down", "text"), nothing_follows, cost_s=0, host="h")
    plan = [PlannedStep("extraction", ONE_PART)]
    assert not world.redrive(wake_up.file_id, ["extraction"], ["intake", "text"], lambda _: plan)
    assert world.states(wake_up.file_id)["extraction", 0] == "waiting"


def test_a_file_that_was_not_uploaded_is_not_redriven(world: World) -> None:
    ((file_id, key),) = world.promised(1)
    plan = [PlannedStep("intake", ONE_PART)]
    assert not world.redrive(file_id, ["text", "extraction"], ["intake"], lambda _: plan)
    assert not world.redrive(file_id, ["intake", "text", "extraction"], [], lambda _: plan)
    assert world.store.arrive([Arrival(key)]) == {key: "arrived"}


def test_dispatch_keeps_to_the_cap_after_the_clock_stepped_back(world: World) -> None:
    arrived(world, 8)
    world.store.dispatch({"intake": 2})
    world.time_passes(-3600)
    assert world.store.dispatch({"intake": 2}) == []
    assert len(world.store.dispatch({"intake": 4})) == 2
    assert world.store.dispatch({"intake": 4}) == []


def test_the_backlog_shows_how_long_the_oldest_part_has_waited(world: World) -> None:
    assert [(backlog.oldest_s, backlog.parked, backlog.ahead_s) for backlog in world.store.backlog(["intake"])] == [
        (0, 0, 0)
    ]
    arrived(world, 1)
    world.time_passes(90)
    arrived(world, 2)
    (waiting,) = world.store.backlog(["intake"])
    assert 90 <= waiting.oldest_s < 150
    world.store.dispatch({"intake": 9})
    assert world.store.backlog(["intake"])[0].oldest_s == 0


def test_the_backlog_shows_how_many_parts_are_parked(world: World) -> None:
    arrived(world, 3)
    for wake_up in world.store.dispatch({"intake": 2}):
        world.store.record(
            claim(world, wake_up), Parked(60, "away", "object_store"), nothing_follows, cost_s=0, host="h"
        )
    parked = {backlog.step: backlog.parked for backlog in world.store.backlog(["intake", "text"])}
    assert parked == {"intake": 2, "text": 0}


def test_the_backlog_shows_how_far_tenants_are_apart(world: World) -> None:
    arrived(world, 4)
    served = world.store.dispatch({"intake": 1})
    (before,) = world.store.backlog(["intake"])
    assert (len(served), before.ahead_s) == (1, 0)
    arrived(world, 4)  # a new tenant starts at the pass that was dispatched last
    for _ in range(2):
        for wake_up in world.store.dispatch({"intake": 1}):
            world.store.record(claim(world, wake_up), INTAKE_DONE, nothing_follows, cost_s=0, host="h")
    (after,) = world.store.backlog(["intake"])
    assert 0 <= after.ahead_s <= 0.2
