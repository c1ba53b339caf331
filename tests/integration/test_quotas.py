"""Quotas: which requests are refused, with which message; accepted files are never dropped."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from layers.domain.message import Arrival
from tests.integration.conftest import Api
from tests.integration.test_api import new_batch, new_dataset, problem
from tests.integration.test_tenancy import new_tenant


@pytest.fixture(scope="module")
def admin(api: Api) -> httpx.Client:
    return api.caller(role="admin")


class Tenant:
    """A tenant with a quota, and a key of this tenant."""

    def __init__(self, api: Api, admin: httpx.Client, **quota: int) -> None:
        created = new_tenant(admin, quota=quota)
        self.id = created["id"]
        self.admin = admin
        self.caller = api.with_headers(Authorization=f"Bearer {created['api_key']}")
        self.dataset_id = new_dataset(self.caller)["id"]

    def post(self, count: int, size_bytes: int = 10, **headers: str) -> httpx.Response:
        files = [{"name": f"{index}.txt", "size_bytes": size_bytes} for index in range(count)]
        return self.caller.post(f"/datasets/{self.dataset_id}/batches", json={"files": files}, headers=headers)

    def set(self, **quota: int) -> None:
        answer = self.admin.put(f"/operations/tenants/{self.id}", json={"quota": quota})
        assert answer.status_code == 200 and answer.json()["quota"] == quota

    def files(self) -> list[dict[str, Any]]:
        return self.caller.get(f"/datasets/{self.dataset_id}/files?limit=200").json()["files"]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("quota", "says", "least_s", "most_s"),
    [
        ({"files_in_processing": 5}, "files in processing: 3 of 5 are in use, and this request would add 3", 1, 60),
        ({"bytes_stored": 50}, "bytes stored: 30 of 50 are in use, and this request would add 30", 60, 3600),
        ({"files_a_day": 5}, "files a day: 3 of 5 are in use, and this request would add 3", 1, 24 * 3600),
    ],
)
def test_a_batch_over_a_quota_is_refused_with_the_quota_and_a_time_to_retry(
    api: Api, admin: httpx.Client, quota: dict[str, int], says: str, least_s: int, most_s: int
) -> None:
    tenant = Tenant(api, admin, **quota)
    assert tenant.post(3).status_code == 201
    refused = tenant.post(3)
    body = problem(refused, 429, "quota_exceeded")
    assert body["detail"] == says
    assert [error["pointer"] for error in body["errors"]] == [f"/quota/{name}" for name in quota]
    assert least_s <= int(refused.headers["retry-after"]) <= most_s
    assert len(tenant.files()) == 3
    assert tenant.post(2).status_code == 201


def test_files_added_to_a_batch_count_against_the_quota(api: Api, admin: httpx.Client) -> None:
    tenant = Tenant(api, admin, files_in_processing=3)
    batch = new_batch(tenant.caller, tenant.dataset_id, ["a", "b"])
    more = {"files": [{"name": "c", "size_bytes": 1}, {"name": "d", "size_bytes": 1}]}
    problem(tenant.caller.post(f"/batches/{batch['id']}/files", json=more), 429, "quota_exceeded")
    more["files"].pop()
    assert tenant.caller.post(f"/batches/{batch['id']}/files", json=more).status_code == 201


def test_every_exceeded_quota_is_named(api: Api, admin: httpx.Client) -> None:
    tenant = Tenant(api, admin, files_in_processing=1, files_a_day=1, bytes_stored=1000)
    body = problem(tenant.post(2), 429, "quota_exceeded")
    assert {error["pointer"] for error in body["errors"]} == {"/quota/files_in_processing", "/quota/files_a_day"}
    assert "send fewer at once" in body["detail"]


def test_settled_files_make_room_and_accepted_files_are_processed(api: Api, admin: httpx.Client) -> None:
    tenant = Tenant(api, admin, files_in_processing=2)
    created = tenant.post(2).json()["files"]
    tenant.set(files_in_processing=0)
    keys = [f"originals/{tenant.id}/{file['id']}" for file in created]
    assert api.bench.store.arrive([Arrival(key, "v1") for key in keys]) == dict.fromkeys(keys, "arrived")
    assert {file["state"] for file in tenant.files()} == {"processing"}
    problem(tenant.post(1), 429, "quota_exceeded")
    tenant.set(files_in_processing=2)
    problem(tenant.post(1), 429, "quota_exceeded")
    api.bench.database.run("UPDATE files SET state = 'done' WHERE file_id = %(id)s", id=created[0]["id"])
    assert tenant.post(1).status_code == 201


def test_the_bytes_of_erased_files_no_longer_count(api: Api, admin: httpx.Client) -> None:
    tenant = Tenant(api, admin, bytes_stored=100)
    (file,) = tenant.post(1, size_bytes=100).json()["files"]
    removal = tenant.caller.delete(f"/files/{file['id']}?undo_window_s=0").json()
    problem(tenant.post(1, size_bytes=1), 429, "quota_exceeded")
    api.bench.store.removals_due(10)
    api.bench.store.erase(removal["id"], [file["id"]], 1)
    assert tenant.post(1, size_bytes=100).status_code == 201


def test_concurrent_requests_can_not_both_take_what_is_left_of_a_quota(api: Api, admin: httpx.Client) -> None:
    tenant = Tenant(api, admin, files_in_processing=10)
    at_once = threading.Barrier(8)

    def post() -> int:
        at_once.wait()
        return tenant.post(3).status_code

    with ThreadPoolExecutor(8) as pool:
        answers = [answer.result() for answer in [pool.submit(post) for _ in range(8)]]
    assert sorted(answers) == [201] * 3 + [429] * 5
    assert len(tenant.files()) == 9


def test_a_refused_request_may_be_repeated_with_its_idempotency_key(api: Api, admin: httpx.Client) -> None:
    tenant = Tenant(api, admin, files_in_processing=1)
    key = {"Idempotency-Key": str(uuid.uuid4())}
    problem(tenant.post(2, **key), 429, "quota_exceeded")
    tenant.set(files_in_processing=2)
    created = tenant.post(2, **key)
    assert created.status_code == 201
    again = tenant.post(2, **key)  # the stored response, although the quota is now used up
    assert again.status_code == 201 and again.json()["id"] == created.json()["id"]


def test_files_of_another_tenant_do_not_count(api: Api, admin: httpx.Client) -> None:
    one, other = (Tenant(api, admin, files_in_processing=2) for _ in range(2))
    assert one.post(2).status_code == 201 and other.post(2).status_code == 201


def test_a_duplicate_does_not_count(api: Api, admin: httpx.Client) -> None:
    tenant = Tenant(api, admin, files_in_processing=1)
    (file,) = tenant.post(1).json()["files"]
    api.bench.database.run(
        "UPDATE files SET state = 'processing', sha256 = %(s)s WHERE file_id = %(id)s", s="a" * 64, id=file["id"]
    )
    same = {"files": [{"name": "again", "size_bytes": 10, "sha256": "a" * 64}]}
    answer = tenant.caller.post(f"/datasets/{tenant.dataset_id}/batches", json=same)
    assert answer.status_code == 201 and answer.json()["files"][0]["state"] == "duplicate"
