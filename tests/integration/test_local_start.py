"""`python -m infra.local`: crashes, restarts, second starts, and two homes side by side."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest
import redis
import urllib3
from fairway_client import Client, is_settled

from infra.local import process_table
from layers.adapters.printing.libreoffice_printer import installed
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
LONG_S = 90.0


class Start:
    """A run of `python -m infra.local` on one home."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.output = home.with_name(f"{home.name}.out")
        self.http = urllib3.PoolManager(retries=False)
        self.process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        (self.home / "endpoint.json").unlink(missing_ok=True)
        settings = {"FAIRWAY_HOME": str(self.home), "FAIRWAY_PORT": "0", "FAIRWAY_SAMPLES": "0"}
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "infra.local"],
                cwd=ROOT,
                env={**os.environ, **settings},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def is_ready(self) -> bool:
        assert self.process is not None
        return (self.home / "endpoint.json").exists() or self.process.poll() is not None

    def run(self) -> Start:
        self.begin()
        assert eventually(self.is_ready, LONG_S)
        assert (self.home / "endpoint.json").exists(), self.output.read_text()
        return self

    @property
    def endpoint(self) -> dict[str, Any]:
        return dict(json.loads((self.home / "endpoint.json").read_text()))

    def family(self) -> list[process_table.Entry]:
        assert self.process is not None
        me = process_table.entry(self.process.pid)
        assert me is not None
        return [me, *process_table.descendants([me.pid])]

    def health(self) -> dict[str, Any] | None:
        try:
            answer = self.http.request("GET", f"{self.endpoint['api_url']}/health", timeout=10)
        except urllib3.exceptions.HTTPError:
            return None
        return dict(answer.json()) if answer.status == 200 else None

    def all_answer(self) -> bool:
        found = self.health()
        return found is not None and found["status"] == "ok"

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait()


def kill_all(family: list[process_table.Entry]) -> None:
    process_table.send(family, signal.SIGKILL)
    assert process_table.await_end(family, LONG_S) == []


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    start = Start(tmp_path_factory.mktemp("start") / "home").run()
    yield start
    start.end()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Start]:
    start = Start(tmp_path / "home")
    yield start
    start.end()


def test_the_endpoint_file_has_everything_that_a_client_needs(running: Start) -> None:
    path = running.home / "endpoint.json"
    found = running.endpoint
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(found) == [
        *("api_url", "api_key", "aws_endpoint_url", "store_public_url", "aws_access_key_id", "aws_secret_access_key"),
        *("bucket", "database_url", "redis_url", "processes"),
    ]
    assert {"api", "worker-1", "worker-2", "postgres", "valkey", "store"} == set(found["processes"]) - {"preview"}
    assert ("preview" in found["processes"]) is (installed() is not None)
    below = {process.pid for process in running.family()}
    assert set(found["processes"].values()) <= below


def test_every_address_in_the_endpoint_file_responds(running: Start) -> None:
    found = running.endpoint
    session = boto3.session.Session(found["aws_access_key_id"], found["aws_secret_access_key"], region_name="us-east-1")
    s3 = session.client("s3", endpoint_url=found["aws_endpoint_url"])
    sqs = session.client("sqs", endpoint_url=found["aws_endpoint_url"])
    assert s3.get_bucket_versioning(Bucket=found["bucket"])["Status"] == "Enabled"
    assert any(url.endswith("/fairway-intake") for url in sqs.list_queues()["QueueUrls"])
    with psycopg.connect(found["database_url"]) as connection:
        assert connection.execute("SELECT name FROM tenants WHERE name = 'local'").fetchall() == [("local",)]
    assert redis.Redis.from_url(found["redis_url"]).ping()
    mine = {"Authorization": f"Bearer {found['api_key']}"}
    assert running.http.request("GET", f"{found['api_url']}/datasets", headers=mine).status == 200
    assert running.http.request("GET", f"{found['api_url']}/datasets").status == 401


def verified(start: Start) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "infra.doctor", "--verify", "--home", str(start.home)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LONG_S, check=False)


def test_the_doctor_names_what_is_damaged_deleted_and_foreign_in_a_running_start(
    running: Start, tmp_path: Path
) -> None:
    found = running.endpoint
    client = Client(found["api_url"], found["api_key"])
    paths = [tmp_path / f"{name}.txt" for name in ("damaged", "deleted", "sound")]
    for path in paths:
        path.write_text(f"{path.stem} " * 10_000)  # more than the object store keeps in its index
    dataset_id = client.dataset("to verify")["id"]
    *_, files = client.follow(dataset_id, client.upload(dataset_id, paths)["id"], within_s=LONG_S)
    assert all(is_settled(file) for file in files)
    before = verified(running)
    assert (before.returncode, before.stderr.count("Traceback")) == (0, 0), before
    with psycopg.connect(found["database_url"]) as connection:
        rows = connection.execute("SELECT name, object_key, version_id FROM files").fetchall()
    keys = {name: (key, version_id) for name, key, version_id in rows}
    body = next((running.home / "objects" / "bodies").rglob(keys["damaged.txt"][1]))
    content = body.read_bytes()
    body.write_bytes(b"X" + content[1:])
    session = boto3.session.Session(found["aws_access_key_id"], found["aws_secret_access_key"], region_name="us-east-1")
    s3 = session.client("s3", endpoint_url=found["aws_endpoint_url"])
    s3.delete_object(Bucket=found["bucket"], Key=keys["deleted.txt"][0], VersionId=keys["deleted.txt"][1])
    s3.put_object(Bucket=found["bucket"], Key="somebody/elses", Body=b"x")
    after = verified(running)
    findings = {tuple(line.split()[::2]) for line in after.stdout.splitlines() if len(line.split()) == 3}
    assert after.returncode == 1
    assert findings >= {
        ("wrong_checksum", keys["damaged.txt"][0]),
        ("originals_missing", keys["deleted.txt"][0]),
        ("unknown", "somebody/elses"),
    }, after
    assert keys["sound.txt"][0] not in after.stdout


def test_no_command_line_and_no_log_contains_a_secret(running: Start) -> None:
    found = running.endpoint
    passwords = (found["aws_secret_access_key"], found["redis_url"].split(":")[2].split("@")[0], found["api_key"])
    lines = [Path(f"/proc/{process.pid}/cmdline").read_text() for process in running.family()]
    logs = [path.read_text(errors="replace") for path in (running.home / "logs").iterdir()]
    assert [text for text in (*lines, *logs) for secret in passwords if secret in text] == []


def test_a_second_start_on_the_home_names_the_first(running: Start) -> None:
    assert running.process is not None
    before = running.endpoint
    second = subprocess.run(
        [sys.executable, "-m", "infra.local"],
        cwd=ROOT,
        env={**os.environ, "FAIRWAY_HOME": str(running.home), "FAIRWAY_PORT": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 1
    assert f"kill {running.process.pid}" in second.stderr
    assert "Traceback" not in second.stderr
    assert running.endpoint == before


def test_an_api_port_in_use_is_an_error(running: Start, tmp_path: Path) -> None:
    port = running.endpoint["api_url"].rsplit(":", 1)[1]
    second = subprocess.run(
        [sys.executable, "-m", "infra.local"],
        cwd=ROOT,
        env={**os.environ, "FAIRWAY_HOME": str(tmp_path / "home"), "FAIRWAY_PORT": port},
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 1
    assert f"Port {port} is in use" in second.stderr
    assert not (tmp_path / "home" / "endpoint.json").exists()


def test_the_doctor_finds_nothing_wrong_and_sees_an_event_arrive(running: Start) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "infra.doctor", "--home", str(running.home)], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the event of a new object arrived" in done.stdout
    assert "the database has all migrations" in done.stdout


@pytest.mark.parametrize("name", ["worker-1", "valkey", "store", "postgres", "api"])
def test_a_killed_process_is_restarted_and_everything_responds(running: Start, name: str) -> None:
    before = running.endpoint["processes"]
    os.kill(before[name], signal.SIGKILL)
    assert eventually(lambda: running.endpoint["processes"].get(name) not in (None, before[name]), LONG_S)
    assert eventually(running.all_answer, LONG_S)
    now = running.endpoint["processes"]
    assert {other: pid for other, pid in now.items() if other != name} == {
        other: pid for other, pid in before.items() if other != name
    }


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_leaves_no_process_and_no_endpoint_file(fresh: Start, number: signal.Signals) -> None:
    family = fresh.run().family()
    assert fresh.end(number) == 0
    assert [process for process in family if process_table.lives(process.pid, process.started)] == []
    assert process_table.marked_with(f"FAIRWAY_HOME={fresh.home}") == []
    assert not (fresh.home / "endpoint.json").exists()


def test_a_home_of_the_first_version_is_refused_and_left_as_it_is(fresh: Start) -> None:
    old = fresh.home / "objects" / "fairway" / "originals"
    old.mkdir(parents=True)
    fresh.begin()
    assert fresh.process is not None and fresh.process.wait(LONG_S) == 1
    assert "contains files of Fairway 0.1" in fresh.output.read_text()
    assert old.is_dir()


def test_an_interrupted_start_leaves_no_process(fresh: Start) -> None:
    fresh.begin()
    assert eventually((fresh.home / "run.json").exists, LONG_S)
    family = fresh.family()
    assert fresh.end(signal.SIGINT) == 130
    assert [process for process in family if process_table.lives(process.pid, process.started)] == []
    assert "Traceback" not in fresh.output.read_text()


def test_the_next_start_works_after_everything_was_killed(fresh: Start) -> None:
    fresh.run()
    before = fresh.endpoint
    with psycopg.connect(before["database_url"], autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS n")
    kill_all(fresh.family())
    fresh.run()
    now = fresh.endpoint
    assert {**now, "processes": None} == {**before, "processes": None}
    with psycopg.connect(now["database_url"]) as connection:
        assert connection.execute("SELECT n FROM kept").fetchall() == [(42,)]
    assert eventually(fresh.all_answer, LONG_S)


def test_the_next_start_ends_processes_that_a_killed_supervisor_left_behind(fresh: Start) -> None:
    fresh.run()
    family = fresh.family()
    # A stopped process does not act on the death signal that the kernel sends.
    process_table.send(family[1:], signal.SIGSTOP)
    process_table.send(family[:1], signal.SIGKILL)
    fresh.run()
    assert [process for process in family if process_table.lives(process.pid, process.started)] == []
    assert eventually(fresh.all_answer, LONG_S)


def test_two_homes_run_side_by_side(running: Start, fresh: Start) -> None:
    fresh.run()
    first, second = running.endpoint, fresh.endpoint
    for name in ("api_url", "api_key", "aws_endpoint_url", "aws_secret_access_key", "database_url", "redis_url"):
        assert first[name] != second[name]
    assert not set(first["processes"].values()) & set(second["processes"].values())
    assert running.all_answer() and fresh.all_answer()
    assert fresh.end() == 0
    assert eventually(running.all_answer, LONG_S)
