"""Manifests: every line becomes one file or is a duplicate, whatever is interrupted, and uploads are signed as they begin."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from functions.api import manifests
from functions.upkeep import miss_uploads
from layers.adapters.postgres.manifests import ManifestQueries
from layers.adapters.postgres.transaction import Transaction
from layers.domain.errors import StoreUnreachable
from layers.domain.message import Arrival
from tests.integration.conftest import Api
from tests.integration.test_api import new_dataset, problem
from tests.integration.test_quotas import Tenant
from tests.integration.test_removal import Host
from tests.integration.test_store_races import all_at_once

AT_ONCE = 3


def sha256(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def described(names: list[str]) -> list[dict[str, Any]]:
    return [{"name": name, "size_bytes": 10, "sha256": sha256(name)} for name in names]


def body(lines: list[dict[str, Any]]) -> bytes:
    return b"\n".join(json.dumps(line).encode() for line in lines)


NAMES = [f"{index}.pdf" for index in range(8)]


class Sender:
    """A client that sends manifests into one dataset."""

    def __init__(self, api: Api) -> None:
        self.api, self.tenant_id = api, api.bench.tenant()
        self.caller = api.caller(self.tenant_id)
        self.dataset_id = new_dataset(self.caller)["id"]

    def send(self, content: bytes, query: str = "", **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.caller.post(f"/datasets/{self.dataset_id}/manifests{query}", content=content, headers=named)

    def manifest(self, names: list[str] = NAMES, query: str = "") -> dict[str, Any]:
        answer = self.send(body(described(names)), query)
        assert answer.status_code == 201, answer.text
        return answer.json()  # type: ignore[no-any-return]

    def uploads(self, manifest_id: str, limit: int = 1000, cursor: str = "") -> dict[str, Any]:
        query = f"?limit={limit}" + (f"&cursor={cursor}" if cursor else "")
        answer = self.caller.get(f"/manifests/{manifest_id}/uploads{query}")
        assert answer.status_code == 200, answer.text
        return answer.json()  # type: ignore[no-any-return]

    def awaited(self, manifest_id: str) -> list[str]:
        return [upload["name"] for upload in self.uploads(manifest_id)["uploads"]]

    def arrive(self, uploads: list[dict[str, Any]]) -> None:
        self.api.bench.store.arrive([Arrival(f"originals/{self.tenant_id}/{each['id']}", "v1") for each in uploads])

    def names(self) -> list[str]:
        files = self.caller.get(f"/datasets/{self.dataset_id}/files?limit=200").json()["files"]
        return sorted(file["name"] for file in files)

    def verified(self, name: str) -> str:
        """A file of the dataset whose content was verified. Returns its id."""
        manifest = self.manifest([name], "?allow_duplicates=true")
        (upload,) = self.uploads(manifest["id"])["uploads"]
        self.arrive([upload])
        self.api.bench.database.run(
            "UPDATE files SET sha256 = declared_sha256 WHERE file_id = %(file_id)s", file_id=upload["id"]
        )
        return str(upload["id"])


@pytest.fixture
def sender(api: Api, monkeypatch: pytest.MonkeyPatch) -> Sender:
    monkeypatch.setattr(manifests, "TAKEN_AT_ONCE", AT_ONCE)
    return Sender(api)


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_each_line_becomes_a_file_whose_upload_is_signed_in_its_order(sender: Sender, encoding: str) -> None:
    content = body(described(NAMES))
    packed = gzip.compress(content) if encoding == "gzip" else content
    manifest = sender.send(packed, "?name=night&deadline_s=600", Content_Encoding=encoding).json()
    assert (manifest["lines"], manifest["taken"], manifest["files"], manifest["duplicate_lines"]) == (8, 8, 8, 0)
    assert (manifest["duplicates"], manifest["next_cursor"]) == ([], None)
    first = sender.uploads(manifest["id"], limit=5)
    second = sender.uploads(manifest["id"], limit=5, cursor=first["next_cursor"])
    uploads = [*first["uploads"], *second["uploads"]]
    assert [(each["line"], each["name"]) for each in uploads] == list(enumerate(NAMES))
    assert second["next_cursor"] is None
    assert all(each["upload"]["method"] == "PUT" and each["id"] in each["upload"]["url"] for each in uploads)
    batch = sender.caller.get(f"/batches/{manifest['batch_id']}").json()
    assert (batch["name"], batch["counts"]["by_state"]) == ("night", {"uploading": 8})


def test_a_file_shows_when_it_was_changed_where_it_came_from(sender: Sender) -> None:
    line = {"name": "a.pdf", "size_bytes": 10, "modified_at": "2026-01-15T10:30:00+01:00"}
    manifest = sender.send(body([line])).json()
    (upload,) = sender.uploads(manifest["id"])["uploads"]
    assert sender.caller.get(f"/files/{upload['id']}").json()["modified_at"] == "2026-01-15T09:30:00.000Z"


def test_a_name_may_have_any_characters(sender: Sender) -> None:
    names = [
        'a"b',
        "c\\d",
        "\\",
        '\\"',
        "NULL",
        "null",
        "{x,y}",
        " ",
        "\t\n",
        "\u00e9\U0001f9fe\u202e",
        "'",
        "%(a)s",
        "$1",
    ]
    lines = [{"name": name, "size_bytes": 1, "media_type": name} for name in names]
    manifest = sender.send(body(lines)).json()
    assert sender.awaited(manifest["id"]) == names
    stored = sender.api.bench.database.rows(
        "SELECT declared_media_type FROM files WHERE batch_id = %(id)s ORDER BY manifest_line", id=manifest["batch_id"]
    )
    assert [row["declared_media_type"] for row in stored] == names


def test_invalid_lines_refuse_the_whole_manifest_and_each_is_named(sender: Sender) -> None:
    lines = [
        *described(["good.pdf"]),
        {"size_bytes": 10},
        {"name": "x", "size_bytes": -1},
        {"name": "\ud800", "size_bytes": 1},
    ]
    shown = problem(sender.send(body(lines) + b"\n[\n"), 400, "invalid_request")
    pointers = [error["pointer"] for error in shown["errors"]]
    assert pointers == ["/lines/1/name", "/lines/2/size_bytes", "/lines/3", "/lines/4"]
    assert sender.names() == []


@pytest.mark.parametrize(
    ("content", "headers", "detail"),
    [
        (b"", {}, "no lines"),
        (b"\n\n", {}, "no lines"),
        (b"{}", {"Content_Encoding": "gzip"}, "not gzip"),
        (b"{}", {"Content_Encoding": "br"}, "Content-Encoding"),
        (b'{"name": "' + b"x" * 20_000 + b'"}', {}, "too long"),
    ],
)
def test_a_body_that_has_no_readable_lines_is_refused(
    sender: Sender, content: bytes, headers: dict[str, str], detail: str
) -> None:
    assert detail in problem(sender.send(content, **headers), 400, "invalid_request")["detail"]


def test_too_many_lines_are_refused(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifests, "LINES_A_MANIFEST", 7)
    assert "at most 7 lines" in problem(sender.send(body(described(NAMES))), 400, "invalid_request")["detail"]
    assert sender.names() == []


def test_files_over_the_limit_are_too_large(sender: Sender) -> None:
    shown = problem(sender.send(body([{"name": "x", "size_bytes": 2**52}])), 413, "too_large")
    assert shown["errors"][0]["pointer"] == "/lines/0/size_bytes"


def test_lines_whose_content_the_dataset_has_need_no_upload(sender: Sender) -> None:
    known = {name: sender.verified(name) for name in (NAMES[1], NAMES[6])}
    manifest = sender.manifest()
    assert (manifest["files"], manifest["duplicate_lines"]) == (6, 2)
    assert manifest["duplicates"] == [
        {"line": 1, "duplicate_of": known[NAMES[1]]},
        {"line": 6, "duplicate_of": known[NAMES[6]]},
    ]
    assert sender.awaited(manifest["id"]) == [name for name in NAMES if name not in known]
    path = f"/manifests/{manifest['id']}/duplicates?limit=1"
    first = sender.caller.get(path).json()
    second = sender.caller.get(f"{path}&cursor={first['next_cursor']}").json()
    assert [*first["duplicates"], *second["duplicates"]] == manifest["duplicates"]
    assert second["next_cursor"] is None
    assert sender.manifest(query="?allow_duplicates=true")["duplicate_lines"] == 0


def test_the_same_request_twice_creates_nothing_new_however_it_is_packed(sender: Sender) -> None:
    content = body(described(NAMES))
    first = sender.send(content, Idempotency_Key="k")
    again = sender.send(gzip.compress(content), Content_Encoding="gzip", Idempotency_Key="k")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert sender.names() == NAMES
    problem(sender.send(content + b"\n" + body(described(["more.pdf"])), Idempotency_Key="k"), 409, "conflict")


@pytest.mark.parametrize("portions", [0, 1, 2])
def test_the_same_request_continues_one_that_was_interrupted(
    sender: Sender, monkeypatch: pytest.MonkeyPatch, portions: int
) -> None:
    content, take, done = body(described(NAMES)), ManifestQueries.take_lines, []

    def interrupted(self: ManifestQueries, *values: Any) -> Any:
        if len(done) == portions:
            raise StoreUnreachable("away")
        done.append(1)
        return take(self, *values)

    with monkeypatch.context() as patch:
        patch.setattr(ManifestQueries, "take_lines", interrupted)
        problem(sender.send(content, Idempotency_Key="k"), 503, "unavailable")
    assert len(sender.names()) == portions * AT_ONCE
    manifest = sender.send(content, Idempotency_Key="k").json()
    assert (manifest["taken"], manifest["files"]) == (8, 8)
    assert sender.names() == NAMES
    assert sender.awaited(manifest["id"]) == NAMES


def test_simultaneous_requests_with_one_key_take_each_line_once(sender: Sender) -> None:
    content = body(described(NAMES))
    answers = all_at_once([lambda: sender.send(content, Idempotency_Key="k")] * 4)
    assert {answer.status_code for answer in answers} == {201}  # type: ignore[attr-defined]
    assert len({answer.json()["id"] for answer in answers}) == 1  # type: ignore[attr-defined]
    assert sender.names() == NAMES


def test_a_client_that_asks_again_gets_what_has_not_arrived(sender: Sender) -> None:
    manifest = sender.manifest()
    sender.arrive(sender.uploads(manifest["id"], limit=3)["uploads"])
    assert sender.awaited(manifest["id"]) == NAMES[3:]
    sender.arrive(sender.uploads(manifest["id"])["uploads"])
    assert sender.uploads(manifest["id"]) == {"uploads": [], "next_cursor": None}
    shown = sender.caller.get(f"/manifests/{manifest['id']}").json()
    assert shown["counts"] == {"files": 8, "by_state": {"processing": 8}}


def test_files_that_never_come_are_missing_after_the_deadline_and_may_come_late(api: Api) -> None:
    host, sender = Host(api), Sender(api)
    manifest = sender.manifest()
    assert miss_uploads(host.runner) == 0
    api.bench.database.run("UPDATE files SET upload_until = now() - interval '1 s' WHERE state = 'uploading'")
    assert miss_uploads(host.runner) == 8
    path = f"/manifests/{manifest['id']}"
    assert sender.caller.get(path).json()["counts"]["by_state"] == {"upload_missing": 8}
    assert len(sender.uploads(manifest["id"], limit=2)["uploads"]) == 2
    assert sender.caller.get(path).json()["counts"]["by_state"] == {"uploading": 2, "upload_missing": 6}
    assert miss_uploads(host.runner) == 0


def test_only_objects_that_may_have_been_uploaded_are_searched_for(sender: Sender, api: Api) -> None:
    def awaited() -> list[str]:
        keys = api.bench.store.awaited(older_than_s=-1).get(sender.tenant_id, [])
        ids = [key.rpartition("/")[2] for key in keys]
        return sorted(sender.caller.get(f"/files/{file_id}").json()["name"] for file_id in ids)

    manifest = sender.manifest()
    assert awaited() == []
    uploads = sender.uploads(manifest["id"], limit=2)["uploads"]
    assert awaited() == NAMES[:2]
    sender.uploads(manifest["id"], limit=1)
    assert awaited() == NAMES[:2]
    last = sender.caller.get(f"/datasets/{sender.dataset_id}/files?limit=1").json()["files"][0]
    sender.caller.post(f"/files/{last['id']}/upload").raise_for_status()
    assert awaited() == [*NAMES[:2], NAMES[-1]]
    assert {each["name"] for each in uploads} == set(NAMES[:2])


def test_a_manifest_is_kept_for_some_time_and_while_its_files_are_awaited(sender: Sender, api: Api) -> None:
    run, store = api.bench.database.run, api.bench.store
    known = sender.verified("known")
    new, old, awaited = sender.manifest(["new"]), sender.manifest(["old", "known"]), sender.manifest(["awaited"])
    assert old["duplicates"] == [{"line": 1, "duplicate_of": known}]
    sender.arrive(sender.uploads(old["id"])["uploads"])
    for manifest, days in ((new, 29), (old, 31), (awaited, 31)):
        run(
            "UPDATE manifests SET upload_until = now() - make_interval(days => %(days)s) WHERE manifest_id = %(id)s",
            id=manifest["id"],
            days=days,
        )
    assert store.forget_manifests(30, 100) == 1  # the line of the known file
    assert store.forget_manifests(30, 100) == 1
    assert store.forget_manifests(30, 100) == 0
    assert problem(sender.caller.get(f"/manifests/{old['id']}"), 404, "not_found")
    assert {"old", "known"} <= set(sender.names())
    assert [sender.awaited(manifest["id"]) for manifest in (new, awaited)] == [["new"], ["awaited"]]


def test_removed_and_cancelled_files_are_not_signed(sender: Sender) -> None:
    manifest = sender.manifest()
    first = sender.uploads(manifest["id"], limit=1)["uploads"][0]
    sender.caller.delete(f"/files/{first['id']}").raise_for_status()
    assert sender.awaited(manifest["id"]) == NAMES[1:]
    sender.caller.post(f"/batches/{manifest['batch_id']}/cancel").raise_for_status()
    assert sender.awaited(manifest["id"]) == []
    sender.caller.delete(f"/datasets/{sender.dataset_id}").raise_for_status()
    for path in ("", "/uploads", "/duplicates"):
        problem(sender.caller.get(f"/manifests/{manifest['id']}{path}"), 404, "not_found")
    problem(sender.send(body(described(["late.pdf"]))), 404, "not_found")


def test_a_manifest_whose_batch_was_cancelled_is_not_continued(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    content, manifest_ids = body(described(NAMES)), []
    take = ManifestQueries.take_lines

    def interrupted(self: ManifestQueries, manifest_id: str, *values: Any) -> Any:
        if manifest_ids:
            raise StoreUnreachable("away")
        manifest_ids.append(manifest_id)
        return take(self, manifest_id, *values)

    with monkeypatch.context() as patch:
        patch.setattr(ManifestQueries, "take_lines", interrupted)
        sender.send(content, Idempotency_Key="k")
    batch_id = sender.caller.get(f"/manifests/{manifest_ids[0]}").json()["batch_id"]
    sender.caller.post(f"/batches/{batch_id}/cancel").raise_for_status()
    problem(sender.send(content, Idempotency_Key="k"), 409, "conflict")
    assert len(sender.names()) == AT_ONCE


def test_nothing_of_a_manifest_is_visible_to_other_tenants_and_viewers_upload_nothing(sender: Sender, api: Api) -> None:
    manifest = sender.manifest()
    stranger, viewer = api.caller(), api.caller(sender.tenant_id, "viewer")
    for path in ("", "/uploads", "/duplicates"):
        problem(stranger.get(f"/manifests/{manifest['id']}{path}"), 404, "not_found")
    problem(stranger.post(f"/datasets/{sender.dataset_id}/manifests", content=body(described(NAMES))), 404, "not_found")
    problem(viewer.get(f"/manifests/{manifest['id']}/uploads"), 403, "forbidden")
    problem(viewer.post(f"/datasets/{sender.dataset_id}/manifests", content=b"{}"), 403, "forbidden")
    assert viewer.get(f"/manifests/{manifest['id']}").json()["lines"] == 8


@pytest.fixture
def limited(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tenant]:
    monkeypatch.setattr(manifests, "TAKEN_AT_ONCE", AT_ONCE)
    yield Tenant(api, api.caller(role="admin"), files_in_processing=7)


def test_a_manifest_over_a_quota_makes_nothing(limited: Tenant) -> None:
    path = f"/datasets/{limited.dataset_id}/manifests"
    shown = problem(limited.caller.post(path, content=body(described(NAMES))), 429, "quota_exceeded")
    assert "send fewer at once" in shown["detail"]
    assert limited.files() == []
    assert limited.caller.get(f"/datasets/{limited.dataset_id}/batches").json()["batches"] == []
    assert limited.caller.post(path, content=body(described(NAMES[:7]))).status_code == 201
    problem(limited.caller.post(path, content=body(described(["one.pdf"]))), 429, "quota_exceeded")


def test_a_renewed_upload_counts_against_the_quota(limited: Tenant, api: Api) -> None:
    path = f"/datasets/{limited.dataset_id}/manifests"
    missing = limited.caller.post(path, content=body(described(NAMES[:3]))).json()
    api.bench.database.run("UPDATE files SET state = 'upload_missing' WHERE batch_id = %(id)s", id=missing["batch_id"])
    assert limited.caller.post(path, content=body(described(NAMES[3:]))).status_code == 201
    problem(limited.caller.get(f"/manifests/{missing['id']}/uploads"), 429, "quota_exceeded")
    assert len(limited.caller.get(f"/manifests/{missing['id']}/uploads?limit=2").json()["uploads"]) == 2


def test_the_number_of_statements_grows_with_the_portions_not_with_the_lines(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    few, many = NAMES, [f"{index}.txt" for index in range(80)]
    assert statements(sender, monkeypatch, 4, few) == statements(sender, monkeypatch, 40, many) < 40


def statements(sender: Sender, monkeypatch: pytest.MonkeyPatch, at_once: int, names: list[str]) -> int:
    """How many statements it takes to send a manifest in portions of this size, and to sign its uploads."""
    ran: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(manifests, "TAKEN_AT_ONCE", at_once)
        for method in ("_rows", "_tuples", "_run"):
            patch.setattr(Transaction, method, counting(getattr(Transaction, method), ran))
        sender.uploads(sender.manifest(names)["id"])
    return len(ran)


def counting(run: Any, ran: list[str]) -> Any:
    def counted(self: Transaction, *values: Any, **named: Any) -> Any:
        if values[-1] != "quota":  # the rate of a key is read again every few seconds
            ran.append(values[-1])
        return run(self, *values, **named)

    return counted
