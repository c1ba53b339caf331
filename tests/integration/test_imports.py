"""Imports: objects of a bucket become files once, whatever fails in between, and only from where the tenant may import."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from functions import imports, jobs
from functions.arrivals import ORIGINAL_KEY
from functions.pipelines import INTAKE, PIPELINES
from layers import bootstrap
from layers.adapters.postgres.database import Database
from layers.adapters.postgres.imports import PostgresImports
from layers.adapters.postgres.jobs import PostgresJobs
from layers.attempts.runner import Runner
from layers.domain.errors import DependencyDown, PermanentError
from layers.domain.file import original_key
from layers.domain.imports import file_id_of, is_allowed, key_in_place, name_of, place_of
from layers.ports import Ports
from layers.ports.imports import SourceObject
from tests.fakes import MemoryObjects, MemoryTopics
from tests.integration.conftest import Api
from tests.integration.test_api import new_dataset, problem
from tests.integration.test_store_races import all_at_once
from tests.making import Urls

NOW = datetime.now(UTC)
OBJECTS = 7


@dataclass
class Bucket:
    """A bucket in memory; counts the downloads."""

    objects: dict[str, bytes] = field(default_factory=dict)
    version: str | None = "v7"
    ages: dict[str, timedelta] = field(default_factory=dict)
    downloads: list[str] = field(default_factory=list)
    failing: Exception | None = None

    def _shown(self, key: str) -> SourceObject:
        return SourceObject(key, len(self.objects[key]), NOW - self.ages.get(key, timedelta(0)))

    def objects_after(self, bucket: str, prefix: str, after: str, limit: int) -> list[SourceObject]:
        keys = sorted(key for key in self.objects if key.startswith(prefix) and key > after)
        return [self._shown(key) for key in keys[:limit]]

    def look_up(self, bucket: str, key: str) -> SourceObject | None:
        return self._shown(key) if key in self.objects else None

    def download(self, bucket: str, key: str, path: Path) -> str | None:
        if self.failing:
            raise self.failing
        if key not in self.objects:
            raise PermanentError("object_missing", "gone")
        self.downloads.append(key)
        path.write_bytes(self.objects[key])
        return self.version


@dataclass
class Host:
    """The API and a worker, with objects in memory and a bucket to import from."""

    api: Api
    tenant_id: str
    caller: httpx.Client
    runner: Runner
    bucket: Bucket
    dataset: str

    @property
    def objects(self) -> dict[str, bytes]:
        return cast(MemoryObjects, self.runner.ports.objects).objects

    def allow(self, *sources: str) -> httpx.Response:
        admin = self.api.caller(role="admin")
        return admin.put(f"/operations/tenants/{self.tenant_id}", json={"import_sources": list(sources)})

    def request(self, **body: Any) -> httpx.Response:
        return self.caller.post(f"/datasets/{self.dataset}/imports", json={"bucket": "inbox", **body})

    def run(self, **body: Any) -> dict[str, Any]:
        """Import to the end. Returns the job."""
        answer = self.request(**body)
        assert answer.status_code == 202, answer.text
        self.finish()
        return self.job(answer.json()["id"])

    def finish(self) -> None:
        for _ in range(20):
            self.api.bench.database.run("UPDATE jobs SET due_at = now() WHERE ended_at IS NULL")
            jobs.advance(self.runner)

    def job(self, job_id: str) -> dict[str, Any]:
        return cast(dict[str, Any], self.caller.get(f"/operations/jobs/{job_id}").json())

    def names(self) -> list[str]:
        files = self.caller.get(f"/datasets/{self.dataset}/files").json()["files"]
        return sorted(file["name"] for file in files)


@pytest.fixture
def host(api: Api, database_urls: Urls, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    monkeypatch.setattr(imports, "LISTED_AT_ONCE", 3)
    api.bench.empty()
    database = Database(database_urls.worker, prepares=not database_urls.is_pooled)
    bucket = Bucket({f"scans/{number}.txt": f"content {number}".encode() for number in range(OBJECTS)})
    ports = Ports(
        api.bench.store,
        MemoryObjects(),
        MemoryTopics(),
        cast(Any, None),
        cast(Any, None),
        None,
        jobs=PostgresJobs(database),
        imports=PostgresImports(database),
        sources=bucket,
    )
    runner = Runner(ports, INTAKE, PIPELINES, {"intake": 100})
    tenant_id = api.bench.tenant()
    with api.caller(tenant_id) as caller:
        host = Host(api, tenant_id, caller, runner, bucket, new_dataset(caller)["id"])
        host.allow("inbox/scans/")
        yield host


# --- what becomes of objects -------------------------------------------------------------------------


def test_objects_under_a_prefix_become_files_of_a_batch_that_arrive(host: Host) -> None:
    host.bucket.objects["other/not.txt"] = b"not under the prefix"
    job = host.run(prefix="scans/")
    assert (job["state"], job["result"]["objects"]) == ("done", {"imported": OBJECTS})
    assert job["progress"] == {"done": OBJECTS, "total": OBJECTS}
    assert host.names() == [f"{number}.txt" for number in range(OBJECTS)]
    assert sorted(host.objects.values()) == [f"content {number}".encode() for number in range(OBJECTS)]
    batch = host.caller.get(f"/batches/{job['result']['batch_id']}").json()
    assert batch["counts"]["by_state"] == {"processing": OBJECTS} and batch["priority"] == "low"


def test_only_the_listed_keys_are_imported(host: Host) -> None:
    keys = ["scans/1.txt", "scans/5.txt", "scans/absent.txt", "scans/2.txt"]
    job = host.run(keys=keys)
    assert job["result"]["objects"] == {"imported": 3, "gone": 1}
    assert host.names() == ["scans/1.txt", "scans/2.txt", "scans/5.txt"]


def test_a_content_that_the_dataset_has_is_left_out(host: Host) -> None:
    host.bucket.objects["scans/copy.txt"] = host.bucket.objects["scans/0.txt"]
    first, second = host.run(prefix="scans/"), host.run(prefix="scans/")
    assert first["result"]["objects"] == {"imported": OBJECTS, "duplicates": 1}
    assert second["result"]["objects"] == {"duplicates": OBJECTS + 1}
    assert len(host.names()) == OBJECTS


def test_duplicates_are_imported_on_request(host: Host) -> None:
    host.run(prefix="scans/")
    assert host.run(prefix="scans/", allow_duplicates=True)["result"]["objects"] == {"imported": OBJECTS}
    assert len(host.names()) == 2 * OBJECTS


def test_old_objects_large_objects_and_folders_are_left_out(host: Host) -> None:
    host.bucket.objects["scans/large.bin"] = b"x" * 100
    host.bucket.objects["scans/old.txt"] = b"old"
    host.bucket.objects["scans/folder/"] = b""
    host.bucket.ages["scans/old.txt"] = timedelta(days=3)
    object.__setattr__(host.runner.ports, "max_file_bytes", 99)
    job = host.run(prefix="scans/", since=(NOW - timedelta(days=1)).isoformat())
    assert job["result"]["objects"] == {"imported": OBJECTS, "too_old": 1, "too_large": 1, "folders": 1}


def test_an_empty_prefix_of_a_bucket_imports_nothing(host: Host) -> None:
    job = host.run(prefix="scans/nothing/")
    assert (job["state"], job["result"]["objects"]) == ("done", {})


# --- crashes, outages, limits ------------------------------------------------------------------------


def test_an_import_that_dies_at_any_object_creates_each_file_once(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    upload, left = MemoryObjects.upload, [OBJECTS]

    def dies_often(self: MemoryObjects, path: Path, object_key: str, media_type: str) -> int:
        left[0] -= 1
        if left[0] >= 0 and left[0] % 2:
            raise DependencyDown("object_store", "it is away")
        return upload(self, path, object_key, media_type)

    monkeypatch.setattr(MemoryObjects, "upload", dies_often)
    job = host.run(prefix="scans/")
    assert job["state"] == "done"
    assert host.names() == [f"{number}.txt" for number in range(OBJECTS)]
    row = host.api.bench.database.row("SELECT count(*)::integer AS n FROM files WHERE uploaded_at IS NOT NULL")
    assert row == {"n": OBJECTS} and len(host.objects) == OBJECTS


def test_an_import_goes_on_after_its_last_page(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "SLICE_S", 0.0001)
    host.run(prefix="scans/")
    assert sorted(host.bucket.downloads) == sorted(host.bucket.objects)


def test_two_imports_of_the_same_objects_at_the_same_time_create_each_file_once(host: Host) -> None:
    for _ in range(2):
        assert host.request(prefix="scans/").status_code == 202
    all_at_once([lambda: jobs.advance(host.runner)] * 2)
    host.finish()
    assert host.names() == [f"{number}.txt" for number in range(OBJECTS)]


def test_an_import_waits_while_its_bucket_is_away(host: Host) -> None:
    host.bucket.failing = DependencyDown("object_store", "it is away")
    job = host.run(prefix="scans/")
    assert (job["state"], job["error"]) == ("running", "it is away")
    host.bucket.failing = None
    host.finish()
    assert host.job(job["id"])["state"] == "done"


def test_an_import_waits_for_the_quota(host: Host) -> None:
    quota = {"quota": {"files_in_processing": 4}}
    host.api.caller(role="admin").put(f"/operations/tenants/{host.tenant_id}", json=quota)
    job = host.run(prefix="scans/")
    assert (job["state"], job["result"]["waits_for_quota"], len(host.names())) == ("running", True, 4)
    host.api.bench.database.run("UPDATE files SET state = 'failed', error_code = 'x' WHERE uploaded_at IS NOT NULL")
    host.finish()
    assert (host.job(job["id"])["state"], len(host.names())) == ("done", OBJECTS)


def test_an_import_keeps_to_its_rate(host: Host) -> None:
    job_id = host.request(prefix="scans/", objects_per_s=1).json()["id"]
    jobs.advance(host.runner)
    row = host.api.bench.database.row(
        "SELECT done, extract(epoch FROM due_at - now())::float8 AS wait_s, state FROM jobs WHERE job_id = %(id)s",
        id=job_id,
    )
    assert row and (row["state"] == "done" or 0 < row["wait_s"] <= row["done"])


def test_an_import_ends_when_its_batch_is_cancelled(host: Host) -> None:
    job = host.request(prefix="scans/").json()
    host.caller.post(f"/batches/{job['parameters']['batch_id']}/cancel")
    host.finish()
    shown = host.job(job["id"])
    assert (shown["state"], set(shown["result"]["objects"]), host.names()) == ("done", {"cancelled"}, [])


def test_a_tenant_may_have_a_limited_number_of_open_jobs(host: Host) -> None:
    answers = [host.request(prefix="scans/") for _ in range(11)]
    assert [answer.status_code for answer in answers[:10]] == [202] * 10
    problem(answers[10], 429, "quota_exceeded")


# --- in place ----------------------------------------------------------------------------------------


def placed(host: Host) -> list[tuple[str, str | None, str]]:
    """The bucket and key, the version and the state of each file, by key."""
    rows = host.api.bench.database.rows("SELECT object_key, version_id, state FROM files ORDER BY source_key")
    return [("/".join(place_of(row["object_key"]) or ()), row["version_id"], row["state"]) for row in rows]


def test_originals_that_stay_in_place_are_not_stored_again(host: Host) -> None:
    job = host.run(prefix="scans/", in_place=True)
    assert (job["state"], job["result"]["objects"]) == ("done", {"imported": OBJECTS})
    assert placed(host) == [(f"inbox/scans/{number}.txt", "v7", "processing") for number in range(OBJECTS)]
    assert host.names() == [f"{number}.txt" for number in range(OBJECTS)]
    assert host.objects == {}
    assert host.run(prefix="scans/", in_place=True)["result"]["objects"] == {"duplicates": OBJECTS}


def test_originals_in_place_are_the_same_files_whatever_dies_in_between(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep, left = PostgresImports.keep_in_place, [3 * OBJECTS]

    def dies_often(self: PostgresImports, *arguments: str) -> None:
        keep(self, *arguments)
        left[0] -= 1
        if left[0] >= 0 and left[0] % 2:
            raise DependencyDown("object_store", "it is away")

    monkeypatch.setattr(PostgresImports, "keep_in_place", dies_often)
    assert host.run(prefix="scans/", in_place=True)["state"] == "done"
    assert placed(host) == [(f"inbox/scans/{number}.txt", "v7", "processing") for number in range(OBJECTS)]


def test_an_object_that_could_change_does_not_stay_in_place(host: Host) -> None:
    host.bucket.version = None
    job = host.run(prefix="scans/", in_place=True)
    assert job["state"] == "failed" and "keeps no versions" in job["error"]
    assert host.names() == []


@pytest.mark.parametrize("key", ["a.pdf", "scans/2026 01/ü?#&.pdf", "//", "in-place/originals/x", "a\nb"])
def test_the_key_of_an_original_in_place_names_its_bucket_its_key_and_its_file(key: str) -> None:
    own = original_key("0199d0a4-6c1e-7a52-9d0b-3f6f4a0c2b11", "0199d0a4-6c1e-7a52-9d0b-3f6f4a0c2b12")
    object_key = key_in_place(own, "inbox", key)
    assert place_of(object_key) == ("inbox", key)
    assert file_id_of(object_key) == file_id_of(own) == "0199d0a4-6c1e-7a52-9d0b-3f6f4a0c2b12"
    assert ORIGINAL_KEY.fullmatch(object_key) and ORIGINAL_KEY.fullmatch(own)
    assert key_in_place(object_key, "inbox", key) == object_key
    assert place_of(own) is None


# --- who may import what -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        {"prefix": ""},
        {"prefix": "scan"},
        {"prefix": "other/"},
        {"keys": ["scans/1.txt", "other/1.txt"]},
        {"bucket": "inbox2", "prefix": "scans/"},
    ],
)
def test_a_tenant_imports_only_from_its_sources(host: Host, body: dict[str, Any]) -> None:
    problem(host.request(**body), 403, "forbidden")


def test_the_buckets_of_fairway_are_no_source(host: Host) -> None:
    own = bootstrap.settings().bucket
    host.allow(f"{own}/")
    problem(host.request(bucket=own, prefix="originals/"), 403, "forbidden")


def test_a_source_that_is_withdrawn_ends_an_import(host: Host) -> None:
    job = host.request(prefix="scans/").json()
    host.allow()
    host.finish()
    assert host.job(job["id"])["state"] == "failed" and host.names() == []


def test_a_scheduler_imports_into_a_dataset_of_its_tenant_only(host: Host) -> None:
    path, body = f"/datasets/{host.dataset}/imports", {"bucket": "inbox", "prefix": "scans/"}
    assert host.api.caller(host.tenant_id, "scheduler").post(path, json=body).status_code == 202
    problem(host.api.caller(role="scheduler").post(path, json=body), 404, "not_found")
    problem(host.api.caller(host.tenant_id, "viewer").post(path, json=body), 403, "forbidden")


def test_a_repeated_request_starts_one_import(host: Host) -> None:
    headers = {"Idempotency-Key": "import of the day"}
    path, body = f"/datasets/{host.dataset}/imports", {"bucket": "inbox", "prefix": "scans/"}
    first, second = (host.caller.post(path, json=body, headers=headers).json() for _ in range(2))
    assert first["id"] == second["id"]


@pytest.mark.parametrize("source", ["inbox", "inbox2/", "/scans", "INBOX/scans"])
def test_only_a_prefix_of_a_bucket_is_a_source(host: Host, source: str) -> None:
    answer = host.allow(source)
    assert (answer.status_code == 400) == (source != "inbox2/")


@pytest.mark.parametrize(
    ("sources", "bucket", "key", "allowed"),
    [
        (["a/"], "a", "", True),
        (["a/b/"], "a", "b/c", True),
        (["a/b/"], "a", "b", False),
        (["a/b/"], "a", "", False),
        (["a/"], "ab", "c", False),
        ([], "a", "b", False),
    ],
)
def test_which_keys_a_source_covers(sources: list[str], bucket: str, key: str, allowed: bool) -> None:
    assert is_allowed(sources, bucket, key) == allowed


@pytest.mark.parametrize(
    ("key", "prefix", "name"),
    [
        ("scans/2026/a.pdf", "scans/", "2026/a.pdf"),
        ("scans/2026-01/a.pdf", "scans/2026", "2026-01/a.pdf"),
        ("a.pdf", "", "a.pdf"),
        ("scans/", "scans/", "scans/"),
        ("x" * 2000, "", "x" * 1024),
    ],
)
def test_the_name_of_an_imported_file(key: str, prefix: str, name: str) -> None:
    assert name_of(key, prefix) == name
