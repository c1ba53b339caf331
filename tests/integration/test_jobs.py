"""Jobs: what schedulers request, workers run once, in slices, whatever fails in between."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from functions import jobs
from functions.api import jobs as api_jobs
from layers.adapters.postgres.database import Database
from layers.adapters.postgres.jobs import PostgresJobs
from layers.attempts.runner import Runner
from layers.domain.errors import DependencyDown, PermanentError
from layers.domain.job import RETRY_DELAYS_S, Job, Slice
from layers.domain.step import Pipeline, step
from layers.ports import Ports
from tests.fakes import MemoryObjects, MemoryTopics
from tests.integration.conftest import Api
from tests.integration.test_api import problem
from tests.integration.test_store_races import all_at_once
from tests.making import Urls

COUNT = 5


@step()
def intake(file, work): ...  # type: ignore[no-untyped-def]


@step()
def text(file, work): ...  # type: ignore[no-untyped-def]


@dataclass
class Host:
    """The API, and the means of a worker."""

    api: Api
    jobs: PostgresJobs
    others: dict[str, Any] = field(default_factory=dict)

    def runner(self, host: str = "worker") -> Runner:
        ports = Ports(
            self.api.bench.store, MemoryObjects(), MemoryTopics(), None, None, None, jobs=self.jobs, **self.others
        )  # type: ignore[arg-type]
        return Runner(ports, intake, (Pipeline("main", (text,)),), {"intake": 100, "text": 100}, host=host)

    def advance(self) -> int:
        return jobs.advance(self.runner())

    def request(self, kind: str) -> str:
        with self.api.bench.catalog.transaction() as catalog:
            catalog.act_as(self.api.bench.tenant(), is_system=True)
            return str(catalog.request_system_job(kind, {}).job_id)

    def row(self, job_id: str) -> dict[str, Any]:
        row = self.api.bench.database.row("SELECT * FROM jobs WHERE job_id = %(job_id)s", job_id=job_id)
        assert row
        return row

    def time_passes(self) -> None:
        self.api.bench.database.run("UPDATE jobs SET due_at = due_at - interval '1 hour'")


@pytest.fixture
def host(api: Api, database_urls: Urls) -> Host:
    api.bench.empty()
    return Host(api, PostgresJobs(Database(database_urls.worker, prepares=not database_urls.is_pooled)))


@pytest.fixture
def scheduler(host: Host) -> Iterator[httpx.Client]:
    with host.api.caller(role="scheduler") as client:
        yield client


@contextmanager
def working(host: Host) -> Iterator[None]:
    """Let a worker run jobs."""
    stop, runner = threading.Event(), host.runner()

    def work() -> None:
        while not stop.wait(0.05):
            jobs.advance(runner)

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    try:
        yield
    finally:
        stop.set()
        worker.join()


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A kind of job that counts to `COUNT`, one in each slice."""
    counted: list[int] = []

    def count(_runner: Runner, job: Job) -> Slice:
        number = job.position.get("number", 0) + 1
        counted.append(number)
        return Slice({"last": number}, {"number": number}, number, COUNT, has_ended=number == COUNT)

    monkeypatch.setitem(jobs.RUN, "count", count)  # type: ignore[arg-type]
    return counted


# --- the requests of a scheduler --------------------------------------------------------------------


def test_a_schedulers_key_runs_upkeep_and_gets_what_it_did(host: Host, scheduler: httpx.Client) -> None:
    host.api.bench.arrived(1)
    with working(host):
        answer = scheduler.post("/operations/upkeep")
    body = answer.json()
    assert (answer.status_code, body["state"], body["result"]["ran"]) == (200, "done", True)
    assert body["result"]["failed"] == [] and body["result"]["done"]["counts_folded"] > 0


def test_a_second_round_within_a_minute_does_nothing(host: Host, scheduler: httpx.Client) -> None:
    with working(host):
        results = [scheduler.post("/operations/upkeep").json()["result"] for _ in range(2)]
    assert [result["ran"] for result in results] == [True, False]


def test_the_same_request_gets_the_same_open_job(
    host: Host, scheduler: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_jobs, "LONGEST_WAIT_S", 0)
    answers = [scheduler.post("/operations/pulse") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert host.advance() == 1
    assert scheduler.get(f"/operations/jobs/{answers[0].json()['id']}").json()["state"] == "done"


@pytest.mark.parametrize("kind", ["upkeep", "pulse"])
def test_other_roles_below_admin_can_not_request_work_of_the_system(host: Host, kind: str) -> None:
    problem(host.api.caller(role="operator").post(f"/operations/{kind}"), 403, "forbidden")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/datasets"),
        ("POST", "/datasets"),
        ("GET", "/operations"),
        ("GET", "/metrics"),
        ("GET", "/operations/tenants"),
        ("POST", "/operations/tenants"),
        ("GET", "/operations/dead-letters"),
    ],
)
def test_a_schedulers_key_can_do_nothing_else(scheduler: httpx.Client, method: str, path: str) -> None:
    problem(scheduler.request(method, path), 403, "forbidden")


def test_only_an_admin_makes_keys_for_schedulers(host: Host) -> None:
    tenant_id = host.api.bench.tenant()
    keys = f"/operations/tenants/{tenant_id}/keys"
    made = host.api.caller(role="admin").post(keys, json={"role": "scheduler"})
    assert (made.status_code, made.json()["role"]) == (201, "scheduler")
    problem(host.api.caller(tenant_id).post(keys, json={"role": "scheduler"}), 403, "forbidden")


def test_a_revoked_schedulers_key_stops(host: Host) -> None:
    tenant_id = host.api.bench.tenant()
    admin = host.api.caller(role="admin")
    made = admin.post(f"/operations/tenants/{tenant_id}/keys", json={"role": "scheduler"}).json()
    scheduler = host.api.with_headers(Authorization=f"Bearer {made['api_key']}")
    assert scheduler.get("/operations/jobs").status_code == 200
    admin.delete(f"/operations/keys/{made['id']}")
    problem(scheduler.post("/operations/upkeep"), 401, "unauthorized")


# --- what is listed, and to whom ---------------------------------------------------------------------


def test_jobs_of_the_system_are_listed_for_schedulers_and_admins_only(host: Host, scheduler: httpx.Client) -> None:
    job_id = host.request("pulse")
    for role, sees in (("scheduler", True), ("admin", True), ("operator", False)):
        client = host.api.caller(role=role)
        assert [job["id"] for job in client.get("/operations/jobs").json()["jobs"]] == [job_id] * sees
        assert client.get(f"/operations/jobs/{job_id}").status_code == (200 if sees else 404)


def test_a_job_of_another_tenant_is_unknown(host: Host, scheduler: httpx.Client) -> None:
    bench = host.api.bench
    tenant_id = bench.tenant()
    dataset_id = bench.dataset(tenant_id)
    with bench.tenants(tenant_id) as catalog:
        job = catalog.request_job("count", dataset_id, {})
        assert job is not None
    path = f"/operations/jobs/{job.job_id}"
    assert host.api.caller(tenant_id).get(path).json()["dataset_id"] == dataset_id
    for client in (host.api.caller(), scheduler):
        problem(client.get(path), 404, "not_found")
        problem(client.post(f"{path}/cancel"), 404, "not_found")
        assert client.get("/operations/jobs").json()["jobs"] == []


def test_a_dataset_of_another_tenant_gets_no_job(host: Host) -> None:
    bench = host.api.bench
    dataset_id = bench.dataset(bench.tenant())
    with bench.tenants(bench.tenant()) as catalog:
        assert catalog.request_job("count", dataset_id, {}) is None


def test_jobs_are_listed_in_pages_by_kind_and_state(host: Host, scheduler: httpx.Client) -> None:
    ended = []
    for _ in range(3):
        ended.append(host.request("pulse"))
        host.advance()
    open_id = host.request("upkeep")
    first = scheduler.get("/operations/jobs?limit=2").json()
    second = scheduler.get(f"/operations/jobs?limit=2&cursor={first['next_cursor']}").json()
    assert [job["id"] for page in (first, second) for job in page["jobs"]] == [open_id, *reversed(ended)]
    assert second["next_cursor"] is None
    assert [job["id"] for job in scheduler.get("/operations/jobs?state=open").json()["jobs"]] == [open_id]
    assert len(scheduler.get("/operations/jobs?kind=pulse&state=ended").json()["jobs"]) == 3


# --- slices ------------------------------------------------------------------------------------------


def test_a_job_goes_on_where_its_last_slice_ended(host: Host, counting: list[int]) -> None:
    job_id = host.request("count")
    assert host.advance() == COUNT
    row = host.row(job_id)
    assert (row["state"], row["done"], row["total"], row["result"]) == ("done", COUNT, COUNT, {"last": COUNT})
    assert counting == [1, 2, 3, 4, 5]


def test_a_slice_whose_worker_died_runs_again(host: Host, counting: list[int]) -> None:
    job_id = host.request("count")
    assert host.jobs.claim_job(["count"], 60)  # this worker dies
    assert host.advance() == 0
    host.time_passes()
    assert host.advance() == COUNT
    assert host.row(job_id)["state"] == "done"


def test_a_worker_whose_lease_was_lost_writes_nothing(host: Host, counting: list[int]) -> None:
    job_id = host.request("count")
    late = host.jobs.claim_job(["count"], 60)
    assert late
    host.time_passes()
    host.advance()
    assert not host.jobs.end_slice(late, Slice({"last": 1}, {"number": 1}, 1))
    assert not host.jobs.fail_job(late, "late")
    assert host.row(job_id)["result"] == {"last": COUNT}


def test_several_workers_run_each_slice_once(host: Host, counting: list[int]) -> None:
    host.request("count")
    all_at_once([host.advance] * 4)
    assert sorted(counting) == [1, 2, 3, 4, 5]


def test_a_cancelled_job_ends_after_its_slice(host: Host, scheduler: httpx.Client, counting: list[int]) -> None:
    job_id = host.request("count")
    running = host.jobs.claim_job(["count"], 60)
    assert running
    assert scheduler.post(f"/operations/jobs/{job_id}/cancel").json()["state"] == "cancelling"
    assert host.jobs.end_slice(running, Slice({"last": 1}, {"number": 1}, 1, COUNT))
    host.advance()
    shown = scheduler.get(f"/operations/jobs/{job_id}").json()
    assert (shown["state"], shown["result"], counting) == ("cancelled", {"last": 1}, [])
    problem(scheduler.post(f"/operations/jobs/{job_id}/cancel"), 409, "conflict")


def test_a_waiting_job_is_cancelled_at_once(host: Host, scheduler: httpx.Client, counting: list[int]) -> None:
    job_id = host.request("count")
    assert scheduler.post(f"/operations/jobs/{job_id}/cancel").json()["state"] == "cancelled"
    assert host.advance() == 0
    assert host.request("count") != job_id


@pytest.mark.parametrize(
    ("error", "state", "failures"),
    [
        (PermanentError("no_bucket", "there is no such bucket"), "failed", 0),
        (DependencyDown("object_store", "it is away"), "running", 0),
        (ValueError("a fault"), "running", 1),
    ],
)
def test_what_an_error_means_for_a_job(
    host: Host, monkeypatch: pytest.MonkeyPatch, error: Exception, state: str, failures: int
) -> None:
    def fail(_runner: Runner, _job: Job) -> Slice:
        raise error

    monkeypatch.setitem(jobs.RUN, "fail", fail)  # type: ignore[arg-type]
    row = host.row(job_id := host.request("fail"))
    host.advance()
    row = host.row(job_id)
    assert (row["state"], row["failures"], row["lease_id"]) == (state, failures, None)
    assert "a fault" not in row["error"]


def test_a_job_fails_after_its_last_retry(host: Host, scheduler: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_runner: Runner, _job: Job) -> Slice:
        raise ValueError("a fault")

    monkeypatch.setitem(jobs.RUN, "pulse", fail)  # type: ignore[arg-type]
    job_id = host.request("pulse")
    for _ in RETRY_DELAYS_S:
        host.advance()
        host.time_passes()
    with working(host):
        problem(scheduler.post("/operations/pulse"), 500, "internal_error")
    assert host.row(job_id)["state"] == "failed"


def test_a_job_of_an_unknown_kind_waits_for_a_newer_worker(host: Host) -> None:
    host.request("of a later release")
    assert host.advance() == 0


def test_the_history_of_jobs_is_limited(host: Host, counting: list[int]) -> None:
    for kind, days, kept in (("pulse", 2, 0), ("pulse", 0, 1), ("count", 2, 1), ("count", 31, 0)):
        host.api.bench.database.run("DELETE FROM jobs")
        host.request(kind)
        host.api.bench.database.run("DELETE FROM duties")
        host.advance()
        host.api.bench.database.run("UPDATE jobs SET ended_at = ended_at - make_interval(days => %(days)s)", days=days)
        host.jobs.forget_jobs(["pulse"])
        row = host.api.bench.database.row("SELECT count(*)::integer AS kept FROM jobs")
        assert row and row["kept"] == kept, (kind, days)
