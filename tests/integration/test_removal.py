"""Removal: files are hidden at once, can be restored within the undo window, and are then erased twice."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from functions.arrivals import take_arrivals
from functions.pipelines import INTAKE, PIPELINES
from functions.upkeep import erase_removed, sweep_erased
from layers.attempts.runner import Runner
from layers.domain.file import artifact_prefix
from layers.domain.message import Arrival, WakeUp
from layers.domain.step import Artifact, Done, Part, PlannedStep
from layers.ports import Claim, FilePlan, Ports, Recorded
from tests.fakes import MemoryObjects, MemoryTopics
from tests.integration.conftest import Api
from tests.integration.test_api import new_batch, new_dataset, problem
from tests.making import INTAKE_DONE, ONE_PART, nothing_follows

NEVER_UNDONE = {"undo_window_s": 0}


class Host:
    """The API and a runner on one database, with objects in memory."""

    def __init__(self, api: Api) -> None:
        api.bench.empty()
        self.api, self.store = api, api.bench.store
        self.tenant_id = api.bench.tenant()
        self.caller = api.caller(self.tenant_id)
        self.dataset = new_dataset(self.caller)["id"]
        self.objects = MemoryObjects()
        ports = Ports(self.store, self.objects, MemoryTopics(), cast(Any, None), cast(Any, None), None)
        self.runner = Runner(ports, INTAKE, PIPELINES, dict.fromkeys(("intake", "text", "thumbnail"), 1000))

    def uploaded(self, count: int = 1) -> list[str]:
        """Create files whose objects have arrived and whose intake is ready. Returns their ids."""
        batch = new_batch(self.caller, self.dataset, [f"{index}.txt" for index in range(count)])
        keys = [httpx.URL(file["upload"]["url"]).path.split("/", 2)[2] for file in batch["files"]]
        self.objects.objects |= dict.fromkeys(keys, b"0123456789")
        take_arrivals(self.runner, [Arrival(key) for key in keys])
        return [file["id"] for file in batch["files"]]

    def past_intake(self, count: int = 1) -> dict[str, Claim]:
        """Create files whose text step is claimed and whose thumbnail is ready. Returns the claims by file id."""
        plan = FilePlan([PlannedStep("text", (Part((1,)),)), PlannedStep("thumbnail", ONE_PART)])
        self.uploaded(count)
        for wake_up in self._published("intake"):
            self.store.record(self.claim(wake_up), INTAKE_DONE, lambda _: plan, cost_s=0, host="h")
        self.runner.dispatch({"text", "thumbnail"})
        return {wake_up.file_id: self.claim(wake_up) for wake_up in self._published("text")}

    def claim(self, wake_up: WakeUp) -> Claim:
        return self.api.bench.claim(wake_up)

    def make(self, claim: Claim, tmp_path: Path) -> Artifact:
        """An artifact as a running step stores it."""
        path = tmp_path / "text.txt"
        path.write_text("text of a file")
        key = claim.artifact_key("text.txt")
        return Artifact("text", key, "text/plain", self.objects.upload(path, key, "text/plain"))

    def remove(self, file_ids: list[str], **options: Any) -> dict[str, Any]:
        body = {"file_ids": file_ids, **options}
        response = self.caller.post(f"/datasets/{self.dataset}/removals", json=body)
        assert response.status_code == 202, response.text
        return response.json()  # type: ignore[no-any-return]

    def receipt(self, removal_id: str) -> dict[str, Any]:
        return self.caller.get(f"/removals/{removal_id}").json()  # type: ignore[no-any-return]

    def listed(self) -> list[str]:
        return [file["id"] for file in self.caller.get(f"/datasets/{self.dataset}/files?limit=200").json()["files"]]

    def left(self) -> int:
        """The number of rows of files and of everything that refers to them."""
        tables = ("files", "steps", "attempts", "pages", "artifacts", "records")
        counts = [self.api.bench.database.row(f"SELECT count(*) AS n FROM {table}") for table in tables]
        return sum(row["n"] for row in counts if row)

    def _published(self, step: str) -> list[WakeUp]:
        topics = cast(MemoryTopics, self.runner.ports.topics)
        wake_ups = [wake_up for wake_up in topics.published if wake_up.step == step]
        topics.published = [wake_up for wake_up in topics.published if wake_up.step != step]
        return wake_ups


@pytest.fixture
def host(api: Api) -> Iterator[Host]:
    yield Host(api)


# --- hiding ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["file", "list", "batch"])
def test_removed_files_disappear_from_all_listings_and_counts_at_once(host: Host, how: str) -> None:
    kept = host.uploaded(1)
    removed = host.uploaded(3)
    batch_id = host.caller.get(f"/files/{removed[0]}").json()["batch_id"]
    if how == "file":
        removals = [host.caller.delete(f"/files/{file_id}").json() for file_id in removed]
        assert [removal["count"] for removal in removals] == [1, 1, 1]
    elif how == "list":
        assert host.remove([*removed, str(uuid.uuid4())])["count"] == 3
    else:
        answer = host.caller.post(f"/datasets/{host.dataset}/removals", json={"batch_id": batch_id})
        assert answer.json()["count"] == 3
    assert host.listed() == kept
    assert host.caller.get(f"/datasets/{host.dataset}").json()["counts"]["files"] == 1
    assert host.caller.get(f"/batches/{batch_id}").json()["counts"]["files"] == 0
    assert host.caller.get(f"/datasets/{host.dataset}/files?name=txt").json()["files"][0]["id"] == kept[0]
    for path in (f"/files/{removed[0]}", f"/files/{removed[0]}/history"):
        problem(host.caller.get(path), 404, "not_found")
    problem(host.caller.post(f"/files/{removed[0]}/upload"), 404, "not_found")
    problem(host.caller.delete(f"/files/{removed[0]}"), 404, "not_found")


def test_a_removal_needs_either_files_or_a_batch(host: Host) -> None:
    path = f"/datasets/{host.dataset}/removals"
    for body in ({}, {"file_ids": [], "batch_id": None}, {"file_ids": [str(uuid.uuid4())], "batch_id": "x"}):
        assert host.caller.post(path, json=body).status_code == 400


# --- undo --------------------------------------------------------------------------------------------


def test_an_undo_restores_the_files_and_runs_their_cancelled_steps(host: Host, tmp_path: Path) -> None:
    claims = host.past_intake(2)
    before = host.caller.get(f"/datasets/{host.dataset}").json()["counts"]["by_state"]
    removal = host.remove(list(claims))
    ended, running = claims.values()
    assert host.store.record(ended, Done(), nothing_follows, cost_s=0, host="h").removed
    assert host.caller.post(f"/removals/{removal['id']}/undo").json()["undone_at"]
    assert sorted(host.listed()) == sorted(claims)
    assert host.caller.get(f"/datasets/{host.dataset}").json()["counts"]["by_state"] == before
    again = host.store.dispatch({"text": 100, "thumbnail": 100})
    assert sorted((wake_up.step, wake_up.file_id) for wake_up in again) == sorted(
        [("text", ended.file.file_id), *(("thumbnail", file_id) for file_id in claims)]
    ), "the step that ended during the removal, and the steps that had not run"
    recorded = host.store.record(running, Done(), nothing_follows, cost_s=0, host="h")
    assert not recorded.fenced and not recorded.removed, "a step that ran all the time can be recorded"
    assert erase_removed(host.runner) == 0


def test_an_undo_works_once_and_only_within_its_window(host: Host) -> None:
    removal = host.remove(host.uploaded(1))
    assert host.receipt(removal["id"])["undo_until"]
    assert host.caller.post(f"/removals/{removal['id']}/undo").status_code == 200
    assert host.caller.post(f"/removals/{removal['id']}/undo").status_code == 200, "a repeated undo has the same result"
    late = host.remove(host.listed(), **NEVER_UNDONE)
    problem(host.caller.post(f"/removals/{late['id']}/undo"), 409, "conflict")
    problem(host.caller.post(f"/removals/{uuid.uuid4()}/undo"), 404, "not_found")


def test_a_removal_names_some_of_its_files_until_they_are_back_or_erased(host: Host) -> None:
    removal = host.remove(host.uploaded(5))
    name = host.caller.get(f"/datasets/{host.dataset}").json()["name"]
    assert len(set(host.receipt(removal["id"])["file_names"])) == 3
    for path in ("/removals", f"/datasets/{host.dataset}/removals"):
        (listed,) = host.caller.get(path).json()["removals"]
        assert set(listed["file_names"]) < {f"{index}.txt" for index in range(5)} and listed["dataset_name"] == name
    undone = host.caller.post(f"/removals/{removal['id']}/undo").json()
    assert undone["file_names"] == []
    erased = host.remove(host.listed(), **NEVER_UNDONE)
    assert erase_removed(host.runner) == 5
    assert host.receipt(erased["id"])["file_names"] == []


def test_an_original_is_kept_while_its_removal_can_be_undone(host: Host) -> None:
    (file_id,) = host.uploaded(1)
    removal = host.remove([file_id])
    (key,) = host.objects.objects
    take_arrivals(host.runner, [Arrival(key)])  # a second delivery of its event
    host.caller.post(f"/removals/{removal['id']}/undo")
    assert list(host.objects.objects) == [key]


def test_an_undo_during_erasure_restores_all_or_nothing(host: Host) -> None:
    for _ in range(12):
        file_ids = host.uploaded(5)
        removal = host.remove(file_ids)
        host.api.bench.database.run(
            "UPDATE removals SET erase_after = clock_timestamp() + interval '20 ms' WHERE removal_id = %(r)s",
            r=removal["id"],
        )
        with ThreadPoolExecutor(2) as pool:
            erasing = pool.submit(lambda: [erase_removed(host.runner) for _ in range(20)])
            undone = pool.submit(host.caller.post, f"/removals/{removal['id']}/undo").result()
            erasing.result()
        while erase_removed(host.runner):
            pass
        originals = [key for key in host.objects.objects if key.rsplit("/", 1)[-1] in file_ids]
        if undone.status_code == 200:
            assert set(file_ids) <= set(host.listed()) and len(originals) == 5
        else:
            problem(undone, 409, "conflict")
            assert not set(file_ids) & set(host.listed()) and originals == []


# --- erasure -----------------------------------------------------------------------------------------


def test_erasure_leaves_no_object_and_no_row_but_the_removal(host: Host, tmp_path: Path) -> None:
    claims = host.past_intake(3)
    for claim in claims.values():
        done = Done(artifacts=(host.make(claim, tmp_path),))
        host.store.record(claim, done, nothing_follows, cost_s=0, host="h")
    removal = host.remove(list(claims), **NEVER_UNDONE)
    rows = host.left()
    assert erase_removed(host.runner) == 3
    assert erase_removed(host.runner) == 0
    assert host.objects.objects == {} and host.left() == 0
    receipt = host.receipt(removal["id"])
    assert (receipt["count"], receipt["objects_erased"], receipt["rows_erased"]) == (3, 6, rows)
    assert receipt["erased_at"] and receipt["swept_at"] is None
    audit = host.caller.get("/operations/audit").json()
    totals = {"accepted": 3, "terminal": 3, "in_flight": 0, "lost": 0, "doubled": 0}
    assert audit.pop("stored")["checked"] == 0
    assert audit == {**totals, "findings": {}, "balanced": True, "objects": None}


def test_an_upload_after_erasure_is_deleted(host: Host) -> None:
    batch = new_batch(host.caller, host.dataset, ["a.txt"])
    key = httpx.URL(batch["files"][0]["upload"]["url"]).path.split("/", 2)[2]
    removal = host.remove([batch["files"][0]["id"]], **NEVER_UNDONE)
    erase_removed(host.runner)
    host.objects.objects[key] = b"late"
    take_arrivals(host.runner, [Arrival(key)])
    assert host.objects.objects == {}, "deleted when its event arrives"
    host.objects.objects[key] = b"later still, and its event was lost"
    assert sweep_erased(host.runner) == 0, "its URL has not expired yet"
    host.api.bench.database.run("UPDATE removals SET sweep_after = now() - interval '1 s'")
    assert sweep_erased(host.runner) == 1
    assert host.objects.objects == {}
    receipt = host.receipt(removal["id"])
    assert receipt["swept_at"] and receipt["objects_erased"] == 1
    assert sweep_erased(host.runner) == 0


def test_the_second_erasure_waits_until_the_last_url_and_lease_have_expired(host: Host) -> None:
    claims = host.past_intake(1)
    host.remove(list(claims), **NEVER_UNDONE)
    host.api.bench.database.run("UPDATE files SET upload_until = now() - interval '1 hour'")
    host.api.bench.database.run("UPDATE steps SET lease_expires_at = now() + interval '1 hour' WHERE state = 'running'")
    erase_removed(host.runner)
    row = host.api.bench.database.row("SELECT sweep_after > now() + interval '50 minutes' AS waits FROM removals")
    assert row == {"waits": True}


Attempt = Callable[[Host, Claim, Path, Callable[[], None]], Recorded | None]


def removed_before_storing(host: Host, claim: Claim, tmp_path: Path, remove: Callable[[], None]) -> Recorded | None:
    remove()
    done = Done(artifacts=(host.make(claim, tmp_path),))
    return host.runner.record(claim, done)


def removed_after_storing(host: Host, claim: Claim, tmp_path: Path, remove: Callable[[], None]) -> Recorded | None:
    done = Done(artifacts=(host.make(claim, tmp_path),))
    remove()
    return host.runner.record(claim, done)


def removed_after_recording(host: Host, claim: Claim, tmp_path: Path, remove: Callable[[], None]) -> Recorded | None:
    host.runner.record(claim, Done(artifacts=(host.make(claim, tmp_path),)))
    remove()
    return None


def removed_before_the_worker_dies(
    host: Host, claim: Claim, tmp_path: Path, remove: Callable[[], None]
) -> Recorded | None:
    remove()
    host.make(claim, tmp_path)
    return None


@pytest.mark.parametrize("erased_first", [False, True])
@pytest.mark.parametrize(
    "attempt", [removed_before_storing, removed_after_storing, removed_after_recording, removed_before_the_worker_dies]
)
def test_nothing_is_left_of_a_file_removed_at_any_point_of_an_attempt(
    host: Host, tmp_path: Path, attempt: Attempt, erased_first: bool
) -> None:
    (claim,) = host.past_intake(1).values()

    def remove() -> None:
        host.remove([claim.file.file_id], **NEVER_UNDONE)
        if erased_first:
            erase_removed(host.runner)

    recorded = attempt(host, claim, tmp_path, remove)
    assert recorded is None or recorded.removed
    while erase_removed(host.runner):
        pass
    host.api.bench.database.run("UPDATE removals SET sweep_after = now() - interval '1 s'")
    sweep_erased(host.runner)
    assert host.objects.objects == {} and host.left() == 0
    assert not [key for key in host.objects.objects if key.startswith(artifact_prefix(host.tenant_id))]


def test_a_removal_does_not_affect_other_files_in_processing(host: Host) -> None:
    kept = host.uploaded(150)
    removed = [host.uploaded(50) for _ in range(3)]

    def work() -> int:
        done = 0
        while wake_ups := host.store.dispatch({"intake": 8}):
            for wake_up in wake_ups:
                claim = host.store.claim(wake_up, "w", 60, durably=False)
                if claim is not None:
                    host.store.record(claim, INTAKE_DONE, lambda _: FilePlan((), "done"), cost_s=0, host="h")
                    done += 1
        return done

    host.store.unclaimed(0, 1000)
    with ThreadPoolExecutor(6) as pool:
        working = [pool.submit(work) for _ in range(3)]
        removals = [pool.submit(host.remove, ids) for ids in removed]
        assert [future.result()["count"] for future in removals] == [50, 50, 50]
        for future in working:
            future.result()
    for wake_up in host.store.unclaimed(0, 1000):
        claim = host.store.claim(wake_up, "w", 60, durably=False)
        assert claim is not None
        host.store.record(claim, INTAKE_DONE, lambda _: FilePlan((), "done"), cost_s=0, host="h")
    work()
    counts = host.caller.get(f"/datasets/{host.dataset}").json()["counts"]["by_state"]
    assert counts == {"done": len(kept)}
    audit = host.caller.get("/operations/audit").json()
    assert (audit["lost"], audit["doubled"], audit["in_flight"]) == (0, 0, 0)


MANY = 10_000


def test_ten_thousand_files_are_removed_while_ten_thousand_others_run(host: Host) -> None:
    bench = host.api.bench
    batches = [bench.batch(host.tenant_id, host.dataset) for _ in range(2)]
    for batch_id in batches:
        for _ in range(MANY // 1000):
            files = bench.files(host.tenant_id, host.dataset, batch_id, 1000)
            host.store.arrive([Arrival(key) for _, key in files])
    stopping = threading.Event()

    def work() -> None:
        while not stopping.is_set():
            for wake_up in host.store.dispatch({"intake": 16}) or host.store.unclaimed(0, 50):
                claim = host.store.claim(wake_up, "w", 60, durably=False)
                if claim is not None:
                    host.store.record(claim, INTAKE_DONE, lambda _: FilePlan((), "done"), cost_s=0, host="h")

    with ThreadPoolExecutor(3) as pool:
        working = [pool.submit(work) for _ in range(3)]
        answer = host.caller.post(
            f"/datasets/{host.dataset}/removals", json={"batch_id": batches[0], **NEVER_UNDONE}, timeout=60
        )
        assert answer.json()["count"] == MANY
        assert host.caller.get(f"/datasets/{host.dataset}").json()["counts"]["files"] == MANY
        while erase_removed(host.runner):
            pass
        stopping.set()
        for future in working:
            future.result()
    receipt = host.receipt(answer.json()["id"])
    assert receipt["erased_at"] and receipt["rows_erased"] >= 2 * MANY
    counts = host.caller.get(f"/batches/{batches[1]}").json()["counts"]
    assert counts["files"] == MANY and set(counts["by_state"]) <= {"processing", "done"} and counts["by_state"]["done"]
    row = bench.database.row("SELECT count(*) AS n FROM files WHERE batch_id = %(b)s", b=batches[0])
    assert row == {"n": 0}
    audit = host.caller.get("/operations/audit").json()
    assert (audit["accepted"], audit["lost"], audit["doubled"]) == (2 * MANY, 0, 0)
