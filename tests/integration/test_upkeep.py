"""Upkeep's duties: each does its part once however many upkeeps are at it, no more at a time than is bearable, and
nothing where nothing is left to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from functions import audit, upkeep
from functions.dispatch import dispatch
from layers.attempts.runner import Runner
from layers.domain.step import Artifact, Done, Parked, Pipeline, PlannedStep, step
from layers.ports import Ports
from tests.fakes import MemoryObjects, MemoryTopics
from tests.integration.test_store_races import all_at_once
from tests.making import INTAKE_DONE, ONE_PART, Bench, Urls, nothing_follows

FILES = 12
AT_ONCE = 5


@step()
def intake(file, work): ...  # type: ignore[no-untyped-def]


@step()
def text(file, work): ...  # type: ignore[no-untyped-def]


@dataclass
class Place:
    """Two upkeeps on one store, one bucket and one topic."""

    bench: Bench
    objects: MemoryObjects
    topics: MemoryTopics

    def runner(self) -> Runner:
        ports = Ports(self.bench.store, self.objects, self.topics, None, None, None)  # type: ignore[arg-type]
        return Runner(ports, intake, (Pipeline("main", (text,)),), {"intake": 100, "text": 100}, host="upkeep")

    def count(self, query: str) -> int:
        row = self.bench.database.row(f"SELECT count(*)::integer AS n FROM {query}")
        assert row
        return int(row["n"])

    def run(self, statement: str) -> None:
        self.bench.database.run(statement)


@pytest.fixture
def place(database_urls: Urls, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    for module, name in ((upkeep, "AT_ONCE"), (upkeep, "FOLDED_AT_ONCE"), (audit, "OBJECTS_AT_ONCE"),
                         (audit, "LOOKED_UP_AT_ONCE"), (audit, "FILES_AT_ONCE"), (audit, "UPLOADS_AT_ONCE")):  # fmt: skip
        monkeypatch.setattr(module, name, AT_ONCE)
    monkeypatch.setattr(audit, "UPLOAD_PAGES_AT_ONCE", 1)
    bench = Bench.on(database_urls)
    bench.empty()
    bench.database.run("TRUNCATE audits, attempt_totals")
    bench.database.run("UPDATE audit_walks SET reached = '', checked = 0, findings = '{}', rested_at = NULL")
    yield Place(bench, MemoryObjects(), MemoryTopics())


# --- what there is to do -----------------------------------------------------------------------------


def leases_that_ran_out(place: Place) -> None:
    place.bench.arrived(FILES)
    for wake_up in place.bench.store.dispatch({"intake": FILES}):
        place.bench.claim(wake_up, lease_s=-1)


def wake_ups_that_were_lost(place: Place) -> None:
    place.bench.arrived(FILES)
    place.bench.store.dispatch({"intake": FILES})
    place.run("UPDATE steps SET queued_at = queued_at - interval '1 hour'")


def lanes_that_a_crash_left(place: Place) -> None:
    for _ in range(3):
        place.bench.arrived(1)
    place.run("UPDATE lanes SET active = false")


def news_that_never_came(place: Place) -> None:
    tenant_id = place.bench.tenant()
    dataset_id = place.bench.dataset(tenant_id)
    files = place.bench.files(tenant_id, dataset_id, place.bench.batch(tenant_id, dataset_id), FILES)
    place.objects.objects |= {key: b"0123456789" for _, key in files}
    place.run("UPDATE files SET created_at = created_at - interval '1 hour'")


def uploads_that_never_came(place: Place) -> None:
    news_that_never_came(place)
    place.objects.objects.clear()
    place.run("UPDATE files SET upload_until = now() - interval '1 s'")


def files_that_were_removed(place: Place) -> None:
    tenant_id = place.bench.tenant()
    files = place.bench.arrived(FILES, tenant_id)
    place.objects.objects |= {key: b"0123456789" for _, key in files}
    row = place.bench.database.row("SELECT dataset_id FROM files LIMIT 1")
    assert row
    place.bench.remove(tenant_id, str(row["dataset_id"]), [file_id for file_id, _ in files])


def objects_that_came_late(place: Place) -> None:
    files_that_were_removed(place)
    late = dict(place.objects.objects)
    while upkeep.erase_removed(place.runner()):
        continue
    place.objects.objects |= late
    place.run("UPDATE removals SET sweep_after = now() - interval '1 s'")


def uploads_of_cancelled_files(place: Place) -> None:
    tenant_id = place.bench.tenant()
    dataset_id = place.bench.dataset(tenant_id)
    for _, key in place.bench.files(tenant_id, dataset_id, place.bench.batch(tenant_id, dataset_id), FILES):
        place.objects.put_part(key, place.objects.begin_parts(key), 1, b"part")
    place.run("UPDATE files SET state = 'cancelled'")


def counts_that_are_not_folded(place: Place) -> None:
    for _ in range(FILES):
        place.bench.arrived(1)


def requests_of_long_ago(place: Place) -> None:
    tenant_id = place.bench.tenant()
    place.run(
        "INSERT INTO idempotency_keys (tenant_id, key, digest, created_at)"
        f" SELECT '{tenant_id}', n::text, '', now() - interval '2 days' FROM generate_series(1, {FILES}) n"
    )


def steps_that_are_due(place: Place) -> None:
    place.bench.arrived(FILES)
    for wake_up in place.bench.store.dispatch({"intake": FILES}):
        parked = Parked(600, "down", "textract")
        place.bench.store.record(place.bench.claim(wake_up), parked, nothing_follows, cost_s=0, host="h")
    place.run("UPDATE steps SET due_at = now()")


def attempts_that_are_not_counted(place: Place) -> None:
    place.bench.arrived(FILES)
    for wake_up in place.bench.store.dispatch({"intake": FILES}):
        place.bench.store.record(place.bench.claim(wake_up), INTAKE_DONE, nothing_follows, cost_s=0, host="h")
    place.run("UPDATE attempts SET ended_at = now() - interval '2 minutes'")
    place.run("UPDATE attempt_folds SET folded_until = now() - interval '1 hour'")


def attempts_out_of_the_ledger(place: Place) -> None:
    for wake_up in place.bench.planned(FILES, [PlannedStep("text", ONE_PART)]):
        place.bench.claim(wake_up)
    place.run("DELETE FROM attempts")


def artifacts(place: Place, *, stored: bool) -> None:
    place.bench.arrived(FILES)
    for wake_up in place.bench.store.dispatch({"intake": FILES}):
        claim = place.bench.claim(wake_up)
        place.objects.objects[claim.file.object_key] = b"0123456789"
        made = Artifact("thumbnail", claim.artifact_key("thumbnail.webp"), "image/webp", 1)
        done = Done(INTAKE_DONE.pages, (made,), identity=INTAKE_DONE.identity, size_bytes=10)
        place.bench.store.record(claim, done, nothing_follows, cost_s=0, host="h")
        if stored:
            place.objects.objects |= {made.object_key: b"x", made.object_key + ".left": b"x"}


@dataclass(frozen=True)
class Duty:
    """A duty, what there is for it to do, how to count what is left, and the most that one round may do of it."""

    do: Callable[[Runner], int]
    arrange: Callable[[Place], None]
    left: Callable[[Place], int]
    all_of_it: int = FILES
    most: int = AT_ONCE


def rows(query: str) -> Callable[[Place], int]:
    return lambda place: place.count(query)


UNCOUNTED = "attempts WHERE ended_at > (SELECT folded_until FROM attempt_folds) AND ended_at < now() - interval '90 s'"
RESTED = "audit_walks WHERE walk = '{}' AND rested_at IS NULL"
DUTIES = {
    "leases_rescued": Duty(upkeep.rescue_expired, leases_that_ran_out, rows("steps WHERE state = 'running'")),
    "wake_ups_repeated": Duty(
        upkeep.repeat_unclaimed, wake_ups_that_were_lost, rows("steps WHERE queued_at < now() - interval '1 minute'")
    ),
    "lanes_repaired": Duty(
        upkeep.repair_lanes, lanes_that_a_crash_left, rows("lanes WHERE NOT active"), all_of_it=3, most=3
    ),
    "objects_swept": Duty(upkeep.sweep, news_that_never_came, rows("files WHERE state = 'uploading'"), most=FILES),
    "uploads_missed": Duty(upkeep.miss_uploads, uploads_that_never_came, rows("files WHERE state = 'uploading'")),
    "files_erased": Duty(upkeep.erase_removed, files_that_were_removed, rows("files")),
    "objects_erased_late": Duty(
        upkeep.sweep_erased, objects_that_came_late, rows("removals WHERE swept_at IS NULL"), all_of_it=1, most=FILES
    ),
    "counts_folded": Duty(upkeep.fold_counts, counts_that_are_not_folded, rows("count_deltas"), most=10_000),
    "attempts_counted": Duty(
        lambda runner: runner.ports.store.fold_attempts(), attempts_that_are_not_counted, rows(UNCOUNTED), most=FILES
    ),
    "requests_forgotten": Duty(
        lambda runner: runner.ports.store.forget_requests(), requests_of_long_ago, rows("idempotency_keys"), most=FILES
    ),
    "dispatched": Duty(dispatch, steps_that_are_due, rows("steps WHERE state <> 'queued'"), most=FILES),
    "audit_findings": Duty(
        audit.audit_rows, attempts_out_of_the_ledger, rows(RESTED.format("rows")), all_of_it=1, most=2 * AT_ONCE
    ),
    "uploads_aborted": Duty(
        audit.walk_uploads, uploads_of_cancelled_files, lambda place: len(place.objects.uploads), most=AT_ONCE
    ),
    "objects_out_of_place": Duty(
        audit.walk_objects, lambda place: artifacts(place, stored=True), rows(RESTED.format("objects")), all_of_it=1
    ),
    "artifacts_missing": Duty(
        audit.walk_artifacts,
        lambda place: artifacts(place, stored=False),
        rows(RESTED.format("artifacts")),
        all_of_it=1,
    ),
}


def test_every_duty_of_upkeep_is_tested_here(place: Place) -> None:
    of_telling = {"breakers_open", "steps_waiting"}
    assert set(upkeep.upkeep(place.runner())) - of_telling == set(DUTIES)


@pytest.mark.parametrize("name", DUTIES)
def test_a_duty_does_at_most_so_much_a_round_and_comes_to_an_end(place: Place, name: str) -> None:
    duty, runner = DUTIES[name], place.runner()
    duty.arrange(place)
    for _ in range(4 * FILES):
        assert duty.do(runner) <= duty.most
        if duty.left(place) == 0:
            break
    assert duty.left(place) == 0
    assert duty.do(runner) == 0


@pytest.mark.parametrize("name", DUTIES)
def test_two_upkeeps_at_once_do_a_duty_once(place: Place, name: str) -> None:
    duty = DUTIES[name]
    duty.arrange(place)
    runners = [place.runner() for _ in range(2)]
    for _ in range(4 * FILES):
        if duty.left(place) == 0:
            break
        all_at_once([lambda r=runner: duty.do(r) for runner in runners])  # type: ignore[misc]
    assert duty.left(place) == 0
    assert [duty.do(runner) for runner in runners] == [0, 0]
    ledger = "SELECT file_id, step, part, attempt FROM attempts"
    attempts = place.bench.database.rows(ledger)
    assert len({tuple(one.values()) for one in attempts}) == len(attempts) <= 2 * FILES
    assert place.bench.database.row("SELECT coalesce(sum(attempts), 0)::integer AS n FROM attempt_totals") in (
        {"n": 0},
        {"n": FILES},
    ), "attempts were counted twice"
    published = place.topics.published
    assert len(published) == len(set(published)), "a wake-up that one upkeep sent was sent by the other too"
    findings = place.bench.database.rows("SELECT kind, findings FROM audits WHERE findings ? 'walk' IS NOT TRUE")
    assert all(one["findings"] in ({}, {"attempts_not_in_the_ledger": FILES}) for one in findings), findings
