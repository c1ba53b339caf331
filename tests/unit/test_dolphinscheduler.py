"""The workflows in DolphinScheduler: installed by name in old and new releases, with scripts that do not show the key."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from functions.schedules import SCHEDULES, Call
from infra.dolphinscheduler import scripts
from infra.dolphinscheduler.__main__ import main
from infra.dolphinscheduler.client import BEFORE_3_3, SINCE_3_3, Client, DolphinSchedulerError
from infra.dolphinscheduler.installation import Installation, Target
from infra.dolphinscheduler.workflows import SHARDS, declared, locations
from infra.schedules.__main__ import KEY
from tests.standins.dolphinscheduler import TOKEN, DolphinScheduler, serving
from tests.unit.test_schedules import api

KEY_VALUE = "a key of a scheduler"
TARGET = Target("http://fairway.example:8000/", KEY_VALUE, "root")
NAMES = {
    "fairway-upkeep",
    "fairway-report",
    "fairway-nightly",
    "fairway-reprocess-plan",
    "fairway-import",
    "fairway-reprocess",
}
DATASET = "0199d0a4-6c1e-7a52-9d0b-3f6f4a0c2b11"
DONE = {"id": "7", "kind": "purge", "state": "done", "ended_at": "2026-01-15T02:00:01Z"}
RUNNING = DONE | {"state": "running", "ended_at": None}


@pytest.fixture(params=[BEFORE_3_3, SINCE_3_3], ids=["3.1", "3.3"])
def server(request: pytest.FixtureRequest) -> DolphinScheduler:
    return DolphinScheduler(request.param)


@pytest.fixture
def installation(server: DolphinScheduler) -> Iterator[Installation]:
    with serving(server) as url:
        yield Installation(Client(url, TOKEN))


# --- install, status, remove -------------------------------------------------------------------------


def test_install_makes_project_tenant_environment_workflows_and_schedules(
    server: DolphinScheduler, installation: Installation
) -> None:
    installation.install(TARGET, declared(DATASET, "inbox"))
    assert {row["name"] for row in server.definitions.values()} == NAMES
    assert {row["releaseState"] for row in server.definitions.values()} == {"ONLINE"}
    crontabs = {server.definitions[row["definition"]]["name"]: row["crontab"] for row in server.schedules.values()}
    assert {f"fairway-{each.name}": each.when.as_quartz for each in SCHEDULES}.items() <= crontabs.items()
    assert set(crontabs) == NAMES - {"fairway-reprocess"}
    assert all(row["releaseState"] == "ONLINE" for row in server.schedules.values())
    assert {row["executionType"] for row in server.definitions.values()} == {"SERIAL_DISCARD"}


def test_installing_again_changes_nothing(server: DolphinScheduler, installation: Installation) -> None:
    installation.install(TARGET, declared(DATASET))
    server.changes.clear()
    assert installation.install(TARGET, declared(DATASET)) == []
    assert server.changes == []


def test_only_what_differs_is_updated_in_place(server: DolphinScheduler, installation: Installation) -> None:
    installation.install(TARGET, declared())
    before = {
        row["name"]: (row["code"], {task["name"]: task["code"] for task in row["tasks"]})
        for row in server.definitions.values()
    }
    server.changes.clear()
    done = installation.install(TARGET, declared(DATASET))
    assert sorted(done) == [
        f"updated the workflow fairway-{name}" for name in ("import", "reprocess", "reprocess-plan")
    ]
    after = {
        row["name"]: (row["code"], {task["name"]: task["code"] for task in row["tasks"]})
        for row in server.definitions.values()
    }
    assert after == before
    assert not any("environment" in change or "upkeep" in change for change in server.changes)


def test_what_a_person_has_put_offline_or_doubled_is_mended(
    server: DolphinScheduler, installation: Installation
) -> None:
    installation.install(TARGET, declared())
    for row in server.definitions.values():
        row["releaseState"] = "OFFLINE"
    first = next(iter(server.schedules.values()))
    server.schedules[1] = {**first, "id": 1, "crontab": "0 0 0 * * ? *"}
    for row in server.schedules.values():
        row["releaseState"] = "OFFLINE"
    installation.install(TARGET, declared())
    assert {row["releaseState"] for row in [*server.definitions.values(), *server.schedules.values()]} == {"ONLINE"}
    assert len(server.schedules) == len(SCHEDULES)


def test_a_new_key_changes_the_environment_only(server: DolphinScheduler, installation: Installation) -> None:
    installation.install(TARGET, declared())
    done = installation.install(Target(TARGET.api_url, "another key", "root"), declared())
    assert done == ["updated the environment"]
    (environment,) = server.environments.values()
    assert "another key" in environment["config"]


def test_a_workflow_that_is_no_longer_declared_is_deleted(server: DolphinScheduler, installation: Installation) -> None:
    installation.install(TARGET, declared())
    installation.install(TARGET, declared()[:1])
    assert {row["name"] for row in server.definitions.values()} == {"fairway-upkeep"}
    assert len(server.schedules) == 1


def test_the_status_shows_schedules_and_last_runs(installation: Installation) -> None:
    assert installation.status() == []
    installation.install(TARGET, declared())
    shown = {row["workflow"]: row for row in installation.status()}
    assert shown["fairway-upkeep"]["schedule"] == "0 * * * * ? * (online)"
    assert shown["fairway-reprocess"]["schedule"] is None
    assert shown["fairway-nightly"]["last_run"] == "SUCCESS 2026-01-15 02:00:00"


def test_remove_leaves_what_is_not_of_fairway(server: DolphinScheduler, installation: Installation) -> None:
    installation.install(TARGET, declared())
    (project,) = server.projects
    server.definitions[1] = {"code": 1, "name": "of somebody else", "releaseState": "OFFLINE", "tasks": []}
    installation.remove()
    assert [row["name"] for row in server.definitions.values()] == ["of somebody else"]
    assert set(server.projects) == {project} and not server.environments and not server.schedules
    del server.definitions[1]
    installation.remove()
    assert not server.projects
    assert installation.remove() == []


def test_the_key_is_in_the_environment_only(server: DolphinScheduler, installation: Installation) -> None:
    installation.install(TARGET, declared(DATASET))
    assert KEY_VALUE not in json.dumps(list(server.definitions.values()))
    (environment,) = server.environments.values()
    assert KEY_VALUE in environment["config"]


def test_a_key_in_a_file_of_the_host_is_not_stored(
    server: DolphinScheduler, installation: Installation, tmp_path: Path
) -> None:
    path = tmp_path / "it is a key"
    path.write_text(f"{KEY_VALUE}\n")
    installation.install(Target("http://fairway/", key_file=str(path)), declared())
    (environment,) = server.environments.values()
    assert KEY_VALUE not in environment["config"]
    script = environment["config"] + '\nprintf %s "$FAIRWAY_SCHEDULER_KEY at $FAIRWAY_URL"'
    shown = subprocess.run(["sh"], input=script, capture_output=True, text=True, check=True).stdout
    assert shown == f"{KEY_VALUE} at http://fairway"


def test_a_key_that_a_shell_could_run_is_refused(installation: Installation) -> None:
    with pytest.raises(DolphinSchedulerError, match="quote"):
        installation.install(Target("http://fairway", "a'; rm -rf /; '"), declared())


def test_a_token_that_is_unknown_and_a_server_that_is_away_are_named(server: DolphinScheduler) -> None:
    with serving(server) as url, pytest.raises(DolphinSchedulerError, match="token"):
        Installation(Client(url, "another")).status()
    with pytest.raises(DolphinSchedulerError, match="can't be reached"):
        Installation(Client("http://127.0.0.1:1/dolphinscheduler", TOKEN)).status()


def test_the_command_installs_shows_and_removes(
    server: DolphinScheduler, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(KEY, KEY_VALUE)
    with serving(server) as url:
        access = ["--url", url, "--token", TOKEN]
        assert main(["install", *access, "--api-url", "http://fairway"]) == 0
        assert main(["install", *access, "--api-url", "http://fairway"]) == 0
        assert main(["status", *access]) == 0
        assert main(["remove", *access]) == 0
        monkeypatch.delenv(KEY)
        assert main(["install", *access, "--api-url", "http://fairway"]) == 1
        output = capsys.readouterr()
        assert main(["install", *access, "--api-url", "http://fairway", "--key-file", "/etc/fairway/key"]) == 0
        assert "Warning" in output.err and "Warning" not in capsys.readouterr().err
    assert "everything is installed already" in output.out and "fairway-upkeep" in output.out
    assert KEY in output.err and KEY_VALUE not in output.out + output.err


# --- the DAG -----------------------------------------------------------------------------------------


def test_a_dataset_is_processed_again_by_a_plan_shards_at_the_same_time_and_a_report(
    server: DolphinScheduler, installation: Installation
) -> None:
    installation.install(TARGET, declared())
    row = next(row for row in server.definitions.values() if row["name"] == "fairway-reprocess")
    names = {task["code"]: task["name"] for task in row["tasks"]} | {0: ""}
    edges = {(names[each["preTaskCode"]], names[each["postTaskCode"]]) for each in row["relations"]}
    shards = {f"shard-{number}" for number in range(SHARDS)}
    expected = {("", "plan")} | {("plan", shard) for shard in shards} | {(shard, "report") for shard in shards}
    assert edges == expected


def test_the_picture_shows_tasks_from_left_to_right_each_column_centred() -> None:
    workflow = next(each for each in declared() if each.name == "fairway-reprocess")
    codes = {task.name: number for number, task in enumerate(workflow.tasks)}
    places = {place["taskCode"]: (place["x"], place["y"]) for place in locations(workflow, codes)}
    assert [places[codes[f"shard-{number}"]] for number in range(SHARDS)] == [
        (350, 100 + 100 * n) for n in range(SHARDS)
    ]
    assert places[codes["plan"]] == (100, 250) and places[codes["report"]] == (600, 250)


# --- scripts, run by a shell -------------------------------------------------------------------------


def run(script: str, url: str, folder: Path | None = None, **parameters: str) -> subprocess.CompletedProcess[str]:
    """Run a script as a task does: with the parameters replaced, the environment set, and in the folder of the task."""
    for name, value in parameters.items():
        script = script.replace(f"${{{name}}}", value)
    assert "${" not in script and "$[" not in script, "DolphinScheduler would replace this"
    script = script.replace("sleep 5", "sleep 0.01")
    environment = {"PATH": "/usr/bin:/bin", "FAIRWAY_URL": url, "FAIRWAY_SCHEDULER_KEY": KEY_VALUE}
    return subprocess.run(
        ["sh"], input=script, env=environment, cwd=folder, capture_output=True, text=True, timeout=30, check=False
    )


PURGE, AUDIT = Call("POST", "/operations/purge", "purge"), Call("GET", "/operations/audit")
REPORT = Call("GET", "/operations/report?day={yesterday}", "report")
SOUND = {"lost": 0, "doubled": 0, "balanced": True}


@pytest.mark.parametrize(
    ("call", "answers", "succeeds"),
    [
        (PURGE, [(200, DONE)], True),
        (PURGE, [(202, RUNNING), (200, RUNNING), (200, DONE)], True),
        (PURGE, [(202, RUNNING), (200, DONE | {"state": "failed"})], False),
        (PURGE, [(503, {"detail": "away"})], False),
        (PURGE, [(401, {"detail": "revoked"})], False),
        (AUDIT, [(200, SOUND)], True),
        (AUDIT, [(200, SOUND | {"balanced": None})], True),
        (AUDIT, [(200, SOUND | {"lost": 1})], False),
        (AUDIT, [(200, SOUND | {"balanced": False})], False),
        (REPORT, [(200, {"day": "2026-01-15"})], True),
        (REPORT, [(202, RUNNING), (200, DONE), (200, {"day": "2026-01-15"})], True),
    ],
)
def test_a_script_makes_its_call_waits_for_the_job_and_shows_no_key(
    call: Call, answers: list[tuple[int, Any]], succeeds: bool
) -> None:
    compact = [(status, body) for status, body in answers]
    with api(*compact) as (url, requests):
        done = run(scripts.of_call(call), url)
    assert (done.returncode == 0) == succeeds, done.stdout + done.stderr
    assert {request.authorization for request in requests} == {f"Bearer {KEY_VALUE}"}
    assert len(requests) == len(answers)
    assert KEY_VALUE not in done.stdout + done.stderr


def test_a_plan_is_passed_on_and_made_once_for_a_run(tmp_path: Path) -> None:
    plan = {"id": "9", "dataset_id": DATASET, "state": "planning"}
    folders = [tmp_path / "5001_3" / run_and_task for run_and_task in ("12/70", "12/71", "13/72")]
    keys = []
    for folder in folders:  # the second is the same task of the same run, which DolphinScheduler runs again
        folder.mkdir(parents=True)
        with api((202, plan), (200, plan), (200, plan | {"state": "planned"})) as (url, requests):
            done = run(scripts.PLAN, url, folder, dataset=DATASET, plan_body="{}")
        assert done.returncode == 0 and "#{setValue(plan=9)}" in done.stdout
        assert [request.line for request in requests] == [
            f"POST /datasets/{DATASET}/plans",
            "GET /plans/9",
            "GET /plans/9",
        ]
        keys.append(requests[0].idempotency_key)
    assert keys == ["reprocess-5001_3-12", "reprocess-5001_3-12", "reprocess-5001_3-13"]


def test_the_body_of_a_plan_may_contain_quotes(tmp_path: Path) -> None:
    body = json.dumps({"schema": {"description": 'the shop\'s name, `$(id)` and "more"'}})
    with api((200, {"id": "9", "state": "planned"})) as (url, requests):
        assert run(scripts.PLAN, url, tmp_path, dataset=DATASET, plan_body=body).returncode == 0
    assert json.loads(requests[0].body) == json.loads(body)


def test_shards_are_applied_and_the_report_fails_if_the_plan_is_not_applied() -> None:
    with api((202, RUNNING), (200, DONE)) as (url, requests):
        assert run(scripts.shard(2, 4), url, plan="9").returncode == 0
    assert requests[0].line == "POST /plans/9/apply"
    for state, succeeds in (("applied", True), ("applying", False)):
        with api((200, {"id": "9", "state": state})) as (url, _):
            assert (run(scripts.REPORT_OF_PLAN, url, plan="9").returncode == 0) == succeeds


def test_an_import_is_requested_once_for_a_run(tmp_path: Path) -> None:
    parameters = {"dataset": DATASET, "bucket": "inbox", "prefix": "scans/", "day": "2026-01-15"}
    folder = tmp_path / "5002_1" / "12" / "70"
    folder.mkdir(parents=True)
    with api((202, RUNNING), (200, DONE)) as (url, requests):
        assert run(scripts.IMPORT, url, folder, **parameters).returncode == 0
    assert requests[0].line == f"POST /datasets/{DATASET}/imports"
    assert requests[0].idempotency_key == "import-5002_1-12"
    assert json.loads(requests[0].body) == {"bucket": "inbox", "prefix": "scans/2026-01-15/"}


def test_a_fairway_that_is_down_fails_the_task() -> None:
    done = run(scripts.of_call(PURGE), "http://127.0.0.1:1")
    assert done.returncode != 0 and KEY_VALUE not in done.stdout + done.stderr
