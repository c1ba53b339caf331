"""The embedded object store on a full disk, and among clients that send and read as slowly as they can."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import httpx
import pytest
from botocore.config import Config

from benchmarks.starting import memory_mib
from infra.local.ports import ADDRESS
from infra.local.store_setup import BUCKET
from layers.adapters.aws.s3_storage import S3Storage
from tests.store_server import KEY_ID, StoreServer, running_store

DISK_BYTES = 24 * 1024 * 1024
PIECE = b"x" * 200_000


def storage(server: StoreServer) -> S3Storage:
    private, public = (f"http://{ADDRESS}:{server.ports[name]}" for name in ("store", "store_public"))
    client = boto3.client(
        "s3",
        endpoint_url=private,
        region_name="us-east-1",
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=server.secret,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )
    return S3Storage(lambda: client, BUCKET, public, "us-east-1")


def new_key(tenant: str = "t") -> str:
    return f"originals/{tenant}/{secrets.token_hex(8)}"


def upload(objects: S3Storage, key: str, body: bytes, http: httpx.Client) -> int:
    url, headers = objects.presign_put(key, size_bytes=len(body), sha256=None, expires_s=600)
    return http.put(url, content=body, headers=headers).status_code


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreServer]:
    with running_store(tmp_path_factory.mktemp("home")) as running:
        yield running


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="a disk of its own (tmpfs) needs root")
def test_on_a_full_disk_an_upload_fails_and_what_was_stored_stays(tmp_path: Path, http: httpx.Client) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with small_disk(home / "objects"), running_store(home, free_bytes=0) as server:
        objects, stored, statuses = storage(server), [], []
        for _ in range(DISK_BYTES // len(PIECE) + 10):
            key = new_key()
            statuses.append(upload(objects, key, PIECE, http))
            if statuses[-1] == 200:
                stored.append(key)
        assert set(statuses) == {200, 507}, statuses
        assert statuses[-1] == 507 and len(stored) > 50
        server.supervisor.stop()
        with running_store(home, free_bytes=0) as again:
            objects = storage(again)
            assert [key for key in stored if http.get(objects.presign_get(key, None)).content != PIECE] == []
            assert sorted(objects.keys_after("originals/", "", 1000)) == sorted(stored)
            objects.delete_prefix(stored[0])
            assert upload(objects, new_key(), PIECE[:100_000], http) == 200


@pytest.mark.skipif(os.geteuid() != 0, reason="a disk of its own (tmpfs) needs root")
def test_uploads_are_refused_before_the_last_space_is_used(tmp_path: Path, http: httpx.Client) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with small_disk(home / "objects"), running_store(home, free_bytes=DISK_BYTES // 2) as server:
        objects = storage(server)
        statuses = [upload(objects, new_key(), PIECE, http) for _ in range(DISK_BYTES // len(PIECE))]
        assert set(statuses) == {200, 507}
        usage = os.statvfs(home / "objects")
        assert usage.f_bavail * usage.f_frsize >= DISK_BYTES // 2 - 2 * len(PIECE) - 5_000_000


def begin(url: str, method: str, headers: dict[str, str]) -> socket.socket:
    """A connection with an unfinished request."""
    to = urlsplit(url)
    connection = socket.create_connection((to.hostname, to.port), timeout=10)
    lines = [f"{method} {to.path}?{to.query} HTTP/1.1", f"Host: {to.netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    return connection


def test_uploads_that_send_a_byte_now_and_then_do_not_delay_others(server: StoreServer, http: httpx.Client) -> None:
    objects = storage(server)
    with ExitStack() as stack:
        slow: list[socket.socket] = []
        for _ in range(40):
            url, headers = objects.presign_put(new_key("slow"), size_bytes=1000, sha256=None, expires_s=600)
            slow.append(stack.enter_context(begin(url, "PUT", headers)))
        for connection in slow:
            connection.sendall(b"x")
        time.sleep(0.5)
        assert upload(objects, new_key("other"), b"quick", http) == 200


def test_one_leaked_url_takes_no_more_than_its_share(server: StoreServer, http: httpx.Client) -> None:
    objects = storage(server)
    url, headers = objects.presign_put(new_key("leaked"), size_bytes=1000, sha256=None, expires_s=600)
    with ExitStack() as stack:
        for _ in range(60):
            stack.enter_context(begin(url, "PUT", headers)).sendall(b"x")
        time.sleep(0.5)
        assert upload(objects, new_key("leaked"), b"the same tenant", http) == 200


def test_slow_readers_of_a_large_object_cost_no_memory(server: StoreServer, tmp_path: Path) -> None:
    objects, size_bytes = storage(server), 40 * 1024 * 1024
    path = tmp_path / "large"
    path.write_bytes(os.urandom(1024 * 1024) * 40)
    key = "artifacts/t/large"
    pid = server.supervisor.pids()["store"]
    objects._client().upload_file(str(path), BUCKET, key)
    before, _ = memory_mib({pid})
    with ExitStack() as stack:
        for _ in range(20):
            connection = stack.enter_context(begin(objects.presign_get(key, None), "GET", {}))
            assert b"200 OK" in connection.recv(4096)
        time.sleep(1.0)
        during, _ = memory_mib({pid})
        assert (during - before) * 1024 * 1024 < size_bytes / 2
    assert objects.size_of(key, None) == size_bytes


def test_a_large_body_is_stored_without_being_held_in_memory(server: StoreServer, tmp_path: Path) -> None:
    objects = storage(server)
    path = tmp_path / "large"
    path.write_bytes(os.urandom(1024 * 1024) * 60)
    pid = server.supervisor.pids()["store"]
    before, _ = memory_mib({pid})
    with path.open("rb") as body:
        objects._client().put_object(Bucket=BUCKET, Key="artifacts/t/body", Body=body)
    during, _ = memory_mib({pid})
    assert during - before < 30
    objects.download("artifacts/t/body", None, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == path.read_bytes()


def test_objects_of_the_store_can_run_no_script_in_a_browser(server: StoreServer, http: httpx.Client) -> None:
    objects: Any = storage(server)
    key = new_key()
    assert upload(objects, key, b"<script>alert(1)</script>", http) == 200
    headers = http.get(objects.presign_get(key, None, media_type="text/html")).headers
    assert headers["content-security-policy"] == "sandbox"
    assert headers["x-content-type-options"] == "nosniff"
