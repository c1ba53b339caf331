"""The object store's adapter on moto: objects, versions, deletion, parts, presigned URLs.

`delete_under` is tested in tests/contract/test_objects.py: moto 5.2.5 skips the first version after a KeyMarker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
import urllib3

from layers.adapters.aws.file_cache import FileCache
from layers.adapters.aws.s3_storage import DOWNLOAD_URL_S, S3Storage
from layers.domain.errors import DependencyDown, PermanentError

BUCKET = "files"
PUBLIC_URL = "https://files.example.com"


@pytest.fixture
def s3(client: Callable[[str], Any]) -> Any:
    """An SDK client, with a versioned bucket."""
    s3 = client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return s3


@pytest.fixture
def storage(s3: Any) -> S3Storage:
    return S3Storage(lambda: s3, BUCKET, PUBLIC_URL, "us-east-1", most_bytes=100)


@pytest.fixture
def store(storage: S3Storage, tmp_path: Path) -> Callable[[str, bytes], str]:
    """Uploads an object. Returns its version."""

    def upload(key: str, content: bytes) -> str:
        path = tmp_path / "upload"
        path.write_bytes(content)
        assert storage.upload(path, key, "text/plain") == len(content)
        found = storage.look_up(key)
        version = found and found.version_id
        assert version
        return version

    return upload


Store = Callable[[str, bytes], str]


def test_an_upload_stores_content_and_media_type(s3: Any, store: Store) -> None:
    store("artifacts/t/ü 1+.txt", b"content")
    stored = s3.get_object(Bucket=BUCKET, Key="artifacts/t/ü 1+.txt")
    assert (stored["Body"].read(), stored["ContentType"]) == (b"content", "text/plain")


def test_a_download_gets_the_version_that_is_named(storage: S3Storage, store: Store, tmp_path: Path) -> None:
    first = store("k", b"first")
    second = store("k", b"the second")
    for version, content in ((first, b"first"), (second, b"the second"), (None, b"the second")):
        storage.download("k", version, tmp_path / "down")
        assert (tmp_path / "down").read_bytes() == content
    assert (storage.size_of("k", first), storage.size_of("k", second)) == (5, 10)


def test_a_missing_object_has_no_size_and_no_version(storage: S3Storage, tmp_path: Path) -> None:
    assert storage.size_of("missing", None) is None
    assert storage.look_up("missing") is None
    with pytest.raises(PermanentError) as raised:
        storage.download("missing", None, tmp_path / "down")
    assert raised.value.code == "object_missing"


def test_a_file_over_the_limit_is_not_downloaded(storage: S3Storage, s3: Any, tmp_path: Path) -> None:
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"x" * 101)
    with pytest.raises(PermanentError) as raised:
        storage.download("k", None, tmp_path / "down")
    assert raised.value.code == "too_large"
    assert not (tmp_path / "down").exists()


def test_a_cached_file_is_not_downloaded_again(s3: Any, storage: S3Storage, store: Store, tmp_path: Path) -> None:
    cache = FileCache(1 << 20)
    caching = S3Storage(lambda: s3, BUCKET, PUBLIC_URL, "us-east-1", cache=cache)
    version = store("k", b"content")
    caching.download("k", version, tmp_path / "first")
    assert storage.delete_prefix("k") == 1
    caching.download("k", version, tmp_path / "second")
    assert (tmp_path / "second").read_bytes() == b"content"
    cache.close()


def test_deleting_a_prefix_deletes_all_versions_and_delete_markers(s3: Any, storage: S3Storage, store: Store) -> None:
    for key in ("a/1", "a/1", "a/2", "b/1"):
        store(key, b"x")
    s3.delete_object(Bucket=BUCKET, Key="a/2")
    assert storage.delete_prefix("a/") == 3
    listed = s3.list_object_versions(Bucket=BUCKET)
    assert [version["Key"] for version in listed["Versions"]] == ["b/1"]
    assert not listed.get("DeleteMarkers")


def test_keys_are_listed_in_order_after_a_key(storage: S3Storage, store: Store) -> None:
    for key in ("o/c", "o/a", "o/b", "p/a"):
        store(key, b"x")
    assert storage.keys_after("o/", "o/a", 1) == ["o/b"]
    assert storage.keys_after("o/", "o/a", 10) == ["o/b", "o/c"]


def test_parts_are_joined_to_one_object(s3: Any, storage: S3Storage) -> None:
    upload_id = storage.begin_parts("k")
    for number, content in ((2, b"end"), (1, b"x" * (5 << 20))):
        s3.upload_part(Bucket=BUCKET, Key="k", UploadId=upload_id, PartNumber=number, Body=content)
    parts = storage.parts_of("k", upload_id)
    assert parts is not None
    assert [(part.number, part.size_bytes) for part in parts] == [(1, 5 << 20), (2, 3)]
    assert storage.join_parts("k", upload_id, parts)
    assert storage.size_of("k", None) == (5 << 20) + 3
    assert storage.parts_of("k", upload_id) is None


def test_an_unfinished_upload_is_listed_and_aborted(s3: Any, storage: S3Storage) -> None:
    upload_id = storage.begin_parts("originals/t/k")
    s3.upload_part(Bucket=BUCKET, Key="originals/t/k", UploadId=upload_id, PartNumber=1, Body=b"x")
    (found,) = storage.uploads_after("originals/", ("", ""), 10)
    assert (found.object_key, found.upload_id) == ("originals/t/k", upload_id) and found.begun_at > 1e9
    assert storage.abort_upload("originals/t/k", upload_id) == 1
    assert storage.uploads_after("", ("", ""), 10) == [] and storage.abort_upload("originals/t/k", upload_id) == 0


def test_an_upload_url_signs_length_checksum_and_that_nothing_is_replaced(storage: S3Storage) -> None:
    url, headers = storage.presign_put("originals/t/f", size_bytes=7, sha256="00" * 32, expires_s=600)
    address, query = urlsplit(url), parse_qs(urlsplit(url).query)
    assert (address.scheme, address.netloc, address.path) == ("https", "files.example.com", f"/{BUCKET}/originals/t/f")
    assert headers == {"Content-Length": "7", "If-None-Match": "*", "x-amz-checksum-sha256": "A" * 43 + "="}
    assert query["X-Amz-Expires"] == ["600"]
    assert query["X-Amz-SignedHeaders"] == ["content-length;host;if-none-match;x-amz-checksum-sha256"]


def test_a_part_url_signs_its_number_and_length(storage: S3Storage) -> None:
    query = parse_qs(urlsplit(storage.presign_part("k", "upload", 3, size_bytes=7, expires_s=60)).query)
    assert (query["partNumber"], query["uploadId"]) == (["3"], ["upload"])
    assert query["X-Amz-SignedHeaders"] == ["content-length;host"]


def test_a_download_url_names_version_file_and_media_type(storage: S3Storage) -> None:
    named = parse_qs(urlsplit(storage.presign_get("k", "v1", download_name="résumé 1.pdf")).query)
    assert named["versionId"] == ["v1"]
    assert named["response-content-disposition"] == ["attachment; filename*=UTF-8''r%C3%A9sum%C3%A9%201.pdf"]
    assert int(named["X-Amz-Expires"][0]) >= DOWNLOAD_URL_S
    shown = parse_qs(urlsplit(storage.presign_get("k", None, media_type="image/webp")).query)
    assert shown["response-content-type"] == ["image/webp"]
    assert shown["response-content-disposition"] == ["inline"]


def test_a_presigned_url_downloads_the_object(s3: Any, store: Store, aws_url: str) -> None:
    version = store("k", b"content")
    url = S3Storage(lambda: s3, BUCKET, aws_url, "us-east-1").presign_get("k", version, media_type="image/webp")
    answer = urllib3.request("GET", url)
    assert (answer.status, answer.data) == (200, b"content")
    assert answer.headers["Content-Type"] == "image/webp"


def test_the_store_is_up_where_the_bucket_exists(s3: Any, storage: S3Storage) -> None:
    assert storage.is_up()
    assert not S3Storage(lambda: s3, "another", PUBLIC_URL, "us-east-1").is_up()


def test_an_unreachable_store_is_a_dependency_that_is_down(tmp_path: Path) -> None:
    unreachable = boto3.session.Session("id", "secret", region_name="us-east-1").client(
        "s3", endpoint_url="http://127.0.0.1:9"
    )
    storage = S3Storage(lambda: unreachable, BUCKET, PUBLIC_URL, "us-east-1")
    (tmp_path / "up").write_bytes(b"x")
    with pytest.raises(DependencyDown) as raised:
        storage.upload(tmp_path / "up", "k", "text/plain")
    assert raised.value.dependency == "object_store"
    with pytest.raises(DependencyDown):
        storage.download("k", None, tmp_path / "down")


# --- originals that stay in place -----------------------------------------------------------------------


IN_PLACE = "in-place/t/f/inbox/scans/ü 1.txt"


@pytest.mark.parametrize(
    ("is_virtual", "host", "path"),
    [
        (False, "files.example.com", "/inbox/scans/%C3%BC%201.txt"),
        (True, "inbox.files.example.com", "/scans/%C3%BC%201.txt"),
    ],
)
def test_the_url_of_an_original_in_place_names_its_bucket_and_version(
    s3: Any, is_virtual: bool, host: str, path: str
) -> None:
    storage = S3Storage(lambda: s3, BUCKET, PUBLIC_URL, "us-east-1", is_virtual=is_virtual)
    url = urlsplit(storage.presign_get(IN_PLACE, "v7"))
    assert (url.netloc, url.path, parse_qs(url.query)["versionId"]) == (host, path, ["v7"])


def test_an_original_in_place_is_read_in_its_version(s3: Any, storage: S3Storage, tmp_path: Path) -> None:
    s3.create_bucket(Bucket="inbox")
    s3.put_bucket_versioning(Bucket="inbox", VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket="inbox", Key="scans/ü 1.txt", Body=b"first")["VersionId"]
    s3.put_object(Bucket="inbox", Key="scans/ü 1.txt", Body=b"the second")
    storage.download(IN_PLACE, version, tmp_path / "original")
    assert (tmp_path / "original").read_bytes() == b"first"
    assert storage.size_of(IN_PLACE, version) == 5 and storage.size_of(IN_PLACE + "x", version) is None


@pytest.fixture
def refusing(request: pytest.FixtureRequest) -> Iterator[S3Storage]:
    """A store that answers every request with this status."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(request.param)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_GET

        def log_message(self, *_: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        session = boto3.session.Session("id", "secret", region_name="us-east-1")
        client = session.client("s3", endpoint_url=f"http://127.0.0.1:{server.server_port}")
        yield S3Storage(lambda: client, BUCKET, PUBLIC_URL, "us-east-1")
        server.shutdown()


@pytest.mark.parametrize("refusing", [301, 400, 403], indirect=True)
def test_a_bucket_of_others_that_refuses_does_not_count_as_an_outage_of_the_store(
    refusing: S3Storage, tmp_path: Path
) -> None:
    with pytest.raises(PermanentError) as refused:
        refusing.download(IN_PLACE, "v7", tmp_path / "original")
    assert (refused.value.code, "inbox" in refused.value.detail) == ("no_access", True)
    assert refusing.size_of(IN_PLACE, "v7") is None
    with pytest.raises(DependencyDown):
        refusing.download("originals/t/f", "v7", tmp_path / "original")


@pytest.mark.parametrize("refusing", [500, 503], indirect=True)
def test_a_store_that_fails_is_an_outage_also_for_originals_in_place(refusing: S3Storage, tmp_path: Path) -> None:
    with pytest.raises(DependencyDown):
        refusing.download(IN_PLACE, "v7", tmp_path / "original")


def test_an_original_in_place_is_never_written_or_deleted(s3: Any, storage: S3Storage, tmp_path: Path) -> None:
    s3.create_bucket(Bucket="inbox")
    s3.put_object(Bucket="inbox", Key="scans/1.txt", Body=b"content")
    key = "in-place/t/f/inbox/scans/1.txt"
    assert storage.delete_prefix(key) == 0 and storage.delete_under("in-place/t/", ["f"]) == 0
    path = tmp_path / "other"
    path.write_bytes(b"other")
    with pytest.raises(ValueError, match="in place"):
        storage.upload(path, key, "text/plain")
    with pytest.raises(ValueError, match="in place"):
        storage.presign_put(key, size_bytes=5, sha256=None, expires_s=60)
    assert s3.get_object(Bucket="inbox", Key="scans/1.txt")["Body"].read() == b"content"
