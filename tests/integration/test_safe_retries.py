"""Idempotency keys: a repeated request creates nothing and has the same answer, with new URLs and without secrets."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from layers.domain.message import Arrival
from tests.integration.conftest import Api
from tests.integration.test_api import new_batch, new_dataset, problem


@pytest.fixture(scope="module")
def caller(api: Api) -> httpx.Client:
    return api.caller()


def key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}


def test_a_repeated_batch_request_creates_nothing_and_signs_new_urls(api: Api, caller: httpx.Client) -> None:
    dataset = new_dataset(caller)
    body = {"files": [{"name": name, "size_bytes": 3} for name in ("a", "b")]}
    headers = key()
    first = caller.post(f"/datasets/{dataset['id']}/batches", json=body, headers=headers)
    (kept,) = api.bench.database.rows(
        "SELECT body::text FROM idempotency_keys WHERE key = %(k)s", k=headers["Idempotency-Key"]
    )
    assert "X-Amz-Signature" not in kept["body"]
    arrived = first.json()["files"][1]
    api.bench.store.arrive([Arrival(httpx.URL(arrived["upload"]["url"]).path.split("/", 2)[2])])
    again = caller.post(f"/datasets/{dataset['id']}/batches", json=body, headers=headers)
    assert again.status_code == first.status_code == 201
    assert again.json()["id"] == first.json()["id"]
    assert [file["id"] for file in again.json()["files"]] == [file["id"] for file in first.json()["files"]]
    assert "X-Amz-Signature" in again.json()["files"][0]["upload"]["url"]
    assert again.json()["files"][1]["upload"] is None, "a file that has arrived gets no upload URL"
    assert caller.get(f"/datasets/{dataset['id']}").json()["counts"]["files"] == 2


def test_a_different_body_with_the_same_key_is_a_conflict(caller: httpx.Client) -> None:
    headers = key()
    assert caller.post("/datasets", json={"name": "one"}, headers=headers).status_code == 201
    problem(caller.post("/datasets", json={"name": "two"}, headers=headers), 409, "conflict")
    dataset = new_dataset(caller)
    removal = caller.post(f"/datasets/{dataset['id']}/removals", json={"name": "one"}, headers=headers)
    assert removal.status_code in (400, 409)


def test_keys_of_different_tenants_are_independent(api: Api, caller: httpx.Client) -> None:
    headers = key()
    mine = caller.post("/datasets", json={"name": "one"}, headers=headers).json()
    of_other_tenant = api.caller().post("/datasets", json={"name": "two"}, headers=headers)
    assert of_other_tenant.status_code == 201 and of_other_tenant.json()["id"] != mine["id"]


def test_a_refused_request_may_be_repeated_with_its_key(caller: httpx.Client) -> None:
    headers = key()
    problem(caller.post("/datasets", json={"name": ""}, headers=headers), 400, "invalid_request")
    assert caller.post("/datasets", json={"name": "good"}, headers=headers).status_code == 201


@pytest.mark.parametrize("bad", ["", "x" * 201, "tab\there"])
def test_an_invalid_key_is_refused(caller: httpx.Client, bad: str) -> None:
    problem(caller.post("/datasets", json={"name": "x"}, headers={"Idempotency-Key": bad}), 400, "invalid_request")


def test_concurrent_identical_requests_create_one_dataset(caller: httpx.Client) -> None:
    headers = key()
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: caller.post("/datasets", json={"name": "once"}, headers=headers), range(12)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1


def test_a_secret_is_shown_once(api: Api) -> None:
    admin, headers = api.caller(role="admin"), key()
    body = {"name": f"tenant {uuid.uuid4()}"}
    first = admin.post("/operations/tenants", json=body, headers=headers).json()
    again = admin.post("/operations/tenants", json=body, headers=headers).json()
    assert again["id"] == first["id"] and first["api_key"] and again["api_key"] is None


def test_a_key_expires_after_a_day(api: Api, caller: httpx.Client) -> None:
    headers = key()
    first = caller.post("/datasets", json={"name": "x"}, headers=headers).json()
    api.bench.database.run("UPDATE idempotency_keys SET created_at = now() - interval '25 hours'")
    assert caller.post("/datasets", json={"name": "y"}, headers=headers).json()["id"] != first["id"]
    api.bench.database.run("UPDATE idempotency_keys SET created_at = now() - interval '25 hours'")
    assert api.bench.store.forget_requests() > 0
    assert api.bench.database.rows("SELECT * FROM idempotency_keys") == []


def test_a_repeated_removal_request_removes_once(caller: httpx.Client) -> None:
    dataset, headers = new_dataset(caller), key()
    batch = new_batch(caller, dataset["id"], ["a", "b"])
    body: dict[str, Any] = {"batch_id": batch["id"]}
    first = caller.post(f"/datasets/{dataset['id']}/removals", json=body, headers=headers).json()
    again = caller.post(f"/datasets/{dataset['id']}/removals", json=body, headers=headers).json()
    assert first == again and first["count"] == 2


def test_only_verified_live_content_makes_a_duplicate(api: Api, caller: httpx.Client) -> None:
    dataset, digest = new_dataset(caller), "cd" * 32
    body = {"files": [{"name": "a", "size_bytes": 3, "sha256": digest}]}

    def send(**more: Any) -> dict[str, Any]:
        answer = caller.post(f"/datasets/{dataset['id']}/batches", json=body | more).json()
        return answer["files"][0]  # type: ignore[no-any-return]

    first = send()
    assert send()["state"] == "uploading", "nothing is verified yet"
    api.bench.database.run("UPDATE files SET sha256 = %(d)s WHERE file_id = %(f)s", d=digest, f=first["id"])
    same = send()
    assert (same["state"], same["duplicate_of"], same["id"], same["upload"]) == ("duplicate", first["id"], None, None)
    assert send(allow_duplicates=True)["state"] == "uploading"
    caller.delete(f"/files/{first['id']}")
    assert send()["state"] == "uploading", "content of a removed file makes no duplicate"
