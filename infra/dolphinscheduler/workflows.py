"""The workflows that are installed: those of the declared schedules, imports by day, and reprocessing of a dataset."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from functions.schedules import SCHEDULES
from infra.dolphinscheduler import scripts
from layers.domain.schedule import When

PREFIX = "fairway-"
SHARDS = 4
WEEKLY, DAILY_IMPORT = When(hour=4, weekday=6), When(hour=5)


@dataclass(frozen=True, slots=True)
class Task:
    """A shell task. `after` names the tasks that come before it; `passes` the values that it passes to those after it."""

    name: str
    script: str
    after: tuple[str, ...] = ()
    passes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow with its tasks. `parameters` have their default values; `when` is None if a person starts it."""

    name: str
    purpose: str
    tasks: tuple[Task, ...]
    when: When | None = None
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Changes with anything that an installation would have to change."""
        crontab = self.when.as_quartz if self.when else None
        content: list[object] = [self.name, self.purpose, crontab, self.parameters]
        content += [[task.name, task.script, task.after, task.passes] for task in self.tasks]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]

    @property
    def description(self) -> str:
        return f"{self.purpose} [{self.digest}]"


def declared(dataset: str = "", bucket: str = "", prefix: str = "") -> list[Workflow]:
    """All workflows. Those that need a dataset, or a bucket to import from, have a schedule only if these are named."""
    of_dataset = {"dataset": dataset}
    every_week = WEEKLY if dataset else None
    every_day = DAILY_IMPORT if dataset and bucket else None
    # `$[...]` is resolved from the time for which a run was scheduled, so that a backfill imports its own day.
    of_import = {**of_dataset, "bucket": bucket, "prefix": prefix, "day": "$[yyyy-MM-dd-1]"}
    return [
        *_scheduled(),
        Workflow(
            f"{PREFIX}reprocess-plan",
            "Shows each week what it would change to extract the values of older records again",
            (Task("plan", scripts.PLAN),),
            every_week,
            {**of_dataset, "plan_body": '{"where":{"older_schema":true}}'},
        ),
        Workflow(
            f"{PREFIX}import",
            "Imports the objects of the day before; run it with COMPLEMENT_DATA for other days",
            (Task("import", scripts.IMPORT),),
            every_day,
            of_import,
        ),
        Workflow(
            f"{PREFIX}reprocess",
            "Processes a dataset again: a plan, its shards at the same time, and a report",
            _reprocess(),
            None,
            {**of_dataset, "plan_body": "{}"},
        ),
    ]


def _scheduled() -> list[Workflow]:
    workflows = []
    for schedule in SCHEDULES:
        names = [call.path.partition("?")[0].rpartition("/")[2] for call in schedule.calls]
        before = [(), *((name,) for name in names)]
        tasks = [
            Task(name, scripts.of_call(call), after)
            for name, call, after in zip(names, schedule.calls, before, strict=False)
        ]
        purpose = schedule.purpose[0].upper() + schedule.purpose[1:]
        workflows.append(Workflow(PREFIX + schedule.name, purpose, tuple(tasks), schedule.when))
    return workflows


def _reprocess() -> tuple[Task, ...]:
    shards = [Task(f"shard-{number}", scripts.shard(number, SHARDS), ("plan",)) for number in range(SHARDS)]
    report = Task("report", scripts.REPORT_OF_PLAN, tuple(task.name for task in shards))
    return (Task("plan", scripts.PLAN, passes=("plan",)), *shards, report)


def task_definitions(workflow: Workflow, codes: dict[str, int], environment: int) -> list[dict[str, Any]]:
    """The tasks as DolphinScheduler stores them. `codes` has the code of each task by its name."""
    return [
        {
            "code": codes[task.name],
            "name": task.name,
            "version": 1,
            "description": "",
            "delayTime": 0,
            "taskType": "SHELL",
            "taskParams": {
                "rawScript": task.script,
                "resourceList": [],
                "localParams": [
                    {"prop": name, "direct": "OUT", "type": "VARCHAR", "value": ""} for name in task.passes
                ],
            },
            "flag": "YES",
            "taskPriority": "MEDIUM",
            "workerGroup": "default",
            "environmentCode": environment,
            "failRetryTimes": 0,  # the next run makes up for one that failed
            "failRetryInterval": 1,
            "timeoutFlag": "CLOSE",
            "timeoutNotifyStrategy": "",
            "timeout": 0,
        }
        for task in workflow.tasks
    ]


def relations(workflow: Workflow, codes: dict[str, int]) -> list[dict[str, Any]]:
    """The edges between tasks; a first task has an edge from 0."""
    pairs = [(before, task.name) for task in workflow.tasks for before in task.after or ("",)]
    return [
        {
            "name": "",
            "preTaskCode": codes.get(before, 0),
            "preTaskVersion": 1 if before else 0,
            "postTaskCode": codes[after],
            "postTaskVersion": 1,
            "conditionType": "NONE",
            "conditionParams": {},
        }
        for before, after in pairs
    ]


def locations(workflow: Workflow, codes: dict[str, int]) -> list[dict[str, int]]:
    """Where the picture of the workflow shows each task: from left to right by the number of tasks before it."""
    columns: dict[str, int] = {}
    for task in workflow.tasks:
        columns[task.name] = max((columns[name] + 1 for name in task.after), default=0)
    heights = Counter(columns.values())
    tallest = max(heights.values())
    rows: Counter[int] = Counter()
    placed: list[dict[str, int]] = []
    for task in workflow.tasks:
        column = columns[task.name]
        y = 100 + 100 * rows[column] + 50 * (tallest - heights[column])  # each column is centred
        rows[column] += 1
        placed.append({"taskCode": codes[task.name], "x": 100 + 250 * column, "y": y})
    return placed
