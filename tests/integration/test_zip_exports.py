"""Zip exports hold each original once, under a path of its record's values, in zip files with a manifest."""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest

from functions import exports, zip_exports
from layers.adapters.postgres.exports import PostgresExports
from layers.domain.errors import DependencyDown
from layers.domain.page import Extraction
from tests.fakes.objects import MemoryObjects
from tests.integration.conftest import Api
from tests.integration.records import dataset_with_records, extract, found
from tests.integration.test_api import new_dataset, problem
from tests.integration.test_exports import caller, store, write

__all__ = ["caller", "store"]
NAMES = "{company}/{date}.pdf"
ROWS: list[dict[str, Any]] = [
    {"company": "Müller", "total": 9.5, "date": "2026-01-02"},
    {"company": "../etc", "total": 1, "date": "2026-01-03"},
    {"company": "MÜLLER", "total": 7, "date": "2026-01-02"},
    {"total": 8},
]


class Originals:
    """A dataset whose originals are in a store of their own, and an export of them."""

    def __init__(self, api: Api, caller: httpx.Client, rows: list[dict[str, Any]] = ROWS) -> None:
        self.api, self.caller, self.objects = api, caller, MemoryObjects()
        self.dataset_id, self.file_ids = dataset_with_records(api, caller, rows)
        for file_id in self.file_ids:
            self.objects.objects[self.key_of(file_id)] = self.content_of(file_id)
            self.set(file_id, sha256=hashlib.sha256(self.content_of(file_id)).hexdigest())
        self.sent = dict(self.objects.objects)

    def start(self, **more: Any) -> str:
        started = self.caller.post(f"/datasets/{self.dataset_id}/exports", json={"format": "zip", **more})
        assert started.status_code == 202, started.text
        self.export_id = str(started.json()["id"])
        return self.export_id

    def content_of(self, file_id: str) -> bytes:
        return b"%PDF of " + file_id.encode()

    def key_of(self, file_id: str) -> str:
        (row,) = self.api.bench.database.rows("SELECT object_key FROM files WHERE file_id = %(id)s", id=file_id)
        return str(row["object_key"])

    def set(self, file_id: str, **columns: Any) -> None:
        for name, value in columns.items():
            self.api.bench.database.run(f"UPDATE files SET {name} = %(v)s WHERE file_id = %(id)s", v=value, id=file_id)

    def shown(self) -> dict[str, Any]:
        shown: dict[str, Any] = self.caller.get(f"/exports/{self.export_id}").json()
        return shown

    def stored(self) -> dict[str, bytes]:
        """The objects of the export by their names."""
        made = {key: content for key, content in self.objects.objects.items() if key not in self.sent}
        return {key.rpartition("/")[2]: content for key, content in made.items()}

    def unpacked(self) -> dict[str, bytes]:
        files: dict[str, bytes] = {}
        for name, content in self.stored().items():
            if name.endswith(".zip"):
                with zipfile.ZipFile(io.BytesIO(content)) as archive:
                    inside = {each: archive.read(each) for each in archive.namelist() if each != zip_exports.MANIFEST}
                assert not files.keys() & inside.keys()
                files |= inside
        return files

    def manifest(self) -> list[dict[str, str]]:
        return as_rows(self.stored()[zip_exports.MANIFEST])


def as_rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


@pytest.fixture
def originals(api: Api, caller: httpx.Client) -> Originals:
    return Originals(api, caller)


def test_originals_have_paths_of_their_values_and_the_manifest_has_their_records(
    originals: Originals, store: PostgresExports, tmp_path: Path
) -> None:
    originals.start(names=NAMES, sort="-total")
    assert write(store, originals.objects, tmp_path) and not write(store, originals.objects, tmp_path)
    first, second, third, fourth = (originals.file_ids[index] for index in (0, 3, 2, 1))
    expected = {
        "Müller/2026-01-02.pdf": first,
        "no company/no date.pdf": second,
        "MÜLLER/2026-01-02 (2).pdf": third,
        "_etc/2026-01-03.pdf": fourth,
    }
    assert originals.unpacked().keys() == expected.keys()
    rows = originals.manifest()
    assert [row["file_id"] for row in rows] == [first, second, third, fourth]
    for row in rows:
        content = originals.unpacked()[row["path"]]
        assert row["file_id"] == expected[row["path"]]
        assert content == originals.content_of(row["file_id"])
        assert row["sha256"] == hashlib.sha256(content).hexdigest()
        assert (row["original"], row["archive"]) == ("included", "originals-0001.zip")
    assert [row["total"] for row in rows] == ["9.5", "8", "7", "1"]


def test_one_zip_file_is_the_file_of_the_export_and_has_its_manifest(
    originals: Originals, store: PostgresExports, tmp_path: Path
) -> None:
    originals.start(names=NAMES)
    write(store, originals.objects, tmp_path)
    shown = originals.shown()
    (archive,) = shown["archives"]
    content = originals.stored()["originals-0001.zip"]
    assert (shown["state"], shown["rows"], shown["size_bytes"], shown["names"]) == ("done", 4, len(content), NAMES)
    assert shown["url"] == archive["url"] and shown["manifest_url"]
    assert (archive["files"], archive["sha256"]) == (4, hashlib.sha256(content).hexdigest())
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        assert opened.testzip() is None
        assert as_rows(opened.read(zip_exports.MANIFEST)) == originals.manifest()


def test_a_large_export_has_several_zip_files_and_takes_turns_with_others(
    originals: Originals, store: PostgresExports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zip_exports, "ROWS_AT_ONCE", 3)
    monkeypatch.setattr(zip_exports, "DOWNLOADED_AT_ONCE", 1)
    originals.start(names="all")
    with originals.api.caller() as other:
        path = f"/datasets/{new_dataset(other)['id']}/exports"
        theirs = [other.post(path, json={"format": "jsonl"}).json()["id"] for _ in range(2)]
        assert write(store, originals.objects, tmp_path, archive_bytes=1)
        shown = originals.shown()
        assert (shown["state"], shown["rows"], shown["url"], shown["archives"]) == ("waiting", 1, None, [])
        stored = [key for key in originals.objects.objects if key not in originals.sent]
        assert set(originals.api.bench.store.object_verdicts(stored).values()) == {"referenced"}
        for export_id in theirs:
            write(store, MemoryObjects(), tmp_path)
            assert other.get(f"/exports/{export_id}").json()["state"] == "done"
    assert originals.shown()["rows"] == 1
    for _ in range(3):
        assert write(store, originals.objects, tmp_path, archive_bytes=1)
    shown = originals.shown()
    assert (shown["state"], shown["rows"], shown["url"]) == ("done", 4, None)
    assert [each["name"] for each in shown["archives"]] == [f"originals-{number:04}.zip" for number in range(1, 5)]
    assert len(originals.unpacked()) == 4
    assert sorted(row["path"] for row in originals.manifest()) == sorted(originals.unpacked())
    assert {row["file_id"] for row in originals.manifest()} == set(originals.file_ids)
    assert len(originals.stored()) == 5, "the manifests of former slices are deleted"


def test_a_lost_worker_costs_one_slice(
    originals: Originals, store: PostgresExports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zip_exports, "DOWNLOADED_AT_ONCE", 2)
    originals.start()
    write(store, originals.objects, tmp_path, archive_bytes=1)
    late = store.claim(60)
    assert late and late.progress["rows"] == 2
    originals.api.bench.database.run("UPDATE exports SET lease_expires_at = now() - interval '1 s'")
    while write(store, originals.objects, tmp_path, archive_bytes=1):
        pass
    assert not store.pause(late, 4, late.progress)
    assert originals.shown()["state"] == "done"
    assert {row["file_id"] for row in originals.manifest()} == set(originals.file_ids)
    assert len(originals.manifest()) == len(originals.unpacked()) == 4


def test_an_outage_in_the_middle_loses_and_doubles_nothing(
    originals: Originals, store: PostgresExports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zip_exports, "DOWNLOADED_AT_ONCE", 1)
    download = originals.objects.download
    calls = 0

    def failing(key: str, version_id: str | None, path: Path) -> None:
        nonlocal calls
        calls += 1
        if calls % 3 == 0:
            raise DependencyDown("object_store", "it is away")
        download(key, version_id, path)

    monkeypatch.setattr(originals.objects, "download", failing)
    originals.start()
    for _ in range(20):
        write(store, originals.objects, tmp_path, archive_bytes=1)
        originals.api.bench.database.run(
            "UPDATE exports SET lease_expires_at = now() - interval '1 s' WHERE state = 'running'"
        )
    assert originals.shown()["state"] == "done"
    assert len(originals.unpacked()) == 4
    assert sorted(row["file_id"] for row in originals.manifest()) == sorted(originals.file_ids)


def test_the_manifest_says_which_originals_are_not_in_it_and_why(
    originals: Originals, store: PostgresExports, tmp_path: Path
) -> None:
    erased, gone, altered, _ = originals.file_ids
    originals.set(erased, original_erased_at="2026-01-01T00:00:00Z")
    del originals.objects.objects[originals.key_of(gone)]
    originals.objects.objects[originals.key_of(altered)] = b"other bytes"
    originals.start()
    write(store, originals.objects, tmp_path)
    said = {row["file_id"]: (row["original"], bool(row["path"])) for row in originals.manifest()}
    assert [said[file_id] for file_id in originals.file_ids] == [
        ("not kept", False),
        ("missing", False),
        ("changed", True),
        ("included", True),
    ]
    assert originals.shown()["archives"][0]["files"] == 2


def test_a_file_with_several_documents_is_in_it_once_with_a_line_for_each(
    api: Api, caller: httpx.Client, store: PostgresExports, tmp_path: Path
) -> None:
    originals = Originals(api, caller, ROWS[:1])
    further = Extraction({"company": "Second"}, (), {})
    extract(api, originals.file_ids[0], found({"company": "First"}, further=(further,)))
    originals.start(names="{company}")
    write(store, originals.objects, tmp_path)
    first, second = originals.manifest()
    assert first["path"] == second["path"] and first["path"].startswith("First")
    assert [first["company"], second["company"]] == ["First", "Second"]
    assert len(originals.unpacked()) == 1


def test_a_zip_export_takes_the_rows_that_match_and_no_removed_files(
    originals: Originals, store: PostgresExports, tmp_path: Path
) -> None:
    originals.caller.delete(f"/files/{originals.file_ids[0]}")
    originals.start(where=[{"field": "total", "op": "gt", "value": 5}])
    write(store, originals.objects, tmp_path)
    assert {row["file_id"] for row in originals.manifest()} == set(originals.file_ids[2:])


def test_an_export_of_nothing_is_an_empty_zip_file_with_a_header(
    api: Api, caller: httpx.Client, store: PostgresExports, tmp_path: Path
) -> None:
    originals = Originals(api, caller, ROWS[:1])
    originals.start(names=NAMES, where=[{"field": "total", "op": "gt", "value": 100}])
    write(store, originals.objects, tmp_path)
    assert (originals.shown()["rows"], originals.manifest(), originals.unpacked()) == (0, [], {})
    assert originals.shown()["url"]


def test_a_column_that_is_added_between_slices_does_not_shift_the_manifest(
    originals: Originals, store: PostgresExports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zip_exports, "DOWNLOADED_AT_ONCE", 1)
    originals.start()
    write(store, originals.objects, tmp_path, archive_bytes=1)
    dataset = originals.caller.get(f"/datasets/{originals.dataset_id}").json()
    schema = dataset["schema"] | {"properties": {"added": {"type": "string"}} | dataset["schema"]["properties"]}
    assert originals.caller.put(f"/datasets/{originals.dataset_id}", json={"schema": schema}).is_success
    while write(store, originals.objects, tmp_path, archive_bytes=1):
        pass
    assert {row["total"] for row in originals.manifest()} == {"9.5", "1", "7", "8"}


def test_the_scratch_folder_holds_one_group_of_originals_and_is_deleted(
    originals: Originals, store: PostgresExports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zip_exports, "DOWNLOADED_AT_ONCE", 1)
    most, download = 0, originals.objects.download

    def counted(key: str, version_id: str | None, path: Path) -> None:
        nonlocal most
        download(key, version_id, path)
        most = max(most, sum(file.name in originals.file_ids for file in path.parent.iterdir()))

    monkeypatch.setattr(originals.objects, "download", counted)
    originals.start()
    write(store, originals.objects, tmp_path)
    assert most == 1
    assert not (tmp_path / "scratch").exists()


def test_old_zip_exports_are_deleted_with_all_their_objects(
    originals: Originals, store: PostgresExports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zip_exports, "DOWNLOADED_AT_ONCE", 1)
    originals.start()
    while write(store, originals.objects, tmp_path, archive_bytes=1):
        pass
    originals.api.bench.database.run("UPDATE exports SET ended_at = now() - interval '2 days'")
    assert exports.delete_old(store, originals.objects) == 1
    assert originals.objects.objects == originals.sent


def test_the_number_of_kept_zip_exports_is_limited(api: Api, caller: httpx.Client) -> None:
    path = f"/datasets/{new_dataset(caller)['id']}/exports"
    for _ in range(10):
        assert caller.post(path, json={"format": "zip"}).status_code == 202
    api.bench.database.run("UPDATE exports SET state = 'done', object_key = 'artifacts/a', ended_at = now()")
    problem(caller.post(path, json={"format": "zip"}), 429, "quota_exceeded")
    assert caller.post(path, json={"format": "csv"}).status_code == 202
    api.bench.database.run("UPDATE exports SET state = 'failed'")
    assert caller.post(path, json={"format": "zip"}).status_code == 202


@pytest.mark.parametrize(
    "body",
    [
        {"format": "zip", "names": "{unknown}"},
        {"format": "zip", "names": "../{company}"},
        {"format": "csv", "names": "{company}"},
    ],
)
def test_a_wrong_template_is_refused_with_a_pointer(caller: httpx.Client, body: dict[str, Any]) -> None:
    dataset_id = new_dataset(caller)["id"]
    refused = caller.post(f"/datasets/{dataset_id}/exports", json=body)
    problem(refused, 400, "invalid_request")
    assert refused.json()["errors"][0]["pointer"] == "/names"
