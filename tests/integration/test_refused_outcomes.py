"""Outcomes that PostgreSQL refuses: the attempt fails, and the step does not stay `running`."""

from __future__ import annotations

import json

import pytest

from layers.attempts.runner import Runner
from layers.domain.page import Page
from layers.domain.retry import RetryPolicy
from layers.domain.step import Done, Pipeline, PlannedStep, step
from layers.ports import Ports
from tests.fakes import MemoryObjects, MemoryTopics
from tests.making import ONE_PART, Bench, Urls


@step()
def intake(file, work): ...  # type: ignore[no-untyped-def]


@step(retry=RetryPolicy(max_attempts=2, base_s=0.0))
def text(file, work):  # type: ignore[no-untyped-def]
    return Done(pages=(Page(0, "a page with a number that the table does not take"),))


def test_a_step_whose_outcome_violates_a_check_fails_as_internal_error(
    database_urls: Urls, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = Bench.on(database_urls)
    bench.empty()
    ports = Ports(bench.store, MemoryObjects(), MemoryTopics(), None, None, None)  # type: ignore[arg-type]
    runner = Runner(ports, intake, (Pipeline("main", (text,)),), {"text": 1}, host="worker-1")
    (wake_up,) = bench.planned(1, [PlannedStep("text", ONE_PART)])
    assert runner.run(wake_up)
    assert bench.states(wake_up.file_id)["text", 0] == "retrying"
    bench.store.wake_due(10)
    (again,) = bench.store.dispatch({"text": 1})
    assert runner.run(again)
    assert bench.states(wake_up.file_id)["text", 0] == "failed"
    row = bench.database.row("SELECT state, error_step, error_code FROM files")
    assert row == {"state": "failed", "error_step": "text", "error_code": "internal_error"}
    refused = [json.loads(line) for line in capsys.readouterr().err.splitlines() if "outcome_refused" in line]
    assert [(event["step"], event["file_id"]) for event in refused] == [("text", wake_up.file_id)] * 2
