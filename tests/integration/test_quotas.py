"""Quotas: which requests are refused, with which message; accepted files are never dropped."""

from __future__ import annotations

import threading
import uuid
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from functions.api import quotas, rates
from functions.api.bodies import Quota
from layers.adapters.redis.limits import RedisLimits
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
    ("quota", "detail", "least_s", "most_s"),
    [
        ({"files_in_processing": 5}, "files in processing: 3 of 5 are in use, and this request would add 3", 1, 60),
        ({"bytes_stored": 50}, "bytes stored: 30 of 50 are in use, and this request would add 30", 60, 3600),
        ({"files_a_day": 5}, "files a day: 3 of 5 are in use, and this request would add 3", 1, 24 * 3600),
    ],
)
def test_a_batch_over_a_quota_is_refused_with_the_quota_and_a_time_to_retry(
    api: Api, admin: httpx.Client, quota: dict[str, int], detail: str, least_s: int, most_s: int
) -> None:
    tenant = Tenant(api, admin, **quota)
    assert tenant.post(3).status_code == 201
    refused = tenant.post(3)
    body = problem(refused, 429, "quota_exceeded")
    assert body["detail"] == detail
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
    first, second = (Tenant(api, admin, files_in_processing=2) for _ in range(2))
    assert first.post(2).status_code == 201 and second.post(2).status_code == 201


def test_a_duplicate_does_not_count(api: Api, admin: httpx.Client) -> None:
    tenant = Tenant(api, admin, files_in_processing=1)
    (file,) = tenant.post(1).json()["files"]
    api.bench.database.run(
        "UPDATE files SET state = 'processing', sha256 = %(s)s WHERE file_id = %(id)s", s="a" * 64, id=file["id"]
    )
    same = {"files": [{"name": "again", "size_bytes": 10, "sha256": "a" * 64}]}
    answer = tenant.caller.post(f"/datasets/{tenant.dataset_id}/batches", json=same)
    assert answer.status_code == 201 and answer.json()["files"][0]["state"] == "duplicate"


# --- datasets, schemas, batches, keys and requests ----------------------------------------------------------


def test_a_tenant_may_have_a_limited_number_of_datasets(api: Api, admin: httpx.Client) -> None:
    tenant = Tenant(api, admin, datasets=2)  # it has one
    key = {"Idempotency-Key": str(uuid.uuid4())}
    first = tenant.caller.post("/datasets", json={"name": "second"}, headers=key)
    assert first.status_code == 201
    refused = tenant.caller.post("/datasets", json={"name": "third"})
    assert problem(refused, 429, "quota_exceeded")["errors"][0]["pointer"] == "/quota/datasets"
    assert int(refused.headers["retry-after"]) > 0
    assert tenant.caller.post("/datasets", json={"name": "second"}, headers=key).json()["id"] == first.json()["id"]
    tenant.set(datasets=3)
    assert tenant.caller.post("/datasets", json={"name": "third"}).status_code == 201


def test_requests_at_the_same_time_can_not_exceed_the_number_of_datasets(api: Api, admin: httpx.Client) -> None:
    tenant = Tenant(api, admin, datasets=4)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: tenant.caller.post("/datasets", json={"name": str(n)}), range(12)))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [429] * 9


def test_a_dataset_may_have_a_limited_number_of_schema_versions(api: Api, admin: httpx.Client) -> None:
    tenant = Tenant(api, admin, schema_versions=2)
    path, schema = f"/datasets/{tenant.dataset_id}/schema", {"type": "object", "properties": {"a": {"type": "string"}}}
    assert tenant.caller.put(path, json={"schema": schema}).json()["schema_version"] == 2
    problem(tenant.caller.put(path, json={"schema": schema}), 429, "quota_exceeded")
    assert tenant.caller.get(f"/datasets/{tenant.dataset_id}").json()["schema_version"] == 2


def test_a_tenant_may_have_a_limited_number_of_open_batches(api: Api, admin: httpx.Client) -> None:
    tenant = Tenant(api, admin, open_batches=2)
    first, second = tenant.post(1).json(), tenant.post(2).json()
    refused = tenant.post(1)
    assert problem(refused, 429, "quota_exceeded")["detail"] == "open batches: 2 of 2 are in use"
    while api.bench.store.fold_counts(1000):
        pass
    assert tenant.post(1).status_code == 429
    api.bench.database.run("UPDATE files SET state = 'done' WHERE batch_id = %(b)s", b=first["id"])
    assert tenant.post(1).status_code == 201
    assert tenant.post(1).status_code == 429
    tenant.caller.post(f"/batches/{second['id']}/cancel")
    assert tenant.post(1).status_code == 201


def test_a_tenant_may_have_a_limited_number_of_keys(api: Api, admin: httpx.Client) -> None:
    tenant = Tenant(api, admin, keys=2)  # it has one
    path = f"/operations/tenants/{tenant.id}/keys"
    key = admin.post(path, json={"role": "viewer"}).json()
    problem(admin.post(path, json={"role": "viewer"}), 429, "quota_exceeded")
    assert admin.delete(f"/operations/keys/{key['id']}").status_code == 200
    assert admin.post(path, json={"role": "viewer"}).status_code == 201


def test_every_tenant_has_limits_that_protect_the_system(
    api: Api, admin: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert set(quotas.DEFAULTS) == set(Quota.model_fields) - set(quotas.COUNTED)
    for name, most in quotas.DEFAULTS.items():
        if name != "requests_per_s":
            assert f"default {most}" in str(Quota.model_fields[name].description)
    tenant = Tenant(api, admin)
    monkeypatch.setitem(quotas.DEFAULTS, "datasets", 1)
    monkeypatch.setitem(quotas.DEFAULTS, "open_batches", 1)
    assert tenant.post(1).status_code == 201
    problem(tenant.post(1), 429, "quota_exceeded")
    problem(tenant.caller.post("/datasets", json={"name": "x"}), 429, "quota_exceeded")


def test_a_key_that_calls_too_often_gets_429_and_a_time_to_retry(
    api: Api, admin: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "WINDOW_S", 3600)  # one window for the whole test
    tenant = Tenant(api, admin)
    other = api.caller(tenant.id, "viewer")
    monkeypatch.setattr(rates, "limit_of", lambda name, quota: 0.002 if name == "requests_per_s" else 1000)  # 7.2
    rates.forget_rates()
    answers = [other.get("/datasets") for _ in range(10)]
    assert [answer.status_code for answer in answers] == [200] * 7 + [429] * 3
    problem(answers[-1], 429, "rate_limited")
    assert 0 < int(answers[-1].headers["retry-after"]) <= 3600
    assert api.caller(tenant.id, "viewer").get("/datasets").status_code == 200
    assert httpx.get(f"{api.url}/health", trust_env=False).status_code == 200


@pytest.fixture(autouse=True)
def current_rates() -> Iterator[None]:
    """Resets the rates of keys that a test has set."""
    rates.forget_rates()
    yield
    rates.forget_rates()


def test_requests_are_counted_together_in_redis(api: Api, admin: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: dict[str, list[int]] = defaultdict(list)
    count = RedisLimits.count

    def note(self: RedisLimits, name: str, window_s: int, *, events: int = 1) -> int:
        counted[name].append(events)
        return count(self, name, window_s, events=events)

    monkeypatch.setattr(RedisLimits, "count", note)
    monkeypatch.setattr(rates, "WINDOW_S", 3600)  # one window for the whole test
    monkeypatch.setattr(rates, "limit_of", lambda name, quota: 0.1)  # 360
    viewer = api.caller(Tenant(api, admin).id, "viewer")
    for _ in range(20):
        assert viewer.get("/datasets").status_code == 200
    assert [1, 8, 8] in counted.values()


def test_the_rate_of_a_tenants_keys_follows_its_quota(api: Api, admin: httpx.Client) -> None:
    tenant = Tenant(api, admin)
    tenant.set(requests_per_s=1)
    answers = [tenant.caller.get("/datasets").status_code for _ in range(50)]
    assert 429 in answers and answers[0] in (200, 429)  # at most ten in each ten seconds
    tenant.set(requests_per_s=1000)
    assert tenant.caller.get("/datasets").status_code == 200
