"""A real DolphinScheduler 3.1.1 runs Fairway's scheduled work: ticks, a DAG, crashes on both sides, a revoked token.

`make test-cluster` fetches it by Maven at the first run. Fairway is an embedded start here.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fairway_client import Client as Fairway

from infra.cluster import dolphinscheduler, own_network
from infra.dolphinscheduler.client import Client, DolphinSchedulerError, Words
from infra.dolphinscheduler.installation import Installation, Target
from infra.dolphinscheduler.workflows import PREFIX, declared
from infra.local import postgres, process_table
from infra.local.ports import choose_ports
from infra.local.process import Process, Running, kill_group
from tests.acceptance.test_embedded import Start
from tests.listening import EVERYWHERE, listening, sockets_of

pytestmark = pytest.mark.timeout(900)
START_S, TICK_S, DAG_S = 240.0, 200.0, 300.0
PASSWORD = "scheduler"
FILES = 200
ENDED = {"SUCCESS", "FAILURE", "STOP", "KILL"}
OLD = {"type": "object", "properties": {"total": {"type": "number", "x-labels": ["Total"]}}}
NEW = {"type": "object", "properties": {"total": {"type": "number", "x-labels": ["Paid"]}}}


def wait_for(holds: Callable[[], Any], within_s: float) -> Any:
    deadline = time.monotonic() + within_s
    while not (value := holds()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.5)
    return value


class Scheduler:
    """A DolphinScheduler process with a database server of its own, which a kill -9 does not end."""

    def __init__(self, home: Path, api_url: str) -> None:
        self.home, self.database_log = home, home.parent / "postgres.log"
        home.mkdir()
        self.ports = choose_ports(home.parent / "ports.json", (*dolphinscheduler.PORTS, "postgres"), 0)
        self.database = self._start_database()
        database_url = postgres.database_url(self.ports["postgres"], PASSWORD, "postgres")
        self.process = dolphinscheduler.declare(home, self.ports, database_url, api_url, {})
        self.child: subprocess.Popen[bytes] | None = None
        self.token_id = 0

    def _start_database(self) -> subprocess.Popen[bytes]:
        program = postgres.prepare(self.home, PASSWORD, self.database_log)
        process: Process = postgres.declare(self.home, program, self.ports["postgres"], PASSWORD)
        child = Running(process, generation=1).spawn(self.database_log)
        wait_for(process.is_ready, START_S)
        return child

    @property
    def url(self) -> str:
        return dolphinscheduler.url(self.ports["dolphinscheduler"])

    def start(self) -> None:
        self.child = Running(self.process, generation=1).spawn(self.home.parent / "dolphinscheduler.log")
        wait_for(self.process.is_ready, START_S)

    def kill(self) -> None:
        assert self.child
        kill_group(self.child.pid)
        self.child.wait()

    def stop(self) -> None:
        if self.child and self.child.poll() is None:
            self.kill()
        kill_group(self.database.pid)
        self.database.wait()

    def make_token(self) -> str:
        """A new access token of the admin, by the session of a login."""
        admin = self.admin()
        made = admin.post("/access-tokens", userId=1, expireTime="2099-01-01 00:00:00")
        self.token_id = made["id"]
        return str(made["token"])

    def admin(self) -> Client:
        return dolphinscheduler.admin(self.url)


class Site:
    """Fairway and DolphinScheduler, connected."""

    def __init__(self, start: Start, scheduler: Scheduler) -> None:
        self.start, self.scheduler = start, scheduler
        self.fairway: Fairway = start.client
        tenant = self.fairway.call("POST", "/operations/tenants", {"name": "scheduled"})
        self.owner = Fairway(start.endpoint["api_url"], tenant["api_key"])
        key = self.fairway.call("POST", f"/operations/tenants/{tenant['id']}/keys", {"role": "scheduler"})
        self.key_id, self.key = key["id"], key["api_key"]
        self.key_file = scheduler.home.parent / "key"
        dolphinscheduler.write_secret(self.key_file, self.key)
        self.client = Client(scheduler.url, scheduler.make_token())
        self.installation = Installation(self.client)
        self.install()
        self.project = next(int(each["code"]) for each in self.client.listed("/projects") if each["name"] == "fairway")
        self.words: Words = self.client.words(self.project)

    def install(self, dataset: str = "") -> list[str]:
        user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
        target = Target(self.start.endpoint["api_url"], tenant=user, key_file=str(self.key_file))
        return self.installation.install(target, declared(dataset))

    def code(self, workflow: str) -> int:
        found = self.client.listed(f"/projects/{self.project}/{self.words.definitions}", searchVal=workflow)
        return next(int(each["code"]) for each in found if each["name"] == PREFIX + workflow)

    def runs(self, workflow: str) -> list[dict[str, Any]]:
        """The runs of a workflow, newest first."""
        query = {self.words.instances_of: self.code(workflow)}
        return self.client.listed(f"/projects/{self.project}/{self.words.instances}", **query)

    def run(self, workflow: str, **parameters: str) -> int:
        """Start a workflow. Returns the number of runs before."""
        before = len(self.runs(workflow))
        self.client.post(
            f"/projects/{self.project}/executors/{self.words.start}",
            **{self.words.definition_code: self.code(workflow), self.words.priority: "MEDIUM"},
            scheduleTime="",
            failureStrategy="END",
            warningType="NONE",
            warningGroupId=0,
            workerGroup="default",
            startParams=json.dumps(parameters),
        )
        return before

    def ended(self, workflow: str, count: int, within_s: float = DAG_S) -> dict[str, Any]:
        """The newest run, once so many runs exist and it has ended."""

        def newest() -> dict[str, Any] | None:
            runs = self.runs(workflow)
            return runs[0] if len(runs) >= count and runs[0]["state"] in ENDED else None

        run: dict[str, Any] = wait_for(newest, within_s)
        return run

    def tasks(self, run: dict[str, Any]) -> list[tuple[str, str]]:
        path = f"/projects/{self.project}/{self.words.instances}/{run['id']}/tasks"
        return sorted((task["name"], task["state"]) for task in self.client.get(path)["taskList"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("dolphinscheduler")
    start = Start(folder / "home").up()
    try:
        scheduler = Scheduler(folder / "scheduler", start.endpoint["api_url"])
        try:
            scheduler.start()
            yield Site(start, scheduler)
        finally:
            scheduler.stop()
    finally:
        if start.process:
            start.down()


@pytest.mark.skipif(not own_network.is_allowed(), reason="this host allows no network namespace")
def test_other_machines_reach_no_port_of_dolphinscheduler(site: Site) -> None:
    assert site.scheduler.child
    pid = site.scheduler.child.pid
    pids = [pid, *(entry.pid for entry in process_table.descendants([pid]))]
    inside = listening(pid)
    assert {site.scheduler.ports[name] for name in dolphinscheduler.PORTS} <= {port for _, port in inside.values()}
    assert any(address == EVERYWHERE for address, _ in inside.values()), (
        "it binds all its ports to the loopback address"
    )
    of_host = [place for inode, place in listening("self").items() if inode in sockets_of(pids)]
    assert of_host == [("127.0.0.1", site.scheduler.ports["dolphinscheduler"])]


def test_two_ticks_of_upkeep_succeed_and_nothing_changes_when_installed_again(site: Site) -> None:
    site.ended("upkeep", 2, TICK_S)
    assert {run["state"] for run in site.runs("upkeep")} <= {"SUCCESS", "RUNNING_EXECUTION", "SUBMITTED_SUCCESS"}
    jobs = Fairway(site.start.endpoint["api_url"], site.key).call("GET", "/operations/jobs?kind=upkeep")["jobs"]
    states = [job["state"] for job in jobs]
    assert states.count("done") >= 2 and "failed" not in states
    assert site.install() == []


def test_the_nightly_work_and_the_report_run(site: Site) -> None:
    for workflow, tasks in (("nightly", ["audit", "purge"]), ("report", ["report"])):
        run = site.ended(workflow, site.run(workflow) + 1)
        assert site.tasks(run) == [(name, "SUCCESS") for name in tasks]


def _dataset(site: Site, folder: Path) -> str:
    """A dataset of the scheduled tenant with many files that are done."""
    folder.mkdir()
    paths = [folder / f"{number}.txt" for number in range(FILES)]
    for number, path in enumerate(paths):
        path.write_text(f"Receipt {number}\nTotal: {number}.50\nPaid: {number + 1}.50\n")
    dataset = site.owner.call("POST", "/datasets", {"name": folder.name, "schema": OLD})
    batch = site.owner.upload(dataset["id"], paths)
    *_, files = site.owner.follow(dataset["id"], batch["id"], within_s=DAG_S)
    assert {file["state"] for file in files} == {"done"}
    return str(dataset["id"])


def _records(site: Site, dataset: str) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = site.owner.call("GET", f"/datasets/{dataset}/records")["records"]
    return records


def test_a_dag_that_is_killed_in_its_middle_finishes_after_a_restart_and_does_nothing_twice(
    site: Site, tmp_path: Path
) -> None:
    dataset = _dataset(site, tmp_path / "receipts")
    body = json.dumps({"schema": NEW})
    before = site.run("reprocess", dataset=dataset, plan_body=body)
    wait_for(lambda: any(record["schema_version"] == 2 for record in _records(site, dataset)), DAG_S)
    site.scheduler.kill()
    site.scheduler.start()
    run = site.ended("reprocess", before + 1)
    assert run["state"] == "SUCCESS", site.tasks(run)
    (plan,) = site.owner.call("GET", f"/datasets/{dataset}/plans")["plans"]
    assert (plan["state"], plan["applied"]["files"], plan["applied"]["failed"]) == ("applied", FILES, 0)
    records = _records(site, dataset)
    assert len(records) == FILES and {record["schema_version"] for record in records} == {2}
    files = site.owner.call("GET", f"/datasets/{dataset}/files?limit=20")["files"]
    for file in files:
        attempts = site.owner.call("GET", f"/files/{file['id']}/history")["attempts"]
        assert sum(attempt["step"] == "extraction" for attempt in attempts) == 2
    audit = site.fairway.call("GET", "/operations/audit")
    assert (audit["lost"], audit["doubled"]) == (0, 0), audit


def test_a_fairway_that_is_down_fails_a_tick_and_the_next_one_succeeds(site: Site) -> None:
    site.start.down()
    wait_for(lambda: site.runs("upkeep")[0]["state"] == "FAILURE", TICK_S)
    site.start.up()
    wait_for(lambda: site.runs("upkeep")[0]["state"] == "SUCCESS", TICK_S)


def test_no_log_contains_the_key(site: Site) -> None:
    logs = [site.scheduler.home.parent / "dolphinscheduler.log", *site.scheduler.home.rglob("*.log")]
    assert len(logs) > 3
    assert not [path for path in logs if site.key in path.read_text(errors="replace")]
    kept = [path for path in (site.scheduler.home / "work").rglob("*") if path.is_file()]
    assert not [path for path in kept if site.key in path.read_text(errors="replace")]


def test_a_revoked_key_of_fairway_fails_the_ticks(site: Site) -> None:
    site.fairway.call("DELETE", f"/operations/keys/{site.key_id}")
    wait_for(lambda: site.runs("upkeep")[0]["state"] == "FAILURE", TICK_S)


def test_a_deleted_token_is_named(site: Site) -> None:
    site.scheduler.admin().delete(f"/access-tokens/{site.scheduler.token_id}")
    with pytest.raises(DolphinSchedulerError, match="token"):
        site.installation.status()
