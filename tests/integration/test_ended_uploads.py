"""Multipart uploads: however a file ends, its parts are deleted, no more are stored, and the receipt counts them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from functions import audit
from functions.audit import walk_uploads
from functions.upkeep import erase_removed, miss_uploads, sweep_erased
from layers.domain.errors import DependencyDown
from tests.fakes import MemoryObjects
from tests.integration.conftest import Api, replace_ports
from tests.integration.test_api import problem
from tests.integration.test_removal import NEVER_UNDONE, Host

PART_BYTES = 16 * 1024 * 1024
SIZE_BYTES = 5 * PART_BYTES


@pytest.fixture
def host(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """The API stores in the same memory as the runner."""
    made = Host(api)
    replace_ports(monkeypatch, objects=made.objects)
    yield made


class Upload:
    """A file of which two of five parts have arrived."""

    def __init__(self, host: Host) -> None:
        body = {"files": [{"name": "large.tiff", "size_bytes": SIZE_BYTES}]}
        batch = host.caller.post(f"/datasets/{host.dataset}/batches", json=body).json()
        self.host, self.batch_id, (file,) = host, batch["id"], batch["files"]
        self.file_id = file["id"]
        assert file["upload"]["part_count"] == 5
        self.sign().raise_for_status()
        ((self.key, self.upload_id),) = (upload for upload in host.objects.uploads if self.file_id in upload[0])
        for number in (1, 2):
            host.objects.put_part(self.key, self.upload_id, number, b"part")

    def sign(self) -> httpx.Response:
        return self.host.caller.post(f"/files/{self.file_id}/upload/parts", json={"part_numbers": [1, 2, 3]})

    def left(self) -> int:
        """Unfinished uploads of the file in the store."""
        return sum(self.file_id in key for key, _ in self.host.objects.uploads)


def unreachable(objects: MemoryObjects, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any) -> int:
        raise DependencyDown("object_store", "away")

    monkeypatch.setattr(objects, "abort_upload", away)


def cancel(upload: Upload) -> None:
    upload.host.caller.post(f"/batches/{upload.batch_id}/cancel").raise_for_status()


def remove(upload: Upload) -> None:
    upload.host.remove([upload.file_id])


def miss(upload: Upload) -> None:
    upload.host.api.bench.database.run("UPDATE files SET upload_until = now() - interval '1 s'")
    assert miss_uploads(upload.host.runner) == 1


def arrive_otherwise(upload: Upload) -> None:
    """The object arrives in another way, while the multipart upload still exists in the store."""
    upload.host.api.bench.database.run("UPDATE files SET state = 'processing', uploaded_at = now()")


@pytest.mark.parametrize("end", [cancel, remove])
def test_a_file_that_a_client_ends_has_no_parts_from_then_on(host: Host, end: Callable[[Upload], None]) -> None:
    upload, other = Upload(host), Upload(host)
    end(upload)
    assert (upload.left(), other.left()) == (0, 1)
    assert upload.sign().status_code in (404, 409)
    assert upload.left() == 0


@pytest.mark.parametrize("end", [cancel, remove, miss, arrive_otherwise])
def test_upkeep_aborts_the_uploads_of_files_that_have_ended(
    host: Host, monkeypatch: pytest.MonkeyPatch, end: Callable[[Upload], None]
) -> None:
    upload = Upload(host)
    with monkeypatch.context() as patch:
        unreachable(host.objects, patch)
        end(upload)
    other = Upload(host)
    assert (upload.left(), other.left()) == (1, 1)
    assert walk_uploads(host.runner) == 1
    assert (upload.left(), other.left()) == (0, 1)
    assert walk_uploads(host.runner) == 0


def test_a_receipt_counts_the_parts_that_were_deleted(host: Host) -> None:
    upload = Upload(host)
    removal = host.remove([upload.file_id], **NEVER_UNDONE)
    erase_removed(host.runner)
    receipt = host.receipt(removal["id"])
    assert receipt["objects_erased"] == 2 and receipt["erased_at"]


def test_erasure_aborts_every_upload_of_a_file_and_no_other(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.upkeep.AT_ONCE", 2)
    uploads = [Upload(host) for _ in range(5)]
    for upload in uploads:
        host.objects.put_part(upload.key, host.objects.begin_parts(upload.key), 1, b"x")  # an upload without a row
    with monkeypatch.context() as patch:
        unreachable(host.objects, patch)
        removal = host.remove([uploads[1].file_id, uploads[3].file_id], **NEVER_UNDONE)
    erase_removed(host.runner)
    assert [upload.left() for upload in uploads] == [2, 0, 2, 0, 2]
    assert host.receipt(removal["id"])["objects_erased"] == 6


def test_an_upload_that_begins_after_the_erasure_is_found_and_counted(host: Host) -> None:
    upload = Upload(host)
    removal = host.remove([upload.file_id], **NEVER_UNDONE)
    erase_removed(host.runner)
    host.objects.put_part(upload.key, host.objects.begin_parts(upload.key), 1, b"x")
    assert walk_uploads(host.runner) == 1
    assert host.receipt(removal["id"])["objects_erased"] == 3
    host.objects.put_part(upload.key, host.objects.begin_parts(upload.key), 1, b"x")
    host.api.bench.database.run("UPDATE removals SET sweep_after = now() - interval '1 s'")
    assert sweep_erased(host.runner) == 1
    assert host.receipt(removal["id"])["objects_erased"] == 4


def test_an_undone_removal_lets_the_upload_begin_again(host: Host) -> None:
    upload = Upload(host)
    removal = host.remove([upload.file_id])
    host.caller.post(f"/removals/{removal['id']}/undo").raise_for_status()
    assert upload.sign().status_code == 200 and upload.left() == 1
    assert walk_uploads(host.runner) == 0


def test_an_upload_that_no_row_names_is_aborted_once_it_can_no_longer_be_named(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = Upload(host)
    host.objects.begin_parts(upload.key)
    assert walk_uploads(host.runner) == 0 and upload.left() == 2
    monkeypatch.setattr(audit, "UPLOAD_IS_NAMED_S", -1.0)
    assert walk_uploads(host.runner) == 1
    assert (upload.key, upload.upload_id) in host.objects.uploads and upload.left() == 1


def test_an_upload_of_an_unknown_object_is_an_alarm_and_stays(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    host.objects.begin_parts("foreign/object")
    assert walk_uploads(host.runner) == 0
    assert "uploads_unknown" in capsys.readouterr().err and len(host.objects.uploads) == 1


def test_the_walk_continues_where_it_stopped(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "UPLOADS_AT_ONCE", 2)
    monkeypatch.setattr(audit, "UPLOAD_PAGES_AT_ONCE", 1)
    uploads = [Upload(host) for _ in range(5)]
    host.api.bench.database.run("UPDATE files SET state = 'cancelled'")
    assert [walk_uploads(host.runner) for _ in range(4)] == [2, 2, 1, 0]
    assert [upload.left() for upload in uploads] == [0] * 5


def test_a_missed_upload_is_renewed_only_within_the_quota(host: Host) -> None:
    quota = {"bytes_stored": SIZE_BYTES}
    upload = Upload(host)
    miss(upload)
    second = Upload(host)
    admin = host.api.caller(role="admin")
    admin.put(f"/operations/tenants/{host.tenant_id}", json={"quota": quota}).raise_for_status()
    refused = problem(upload.sign(), 429, "quota_exceeded")
    assert "bytes stored" in refused["detail"]
    assert second.sign().status_code == 200, "an upload that is still awaited is not counted twice"
