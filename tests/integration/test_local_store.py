"""The embedded object store and queues as clients use them, with crashes and restarts."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import pytest
import redis
import urllib3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.local import process_table
from infra.local.ports import ADDRESS
from infra.local.store_setup import BUCKET, QUEUE_PREFIX
from infra.local.supervisor import Supervisor
from infra.topics import TOPICS
from layers.adapters.aws.sqs_topics import DEAD_SUFFIX
from tests.store_server import KEY_ID, MOST_BYTES, running_store
from tests.waiting import eventually

LONG_S = 30.0
SIGNALS = "fairway:work:arrivals"


class Store:
    """A running store with its clients: `inside` signs every request, `outside` only makes presigned URLs."""

    def __init__(self, home: Path, supervisor: Supervisor, ports: dict[str, int], secret: str, redis_url: str) -> None:
        self.home = home
        self.supervisor = supervisor
        self.public_url = f"http://{ADDRESS}:{ports['store_public']}"
        self.private_url = f"http://{ADDRESS}:{ports['store']}"
        self.inside = self.client("s3", self.private_url, secret)
        self.outside = self.client("s3", self.public_url, secret)
        self.sqs = self.client("sqs", self.private_url, secret)
        self.redis = redis.Redis.from_url(redis_url)
        self.http = urllib3.PoolManager(retries=False)
        self.announced: list[str] = []

    @staticmethod
    def client(service: str, url: str, secret: str) -> Any:
        session = boto3.session.Session(KEY_ID, secret, region_name="us-east-1")
        config = Config(signature_version="s3v4" if service == "s3" else None, s3={"addressing_style": "path"})
        return session.client(service, endpoint_url=url, config=config)

    def upload_url(self, key: str, body: bytes, **more: Any) -> tuple[str, dict[str, str]]:
        """A presigned URL for exactly this upload, and the headers to send with it."""
        checksum = base64.b64encode(hashlib.sha256(body).digest()).decode()
        url = self.outside.generate_presigned_url(
            "put_object",
            Params={
                "Bucket": BUCKET,
                "Key": key,
                "ContentLength": len(body),
                "IfNoneMatch": "*",
                "ChecksumSHA256": checksum,
            },
            **more,
        )
        headers = {"content-length": str(len(body)), "if-none-match": "*", "x-amz-checksum-sha256": checksum}
        return url, headers

    def upload(self, key: str, body: bytes) -> urllib3.BaseHTTPResponse:
        url, headers = self.upload_url(key, body)
        return self.http.request("PUT", url, body=body, headers=headers)

    def read_url(self, key: str, **parameters: str) -> str:
        return str(self.outside.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": key, **parameters}))

    def queue(self, topic: str) -> str:
        return str(self.sqs.get_queue_url(QueueName=QUEUE_PREFIX + topic)["QueueUrl"])

    def arrived(self, key: str) -> dict[str, Any] | None:
        """The queue's event for this key."""
        return eventually(lambda: self._take(key), LONG_S)

    def _take(self, key: str) -> dict[str, Any] | None:
        queue = self.queue("arrivals")
        for message in self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", ()):
            self.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            for record in json.loads(message["Body"]).get("Records", ()):
                self.announced.append(record["s3"]["object"]["key"])
                if record["s3"]["object"]["key"] == key:
                    return dict(record)
        return None

    def kill(self) -> None:
        """Kill the store and wait until it is restarted."""
        before = self.supervisor.pids()["store"]
        os.kill(before, signal.SIGKILL)
        assert eventually(lambda: self.supervisor.pids().get("store") not in (None, before), LONG_S)

    def kill_and_wait(self) -> None:
        self.kill()
        assert eventually(self._answers, LONG_S)

    def _answers(self) -> bool:
        try:
            return bool(self.http.request("GET", self.private_url).status == 403)
        except urllib3.exceptions.HTTPError:
            return False


def listening_ports(pid: int) -> set[int]:
    """The TCP ports at which a process listens, at any address."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            inodes.add(str(descriptor.readlink()))
    ports = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with running_store(tmp_path_factory.mktemp("home")) as server:
        yield Store(server.home, server.supervisor, server.ports, server.secret, server.redis_url)


@pytest.fixture
def key() -> str:
    return f"originals/t/{secrets.token_hex(8)}"


def test_an_upload_is_stored_with_an_event_and_a_signal(store: Store, key: str) -> None:
    store.redis.delete(SIGNALS)
    answer = store.upload(key, b"some bytes")
    assert answer.status == 200
    event = store.arrived(key)
    assert event is not None
    assert event["s3"]["object"]["versionId"] == answer.headers["x-amz-version-id"]
    assert event["s3"]["object"]["size"] == 10
    assert eventually(lambda: store.redis.llen(SIGNALS), LONG_S)
    assert store.http.request("GET", store.read_url(key)).data == b"some bytes"


def test_an_artifact_is_stored_without_an_event(store: Store, key: str) -> None:
    artifact = "artifacts/t/f/text/1-1/text.json"
    store.inside.put_object(Bucket=BUCKET, Key=artifact, Body=b"{}")
    store.inside.put_object(Bucket=BUCKET, Key=key, Body=b"{}")
    assert store.arrived(key) is not None
    assert artifact not in store.announced


def test_a_presigned_url_is_valid_for_one_upload_of_exactly_these_bytes(store: Store, key: str) -> None:
    url, headers = store.upload_url(key, b"right")
    assert store.http.request("PUT", url, body=b"wrong", headers=headers).status == 400
    assert store.http.request("PUT", url, body=b"longer", headers={**headers, "content-length": "6"}).status == 403
    assert store.http.request("PUT", url, body=b"right", headers=headers).status == 200
    assert store.http.request("PUT", url, body=b"right", headers=headers).status == 412
    assert store.http.request("GET", store.read_url(key)).data == b"right"


def test_an_expired_url_is_refused(store: Store, key: str) -> None:
    url, headers = store.upload_url(key, b"late", ExpiresIn=0)
    answer = eventually(
        lambda: (a := store.http.request("PUT", url, body=b"late", headers=headers)).status == 403 and a, LONG_S
    )
    assert b"expired" in answer.data


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/_ministack/reset", {}),
        ("GET", "/_ministack/health", {}),
        ("GET", "/_localstack/health", {}),
        ("GET", "/", {}),
        ("GET", f"/{BUCKET}", {}),
        ("GET", f"/{BUCKET}?list-type=2", {}),
        ("GET", f"/{BUCKET}/originals/t/private", {}),
        ("PUT", f"/{BUCKET}/originals/t/forged", {"content-length": "0"}),
        ("DELETE", f"/{BUCKET}/originals/t/private", {}),
        ("POST", "/", {"x-amz-target": "AmazonSQS.ListQueues", "content-type": "application/x-amz-json-1.0"}),
        ("GET", "/?Action=ListQueues", {}),
        ("GET", f"/{BUCKET}/originals/t/private?AWSAccessKeyId={KEY_ID}&Expires=9999999999&Signature=x", {}),
        ("GET", f"/{BUCKET}/originals/t/private", {"authorization": f"AWS4-HMAC-SHA256 Credential={KEY_ID}/x"}),
    ],
)
def test_both_listeners_refuse_unsigned_requests(store: Store, method: str, path: str, headers: dict[str, str]) -> None:
    store.inside.put_object(Bucket=BUCKET, Key="originals/t/private", Body=b"secret")
    for url in (store.public_url, store.private_url):
        answer = store.http.request(method, url + path, headers=headers)
        assert answer.status in (403, 405)
        assert b"secret" not in answer.data
    assert store.inside.get_object(Bucket=BUCKET, Key="originals/t/private")["Body"].read() == b"secret"


def test_a_wrong_secret_is_refused(store: Store) -> None:
    for service, call in (("s3", "list_buckets"), ("sqs", "list_queues")):
        with pytest.raises(ClientError, match="does not match"):
            getattr(store.client(service, store.private_url, "guessed"), call)()


def test_an_upload_too_large_is_refused_before_it_is_read(store: Store, key: str) -> None:
    url, headers = store.upload_url(key, bytes(MOST_BYTES + 1))
    answer = store.http.request("PUT", url, headers=headers, body=b"")
    assert answer.status == 413
    assert store.inside.list_objects_v2(Bucket=BUCKET, Prefix=key)["KeyCount"] == 0


def test_a_process_of_fairway_may_store_more_than_an_upload_may_have(store: Store, key: str) -> None:
    where = {"Bucket": BUCKET, "Key": f"artifacts/{key}"}
    url = store.inside.generate_presigned_url("put_object", Params=where)
    assert store.http.request("PUT", url, body=bytes(MOST_BYTES + 1)).status == 200
    assert store.inside.head_object(**where)["ContentLength"] == MOST_BYTES + 1


def test_a_browser_may_upload_from_another_origin(store: Store, key: str) -> None:
    url, headers = store.upload_url(key, b"from a page")
    origin = {"origin": "http://localhost:5173"}
    request_headers = {
        **origin,
        "access-control-request-method": "PUT",
        "access-control-request-headers": ",".join(headers),
    }
    preflight = store.http.request("OPTIONS", url, headers=request_headers)
    assert preflight.status == 204
    assert preflight.headers["access-control-allow-origin"] == "*"
    answer = store.http.request("PUT", url, body=b"from a page", headers={**headers, **origin})
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    read = store.http.request("GET", store.read_url(key), headers={**origin, "range": "bytes=5-8"})
    assert (read.status, read.data) == (206, b"a pa")


@pytest.mark.parametrize(
    ("wanted", "content", "shown"),
    [
        ("bytes=0-", b"0123456789", "bytes 0-9/10"),
        ("bytes=0-9", b"0123456789", "bytes 0-9/10"),
        ("bytes=0-99", b"0123456789", "bytes 0-9/10"),
        ("bytes=3-5", b"345", "bytes 3-5/10"),
        ("bytes=9-", b"9", "bytes 9-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=-99", b"0123456789", "bytes 0-9/10"),
    ],
)
def test_a_range_of_a_version_is_answered_as_partial_content(
    store: Store, key: str, wanted: str, content: bytes, shown: str
) -> None:
    version = store.upload(key, b"0123456789").headers["x-amz-version-id"]
    for url in (store.read_url(key), store.read_url(key, VersionId=version)):
        read = store.http.request("GET", url, headers={"range": wanted})
        assert (read.status, read.data, read.headers["content-range"]) == (206, content, shown)


@pytest.mark.parametrize("headers", [{"range": "bytes=5-3"}, {"range": "bytes=0-1,4-5"}, {"range": "lines=1-2"}])
def test_a_range_that_is_invalid_or_of_several_parts_gives_the_whole_object(
    store: Store, key: str, headers: dict[str, str]
) -> None:
    store.upload(key, b"0123456789")
    read = store.http.request("GET", store.read_url(key), headers=headers)
    assert (read.status, read.data) == (200, b"0123456789")


def test_a_range_of_an_older_version_gives_the_whole_object(store: Store, key: str) -> None:
    tag = store.upload(key, b"0123456789").headers["etag"]
    for if_range, status in ((tag, 206), ('"another"', 200)):
        headers = {"range": "bytes=2-3", "if-range": if_range}
        assert store.http.request("GET", store.read_url(key), headers=headers).status == status


@pytest.mark.parametrize("wanted", ["bytes=10-", "bytes=99-100", "bytes=-0"])
def test_a_range_behind_the_end_is_refused(store: Store, key: str, wanted: str) -> None:
    store.upload(key, b"0123456789")
    read = store.http.request("GET", store.read_url(key), headers={"range": wanted})
    assert (read.status, b"InvalidRange" in read.data) == (416, True)


def test_a_multipart_upload_sends_an_event_and_a_signal_at_its_end(store: Store, key: str) -> None:
    upload_id = store.inside.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    url = store.outside.generate_presigned_url(
        "upload_part", {"Bucket": BUCKET, "Key": key, "UploadId": upload_id, "PartNumber": 1, "ContentLength": 4}
    )
    part = store.http.request("PUT", url, body=b"part", headers={"content-length": "4"})
    assert part.status == 200
    store.redis.delete(SIGNALS)
    parts = [{"ETag": part.headers["etag"], "PartNumber": 1}]
    store.inside.complete_multipart_upload(Bucket=BUCKET, Key=key, UploadId=upload_id, MultipartUpload={"Parts": parts})
    assert store.arrived(key) is not None
    assert eventually(lambda: store.redis.llen(SIGNALS), LONG_S)


def test_queues_have_their_visibility_timeout_and_dead_letter_queue(store: Store) -> None:
    for topic in TOPICS:
        found = store.sqs.get_queue_attributes(QueueUrl=store.queue(topic), AttributeNames=["All"])["Attributes"]
        assert found["VisibilityTimeout"] == ("230" if topic == "ocr" else "120")
        redrive = json.loads(found["RedrivePolicy"])
        assert redrive["deadLetterTargetArn"].endswith(f":{QUEUE_PREFIX}{topic}{DEAD_SUFFIX}")
        assert redrive["maxReceiveCount"] == 5


def test_a_message_received_too_often_goes_to_the_dead_letter_queue(store: Store) -> None:
    queue, dead = store.queue("preview"), store.queue("preview-dead")
    store.sqs.send_message(QueueUrl=queue, MessageBody="poison")
    for _ in range(5):
        (message,) = eventually(lambda: store.sqs.receive_message(QueueUrl=queue).get("Messages"), LONG_S)
        store.sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    assert store.sqs.receive_message(QueueUrl=queue).get("Messages") is None
    (letter,) = eventually(lambda: store.sqs.receive_message(QueueUrl=dead).get("Messages"), LONG_S)
    assert letter["Body"] == "poison"


def test_objects_and_all_their_versions_survive_a_kill(store: Store, key: str) -> None:
    first = store.inside.put_object(Bucket=BUCKET, Key=key, Body=b"one")["VersionId"]
    second = store.inside.put_object(Bucket=BUCKET, Key=key, Body=b"two")["VersionId"]
    store.kill_and_wait()
    listed = store.inside.list_object_versions(Bucket=BUCKET, Prefix=key)["Versions"]
    assert {(version["VersionId"], version["IsLatest"]) for version in listed} == {(first, False), (second, True)}
    assert store.inside.get_object(Bucket=BUCKET, Key=key, VersionId=first)["Body"].read() == b"one"
    assert store.http.request("GET", store.read_url(key, VersionId=first)).data == b"one"
    assert store.http.request("GET", store.read_url(key)).data == b"two"


def test_an_erased_version_stays_erased(store: Store, key: str) -> None:
    first = store.inside.put_object(Bucket=BUCKET, Key=key, Body=b"one")["VersionId"]
    second = store.inside.put_object(Bucket=BUCKET, Key=key, Body=b"two")["VersionId"]
    marker = store.inside.delete_object(Bucket=BUCKET, Key=key)["VersionId"]
    for version in (first, second, marker):
        store.inside.delete_object(Bucket=BUCKET, Key=key, VersionId=version)
    store.kill_and_wait()
    listed = store.inside.list_object_versions(Bucket=BUCKET, Prefix=key)
    assert "Versions" not in listed and "DeleteMarkers" not in listed
    assert not [path for path in (store.home / "objects").rglob("*") if key.rsplit("/", 1)[1] in path.name]


def test_a_starting_store_listens_at_no_port_but_its_own_two(store: Store) -> None:
    allowed = {int(url.rpartition(":")[2]) for url in (store.private_url, store.public_url)}
    store.kill()
    pid, opened = store.supervisor.pids()["store"], set[int]()
    deadline = time.monotonic() + LONG_S
    while not opened >= allowed and time.monotonic() < deadline:
        opened |= listening_ports(pid)
        time.sleep(0.005)
    assert opened == allowed


def test_the_first_upload_after_a_kill_sends_an_event(store: Store, key: str) -> None:
    store.kill()
    assert eventually(lambda: _put(store, key), LONG_S)
    assert store.arrived(key) is not None
    assert store.inside.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"


def test_uploads_work_while_redis_is_down(store: Store, key: str) -> None:
    before = store.supervisor.pids()["valkey"]
    os.kill(before, signal.SIGKILL)
    assert store.upload(key, b"uploaded").status == 200
    assert store.arrived(key) is not None
    assert eventually(lambda: store.supervisor.pids().get("valkey") not in (None, before), LONG_S)


def test_the_setup_leaves_no_process_behind(store: Store) -> None:
    below = process_table.descendants([store.supervisor.pids()["store"]])
    assert [process for process in below if not process.is_zombie] == []


def test_no_command_line_contains_a_secret(store: Store) -> None:
    for pid in store.supervisor.pids().values():
        line = Path(f"/proc/{pid}/cmdline").read_text()
        assert store.redis.connection_pool.connection_kwargs["password"] not in line
        assert sys.executable in line or "valkey-server" in line


def _put(store: Store, key: str) -> bool:
    try:
        store.inside.put_object(Bucket=BUCKET, Key=key, Body=b"first")
    except (BotoCoreError, ClientError):
        return False
    return True
