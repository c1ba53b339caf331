"""Changes: none is skipped when a transaction commits late; calls wait without a database connection."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
import pytest

from functions.api import changes
from layers import bootstrap
from layers.domain.message import Arrival
from layers.domain.step import PlannedStep
from layers.ports import FilePlan
from tests.integration.conftest import Api
from tests.integration.test_api import new_batch, new_dataset, problem
from tests.making import INTAKE_DONE, ONE_PART, Urls

WRITERS = 20
WRITES = 8


@pytest.fixture(scope="module")
def caller(api: Api) -> httpx.Client:
    return api.caller()


def first_cursor(caller: httpx.Client, dataset_id: str) -> str:
    return str(caller.get(f"/datasets/{dataset_id}/files").json()["changes_cursor"])


def look(caller: httpx.Client, dataset_id: str, after: str, **more: Any) -> dict[str, Any]:
    answer = caller.get(f"/datasets/{dataset_id}/changes", params={"after": after, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


class Reader:
    """The state of a client that has read the listing once and follows its changes."""

    def __init__(self, caller: httpx.Client, dataset_id: str) -> None:
        self._caller, self._dataset_id = caller, dataset_id
        page = caller.get(f"/datasets/{dataset_id}/files", params={"limit": 200}).json()
        assert page["next_cursor"] is None
        self.cursor = page["changes_cursor"]
        self.files = {file["id"]: file for file in page["files"]}

    def follow(self, **more: Any) -> bool:
        """Read the next changes. Returns whether there are more."""
        found = look(self._caller, self._dataset_id, self.cursor, **more)
        self.cursor = found["cursor"]
        self.files |= {file["id"]: file for file in found["files"]}
        for file_id in found["removed"]:
            self.files.pop(file_id, None)
        return bool(found["has_more"])


def stable(files: dict[str, Any]) -> dict[str, Any]:
    """Files without their URLs, which differ each time."""
    return {file_id: {**file, "artifacts": None} for file_id, file in files.items()}


def listed(caller: httpx.Client, dataset_id: str) -> dict[str, Any]:
    files: dict[str, Any] = {}
    cursor: str | None = ""
    while cursor is not None:
        query = {"limit": 200, **({"cursor": cursor} if cursor else {})}
        page = caller.get(f"/datasets/{dataset_id}/files", params=query).json()
        files |= {file["id"]: file for file in page["files"]}
        cursor = page["next_cursor"]
    return files


def test_without_changes_the_answer_is_empty_and_the_cursor_stays_valid(caller: httpx.Client) -> None:
    dataset = new_dataset(caller)
    cursor = first_cursor(caller, dataset["id"])
    found = look(caller, dataset["id"], cursor)
    assert (found["files"], found["removed"], found["has_more"]) == ([], [], False)
    new_batch(caller, dataset["id"], ["a"])
    assert [file["name"] for file in look(caller, dataset["id"], found["cursor"])["files"]] == ["a"]


def test_every_kind_of_change_is_reported(api: Api, caller: httpx.Client) -> None:
    dataset = new_dataset(caller)
    reader = Reader(caller, dataset["id"])
    (described,) = new_batch(caller, dataset["id"], ["a"])["files"]
    file_id = described["id"]

    def change() -> dict[str, Any]:
        reader.follow()
        assert stable(reader.files) == stable(listed(caller, dataset["id"]))
        return reader.files.get(file_id, {})  # type: ignore[no-any-return]

    assert change()["state"] == "uploading"
    store, key = api.bench.store, httpx.URL(described["upload"]["url"]).path.split("/", 2)[2]
    store.arrive([Arrival(key)])
    assert (change()["state"], change()["stage"]) == ("processing", "intake")
    (wake_up,) = store.dispatch({"intake": 100})
    claim = api.bench.claim(wake_up)
    plan = FilePlan([PlannedStep("text", ONE_PART), PlannedStep("thumbnail", ONE_PART)])
    store.record(claim, INTAKE_DONE, lambda _: plan, cost_s=0, host="h")
    assert change()["stage"] == "text"
    claim = api.bench.claim(store.dispatch({"thumbnail": 100})[0])
    assert change()["pipelines"]["thumbnail"]["state"] == "running"
    removal = caller.delete(f"/files/{file_id}").json()
    assert change() == {}
    caller.post(f"/removals/{removal['id']}/undo")
    assert change()["state"] == "processing"


def test_many_changes_come_in_pages(caller: httpx.Client) -> None:
    dataset = new_dataset(caller)
    reader = Reader(caller, dataset["id"])
    new_batch(caller, dataset["id"], [str(index) for index in range(25)])
    pages = 1
    while reader.follow(limit=10):
        pages += 1
    assert pages == 3 and len(reader.files) == 25


@pytest.mark.parametrize("after", [None, "x", "AAAA"])
def test_a_request_without_a_valid_cursor_names_the_parameter(caller: httpx.Client, after: str | None) -> None:
    dataset = new_dataset(caller)
    query = {} if after is None else {"after": after}
    refused = problem(caller.get(f"/datasets/{dataset['id']}/changes", params=query), 400, "invalid_request")
    assert "cursor" in refused["detail"]


def test_a_transaction_that_commits_late_is_not_skipped(caller: httpx.Client, database_urls: Urls) -> None:
    dataset = new_dataset(caller)
    early, late = new_batch(caller, dataset["id"], ["early", "late"])["files"]
    cursor = first_cursor(caller, dataset["id"])
    change = "UPDATE files SET updated_at = clock_timestamp() WHERE file_id = %s"
    with psycopg.connect(database_urls.worker) as slow:
        slow.execute(change, [late["id"]])  # its transaction began first
        with psycopg.connect(database_urls.worker) as quick:
            quick.execute(change, [early["id"]])
        before = look(caller, dataset["id"], cursor)
    after = look(caller, dataset["id"], before["cursor"])
    names = [file["name"] for found in (before, after) for file in found["files"]]
    assert set(names) == {"early", "late"}


def test_a_reader_ends_with_the_current_listing_although_transactions_commit_late(
    caller: httpx.Client, database_urls: Urls
) -> None:
    dataset = new_dataset(caller)
    file_ids = [file["id"] for file in new_batch(caller, dataset["id"], [str(n) for n in range(40)])["files"]]
    reader = Reader(caller, dataset["id"])
    writing = threading.Event()
    writing.set()

    def write(seed: int) -> None:
        chance = random.Random(seed)
        with psycopg.connect(database_urls.worker, autocommit=True) as connection:
            for _ in range(WRITES):
                chosen = sorted(chance.sample(file_ids, 3))
                with connection.transaction():
                    for file_id in chosen:
                        connection.execute(
                            "UPDATE files SET state = %s, updated_at = clock_timestamp(), removed_at = %s WHERE file_id = %s",
                            [chance.choice(["processing", "failed", "partial"]), None, file_id],
                        )
                    time.sleep(chance.random() * 0.05)

    def read() -> None:
        while writing.is_set():
            reader.follow(limit=7)

    with ThreadPoolExecutor(WRITERS + 1) as pool:
        reading = pool.submit(read)
        for done in [pool.submit(write, seed) for seed in range(WRITERS)]:
            done.result()
        writing.clear()
        reading.result()
    while reader.follow(limit=7):
        pass
    assert stable(reader.files) == stable(listed(caller, dataset["id"]))


# --- calls that wait -------------------------------------------------------------------------------------


def held_open(caller: httpx.Client, dataset_id: str, act: Callable[[], object], wait_s: int = 20) -> tuple[Any, float]:
    """The answer of a waiting call to a change half a second later, and its duration."""
    cursor = first_cursor(caller, dataset_id)
    with ThreadPoolExecutor(1) as pool:
        began = time.monotonic()
        waiting = pool.submit(look, caller, dataset_id, cursor, wait_s=wait_s)
        time.sleep(0.5)
        assert not waiting.done()
        act()
        return waiting.result(), time.monotonic() - began


def test_a_waiting_call_answers_as_soon_as_there_is_a_change(caller: httpx.Client) -> None:
    dataset = new_dataset(caller)
    found, took_s = held_open(caller, dataset["id"], lambda: new_batch(caller, dataset["id"], ["a"]))
    assert [file["name"] for file in found["files"]] == ["a"]
    assert took_s < 10, "it was not woken"


def test_without_notifications_a_waiting_call_polls(
    api: Api, caller: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = new_dataset(caller)
    (file,) = new_batch(caller, dataset["id"], ["a"])["files"]
    monkeypatch.setattr(bootstrap.change_notifications(), "_is_connected", False)

    def unheard_change() -> None:
        api.bench.database.run("UPDATE files SET state = 'failed' WHERE file_id = %(f)s", f=file["id"])

    found, took_s = held_open(caller, dataset["id"], unheard_change)
    assert found["files"][0]["state"] == "failed"
    assert took_s < 10, "it did not look by itself"


def test_a_waiting_call_answers_with_nothing_when_its_time_is_over(caller: httpx.Client) -> None:
    dataset = new_dataset(caller)
    found = look(caller, dataset["id"], first_cursor(caller, dataset["id"]), wait_s=1)
    assert (found["files"], found["poll_after_s"]) == ([], changes.POLL_AFTER_S)


def test_waiting_calls_keep_no_database_connection(api: Api, caller: httpx.Client) -> None:
    dataset = new_dataset(caller)
    cursor = first_cursor(caller, dataset["id"])
    with ThreadPoolExecutor(30) as pool:
        waiting = [pool.submit(look, caller, dataset["id"], cursor, wait_s=3) for _ in range(30)]
        time.sleep(1)
        row = api.bench.database.row(
            "SELECT count(*) FILTER (WHERE state <> 'idle') AS busy FROM pg_stat_activity"
            " WHERE usename = 'fairway_api' AND datname = current_database()"
        )
        assert row == {"busy": 0}
        assert all(future.result()["files"] == [] for future in waiting)


def test_a_tenant_may_have_a_limited_number_of_waiting_calls(
    caller: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "WAITING_A_TENANT", 2)
    dataset = new_dataset(caller)
    cursor = first_cursor(caller, dataset["id"])
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(look, caller, dataset["id"], cursor, wait_s=4) for _ in range(2)]
        time.sleep(0.7)
        refused = look(caller, dataset["id"], cursor, wait_s=20)
        assert refused["files"] == [] and not any(future.done() for future in waiting)
        assert all(future.result()["files"] == [] for future in waiting)


# --- revoked keys ----------------------------------------------------------------------------------------


class Watcher:
    """A tenant with a dataset, an owner's client, and a key that can be revoked."""

    def __init__(self, api: Api) -> None:
        self.tenant_id = api.bench.tenant()
        self.owner = api.caller(self.tenant_id)
        self.watching = api.caller(self.tenant_id, "viewer")
        self.watching.timeout = httpx.Timeout(12)  # shorter than the wait of a call that is not woken
        self.dataset_id = new_dataset(self.owner)["id"]
        self.cursor = first_cursor(self.watching, self.dataset_id)
        self._admin = api.caller(role="admin")

    def wait(self) -> httpx.Response:
        query = {"after": self.cursor, "wait_s": 30}
        return self.watching.get(f"/datasets/{self.dataset_id}/changes", params=query)

    def revoke(self) -> None:
        keys = self._admin.get(f"/operations/tenants/{self.tenant_id}/keys").json()["keys"]
        (key,) = [key for key in keys if key["role"] == "viewer"]
        assert self._admin.delete(f"/operations/keys/{key['id']}").status_code == 200


@pytest.fixture
def one_waits(monkeypatch: pytest.MonkeyPatch) -> Callable[[Watcher], Any]:
    """Starts a waiting call and returns its future once it waits. Only a notification can end the wait."""
    monkeypatch.setattr(changes.random, "uniform", lambda low, high: high)

    def start(watcher: Watcher) -> Any:
        before = changes._waiting.total()
        future = ThreadPoolExecutor(1).submit(watcher.wait)
        while changes._waiting.total() == before:
            time.sleep(0.01)
        return future

    return start


def test_a_wait_ends_when_its_key_is_revoked(api: Api, one_waits: Callable[[Watcher], Any]) -> None:
    watcher = Watcher(api)
    waiting = one_waits(watcher)
    watcher.revoke()
    problem(waiting.result(), 401, "unauthorized")
    problem(watcher.wait(), 401, "unauthorized")


def test_a_revoked_key_gets_no_change_that_it_waited_for(
    api: Api, one_waits: Callable[[Watcher], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher = Watcher(api)
    waiting = one_waits(watcher)
    api.bench.database.run(  # without a notification: the change ends the wait, not the revocation
        "UPDATE api_keys SET revoked_at = now() WHERE tenant_id = %(t)s AND role = 'viewer'", t=watcher.tenant_id
    )
    new_batch(watcher.owner, watcher.dataset_id, ["secret.pdf"])
    problem(waiting.result(), 401, "unauthorized")


def test_another_key_of_the_tenant_goes_on_waiting(api: Api, one_waits: Callable[[Watcher], Any]) -> None:
    watcher = Watcher(api)
    other = api.caller(watcher.tenant_id, "editor")
    cursor = first_cursor(other, watcher.dataset_id)
    waiting = one_waits(watcher)
    with ThreadPoolExecutor(1) as pool:
        kept = pool.submit(look, other, watcher.dataset_id, cursor, wait_s=30)
        watcher.revoke()
        problem(waiting.result(), 401, "unauthorized")
        assert not kept.done()
        new_batch(watcher.owner, watcher.dataset_id, ["a"])
        assert [file["name"] for file in kept.result()["files"]] == ["a"]
