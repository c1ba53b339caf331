"""The audit log in the database: a chain that concurrent requests extend, and that nobody may change."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
import pytest

from layers.adapters.postgres.audit_log import PostgresAuditLog
from layers.domain.audit_log import first_broken
from tests.integration.conftest import Api
from tests.integration.test_api import new_batch, new_dataset
from tests.making import Urls


def log_of(caller: httpx.Client, **query: Any) -> list[dict[str, Any]]:
    return caller.get("/audit-log", params=query).json()["entries"]  # type: ignore[no-any-return]


def exported(caller: httpx.Client, limit: int = 2) -> list[dict[str, Any]]:
    """The whole log, page by page."""
    lines, path = [], f"/audit-log?format=jsonl&limit={limit}"
    while path:
        answer = caller.get(path)
        lines += [json.loads(line) for line in answer.text.splitlines()]
        path = answer.links["next"]["url"] if "next" in answer.links else ""
    return lines


def test_the_log_says_who_did_what_to_which_thing_and_from_where(api: Api) -> None:
    caller = api.caller()
    dataset = new_dataset(caller)
    (file,) = new_batch(caller, dataset["id"], ["a.txt"])["files"]
    removal = caller.delete(f"/files/{file['id']}?undo_window_s=60").json()
    removed, _batch, _dataset = log_of(caller)
    assert removed["entry"]["action"] == "DELETE /files/{file_id}"
    assert removed["entry"]["ids"] == {"file_id": file["id"]}
    assert (removed["entry"]["created"], removed["entry"]["query"]) == (removal["id"], {"undo_window_s": "60"})
    assert removed["entry"]["address"] == "127.0.0.1" and removed["entry"]["agent"].startswith("python-httpx")
    assert log_of(caller, action="POST /datasets")[0]["entry"]["created"] == dataset["id"]
    assert log_of(caller, until="2020-01-01T00:00:00Z") == []
    assert len(log_of(caller, key=removed["entry"]["key_id"], since="2020-01-01T00:00:00Z")) == 3


def test_a_session_is_in_the_log_with_its_person(api: Api) -> None:
    caller = api.caller()
    code = caller.post("/sessions", json={"name": "Ada", "role": "editor"}).json()["code"]
    session = api.with_headers().post("/sessions/exchange", json={"code": code}).json()
    new_dataset(api.with_headers(Authorization=f"Bearer {session['api_key']}"))
    named = [(line["entry"]["action"], line["entry"]["person"]) for line in reversed(log_of(caller))]
    assert named == [("POST /sessions", None), ("POST /sessions/exchange", "Ada"), ("POST /datasets", "Ada")]
    assert code not in json.dumps(log_of(caller)) and session["api_key"] not in json.dumps(log_of(caller))


def test_an_export_is_a_chain_also_when_requests_come_at_the_same_time(api: Api) -> None:
    caller = api.caller()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: new_dataset(caller), range(40)))
    lines = exported(caller, limit=7)
    assert [line["number"] for line in lines] == list(range(1, 41))
    assert first_broken(lines) is None
    assert caller.get("/audit-log/check").json() == {
        "checked": 40, "last_number": 40, "intact": True, "broken_at": None, "next_cursor": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_log SET entry = '{}' WHERE number = 3",
        "UPDATE audit_log SET at = at + interval '1 ms' WHERE number = 3",
        "DELETE FROM audit_log WHERE number = 2",
        "UPDATE audit_log SET hash = sha256('x') WHERE number = 3",
    ],
)
def test_a_change_by_the_owner_of_the_database_shows(api: Api, change: str) -> None:
    caller = api.caller()
    for _ in range(4):
        new_dataset(caller)
    tenant_id = caller.get("/me").json()["tenant"]["id"]
    api.bench.database.run(f"{change} AND tenant_id = %(tenant_id)s", tenant_id=tenant_id)
    shown = caller.get("/audit-log/check").json()
    assert (shown["intact"], shown["broken_at"]) == (False, 3)
    assert first_broken(exported(caller)) == 3


def test_neither_the_api_nor_a_worker_may_change_an_entry(database_urls: Urls, api: Api) -> None:
    new_dataset(api.caller())
    for url, statement in (
        (database_urls.api, "UPDATE audit_log SET entry = ''"),
        (database_urls.api, "DELETE FROM audit_log"),
        (database_urls.worker, "UPDATE audit_log SET entry = ''"),
    ):
        with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)  # type: ignore[call-overload]


def test_the_log_of_another_tenant_is_not_visible(api: Api) -> None:
    caller, other = api.caller(), api.caller()
    new_dataset(caller)
    assert log_of(other) == []
    assert other.get("/audit-log/check").json()["checked"] == 0


def test_retention_deletes_the_oldest_entries_and_says_so(api: Api) -> None:
    caller = api.caller()
    for _ in range(4):
        new_dataset(caller)
    tenant_id = caller.get("/me").json()["tenant"]["id"]
    log = PostgresAuditLog(api.bench.store._database)
    assert log.forget(30, 1000) == 0
    age = "UPDATE audit_log SET at = at - make_interval(days => %(days)s) WHERE tenant_id = %(t)s AND number <= 2"
    api.bench.database.run(age, days=30, t=tenant_id)
    assert log.forget(30, 1000) == 0  # about once a day
    api.bench.database.run(age, days=2, t=tenant_id)
    assert log.forget(30, 1000) == 2
    lines = exported(caller)
    assert [line["number"] for line in lines] == [3, 4, 5]
    assert lines[-1]["entry"] == {"action": "retention", "deleted_until": 2}
    assert first_broken(lines) is None and caller.get("/audit-log/check").json()["intact"]
