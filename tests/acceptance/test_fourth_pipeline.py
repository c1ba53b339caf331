"""A new pipeline needs one step file and one line in `functions/pipelines.py`; the rest derives from the declaration.

Each case copies the project, makes this change, and checks everything of it that users, operators and AWS see.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fairway_client import Client

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLES = ROOT / "tests" / "samples" / "pipelines"
COPIED = (
    "app.py",
    "functions",
    "layers",
    "infra",
    "schema",
    "vendor",
    ".chalice",
    "requirements.txt",
    "requirements",
    "pyproject.toml",
)
START_S = SETTLE_S = 120
STAGE = "dev"


@dataclass(frozen=True)
class Case:
    """A step and the edit of the registry that adds it."""

    name: str
    replaced: str
    by: str
    pipeline: str
    content: bytes
    made: dict[str, Any]
    concurrency: int


FOURTH = Case(
    "virus_report",
    'Pipeline("thumbnail", (thumbnail,)),',
    'Pipeline("thumbnail", (thumbnail,)), Pipeline("virus_report", (virus_report,)),',
    "virus_report",
    b"Total 12.00\n",
    {"found": False},
    concurrency=3,
)
MAIN = Case(
    "language",
    "(text, ocr, textract, routing, extraction)",
    "(text, ocr, textract, routing, language, extraction)",
    "main",
    b"Rechnung: der Betrag ist nicht zu zahlen und die Summe 12.00\n",
    {"language": "de"},
    concurrency=4,
)


@dataclass(frozen=True)
class World:
    """A copy of the project with the step of a case, and its embedded start."""

    case: Case
    project: Path
    client: Client
    api_url: str
    api_key: str

    def get(self, path: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.api_key}"}
        return httpx.get(f"{self.api_url}{path}", headers=headers, trust_env=False, timeout=30)


def copy_with(case: Case, into: Path) -> Path:
    """The project with one additional step file and one changed line."""
    into.mkdir()
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, into / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, into / name)
    shutil.copy(EXAMPLES / f"{case.name}.py", into / "functions" / f"{case.name}.py")
    registry = into / "functions" / "pipelines.py"
    text = registry.read_text()
    assert text.count(case.replaced) == 1
    text = text.replace(case.replaced, case.by)
    registry.write_text(
        text.replace(
            "from functions.text import",
            f"from functions.{case.name} import {case.name}\nfrom functions.text import",
            1,
        )
    )
    return into


@pytest.fixture(scope="module", params=[FOURTH, MAIN], ids=lambda case: case.name)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    case: Case = request.param
    folder = tmp_path_factory.mktemp(case.name)
    project, home = copy_with(case, folder / "project"), folder / "home"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "FAIRWAY_"))}
    environment = {**kept, "FAIRWAY_HOME": str(home), "FAIRWAY_PORT": "0", "FAIRWAY_SAMPLES": "0"}
    with (folder / "start.log").open("ab") as log:
        argv = [sys.executable, "-m", "infra.local"]
        process = subprocess.Popen(argv, cwd=project, env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + START_S
        while not (home / "endpoint.json").exists():
            assert process.poll() is None and time.monotonic() < deadline, (folder / "start.log").read_text()[-2000:]
            time.sleep(0.1)
        endpoint = json.loads((home / "endpoint.json").read_text())
        url, key = endpoint["api_url"], endpoint["api_key"]
        yield World(case, project, Client(url, key), url, key)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@pytest.fixture(scope="module")
def file(world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """An uploaded file once all its pipelines have ended."""
    path = tmp_path_factory.mktemp("upload") / "invoice.txt"
    path.write_bytes(world.case.content)
    dataset = world.client.dataset("with a new step", {"type": "object", "properties": {"total": {"type": "number"}}})
    batch = world.client.upload(dataset["id"], [path])
    *_, files = world.client.follow(dataset["id"], batch["id"], within_s=SETTLE_S)
    deadline = time.monotonic() + SETTLE_S
    while True:
        shown = world.client.call("GET", f"/files/{files[0]['id']}")
        if all(pipeline["state"] in ("done", "failed", "skipped") for pipeline in shown["pipelines"].values()):
            return shown  # type: ignore[no-any-return]
        assert time.monotonic() < deadline, shown["pipelines"]
        time.sleep(0.2)


def test_the_file_shows_the_state_of_the_new_step(world: World, file: dict[str, Any]) -> None:
    steps = {step["step"]: step for step in file["pipelines"][world.case.pipeline]["steps"]}
    assert file["state"] == "done", file["error"]
    assert steps[world.case.name]["state"] == "done"
    assert steps[world.case.name]["attempts"] == 1


def test_the_file_shows_what_the_new_step_made(world: World, file: dict[str, Any]) -> None:
    artifact = file["artifacts"][world.case.name]
    assert artifact["media_type"] == "application/json"
    assert httpx.get(artifact["url"], trust_env=False).json() == world.case.made
    assert file["artifacts"]["record"]["fields"] == {"total": 12.0}


def test_operations_and_metrics_show_the_new_step(world: World, file: dict[str, Any]) -> None:
    operations = world.get("/operations").json()
    assert operations["steps"][world.case.name]["concurrency"] == world.case.concurrency
    assert f'step="{world.case.name}"' in world.get("/metrics").text


def test_the_audit_of_all_files_balances(world: World, file: dict[str, Any]) -> None:
    audit = world.get("/operations/audit").json()
    assert audit["balanced"] and audit["findings"] == {}, audit


def test_the_new_step_can_be_run_again(world: World, file: dict[str, Any]) -> None:
    world.client.call("POST", f"/files/{file['id']}/redrive", {"step": world.case.name})
    deadline = time.monotonic() + SETTLE_S
    while time.monotonic() < deadline:
        history = world.client.call("GET", f"/files/{file['id']}/history")["attempts"]
        if [attempt["outcome"] for attempt in history if attempt["step"] == world.case.name] == ["done", "done"]:
            return
        time.sleep(0.2)
    raise AssertionError(history)


def test_the_contract_describes_the_new_step(world: World) -> None:
    schemas = world.get("/openapi.json").json()["components"]["schemas"]
    assert world.case.name in schemas["Step"]["properties"]["step"]["enum"]
    assert world.case.pipeline in schemas["File"]["properties"]["pipelines"]["properties"]
    assert world.case.name in schemas["Artifacts"]["properties"]


@pytest.mark.timeout(600)
def test_the_aws_template_holds_all_that_the_new_step_needs(world: World, tmp_path: Path) -> None:
    program = (
        "import json, sys; from pathlib import Path; from infra.aws.package import finish, run_chalice\n"
        "made = run_chalice(sys.argv[1], Path(sys.argv[2]))\n"
        "print(json.dumps(finish(json.loads((made / 'sam.json').read_text()))))"
    )
    shutil.copy(ROOT / "constraints.txt", world.project / "constraints.txt")
    (world.project / "requirements.txt").write_text("")  # the template does not depend on the packages of the functions
    argv = [sys.executable, "-c", program, STAGE, str(tmp_path)]
    ended = subprocess.run(argv, cwd=world.project, capture_output=True, text=True, timeout=580)
    assert ended.returncode == 0, ended.stderr[-2000:]
    resources = json.loads(ended.stdout)["Resources"]
    name = world.case.name.title().replace("_", "")
    function = resources[name]["Properties"]
    assert function["ReservedConcurrentExecutions"] == world.case.concurrency
    assert function["Timeout"] >= 30
    assert resources[f"{name}Queue"]["Properties"]["QueueName"] == f"fairway-{STAGE}-{world.case.name}"
    assert resources[f"{name}Dead"]["Type"] == "AWS::SQS::Queue"
    events = [event for event in function["Events"].values() if event["Type"] == "SQS"]
    assert [event["Properties"]["Queue"] for event in events] == [{"Fn::GetAtt": [f"{name}Queue", "Arn"]}]
    alarms = [resource for resource in resources.values() if resource["Type"] == "AWS::CloudWatch::Alarm"]
    assert any(f"{name}Dead" in json.dumps(alarm) or world.case.name in json.dumps(alarm) for alarm in alarms)
