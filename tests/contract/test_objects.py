"""The contract of the object store, for the one in memory and for S3."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config

from infra.local.ports import ADDRESS
from infra.local.store_setup import BUCKET
from layers.adapters.aws.file_cache import FileCache
from layers.adapters.aws.s3_storage import S3Storage
from layers.adapters.aws.two_buckets import TwoBuckets
from layers.domain.errors import DependencyDown, PermanentError
from layers.ports import Objects
from tests.fakes import MemoryObjects
from tests.store_server import KEY_ID, StoreServer, running_store


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreServer]:
    with running_store(tmp_path_factory.mktemp("home")) as server:
        yield server


def by_s3(private_url: str, public_url: str, secret: str) -> S3Storage:
    def client() -> object:
        return boto3.client(
            "s3", endpoint_url=private_url, region_name="us-east-1", aws_access_key_id=KEY_ID,
            aws_secret_access_key=secret,
            config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
        )  # fmt: skip

    return S3Storage(client, BUCKET, public_url, "us-east-1")


@pytest.fixture
def s3(server: StoreServer) -> S3Storage:
    private, public = (f"http://{ADDRESS}:{server.ports[name]}" for name in ("store", "store_public"))
    return by_s3(private, public, server.secret)


@pytest.fixture(params=["memory", "s3", "two buckets"])
def objects(request: pytest.FixtureRequest) -> Objects:
    if request.param == "memory":
        return MemoryObjects()
    s3: S3Storage = request.getfixturevalue("s3")
    return s3 if request.param == "s3" else TwoBuckets(s3, MemoryObjects())


@pytest.fixture
def prefix() -> str:
    return f"artifacts/t/{uuid.uuid4()}/"


def put(objects: Objects, tmp_path: Path, key: str, content: bytes) -> None:
    path = tmp_path / "up"
    path.write_bytes(content)
    assert objects.upload(path, key, "text/plain") == len(content)


def test_a_stored_object_is_read_back(objects: Objects, tmp_path: Path, prefix: str) -> None:
    content = bytes(range(256)) * 900
    put(objects, tmp_path, prefix + "a", content)
    objects.download(prefix + "a", None, tmp_path / "down")
    assert (tmp_path / "down").read_bytes() == content
    assert objects.size_of(prefix + "a", None) == len(content)


def test_an_object_that_does_not_exist_is_missing(objects: Objects, tmp_path: Path, prefix: str) -> None:
    assert objects.size_of(prefix + "none", None) is None
    assert objects.look_up(prefix + "none") is None
    with pytest.raises(PermanentError) as caught:
        objects.download(prefix + "none", None, tmp_path / "down")
    assert caught.value.code == "object_missing"


def test_exactly_the_objects_under_a_prefix_are_deleted(objects: Objects, tmp_path: Path, prefix: str) -> None:
    sibling = prefix.rstrip("/") + "x/a"
    for key in (prefix + "a", prefix + "b/c", sibling):
        put(objects, tmp_path, key, b"x")
    assert objects.delete_prefix(prefix) == 2
    assert objects.keys_after(prefix, "", 10) == []
    assert objects.size_of(sibling, None) == 1
    assert objects.delete_prefix(prefix) == 0


def test_keys_come_in_order_after_a_given_one(objects: Objects, tmp_path: Path, prefix: str) -> None:
    for name in ("c", "a", "d", "b"):
        put(objects, tmp_path, prefix + name, b"x")
    assert objects.keys_after(prefix, "", 3) == [prefix + name for name in "abc"]
    assert objects.keys_after(prefix, prefix + "b", 10) == [prefix + name for name in "cd"]


def test_a_running_store_is_up(objects: Objects) -> None:
    assert objects.is_up()


# --- S3 alone ----------------------------------------------------------------------------------------


def test_every_version_is_deleted(s3: S3Storage, tmp_path: Path, prefix: str) -> None:
    for content in (b"one", b"two", b"three"):
        put(s3, tmp_path, prefix + "a", content)
    assert s3.delete_prefix(prefix) == 3


def test_an_old_version_is_read_back(s3: S3Storage, tmp_path: Path, prefix: str) -> None:
    put(s3, tmp_path, prefix + "a", b"first")
    found = s3.look_up(prefix + "a")
    put(s3, tmp_path, prefix + "a", b"the second")
    assert found and s3.look_up(prefix + "a") != found
    first = found.version_id
    assert s3.size_of(prefix + "a", first) == 5
    s3.download(prefix + "a", first, tmp_path / "down")
    assert (tmp_path / "down").read_bytes() == b"first"
    with httpx.Client(trust_env=False) as anyone:
        assert anyone.get(s3.presign_get(prefix + "a", first)).content == b"first"


def test_a_url_downloads_the_file_under_its_name_or_shows_it(s3: S3Storage, tmp_path: Path, prefix: str) -> None:
    put(s3, tmp_path, prefix + "a", b"text")
    with httpx.Client(trust_env=False) as anyone:
        saved = anyone.get(s3.presign_get(prefix + "a", None, download_name='r\u00e9sum\u00e9 "1"\r\n;.pdf'))
        shown = anyone.get(s3.presign_get(prefix + "a", None, media_type="text/html; charset=utf-8"))
    assert saved.headers["content-disposition"] == (
        "attachment; filename*=UTF-8''r%C3%A9sum%C3%A9%20%221%22%0D%0A%3B.pdf"
    )
    assert shown.headers["content-type"] == "text/html; charset=utf-8"
    assert shown.headers["content-disposition"] == "inline"


def test_an_upload_url_accepts_its_announced_size_once(s3: S3Storage) -> None:
    key = f"originals/t/{uuid.uuid4()}"
    url, headers = s3.presign_put(key, size_bytes=5, sha256=None, expires_s=60)
    with httpx.Client(trust_env=False) as anyone:
        assert anyone.put(url, content=b"longer", headers={"If-None-Match": "*"}).status_code == 403
        assert anyone.put(url, content=b"hello", headers=headers).status_code == 200
        assert anyone.put(url, content=b"again", headers=headers).status_code == 412
    assert s3.size_of(key, None) == 5


def put_part(objects: Objects, key: str, upload_id: str, number: int, content: bytes) -> None:
    if isinstance(objects, MemoryObjects):
        objects.put_part(key, upload_id, number, content)
        return
    url = objects.presign_part(key, upload_id, number, size_bytes=len(content), expires_s=60)
    with httpx.Client(trust_env=False) as anyone:
        assert anyone.put(url, content=content + b"more").status_code == 403
        anyone.put(url, content=content).raise_for_status()


def test_parts_are_joined_to_one_object(objects: Objects, tmp_path: Path) -> None:
    key = f"originals/t/{uuid.uuid4()}"
    upload_id = objects.begin_parts(key)
    assert objects.parts_of(key, upload_id) == []
    for number, content in ((2, b"end"), (1, b"start ")):
        put_part(objects, key, upload_id, number, content)
    parts = objects.parts_of(key, upload_id)
    assert parts is not None and [(part.number, part.size_bytes) for part in parts] == [(1, 6), (2, 3)]
    assert objects.size_of(key, None) is None
    assert objects.join_parts(key, upload_id, parts)
    objects.download(key, None, tmp_path / "down")
    assert (tmp_path / "down").read_bytes() == b"start end"
    assert objects.parts_of(key, upload_id) is None


def test_parts_do_not_replace_an_object(objects: Objects, tmp_path: Path) -> None:
    key = f"originals/t/{uuid.uuid4()}"
    upload_id = objects.begin_parts(key)
    put_part(objects, key, upload_id, 1, b"late")
    put(objects, tmp_path, key, b"first")
    parts = objects.parts_of(key, upload_id)
    assert parts is not None and not objects.join_parts(key, upload_id, parts)
    objects.download(key, None, tmp_path / "down")
    assert (tmp_path / "down").read_bytes() == b"first"


def test_the_parts_of_an_aborted_upload_are_gone_and_no_more_are_stored(objects: Objects) -> None:
    key = f"originals/t/{uuid.uuid4()}"
    upload_id = objects.begin_parts(key)
    for number in (1, 2, 2):
        put_part(objects, key, upload_id, number, b"part")
    assert objects.abort_upload(key, upload_id) == 2
    assert objects.abort_upload(key, upload_id) == 0
    assert objects.parts_of(key, upload_id) is None
    assert objects.uploads_after(key, ("", ""), 10) == []
    assert not objects.join_parts(key, upload_id, [])
    if not isinstance(objects, MemoryObjects):
        url = objects.presign_part(key, upload_id, 3, size_bytes=4, expires_s=60)
        with httpx.Client(trust_env=False) as anyone:
            assert anyone.put(url, content=b"part").status_code == 404


def test_unfinished_uploads_are_listed_in_order_page_by_page(objects: Objects) -> None:
    prefix = f"originals/{uuid.uuid4()}/"
    begun = sorted((f"{prefix}\u00fc {name}", objects.begin_parts(f"{prefix}\u00fc {name}")) for name in "baab")
    found: list[tuple[str, str]] = []
    after = ("", "")
    while page := objects.uploads_after(prefix, after, 3):
        found += [(upload.object_key, upload.upload_id) for upload in page]
        after = found[-1]
        assert all(abs(upload.begun_at - time.time()) < 3600 for upload in page)
    assert found == begun
    assert [upload.object_key for upload in objects.uploads_after(prefix, (begun[1][0], ""), 10)] == [begun[2][0]] * 2
    assert objects.uploads_after(prefix + "b", ("", ""), 10) == []


def test_an_object_above_the_size_limit_is_not_downloaded(s3: S3Storage, tmp_path: Path, prefix: str) -> None:
    put(s3, tmp_path, prefix + "a", b"x" * 1000)
    narrow = S3Storage(s3._client, BUCKET, "", "us-east-1", most_bytes=999)
    with pytest.raises(PermanentError) as caught:
        narrow.download(prefix + "a", None, tmp_path / "down")
    assert caught.value.code == "too_large" and not (tmp_path / "down").exists()


def test_a_downloaded_object_is_cached_for_the_next_step(s3: S3Storage, tmp_path: Path, prefix: str) -> None:
    cache = FileCache(1 << 20)
    keeping = S3Storage(s3._client, BUCKET, "", "us-east-1", cache=cache)
    put(s3, tmp_path, prefix + "a", b"first")
    found = s3.look_up(prefix + "a")
    version = found and found.version_id
    keeping.download(prefix + "a", version, tmp_path / "down")
    s3.delete_prefix(prefix)
    keeping.download(prefix + "a", version, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == b"first"
    cache.close()


@pytest.mark.parametrize(
    "call",
    [
        lambda away, path: away.download("a", None, path),
        lambda away, path: away.size_of("a", None),
        lambda away, path: away.delete_prefix("a"),
        lambda away, path: away.delete_under("a", ["b"]),
        lambda away, path: away.keys_after("a", "", 10),
        lambda away, path: away.uploads_after("a", ("", ""), 10),
    ],
)
def test_an_unreachable_store_raises_dependency_down(tmp_path: Path, call: Callable[[Any, Path], object]) -> None:
    away = by_s3("http://127.0.0.1:1", "http://127.0.0.1:1", "secret")
    assert not away.is_up()
    with pytest.raises(DependencyDown):
        call(away, tmp_path / "down")


def test_a_bucket_that_does_not_exist_is_not_an_empty_one(s3: S3Storage) -> None:
    other = S3Storage(s3._client, "no-such-bucket", "", "us-east-1")
    with pytest.raises(DependencyDown, match="no-such-bucket does not exist"):
        other.keys_after("", "", 10)
