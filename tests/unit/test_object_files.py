"""The embedded object store's files: versions, listings, multipart uploads, and what a crash or a full disk leaves."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra.local.objects import disk, index
from infra.local.objects.disk import SMALL_BYTES, NoSpace
from infra.local.objects.files import ObjectFiles
from infra.local.objects.index import Exists, NoUpload, Version
from infra.local.objects.multipart import WrongParts

LARGE = os.urandom(SMALL_BYTES + 1)
BODIES = [b"", b"small", LARGE]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "objects"


@pytest.fixture
def objects(folder: Path) -> Iterator[ObjectFiles]:
    opened = ObjectFiles(folder)
    yield opened
    opened.close()


def put(objects: ObjectFiles, key: str, body: bytes, *, only_new: bool = False) -> Version:
    incoming = objects.receive(len(body))
    try:
        for start in range(0, len(body), 10_000):
            incoming.write(body[start : start + 10_000])
        return objects.store(incoming, key, "e" * 32, "text/plain", None, only_new=only_new)
    finally:
        incoming.close()


def part(objects: ObjectFiles, key: str, upload_id: str, number: int, body: bytes) -> None:
    incoming = objects.multipart.receive(len(body))
    try:
        incoming.write(body)
        objects.multipart.store_part(incoming, key, upload_id, number, f"{number:032x}")
    finally:
        incoming.close()


def body_of(objects: ObjectFiles, key: str, version_id: str | None = None) -> bytes | None:
    version = objects.find(key, version_id)
    if version is None:
        return None
    with objects.open(version) as stream:
        return stream.read()


def files_in(folder: Path) -> list[Path]:
    return [
        path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(("index.sqlite", "reserve"))
    ]


@pytest.mark.parametrize("body", BODIES, ids=len)
def test_a_body_comes_back_after_a_restart(folder: Path, body: bytes) -> None:
    first = ObjectFiles(folder)
    put(first, "a", body)
    first.close()
    second = ObjectFiles(folder)
    assert body_of(second, "a") == body
    assert list(second.damaged()) == []
    second.close()


@pytest.mark.parametrize("body", BODIES, ids=len)
def test_each_version_stays_until_it_is_deleted(objects: ObjectFiles, folder: Path, body: bytes) -> None:
    first, second = put(objects, "a", body), put(objects, "a", b"newer")
    assert body_of(objects, "a") == b"newer"
    assert body_of(objects, "a", first.version_id) == body
    objects.delete([("a", second.version_id)])
    assert body_of(objects, "a") == body
    objects.delete([("a", first.version_id)])
    assert objects.versions("", "", "", 10) == []
    assert files_in(folder) == []


def test_a_deletion_without_a_version_hides_the_object(objects: ObjectFiles) -> None:
    first = put(objects, "a", b"1")
    ((_, marker),) = objects.delete([("a", None)])
    assert objects.find("a") is None and objects.keys("", "", 10) == []
    assert [(version.is_marker, version.is_latest) for version in objects.versions("", "", "", 10)] == [
        (True, True),
        (False, False),
    ]
    objects.delete([("a", marker)])
    assert objects.find("a") == first


def test_a_version_is_found_under_its_own_key_alone(objects: ObjectFiles) -> None:
    version = put(objects, "a", b"1")
    assert objects.find("b", version.version_id) is None
    objects.delete([("b", version.version_id)])
    assert objects.find("a") is not None


def test_only_one_of_many_stores_a_new_object(objects: ObjectFiles) -> None:
    def attempt(number: int) -> bool:
        try:
            put(objects, "a", bytes([number]), only_new=True)
        except Exists:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(16))) == 1


def test_keys_are_listed_in_order_page_by_page_without_deleted_ones(objects: ObjectFiles) -> None:
    for name in ("p/c", "p/a", "q", "p/b", "p/b", "p/d", "o"):
        put(objects, name, b"x")
    objects.delete([("p/b", None)])
    assert [version.key for version in objects.keys("p/", "", 2)] == ["p/a", "p/c"]
    assert [version.key for version in objects.keys("p/", "p/c", 2)] == ["p/d"]


def test_keys_are_listed_while_their_versions_are_deleted(objects: ObjectFiles) -> None:
    stored = [put(objects, name, b"x") for name in ("a", "b", "c", "d")]
    statements: list[str] = []

    def delete_during_the_listing(statement: str) -> None:
        statements.append(statement)
        if len(statements) == 2:
            objects.delete([(version.key, version.version_id) for version in stored])

    objects._transactions.reader().set_trace_callback(delete_during_the_listing)
    listed = objects.keys("", "", 2)
    objects._transactions.reader().set_trace_callback(None)
    assert statements
    assert [version.key for version in listed] == ["a", "b"]


def test_versions_are_listed_newest_first_page_by_page(objects: ObjectFiles) -> None:
    made = [put(objects, "a", b"1"), put(objects, "a", b"2"), put(objects, "b", b"3")]
    first = objects.versions("", "", "", 1)
    assert [version.version_id for version in first] == [made[1].version_id]
    rest = objects.versions("", "a", first[0].version_id, 10)
    assert [version.version_id for version in rest] == [made[0].version_id, made[2].version_id]


def test_parts_are_joined_in_their_order_and_leave_nothing(objects: ObjectFiles, folder: Path) -> None:
    upload_id = objects.multipart.begin("a", "text/plain")
    for number, body in ((2, b"two"), (1, b"old"), (1, b"one")):
        part(objects, "a", upload_id, number, body)
    assert [(part.number, part.size_bytes) for part in objects.multipart.parts("a", upload_id, 0, 10)] == [
        (1, 3),
        (2, 3),
    ]
    version = objects.multipart.complete("a", upload_id, [(1, f"{1:032x}"), (2, f"{2:032x}")], only_new=True)
    assert body_of(objects, "a") == b"onetwo" and version.size_bytes == 6
    assert len(files_in(folder)) == 1
    with pytest.raises(NoUpload):
        objects.multipart.parts("a", upload_id, 0, 10)


@pytest.mark.parametrize("chosen", [[], [(1, "0" * 32)], [(2, f"{2:032x}")], [(1, f"{1:032x}")] * 2])
def test_other_parts_than_those_stored_are_refused(objects: ObjectFiles, chosen: list[tuple[int, str]]) -> None:
    upload_id = objects.multipart.begin("a", "text/plain")
    part(objects, "a", upload_id, 1, b"one")
    with pytest.raises(WrongParts):
        objects.multipart.complete("a", upload_id, chosen, only_new=True)
    assert len(objects.multipart.parts("a", upload_id, 0, 10)) == 1


def test_an_aborted_upload_takes_its_parts_along_and_takes_no_more(objects: ObjectFiles, folder: Path) -> None:
    upload_id = objects.multipart.begin("a/b", "text/plain")
    part(objects, "a/b", upload_id, 1, b"one")
    assert [upload[:2] for upload in objects.multipart.unfinished("a/", 10)] == [("a/b", upload_id)]
    objects.multipart.abort("a/b", upload_id)
    assert objects.multipart.unfinished("", 10) == [] and files_in(folder) == []
    with pytest.raises(NoUpload):
        part(objects, "a/b", upload_id, 2, b"two")
    assert files_in(folder) == []


def test_what_a_crash_left_half_done_is_tidied_at_the_next_start(folder: Path) -> None:
    first = ObjectFiles(folder)
    kept = put(first, "kept", LARGE)
    first.bodies.final_path(kept.version_id).replace(
        folder / "arriving" / kept.version_id
    )  # the process died before it moved the file
    (folder / "arriving" / "half").write_bytes(b"half")  # died before its row was committed
    deleted = put(first, "deleted", LARGE)
    path = first.bodies.final_path(deleted.version_id)
    body = path.read_bytes()
    first.delete([("deleted", deleted.version_id)])
    first.close()
    path.write_bytes(body)  # died before the file was deleted
    with sqlite3.connect(folder / "index.sqlite") as index:
        index.execute("INSERT INTO garbage VALUES (?)", (deleted.version_id,))
    second = ObjectFiles(folder)
    assert body_of(second, "kept") == LARGE
    assert [path.name for path in files_in(folder)] == [kept.version_id]
    second.close()


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_body_that_the_disk_refuses_is_not_stored(
    objects: ObjectFiles, folder: Path, error: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(error, os.strerror(error))

    with monkeypatch.context() as patch, pytest.raises(NoSpace):
        patch.setattr(disk.os, "fsync", refuse)
        put(objects, "a", LARGE)
    assert objects.find("a") is None and files_in(folder) == []
    put(objects, "a", LARGE)
    assert body_of(objects, "a") == LARGE


@pytest.mark.parametrize("body", [b"small", LARGE], ids=len)
def test_a_row_that_the_disk_refuses_leaves_no_body(
    objects: ObjectFiles, folder: Path, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch, pytest.raises(NoSpace):
        patch.setattr(index, "insert", refuse)
        put(objects, "a", body)
    assert objects.find("a") is None and files_in(folder) == []
    put(objects, "a", body)
    assert body_of(objects, "a") == body


def test_an_upload_that_would_leave_too_little_free_is_refused_before_it_is_received(tmp_path: Path) -> None:
    objects = ObjectFiles(tmp_path / "objects", free_bytes=1 << 60)
    with pytest.raises(NoSpace):
        objects.receive(1)
    objects.close()


def test_a_body_that_is_gone_or_cut_short_is_found(objects: ObjectFiles) -> None:
    gone, short = put(objects, "gone", LARGE), put(objects, "short", LARGE)
    put(objects, "good", LARGE)
    objects.bodies.final_path(gone.version_id).unlink()
    objects.bodies.final_path(short.version_id).write_bytes(b"short")
    assert {key for key, _ in objects.damaged()} == {"gone", "short"}


def test_the_folder_is_its_owners_alone(objects: ObjectFiles, folder: Path) -> None:
    assert {oct(path.stat().st_mode & 0o777) for path in (folder, *folder.iterdir()) if path.is_dir()} == {"0o700"}
