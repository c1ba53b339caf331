"""The audit: it finds nothing in a consistent system, and reports each kind of inconsistency by name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from functions.audit import audit_rows, walk_objects, walk_recorded
from layers.domain.errors import DependencyDown
from layers.domain.step import Artifact, Done
from layers.ports import Claim, FilePlan
from tests.integration.conftest import Api, replace_ports
from tests.integration.test_removal import Host
from tests.making import nothing_follows


@pytest.fixture
def host(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    host = Host(api)
    replace_ports(monkeypatch, objects=host.objects)
    api.bench.database.run("DELETE FROM audits")
    api.bench.database.run("UPDATE audit_walks SET reached = '', checked = 0, findings = '{}', rested_at = NULL")
    yield host


def settled(host: Host, tmp_path: Path, count: int = 2) -> list[Claim]:
    """Files whose text step is done, with an artifact each, but without a record."""
    claims = list(host.past_intake(count).values())
    for claim in claims:
        done = Done(artifacts=(host.make(claim, tmp_path),))
        host.store.record(claim, done, nothing_follows, cost_s=0, host="h")
    return claims


def audited(host: Host) -> dict[str, Any]:
    return host.api.caller(role="admin").get("/operations/audit").json()  # type: ignore[no-any-return]


BROKEN = {
    "batch_counts_wrong": "UPDATE count_deltas SET delta = delta + 1 WHERE owner_id IN (SELECT batch_id FROM batches)",
    "settled_files_without_record": "UPDATE files SET state = 'done'",
    "files_that_failed_without_reason": "UPDATE files SET state = 'failed'",
    "settled_files_with_work_left": "UPDATE files SET state = 'failed', error_code = 'x'",
    "removed_files_at_work": "UPDATE files SET removed_at = now()",
    "attempts_not_in_the_ledger": "DELETE FROM attempts WHERE step = 'intake'",
    "steps_long_overdue": "UPDATE steps SET lease_expires_at = now() - interval '1 hour' WHERE state = 'running'",
    "artifacts_missing": "UPDATE steps SET state = 'done' WHERE step = 'thumbnail'",
    "artifacts_of_another_file": "UPDATE artifacts SET object_key = replace(object_key, left(file_id::text, 5), 'aaaaa')",
}


@pytest.mark.parametrize("finding", BROKEN)
def test_each_inconsistency_is_reported_by_name(host: Host, tmp_path: Path, finding: str) -> None:
    settled(host, tmp_path)
    host.past_intake(1)
    assert audited(host)["findings"] == {} and audited(host)["balanced"]
    host.api.bench.database.run(BROKEN[finding])
    after = audited(host)
    assert after["findings"][finding] >= 1 and not after["balanced"]


def test_a_lost_file_is_counted(host: Host, tmp_path: Path) -> None:
    claim, _ = settled(host, tmp_path)
    host.api.bench.database.run("ALTER TABLE files DISABLE TRIGGER erased_files")
    host.api.bench.database.run("DELETE FROM files WHERE file_id = %(id)s", id=claim.file.file_id)
    host.api.bench.database.run("ALTER TABLE files ENABLE TRIGGER erased_files")
    assert audited(host)["lost"] >= 1 and not audited(host)["balanced"]


def test_the_audit_of_rows_runs_once_an_hour_even_with_several_upkeeps(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    host.past_intake(2)
    host.api.bench.database.run("DELETE FROM attempts")
    assert audit_rows(host.runner) == 2 and audit_rows(host.runner) == 0
    alarms = [json.loads(line) for line in capsys.readouterr().err.splitlines() if "audit_alarm" in line]
    assert [alarm["findings"] for alarm in alarms] == [{"attempts_not_in_the_ledger": 2}]
    assert audit_rows(host.runner, every_s=0) == 2


def test_the_audit_of_rows_continues_where_it_stopped_and_is_stored_at_its_end(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("functions.audit.FILES_AT_ONCE", 4)
    host.past_intake(10)
    files = host.api.bench.database.rows("SELECT file_id FROM files ORDER BY file_id")
    for index in (1, 6, len(files) - 1):
        host.api.bench.database.run("DELETE FROM attempts WHERE file_id = %(id)s", id=files[index]["file_id"])
    stored = "SELECT checked, findings FROM audits WHERE kind = 'rows'"
    found = []
    while not host.api.bench.database.rows(stored):
        found.append(audit_rows(host.runner))
    assert len(found) == len(files) // 4 + 1 and sum(found) == 3 and max(found) < 3
    expected = {"checked": len(files), "findings": {"attempts_not_in_the_ledger": 3}}
    assert host.api.bench.database.rows(stored) == [expected]
    assert audit_rows(host.runner) == 0, "the next walk starts later"


def test_a_large_system_is_reported_as_upkeep_last_found_it(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.api.operations.MOST_AUDITED_ON_REQUEST", 1)
    host.past_intake(2)
    host.api.bench.database.run("DELETE FROM attempts")
    audit_rows(host.runner)
    found = audited(host)
    host.past_intake(1)
    assert found["findings"]["attempts_not_in_the_ledger"] >= 2 and not found["balanced"]
    assert (found["lost"], found["doubled"]) == (0, 0)
    after = audited(host)
    assert after["findings"] == found["findings"] and after["accepted"] == found["accepted"] + 1


def test_an_audit_without_findings_raises_no_alarm(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    host.past_intake(1)
    assert audit_rows(host.runner) == 0
    assert "audit_alarm" not in capsys.readouterr().err


def test_only_the_objects_of_a_dead_attempt_are_deleted_from_the_bucket(host: Host, tmp_path: Path) -> None:
    settled(host, tmp_path)
    (running,) = host.past_intake(1).values()
    kept = dict(host.objects.objects)
    new = host.make(running, tmp_path)
    kept[new.object_key] = host.objects.objects[new.object_key]
    dead = Claim(**{name: getattr(running, name) for name in Claim.__slots__} | {"lease_id": "0" * 36})
    host.make(dead, tmp_path)
    assert walk_objects(host.runner) == 1
    assert host.objects.objects == kept
    assert audited(host)["objects"]["findings"] == {"walk": "objects", "objects_spare": 1}
    assert walk_objects(host.runner) == 0, "the next walk starts later"


def test_an_unknown_object_raises_an_alarm_and_is_not_deleted(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    host.past_intake(1)
    host.objects.objects["foreign/object"] = b"x"
    assert walk_objects(host.runner) == 1
    assert "foreign/object" in host.objects.objects and "objects_unknown" in capsys.readouterr().err


def test_an_artifact_missing_from_the_bucket_raises_an_alarm(
    host: Host, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    claim, _ = settled(host, tmp_path)
    del host.objects.objects[claim.artifact_key("text.txt")]
    assert walk_recorded(host.runner) == 1
    assert "artifacts_not_stored" in capsys.readouterr().err
    found = {"artifacts_not_stored": 1}
    assert audited(host)["objects"]["findings"] == {"walk": "artifacts", **found}
    assert audited(host)["stored"]["findings"] == found and audited(host)["lost"] == 0
    assert audited(host)["balanced"] is False


def test_an_original_that_is_gone_from_the_bucket_is_lost(
    host: Host, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    claim, _ = settled(host, tmp_path)
    del host.objects.objects[claim.file.object_key]
    own = host.caller.get("/operations/audit").json()
    for found in (audited(host), own):
        assert (found["lost"], found["balanced"]) == (1, False)
        assert found["stored"]["findings"] == {"originals_missing": 1} and found["stored"]["checked"] == 4
    assert walk_recorded(host.runner) == 1
    assert "originals_missing" in capsys.readouterr().err
    assert host.api.caller().get("/operations/audit").json()["lost"] == 0, "of another tenant nothing is lost"


def test_an_object_of_another_size_than_its_row_says_is_named(host: Host, tmp_path: Path) -> None:
    first, second = settled(host, tmp_path)
    host.objects.objects[first.file.object_key] += b"x"
    host.objects.objects[second.artifact_key("text.txt")] = b""
    assert audited(host)["stored"]["findings"] == {"objects_of_wrong_size": 2}
    assert walk_recorded(host.runner) == 2 and not audited(host)["balanced"]


def test_the_audit_claims_no_more_than_was_checked(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any) -> int:
        raise DependencyDown("object_store", "away")

    host.past_intake(2)
    assert (audited(host)["balanced"], audited(host)["stored"]["checked"]) == (True, 2)
    with monkeypatch.context() as patch:
        patch.setattr(host.objects, "size_of", away)
        assert (audited(host)["balanced"], audited(host)["stored"]) == (None, None)
    monkeypatch.setattr("functions.api.operations.MOST_LOOKED_UP_ON_REQUEST", 1)
    assert (audited(host)["balanced"], audited(host)["stored"]) == (None, None)
    host.objects.objects.clear()
    assert walk_recorded(host.runner) == 2
    found = audited(host)
    assert (found["balanced"], found["lost"]) == (False, 2)
    assert found["stored"]["findings"] == {"originals_missing": 2}
    assert host.caller.get("/operations/audit").json()["stored"] is None


def test_a_walk_that_found_nothing_holds_for_each_tenant_with_many_files(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("functions.api.operations.MOST_LOOKED_UP_ON_REQUEST", 1)
    host.past_intake(2)
    assert walk_recorded(host.runner) == 0
    own = host.caller.get("/operations/audit").json()
    assert (own["balanced"], own["stored"]["checked"], own["stored"]["findings"]) == (True, None, {})


def test_no_transaction_is_open_while_the_object_store_is_asked(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.past_intake(2)
    open_transactions: list[int] = []
    size_of = host.objects.size_of

    def counted(*arguments: Any) -> int | None:
        row = host.api.bench.database.row(
            "SELECT count(*) AS open FROM pg_stat_activity WHERE usename = 'fairway_api' AND state LIKE 'idle in%%'"
            " AND datname = current_database()"
        )
        open_transactions.append(row["open"])
        return size_of(*arguments)

    monkeypatch.setattr(host.objects, "size_of", counted)
    assert audited(host)["stored"]["checked"] == 2
    assert open_transactions == [0, 0]


def test_a_removed_file_is_not_looked_up(host: Host) -> None:
    (claim,) = host.past_intake(1).values()
    host.remove([claim.file.file_id])
    host.objects.objects.clear()
    assert walk_recorded(host.runner) == 0 and audited(host)["stored"]["checked"] == 0


def test_a_walk_through_the_bucket_continues_where_it_stopped(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.audit.OBJECTS_AT_ONCE", 4)
    host.past_intake(10)
    for _ in range(3):
        assert audited(host)["objects"] is None
        walk_objects(host.runner)
    assert audited(host)["objects"]["checked"] == 10


def test_an_artifact_replaced_during_the_walk_raises_no_alarm(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = settled(host, tmp_path, 1)[0]
    other = Artifact("text", claim.artifact_key("b.txt"), "text/plain", 1)
    host.objects.objects[other.object_key] = b"b"
    listed, now = host.store.recorded_objects("", 10), host.store.recorded_objects
    host.api.bench.database.run("UPDATE artifacts SET object_key = %(key)s", key=other.object_key)
    del host.objects.objects[claim.artifact_key("text.txt")]
    answers = iter([listed])
    monkeypatch.setattr(host.store, "recorded_objects", lambda *arguments: next(answers, None) or now(*arguments))
    assert walk_recorded(host.runner) == 0


def test_an_operator_audits_its_own_tenant(host: Host) -> None:
    host.past_intake(1)
    host.api.bench.database.run("DELETE FROM attempts")
    assert host.caller.get("/operations/audit").json()["findings"] == {"attempts_not_in_the_ledger": 1}
    stranger = host.api.caller().get("/operations/audit").json()
    assert stranger["balanced"] and stranger["accepted"] == 0 and stranger["objects"] is None


def test_a_file_that_failed_with_its_reason_is_balanced(host: Host) -> None:
    (claim,) = host.past_intake(1).values()
    host.store.record(claim, Done(), lambda _: FilePlan((), "failed", ("text", "x", "y")), cost_s=0, host="h")
    assert audited(host)["balanced"]
