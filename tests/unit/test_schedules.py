"""Schedules: one declaration, the notations of four schedulers, and calls of the API."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from chalice.app import CloudWatchEvent

from functions import schedules
from functions.api.routes import ROUTES
from functions.schedules import ALWAYS, SCHEDULES, Call, Schedule
from infra.aws import functions as aws_functions
from infra.aws.functions import resources
from infra.schedules import calls
from infra.schedules.__main__ import main
from infra.schedules.calls import Caller, CallFailed
from layers.domain.schedule import When
from layers.ports.jobs import NoJobs

MINUTELY, DAILY, WEEKLY = When(), When(hour=2, minute=30), When(hour=2, minute=30, weekday=6)
JOB = {"id": "7", "state": "running", "ended_at": None, "error": None}
FAILED = JOB | {"state": "failed", "ended_at": "2026-01-15T02:31:00Z", "error": "it broke"}
TWO_CALLS = Schedule(
    "two", "makes two calls", DAILY, (Call("POST", "/first", "first"), Call("GET", "/second?day={yesterday}"))
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("when", "now", "last"),
    [
        (MINUTELY, "2026-01-15T09:30:59", "2026-01-15T09:30:00"),
        (DAILY, "2026-01-15T02:30:00", "2026-01-15T02:30:00"),
        (DAILY, "2026-01-15T02:29:59", "2026-01-14T02:30:00"),
        (DAILY, "2026-01-01T01:00:00", "2025-12-31T02:30:00"),
        (WEEKLY, "2026-01-18T02:30:00", "2026-01-18T02:30:00"),  # a Sunday
        (WEEKLY, "2026-01-18T02:29:59", "2026-01-11T02:30:00"),
        (WEEKLY, "2026-01-15T12:00:00", "2026-01-11T02:30:00"),
    ],
)
def test_when_a_schedule_was_last_due(when: When, now: str, last: str) -> None:
    assert when.last(at(now)) == at(last)


@pytest.mark.parametrize(
    ("when", "cron", "eventbridge", "quartz"),
    [
        (MINUTELY, "* * * * *", "rate(1 minute)", "0 * * * * ? *"),
        (DAILY, "30 2 * * *", "cron(30 2 * * ? *)", "0 30 2 * * ? *"),
        (WEEKLY, "30 2 * * SUN", "cron(30 2 ? * SUN *)", "0 30 2 ? * SUN *"),
    ],
)
def test_the_notation_of_each_scheduler(when: When, cron: str, eventbridge: str, quartz: str) -> None:
    assert (when.as_cron, when.as_eventbridge, when.as_quartz) == (cron, eventbridge, quartz)


def test_every_call_is_a_route_that_a_scheduler_may_use() -> None:
    allowed = {(route.method, route.path) for route in ROUTES if route.is_for_scheduler}
    for schedule in SCHEDULES:
        for call in schedule.calls:
            assert (call.method, call.path.partition("?")[0]) in allowed, call


# --- workers -----------------------------------------------------------------------------------------


class Requested(NoJobs):
    """Remembers when each duty was last taken."""

    def __init__(self) -> None:
        self.taken: dict[str, datetime] = {}

    def start_due_job(self, duty: str, due_at: datetime, kind: str, parameters: Any) -> bool:
        is_due = self.taken.get(duty, datetime.min.replace(tzinfo=UTC)) < due_at
        if is_due:
            self.taken[duty] = due_at
        return is_due


def test_workers_start_a_schedule_once_each_time_it_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedules, "SCHEDULES", (TWO_CALLS,))
    runner: Any = SimpleNamespace(ports=SimpleNamespace(jobs=(jobs := Requested())))
    started = [
        schedules.start_due(runner, lambda now=now: at(now))  # type: ignore[misc]
        for now in ("2026-01-15T03:00:00", "2026-01-15T03:00:20", "2026-01-16T02:29:00", "2026-01-16T02:31:00")
    ]
    assert started == [["two"], [], [], ["two"]]
    assert set(jobs.taken) == {"two:first"}


def test_workers_do_not_start_what_their_own_timers_do() -> None:
    runner: Any = SimpleNamespace(ports=SimpleNamespace(jobs=(jobs := Requested())))
    schedules.start_due(runner)
    assert not any(duty.split(":")[0] in ALWAYS for duty in jobs.taken)


# --- EventBridge -------------------------------------------------------------------------------------


def test_eventbridge_has_a_rule_for_each_schedule_that_starts_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws_functions, "SCHEDULES", (*SCHEDULES, TWO_CALLS))
    events = resources("dev")["Upkeep"]["Properties"]["Events"]
    made = {json.loads(event["Properties"]["Input"])["detail"]["schedule"]: event for event in events.values()}
    expected = {each.name for each in (*SCHEDULES, TWO_CALLS) if each.kinds and each.name not in ALWAYS}
    assert set(made) == expected
    assert made["two"]["Properties"]["Schedule"] == "cron(30 2 * * ? *)"
    event = CloudWatchEvent(json.loads(made["two"]["Properties"]["Input"]), None)
    assert event.to_dict()["detail"] == {"schedule": "two"}


# --- calls of the API --------------------------------------------------------------------------------


class Received(NamedTuple):
    """A request as the server got it: `line` has its method and path."""

    line: str
    authorization: str
    idempotency_key: str
    body: str


@contextmanager
def api(*answers: tuple[int, Any]) -> Iterator[tuple[str, list[Received]]]:
    """A server that gives these answers in turn. Yields its address and the requests that it gets."""
    left: list[tuple[int, Any]] = list(answers)
    requests: list[Received] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            headers = self.headers
            body = self.rfile.read(int(headers.get("Content-Length") or 0)).decode()
            line, key = f"{self.command} {self.path}", headers.get("Idempotency-Key") or ""
            requests.append(Received(line, headers["Authorization"], key, body))
            status, answered = left.pop(0)
            content = json.dumps(answered, separators=(",", ":")).encode()  # as the API writes it
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = answer

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", requests
    finally:
        server.shutdown()
        server.server_close()


def test_the_second_call_waits_for_the_job_of_the_first() -> None:
    done = JOB | {"state": "done", "ended_at": "2026-01-15T02:31:00Z"}
    with api((202, JOB), (200, JOB), (200, done), (200, {"balanced": True})) as (url, requests):
        answers = Caller(url, "secret", lambda _seconds: None).run(TWO_CALLS)
    assert answers == [done, {"balanced": True}]
    assert [request.line for request in requests[:3]] == [
        "POST /first",
        "GET /operations/jobs/7",
        "GET /operations/jobs/7",
    ]
    assert requests[3].line.startswith("GET /second?day=20")
    assert {request.authorization for request in requests} == {"Bearer secret"}


@pytest.mark.parametrize(
    "answer",
    [(503, {"detail": "away"}), (401, {"detail": "the key was revoked"}), (202, FAILED)],
)
def test_a_schedule_ends_at_the_first_call_that_fails(answer: tuple[int, Any]) -> None:
    with api(answer) as (url, requests), pytest.raises(CallFailed) as failed:
        Caller(url, "secret", lambda _seconds: None).run(TWO_CALLS)
    assert "secret" not in str(failed.value)
    assert not any("second" in request.line for request in requests)


def test_a_call_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "LONGEST_S", -1)
    with api((202, JOB)) as (url, _), pytest.raises(CallFailed, match="has not ended"):
        Caller(url, "secret").run(TWO_CALLS)


def test_the_command_says_what_failed_and_never_the_key(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAIRWAY_SCHEDULER_KEY", "secret")
    with api((403, {"detail": "not allowed"})) as (url, _):
        assert main(["run", "nightly", "--url", url]) == 1
    output = capsys.readouterr()
    assert "not allowed" in output.err and "secret" not in output.out + output.err


def test_the_command_needs_a_key(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("FAIRWAY_SCHEDULER_KEY", raising=False)
    assert main(["run", "nightly"]) == 2
    assert "FAIRWAY_SCHEDULER_KEY" in capsys.readouterr().err
