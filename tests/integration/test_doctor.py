"""`python -m infra.doctor --verify`: damage to rows, objects and bodies on disk is found and reported."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from infra.doctor import verify
from infra.doctor.verify import Doctor, report
from infra.local.objects.disk import SMALL_BYTES
from infra.local.objects.files import ObjectFiles
from layers.domain.errors import DependencyDown
from layers.domain.step import Done
from layers.ports import Claim
from tests.integration.conftest import Api
from tests.integration.test_removal import NEVER_UNDONE, Host
from tests.making import nothing_follows

CONTENT = b"0123456789"


@pytest.fixture
def host(api: Api) -> Iterator[Host]:
    yield Host(api)


def settled(host: Host, tmp_path: Path, count: int, text_sha256: str | None = None) -> list[Claim]:
    """Files with an artifact each, in the order of their ids, whose checksums are known."""
    claims = list(host.past_intake(count).values())
    for claim in claims:
        done = Done(artifacts=(replace(host.make(claim, tmp_path), sha256=text_sha256),))
        host.store.record(claim, done, nothing_follows, cost_s=0, host="h")
    host.api.bench.database.run("UPDATE files SET sha256 = %(sha256)s", sha256=hashlib.sha256(CONTENT).hexdigest())
    return sorted(claims, key=lambda claim: claim.file.file_id)


def found(
    host: Host, *, after: str = "", home: Path | None = None, tenant_id: str | None = None
) -> set[tuple[str, str]]:
    """What the doctor finds: (finding, object key)."""
    patient = Doctor(host.store, host.objects, home, tenant_id)
    return {(result.finding, result.object_key) for result in patient.verify(after)}


def test_nothing_is_found_where_all_is_sound(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(verify, "FILES_AT_ONCE", 2)
    monkeypatch.setattr(verify, "KEYS_AT_ONCE", 3)
    settled(host, tmp_path, 5)
    assert report(Doctor(host.store, host.objects)) == 0
    out = capsys.readouterr().out
    assert "Checked: 5 artifacts, 5 checksums, 10 objects, 5 originals. Findings: 0." in out


def test_every_kind_of_damage_is_named_with_its_file(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(verify, "FILES_AT_ONCE", 2)
    files = settled(host, tmp_path, 6)
    objects, keys = host.objects.objects, [file.file.object_key for file in files]
    del objects[keys[0]]
    objects[keys[1]] = CONTENT + b"x"
    objects[keys[2]] = CONTENT[::-1]
    del objects[files[3].artifact_key("text.txt")]
    objects[files[4].artifact_key("left.txt")] = b"x"
    objects["somebody/elses"] = b"x"
    host.objects.put_part(keys[5], host.objects.begin_parts(keys[5]), 1, b"x")
    expected = {
        ("originals_missing", keys[0]),
        ("objects_of_wrong_size", keys[1]),
        ("wrong_checksum", keys[2]),
        ("artifacts_not_stored", files[3].artifact_key("text.txt")),
        ("spare", files[4].artifact_key("left.txt")),
        ("unknown", "somebody/elses"),
        ("unfinished_upload", keys[5]),
    }
    assert found(host) == expected
    assert report(Doctor(host.store, host.objects)) == 1
    out = capsys.readouterr().out
    for finding, key in expected:
        assert finding in out and key in out and verify.WHAT_TO_DO[finding] in out
    assert files[2].file.file_id in out and "'2.txt'" in out


def test_it_continues_after_a_file_and_checks_one_tenant(host: Host, tmp_path: Path) -> None:
    files = settled(host, tmp_path, 4)
    for claim in files[1:3]:
        host.objects.objects[claim.file.object_key] = CONTENT[::-1]
    assert found(host, after=files[1].file.file_id) == {("wrong_checksum", files[2].file.object_key)}
    assert len(found(host, tenant_id=host.tenant_id)) == 2
    assert found(host, tenant_id=host.api.bench.tenant()) == set()


def test_objects_of_erased_files_are_named(host: Host, tmp_path: Path) -> None:
    from functions.upkeep import erase_removed

    (claim,) = settled(host, tmp_path, 1)
    host.remove([claim.file.file_id], **NEVER_UNDONE)
    erase_removed(host.runner)
    host.objects.objects[claim.file.object_key] = b"late"
    assert found(host) == {("removed", claim.file.object_key)}


def test_what_upkeep_deletes_by_itself_is_listed_and_is_no_fault(
    host: Host, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (claim,) = settled(host, tmp_path, 1)
    host.objects.objects[claim.artifact_key("left.txt")] = b"x"
    assert report(Doctor(host.store, host.objects)) == 0
    assert "1 x spare: nothing: upkeep deletes it within about an hour" in capsys.readouterr().out


def test_a_text_with_other_content_than_was_stored_is_named(host: Host, tmp_path: Path) -> None:
    (claim,) = settled(host, tmp_path, 1, text_sha256=hashlib.sha256(b"text of a file").hexdigest())
    assert found(host) == set()
    host.objects.objects[claim.artifact_key("text.txt")] = b"elif a fo txet"
    assert found(host) == {("wrong_checksum", claim.artifact_key("text.txt"))}


def test_an_unreachable_store_is_no_finding(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def away(*_: object) -> int:
        raise DependencyDown("object_store", "it is away")

    settled(host, tmp_path, 1)
    monkeypatch.setattr(host.objects, "size_of", away)
    assert report(Doctor(host.store, host.objects)) == 2
    assert "Not everything was checked" in capsys.readouterr().err


def test_bodies_that_are_damaged_on_the_disk_of_a_home_are_named(host: Host, tmp_path: Path) -> None:
    home = tmp_path / "objects"
    files = ObjectFiles(home)
    for name in ("sound", "missing", "short"):
        incoming = files.receive(0)
        incoming.write(b"x" * (SMALL_BYTES + 1))
        files.store(incoming, f"originals/t/{name}", "e", "text/plain", None, only_new=True)
        incoming.close()
    missing, short = (files.find(f"originals/t/{name}") for name in ("missing", "short"))
    assert missing and short
    (home / "bodies" / missing.version_id[:2] / missing.version_id).unlink()
    (home / "bodies" / short.version_id[:2] / short.version_id).write_bytes(b"x")
    half_received = files.receive(0)  # the store is running: unfinished uploads must stay
    half_received.write(b"x" * (SMALL_BYTES + 1))
    before = sorted(path for path in home.rglob("*") if path.is_file() and "sqlite" not in path.name)
    expected = {("damaged_on_disk", "originals/t/missing"), ("damaged_on_disk", "originals/t/short")}
    assert found(host, home=home) == expected
    assert sorted(path for path in home.rglob("*") if path.is_file() and "sqlite" not in path.name) == before
    half_received.close()
    files.close()
