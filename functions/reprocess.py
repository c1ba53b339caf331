"""Reprocess: a dry run shows what it would change to process files again; apply does it, and a rollback takes it back.

The dry run extracts values from the stored pages and stores nothing, so it can compare records only where extraction
alone runs again. Apply keeps each file's former record, and has few files in process at a time, so that new uploads of
the tenant hardly wait for it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from functions.extraction import extraction, found_in
from functions.pipelines import INTAKE, PIPELINES
from layers.attempts.runner import Runner
from layers.domain import differences, lifecycle
from layers.domain.differences import NOTHING, Found
from layers.domain.errors import PermanentError
from layers.domain.file import File
from layers.domain.ids import FIRST_ID
from layers.domain.job import Job, Slice
from layers.domain.meter import Meter
from layers.domain.step import PlannedStep
from layers.ports.plans import Plan

MAIN = tuple(step for step in PIPELINES[0].steps if step.applies is None)  # a plan moves no file
FIRST_STEPS = ("extraction", "ocr", "text")
FILES_AT_ONCE = 20
IN_PROCESS = 50
SETTLED_AT_ONCE = 500
RESTORED_AT_ONCE = 200
SLICE_S = 5.0
CHECK_AGAIN_S = 2.0
MOST_LISTED, LISTED_AT_ONCE = 5_000, 1_000
EMPTY_SAMPLES = 50


# --- the dry run -------------------------------------------------------------------------------------


def dry_run(runner: Runner, job: Job) -> Slice:
    """Compare some files' records with those that the plan would make, and estimate the cost."""
    plan = _plan(runner, job)
    started, position = time.monotonic(), dict(job.position)
    found = position["found"] = _copied(position.get("found", {}))
    if "total" not in position:
        position["total"] = runner.ports.plans.count_chosen(plan)
        found["estimate"] = _estimate(runner, plan, position["total"])
    most = position["total"] if plan.sample is None else min(plan.sample, position["total"])
    done, has_ended = job.done, plan.from_step != extraction.name or not most
    while not has_ended and time.monotonic() - started < SLICE_S:
        file_ids = _next_files(runner, plan, position, most - done)
        for file_id in file_ids:
            _compare(runner, plan, file_id, found)
        done += len(file_ids)
        has_ended = not file_ids or done >= most
    runner.ports.plans.save_dry_run(plan.plan_id, found, ended=has_ended)
    result = {"plan_id": plan.plan_id, "compared": found.get("compared", 0)}
    return Slice(result, position, done, most, has_ended=has_ended)


def _next_files(runner: Runner, plan: Plan, position: dict[str, Any], most: int) -> list[str]:
    """The next files to compare: in order, or a random sample, of many files over the time in which they were created."""
    plans, limit = runner.ports.plans, min(FILES_AT_ONCE, most)
    if plan.sample is None or plan.sample >= position["total"]:
        file_ids = plans.chosen_files(plan, position.get("after", FIRST_ID), 0, 1, limit)
        position["after"] = file_ids[-1] if file_ids else position.get("after", FIRST_ID)
        return file_ids
    if position["total"] <= MOST_LISTED:
        left = position["sample"] if "sample" in position else _sample(runner, plan, plan.sample)
        position["sample"] = left[limit:]
        return left[:limit]
    found = plans.id_range(plan.dataset_id)
    taken = set(position.get("taken", ()))
    sampled = dict.fromkeys(_sampled(runner, plan, found, limit)) if found else {}
    chosen = [file_id for file_id in sampled if file_id not in taken][:limit]
    position["taken"] = [*taken, *chosen]
    position["empty"] = 0 if chosen else position.get("empty", 0) + 1
    # A sample that finds nothing new several times has probably found all files that there are.
    return chosen or ([] if position["empty"] >= EMPTY_SAMPLES else _next_files(runner, plan, position, most))


def _sample(runner: Runner, plan: Plan, count: int) -> list[str]:
    """A random sample of all chosen files."""
    everything: list[str] = []
    while page := runner.ports.plans.chosen_files(
        plan, everything[-1] if everything else FIRST_ID, 0, 1, LISTED_AT_ONCE
    ):
        everything += page
    return random.sample(everything, min(count, len(everything)))


def _sampled(runner: Runner, plan: Plan, found: tuple[str, str], count: int) -> Iterator[str]:
    """The files that follow random ids. Many files are created in the same millisecond, so times would not tell them
    apart."""
    first, last = (UUID(file_id).int for file_id in found)
    for _ in range(count):
        after = str(UUID(int=random.randint(max(0, first - 1), last)))
        yield from runner.ports.plans.chosen_files(plan, after, 0, 1, 1)


def _compare(runner: Runner, plan: Plan, file_id: str, found: dict[str, Any]) -> None:
    """Extract a file's values with the plan's schema and settings, and add the differences to its record."""
    plans, file = runner.ports.plans, replace(runner.ports.plans.file(file_id), reach=runner.ports.reach)
    changed: dict[str, Any] = {**plan.settings} if plan.schema is None else {**plan.settings, "schema": plan.schema}
    file = replace(file, **changed)
    planned = extraction.plan(file)
    if not isinstance(planned, tuple) or len(planned) > 1:
        found["not_compared"] = found.get("not_compared", 0) + 1  # no text, or one that is read in several windows
        return
    began = time.monotonic()
    try:
        after = _found_now(file, runner)
    except PermanentError:
        after = NOTHING
        found["failed"] = found.get("failed", 0) + 1
    seconds = found.get("compared_s", 0.0) + time.monotonic() - began
    found["compared_s"], found["compared"] = round(seconds, 3), found.get("compared", 0) + 1
    differences.add_file(found, file_id, plans.found_in_record(file_id), after)


def _found_now(file: File, runner: Runner) -> Found:
    """What extraction finds in a file. Raises PermanentError."""
    extraction = found_in(file, _DryWork(runner), runner.ports.store.pages(file.file_id))
    return Found(extraction.fields, frozenset(extraction.doubtful), 1 + len(extraction.further))


class _DryWork:
    """The means of an extraction that stores nothing."""

    def __init__(self, runner: Runner) -> None:
        self.extractor = runner.ports.extractor
        self.senders = runner.ports.senders
        self.meter = Meter()


def _estimate(runner: Runner, plan: Plan, files: int) -> dict[str, Any]:
    """How many files would run again, and how many seconds their steps would take on one slot."""
    costs = runner.ports.plans.step_costs(plan.tenant_id)
    cost_s = sum(costs.get(name, 0.0) for name in _steps_of(plan.from_step)[1])
    paid = [step.name for step in MAIN if step.name in _steps_of(plan.from_step)[1] and runner.ports.pays(step)]
    return {"files": files, "cost_s": round(files * cost_s, 1), "paid_steps": paid}


# --- apply and rollback ------------------------------------------------------------------------------


def apply(runner: Runner, job: Job) -> Slice:
    """Let the next files of a shard run again, and collect the differences of those that have ended."""
    plan, shard = _plan(runner, job), int(job.parameters.get("shard", 0))
    plans, position = runner.ports.plans, dict(job.position)
    plans.apply_schema(plan.plan_id)
    outcome = _copied(plan.outcome.get(str(shard), {}))
    ended = plans.ended_files(plan.plan_id, shard, SETTLED_AT_ONCE)
    for settled in ended:
        outcome["files"] = outcome.get("files", 0) + 1
        outcome["failed"] = outcome.get("failed", 0) + settled.has_failed
        differences.add_file(outcome, settled.file_id, settled.before, settled.after)
    applying = plans.count_applying(plan.plan_id, shard)
    if not position.get("is_last") and applying < IN_PROCESS:
        applying += _process_again(runner, plan, shard, position, IN_PROCESS - applying)
    outcome["skipped"] = position.get("skipped", 0)
    applying -= len(ended)
    has_ended = bool(position.get("is_last")) and applying <= 0
    counted = [settled.file_id for settled in ended]
    if not plans.save_outcome(plan.plan_id, shard, outcome, counted, ended=has_ended):
        return Slice(job.result, position, job.done, wait_s=CHECK_AGAIN_S)
    result = {"plan_id": plan.plan_id, "shard": shard, "files": outcome.get("files", 0)}
    return Slice(result, position, outcome.get("files", 0), has_ended=has_ended, wait_s=CHECK_AGAIN_S)


def _process_again(runner: Runner, plan: Plan, shard: int, position: dict[str, Any], most: int) -> int:
    """Let the next files run again. Returns how many do."""
    earlier, names, sources = _steps_of(plan.from_step)
    steps = [step for step in MAIN if step.name in names]

    def planner(file: File) -> list[PlannedStep]:
        return lifecycle.plan_from(steps, replace(file, reach=runner.ports.reach))

    after = position.get("after", FIRST_ID)
    file_ids = runner.ports.plans.chosen_files(plan, after, shard, plan.shards, most)
    verdicts = [
        runner.ports.plans.process_again(plan.plan_id, shard, file_id, names, earlier, sources, planner)
        for file_id in file_ids
    ]
    if "started" in verdicts:
        runner.dispatch(set(names))
    position["after"] = file_ids[-1] if file_ids else after
    position["is_last"] = len(file_ids) < most
    position["skipped"] = position.get("skipped", 0) + verdicts.count("impossible")
    return verdicts.count("started")


def roll_back(runner: Runner, job: Job) -> Slice:
    """Restore the former records of the next files. Those that are still in process are restored once they have ended."""
    plan = _plan(runner, job)
    restored, left = runner.ports.plans.restore_records(plan.plan_id, RESTORED_AT_ONCE)
    done = job.done + restored
    if not left:
        runner.ports.plans.restore_schema(plan.plan_id)
    result = {"plan_id": plan.plan_id, "restored": done}
    return Slice(result, {}, done, done + left, has_ended=not left, wait_s=0 if restored else CHECK_AGAIN_S)


def _steps_of(first: str) -> tuple[list[str], list[str], list[str]]:
    """The names of the steps before a step, of the step and those after it, and the sources of the pages that they read."""
    names = [step.name for step in MAIN]
    start = names.index(first)
    sources = [step.page_source for step in MAIN[start:] if step.page_source]
    return [INTAKE.name, *names[:start]], names[start:], list(sources)


def _plan(runner: Runner, job: Job) -> Plan:
    plan = runner.ports.plans.plan(job.parameters["plan_id"])
    if plan is None:
        raise PermanentError("no_plan", "the plan no longer exists")
    return plan


def _copied(found: Mapping[str, Any]) -> dict[str, Any]:
    """A copy whose counts may be changed."""
    fields = {name: {**field, "examples": list(field["examples"])} for name, field in found.get("fields", {}).items()}
    copied = {**found, **({"fields": fields} if fields else {})}
    return copied | ({"records": dict(found["records"])} if "records" in found else {})
