"""The HTTP API on a real database: error responses, access, listings and uploads."""

from __future__ import annotations

import unicodedata
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, get_args

import httpx
import pytest
import redis

from functions.api import operations
from layers import bootstrap
from layers.domain.message import Arrival
from tests.integration.conftest import Api

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]
NO_ID = "90de8912-0cbf-4820-908f-bba039c2c2d0"


@pytest.fixture(scope="module")
def caller(api: Api) -> httpx.Client:
    return api.caller()


def new_dataset(caller: httpx.Client, **body: Any) -> dict[str, Any]:
    answer = caller.post("/datasets", json={"name": "receipts", **body})
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


def new_batch(caller: httpx.Client, dataset_id: str, names: list[str]) -> dict[str, Any]:
    files = [{"name": name, "size_bytes": 10} for name in names]
    answer = caller.post(f"/datasets/{dataset_id}/batches", json={"files": files})
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["status"], body["code"]) == (status, code)
    assert body["type"] and body["title"] and body["detail"]
    return body  # type: ignore[no-any-return]


# --- problems --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/nothing", "/datasets/", "/files//history", "/files/a/b/c", "/datasets/%2F"])
def test_an_unknown_path_is_a_not_found_problem(caller: httpx.Client, path: str) -> None:
    if path == "/datasets/":
        assert caller.get(path).status_code == 200
    else:
        problem(caller.get(path), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"), [("DELETE", "/datasets"), ("POST", "/health"), ("PATCH", f"/files/{NO_ID}")]
)
def test_a_wrong_method_names_the_allowed_methods(caller: httpx.Client, method: str, path: str) -> None:
    answer = caller.request(method, path)
    problem(answer, 405, "method_not_allowed")
    assert "GET" in answer.headers["allow"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer no-such-key"},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer \u00e4".encode("utf-8").decode("latin-1")},
    ],
)
def test_a_request_without_a_valid_key_is_unauthorized(api: Api, headers: dict[str, str]) -> None:
    with httpx.Client(base_url=api.url, trust_env=False) as stranger:
        answer = stranger.get("/datasets", headers={name: value.encode("latin-1") for name, value in headers.items()})  # type: ignore[misc]
        problem(answer, 401, "unauthorized")
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_role_that_is_too_low_is_forbidden(api: Api) -> None:
    tenant_id = api.bench.tenant()
    viewer, editor = api.caller(tenant_id, "viewer"), api.caller(tenant_id, "editor")
    problem(viewer.post("/datasets", json={"name": "x"}), 403, "forbidden")
    dataset = new_dataset(editor)
    assert viewer.get(f"/datasets/{dataset['id']}").json()["id"] == dataset["id"]
    problem(editor.post(f"/datasets/{dataset['id']}/redrive", json={}), 403, "forbidden")


def test_a_revoked_key_stops_working_at_once(api: Api) -> None:
    tenant_id = api.bench.tenant()
    caller = api.caller(tenant_id)
    assert caller.get("/datasets").status_code == 200
    api.bench.database.run("UPDATE api_keys SET revoked_at = now() WHERE tenant_id = %(t)s", t=tenant_id)
    problem(caller.get("/datasets"), 401, "unauthorized")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b"{", None),
        (b"\xff", None),
        (b"[" * 100_000, None),
        (b"[]", "/"),
        (b"null", "/"),
        (b'{"files": []}', "/files"),
        (b'{"files": [{"name": "", "size_bytes": 1}]}', "/files/0/name"),
        (b'{"files": [{"name": "a", "size_bytes": -1}]}', "/files/0/size_bytes"),
        (b'{"files": [{"name": "a", "size_bytes": "1"}]}', "/files/0/size_bytes"),
        (b'{"files": [{"name": "a", "size_bytes": 1e400}]}', "/files/0/size_bytes"),
        (b'{"files": [{"name": "a\\u0000", "size_bytes": 1}]}', "/files/0/name"),
        (b'{"files": [{"name": "a", "size_bytes": 1}, {"name": "b"}]}', "/files/1/size_bytes"),
        (b'{"files": [{"name": "a", "size_bytes": 1, "sha256": "zz"}]}', "/files/0/sha256"),
    ],
)
def test_an_invalid_batch_is_refused_with_a_pointer_to_the_invalid_part(
    caller: httpx.Client, body: bytes, pointer: str | None
) -> None:
    dataset = new_dataset(caller)
    refused = problem(caller.post(f"/datasets/{dataset['id']}/batches", content=body), 400, "invalid_request")
    if pointer:
        assert [error["pointer"] for error in refused["errors"]] == [pointer]
    assert caller.get(f"/datasets/{dataset['id']}/files").json()["files"] == []


def test_a_name_that_cannot_be_stored_is_refused(caller: httpx.Client) -> None:
    dataset = new_dataset(caller)
    body = b'{"files": [{"name": "\\ud800.pdf", "size_bytes": 1}]}'
    refused = problem(caller.post(f"/datasets/{dataset['id']}/batches", content=body), 400, "invalid_request")
    assert refused["errors"][0]["pointer"] == "/files/0/name"


def test_a_batch_has_at_most_a_thousand_files(caller: httpx.Client) -> None:
    dataset = new_dataset(caller)
    batch = new_batch(caller, dataset["id"], [f"{index}.pdf" for index in range(1000)])
    assert [file["name"] for file in batch["files"]] == [f"{index}.pdf" for index in range(1000)]
    assert len({file["upload"]["url"] for file in batch["files"]}) == 1000
    files = [{"name": "a", "size_bytes": 1}] * 1001
    problem(caller.post(f"/datasets/{dataset['id']}/batches", json={"files": files}), 400, "invalid_request")
    assert caller.get(f"/datasets/{dataset['id']}").json()["counts"]["files"] == 1000


def test_a_file_over_the_size_limit_refuses_the_batch_and_is_named(caller: httpx.Client) -> None:
    dataset = new_dataset(caller)
    body = {"files": [{"name": "a", "size_bytes": 1}, {"name": "b", "size_bytes": 2**50}]}
    refused = problem(caller.post(f"/datasets/{dataset['id']}/batches", json=body), 413, "too_large")
    assert [error["pointer"] for error in refused["errors"]] == ["/files/1/size_bytes"]


def test_a_body_over_the_limit_is_refused_without_reading_it(caller: httpx.Client) -> None:
    problem(caller.post("/datasets", content=b" " * (10 * 1024 * 1024 + 1)), 413, "too_large")


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "limit=-1", "cursor=x", "cursor=%00", "state=lost", "batch=1"]
)
def test_an_invalid_parameter_is_named(caller: httpx.Client, query: str) -> None:
    dataset = new_dataset(caller)
    refused = problem(caller.get(f"/datasets/{dataset['id']}/files?{query}"), 400, "invalid_request")
    assert query.split("=")[0] in refused["detail"]


def test_unsupported_parts_of_a_schema_are_refused_and_named(caller: httpx.Client) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}}
    refused = problem(caller.post("/datasets", json={"name": "x", "schema": schema}), 400, "invalid_request")
    assert refused["errors"][0]["pointer"] == "/schema/properties/a/pattern"


# --- listing -----------------------------------------------------------------------------------------


def test_pages_list_every_file_once_newest_first(caller: httpx.Client) -> None:
    dataset = new_dataset(caller)
    batch = new_batch(caller, dataset["id"], [f"{index}.pdf" for index in range(25)])
    names: list[str] = []
    cursor = ""
    while cursor is not None:
        page = caller.get(
            f"/datasets/{dataset['id']}/files", params={"limit": 10, **({"cursor": cursor} if cursor else {})}
        ).json()
        names += [file["name"] for file in page["files"]]
        if len(names) == 10:
            new_batch(caller, dataset["id"], ["newcomer.pdf"])
        cursor = page["next_cursor"]
    assert names == [file["name"] for file in reversed(batch["files"])]


@pytest.mark.parametrize(
    "name",
    [
        "Übersicht März.pdf",
        "請求書ガイド.pdf",
        "영수증.pdf",
        "hóa đơn điện tử.pdf",
        "Å-faktura.pdf",
        "ﬁnal２０２４.pdf",
    ],
)
def test_a_name_is_found_however_its_letters_are_composed(caller: httpx.Client, name: str) -> None:
    dataset = new_dataset(caller)
    stored = {unicodedata.normalize(form, name) for form in get_args(Form)}
    new_batch(caller, dataset["id"], [*sorted(stored), "another.pdf"])
    for form in get_args(Form):
        wanted = unicodedata.normalize(form, name[:-4])
        files = caller.get(f"/datasets/{dataset['id']}/files", params={"name": wanted}).json()["files"]
        assert {file["name"] for file in files} == stored


def test_a_wide_percent_sign_is_no_wildcard(caller: httpx.Client) -> None:
    dataset = new_dataset(caller)
    new_batch(caller, dataset["id"], ["100％.pdf", "1000.pdf"])
    files = caller.get(f"/datasets/{dataset['id']}/files", params={"name": "100％"}).json()["files"]
    assert [file["name"] for file in files] == ["100％.pdf"]


def test_files_are_found_by_name_state_and_batch(caller: httpx.Client) -> None:
    dataset = new_dataset(caller)
    first = new_batch(caller, dataset["id"], ["Invoice 100%_a.pdf", "receipt.jpg"])
    second = new_batch(caller, dataset["id"], ["invoice 100xxa.pdf"])

    def found(**query: str) -> list[str]:
        files = caller.get(f"/datasets/{dataset['id']}/files", params=query).json()["files"]
        return [file["name"] for file in files]

    assert found(name="INVOICE") == ["invoice 100xxa.pdf", "Invoice 100%_a.pdf"]
    assert found(name="100%_a") == ["Invoice 100%_a.pdf"]
    assert found(batch=first["id"]) == ["receipt.jpg", "Invoice 100%_a.pdf"]
    assert found(batch=second["id"], state="uploading") == ["invoice 100xxa.pdf"]
    assert found(state="done") == []


def test_a_new_file_is_shown_as_documented(caller: httpx.Client) -> None:
    dataset = new_dataset(caller)
    batch = new_batch(caller, dataset["id"], ["a.pdf"])
    file = caller.get(f"/files/{batch['files'][0]['id']}").json()
    assert (file["state"], file["stage"], file["error"]) == ("uploading", None, None)
    assert file["waiting"] == {
        "reason": "upload", "detail": "its bytes have not arrived yet", "position": None, "eta_s": None
    }  # fmt: skip
    assert list(file["pipelines"]) == ["main", "preview", "thumbnail"]
    assert [step["step"] for step in file["pipelines"]["main"]["steps"]] == ["text", "ocr", "textract", "extraction"]
    nothing = dict.fromkeys(("record", "text", "preview", "thumbnail", "original"))
    assert file["artifacts"] == nothing | {"similar": []}


def test_an_upload_is_signed_for_exactly_its_object(caller: httpx.Client) -> None:
    dataset = new_dataset(caller)
    digest = "ab" * 32
    body = {"files": [{"name": "a.pdf", "size_bytes": 7, "sha256": digest}]}
    (file,) = caller.post(f"/datasets/{dataset['id']}/batches", json=body).json()["files"]
    upload = file["upload"]
    assert upload["method"] == "PUT"
    assert {name.lower() for name in upload["headers"]} == {"content-length", "if-none-match", "x-amz-checksum-sha256"}
    signed = httpx.URL(upload["url"]).params["X-Amz-SignedHeaders"]
    assert signed == "content-length;host;if-none-match;x-amz-checksum-sha256"
    assert file["id"] in upload["url"] and "a.pdf" not in upload["url"]


def test_an_upload_is_renewed_until_the_file_has_arrived(api: Api, caller: httpx.Client) -> None:
    dataset = new_dataset(caller)
    (file,) = new_batch(caller, dataset["id"], ["a.pdf"])["files"]
    again = caller.post(f"/files/{file['id']}/upload").json()
    assert again["upload"]["url"].split("?")[0] == file["upload"]["url"].split("?")[0]
    key = httpx.URL(file["upload"]["url"]).path.split("/", 2)[2]
    assert api.bench.store.arrive([Arrival(key)]) == {key: "arrived"}
    problem(caller.post(f"/files/{file['id']}/upload"), 409, "conflict")


def test_a_small_file_has_no_parts(caller: httpx.Client) -> None:
    (file,) = new_batch(caller, new_dataset(caller)["id"], ["a.pdf"])["files"]
    path = f"/files/{file['id']}/upload"
    problem(caller.post(f"{path}/parts", json={"part_numbers": [1]}), 409, "conflict")
    problem(caller.post(f"{path}/complete"), 409, "conflict")
    assert caller.get(f"{path}/parts").json() == {"parts": []}


def test_a_large_file_is_split_into_parts_without_a_call_to_the_store(caller: httpx.Client) -> None:
    dataset = new_dataset(caller)
    body = {"files": [{"name": "large.tiff", "size_bytes": 100 * 1024 * 1024}]}
    (file,) = caller.post(f"/datasets/{dataset['id']}/batches", json=body).json()["files"]
    assert file["upload"] == {"method": "MULTIPART", "part_size_bytes": 16 * 1024 * 1024, "part_count": 7}
    away = caller.post(f"/files/{file['id']}/upload/parts", json={"part_numbers": [1]})
    assert problem(away, 503, "unavailable")["detail"].startswith("the object store")


# --- tenants -----------------------------------------------------------------------------------------


def test_another_tenants_things_can_not_be_read_or_changed(api: Api, caller: httpx.Client) -> None:
    dataset = new_dataset(caller)
    batch = new_batch(caller, dataset["id"], ["a.pdf", "b.pdf"])
    file_id = batch["files"][0]["id"]
    removal = caller.delete(f"/files/{batch['files'][1]['id']}").json()
    stranger = api.caller()
    own = new_dataset(stranger)
    for method, path, body in [
        ("GET", f"/datasets/{dataset['id']}", None),
        (
            "PUT",
            f"/datasets/{dataset['id']}/schema",
            {"schema": {"type": "object", "properties": {"a": {"type": "string"}}}},
        ),
        ("POST", f"/datasets/{dataset['id']}/batches", {"files": [{"name": "x", "size_bytes": 1}]}),
        ("GET", f"/datasets/{dataset['id']}/files", None),
        ("GET", f"/datasets/{dataset['id']}/records", None),
        ("POST", f"/datasets/{dataset['id']}/removals", {"file_ids": [file_id]}),
        ("POST", f"/datasets/{dataset['id']}/redrive", {"state": "failed"}),
        ("GET", f"/batches/{batch['id']}", None),
        ("POST", f"/batches/{batch['id']}/files", {"files": [{"name": "x", "size_bytes": 1}]}),
        ("POST", f"/batches/{batch['id']}/cancel", None),
        ("GET", f"/files/{file_id}", None),
        ("DELETE", f"/files/{file_id}", None),
        ("GET", f"/files/{file_id}/history", None),
        ("POST", f"/files/{file_id}/upload", None),
        ("GET", f"/files/{file_id}/upload/parts", None),
        ("POST", f"/files/{file_id}/upload/parts", {"part_numbers": [1]}),
        ("POST", f"/files/{file_id}/upload/complete", None),
        ("POST", f"/files/{file_id}/uploaded", None),
        ("POST", f"/files/{file_id}/redrive", {"step": "text"}),
        ("GET", f"/removals/{removal['id']}", None),
        ("POST", f"/removals/{removal['id']}/undo", None),
    ]:
        foreign_answer = problem(stranger.request(method, path, json=body), 404, "not_found")
        unknown = (
            path.replace(dataset["id"], NO_ID)
            .replace(batch["id"], NO_ID)
            .replace(file_id, NO_ID)
            .replace(removal["id"], NO_ID)
        )
        assert foreign_answer == stranger.request(method, unknown, json=body).json(), (
            "it differs from what does not exist"
        )
    assert stranger.get(f"/datasets/{own['id']}/files", params={"batch": batch["id"]}).json()["files"] == []
    for body in ({"file_ids": [file_id]}, {"file_ids": [NO_ID, file_id]}, {"batch_id": batch["id"]}):
        problem(stranger.post(f"/datasets/{own['id']}/removals", json=body), 404, "not_found")
    assert caller.get(f"/files/{file_id}").json()["state"] == "uploading"


def test_a_removal_names_the_files_that_it_did_not_find(api: Api, caller: httpx.Client) -> None:
    dataset, other, foreign = new_dataset(caller), new_dataset(caller), api.caller()
    (first, second) = (file["id"] for file in new_batch(caller, dataset["id"], ["a", "b"])["files"])
    elsewhere = new_batch(caller, other["id"], ["c"])
    foreign_file = new_batch(foreign, new_dataset(foreign)["id"], ["d"])["files"][0]["id"]
    path = f"/datasets/{dataset['id']}/removals"
    unknown = [NO_ID, elsewhere["files"][0]["id"], foreign_file]
    removed = caller.post(path, json={"file_ids": [first, *unknown, first]})
    assert removed.status_code == 202
    assert removed.json()["count"] == 1 and removed.json()["not_found"] == unknown
    problem(caller.post(path, json={"file_ids": [first]}), 404, "not_found")
    problem(caller.post(path, json={"batch_id": elsewhere["id"]}), 404, "not_found")
    removed = caller.post(path, json={"file_ids": [second]})
    assert removed.json()["count"] == 1 and removed.json()["not_found"] == []
    assert caller.get(f"/files/{elsewhere['files'][0]['id']}").status_code == 200
    assert foreign.get(f"/files/{foreign_file}").status_code == 200


@pytest.mark.parametrize("size_bytes", [10, 200_000_000])
def test_the_upload_of_a_cancelled_file_is_refused_with_the_reason(caller: httpx.Client, size_bytes: int) -> None:
    described = {"files": [{"name": "a", "size_bytes": size_bytes}]}
    batch = caller.post(f"/datasets/{new_dataset(caller)['id']}/batches", json=described).json()
    assert caller.post(f"/batches/{batch['id']}/cancel").status_code == 200
    path = f"/files/{batch['files'][0]['id']}/upload"
    calls = [caller.post(path), caller.post(f"{path}/parts", json={"part_numbers": [1]})]
    for refused in calls:
        assert "cancelled" in problem(refused, 409, "conflict")["detail"]


def test_concurrent_requests_are_not_mixed_up(api: Api) -> None:
    callers = [api.caller() for _ in range(4)]
    own = [{new_dataset(caller, name=f"of {index}")["id"]} for index, caller in enumerate(callers)]

    def lists_its_own(index: int) -> bool:
        found = {dataset["id"] for dataset in callers[index].get("/datasets").json()["datasets"]}
        refused = callers[index].get(f"/datasets/{next(iter(own[(index + 1) % 4]))}")
        return found == own[index] and refused.status_code == 404

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(lists_its_own, [index % 4 for index in range(160)]))


# --- HTTP details ------------------------------------------------------------------------------------


def test_head_answers_like_get_without_a_body(caller: httpx.Client) -> None:
    plain = {"Accept-Encoding": "identity"}  # times in it are compressed differently
    get, head = caller.get("/datasets", headers=plain), caller.head("/datasets", headers=plain)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]


def test_a_web_page_of_another_origin_may_call_the_api(caller: httpx.Client) -> None:
    preflight = httpx.options(f"{caller.base_url}/datasets", headers={"Origin": "https://app.example"}, trust_env=False)
    assert preflight.status_code == 204
    assert "authorization" in preflight.headers["access-control-allow-headers"].lower()
    for answer in (caller.get("/datasets"), caller.get("/nothing"), caller.post("/datasets", content=b"{")):
        assert answer.headers["access-control-allow-origin"] == "*"


def test_ids_may_be_percent_encoded_and_invalid_ones_are_not_found(caller: httpx.Client) -> None:
    dataset = new_dataset(caller)
    encoded = "".join(f"%{ord(letter):02x}" for letter in dataset["id"])
    assert caller.get(f"/datasets/{encoded}").json()["id"] == dataset["id"]
    for odd in ("%00", "%2e%2e", "a%2Fb", "%F0%9F%A7%BE", "%ff", dataset["id"].upper(), "' OR 1=1 --"):
        problem(caller.get(f"/datasets/{odd}"), 404, "not_found")


def test_a_body_is_read_as_json_whatever_its_content_type(caller: httpx.Client) -> None:
    answer = caller.post("/datasets", content=b'{"name": "plain"}', headers={"Content-Type": "text/plain"})
    assert answer.status_code == 201


def test_health_needs_no_key_and_names_the_dependencies_that_are_down(api: Api) -> None:
    answer = httpx.get(f"{api.url}/health", trust_env=False)
    assert answer.status_code == 200
    states = {name: dependency["state"] for name, dependency in answer.json()["dependencies"].items()}
    assert answer.json()["status"] == "degraded"
    assert states["postgres"] == states["redis"] == "up" and states["object_store"] == states["topics"] == "down"
    assert set(states) == {"postgres", "object_store", "topics", "redis", "ocr", "textract", "extraction", "preview"}


def test_redis_that_refuses_writes_is_down(api: Api, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = redis.Redis.from_url(redis_url)

    def state() -> str:
        monkeypatch.setattr(operations, "_cached", (0.0, {}))
        return str(httpx.get(f"{api.url}/health", trust_env=False).json()["dependencies"]["redis"]["state"])

    assert state() == "up"
    client.config_set("min-replicas-to-write", 1)
    try:
        assert client.ping() and state() == "down"
    finally:
        client.config_set("min-replicas-to-write", 0)
    assert state() == "up"


def test_the_api_needs_no_role_that_row_level_security_exempts(
    api: Api, caller: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FAIRWAY_DATABASE_URL")
    monkeypatch.setattr(operations, "_cached", (0.0, {}))
    bootstrap.forget()
    try:
        dataset = new_dataset(caller)
        new_batch(caller, dataset["id"], ["a"])
        health = httpx.get(f"{api.url}/health", trust_env=False)
        assert health.status_code == 200 and health.json()["dependencies"]["postgres"]["state"] == "up"
    finally:
        monkeypatch.undo()
        bootstrap.forget()


def test_without_its_database_the_api_answers_503_with_retry_after(
    caller: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRWAY_API_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    bootstrap.forget()
    try:
        answer = caller.get("/datasets")
        problem(answer, 503, "unavailable")
        assert int(answer.headers["retry-after"]) > 0
    finally:
        monkeypatch.undo()
        bootstrap.forget()
    assert caller.get("/datasets").status_code == 200
