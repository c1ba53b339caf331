"""Installs, shows and removes Fairway's workflows. Everything is found by its name, so that installing again changes only
what differs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from infra.dolphinscheduler import workflows
from infra.dolphinscheduler.client import Client, DolphinSchedulerError, Words
from infra.dolphinscheduler.workflows import PREFIX, Workflow

PROJECT = ENVIRONMENT = "fairway"
END = "2099-01-01 00:00:00"
# A run that is due while another one is active is left out.
DISCARD = "SERIAL_DISCARD"


@dataclass(frozen=True, slots=True)
class Target:
    """Which Fairway the workflows call, and as which tenant of DolphinScheduler their tasks run.

    The key is read from `key_file` on each host that runs tasks. Without it, the environment contains `key`, and
    DolphinScheduler writes that to its logs.
    """

    api_url: str
    key: str = ""
    tenant: str = "default"
    key_file: str = ""


class Installation:
    """Fairway's project in a DolphinScheduler."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def install(self, target: Target, declared: Sequence[Workflow]) -> list[str]:
        """Create or update everything. Returns what was done, in sentences. Raises DolphinSchedulerError."""
        done = [self._ensure_tenant(target.tenant)] if target.tenant != "default" else []
        project, created = self._ensure_project()
        environment, changed = self._ensure_environment(target)
        done += [created, changed]
        words = self._client.words(project)
        for workflow in declared:
            done.append(self._ensure_workflow(project, words, workflow, environment, target.tenant))
        kept = {workflow.name for workflow in declared}
        for name, definition in self._definitions(project, words).items():
            if name not in kept:
                self._delete(project, words, definition)
                done.append(f"deleted the workflow {name}")
        return [each for each in done if each]

    def status(self) -> list[dict[str, Any]]:
        """Each installed workflow: whether it is online, its crontab, and its last run."""
        project = self._project()
        if project is None:
            return []
        words = self._client.words(project)
        return [
            {
                "workflow": name,
                "state": definition["releaseState"],
                "schedule": self._shown_schedule(project, words, definition["code"]),
                "last_run": self._last_run(project, words, definition["code"]),
            }
            for name, definition in sorted(self._definitions(project, words).items())
        ]

    def remove(self) -> list[str]:
        """Delete the workflows, the environment and, if nothing else is in it, the project."""
        project, done = self._project(), []
        if project is not None:
            words = self._client.words(project)
            for name, definition in self._definitions(project, words).items():
                self._delete(project, words, definition)
                done.append(f"deleted the workflow {name}")
            if not self._client.listed(f"/projects/{project}/{words.definitions}"):
                self._client.delete(f"/projects/{project}")
                done.append("deleted the project")
        environment = self._environment()
        if environment:
            self._client.post("/environment/delete", environmentCode=environment["code"])
            done.append("deleted the environment")
        return done

    # --- project, tenant and environment

    def _project(self) -> int | None:
        found = self._client.listed("/projects", searchVal=PROJECT)
        return next((int(each["code"]) for each in found if each["name"] == PROJECT), None)

    def _ensure_project(self) -> tuple[int, str]:
        code = self._project()
        if code is not None:
            return code, ""
        made = self._client.post("/projects", projectName=PROJECT, description="Scheduled work of Fairway")
        return int(made["code"]), "created the project"

    def _ensure_tenant(self, name: str) -> str:
        found = self._client.listed("/tenants", searchVal=name)
        if any(each["tenantCode"] == name for each in found):
            return ""
        self._client.post("/tenants", tenantCode=name, queueId=1, description="")
        return f"created the tenant {name}"

    def _environment(self) -> dict[str, Any] | None:
        found = self._client.listed("/environment/list-paging", searchVal=ENVIRONMENT)
        return next((each for each in found if each["name"] == ENVIRONMENT), None)

    def _ensure_environment(self, target: Target) -> tuple[int, str]:
        """Tasks name only the variables of the environment."""
        key = f'"$(cat {_quoted(target.key_file)})"' if target.key_file else _quoted(target.key)
        config = f"export FAIRWAY_URL={_quoted(target.api_url.rstrip('/'))}\nexport FAIRWAY_SCHEDULER_KEY={key}"
        form = {"name": ENVIRONMENT, "config": config, "description": "", "workerGroups": '["default"]'}
        found = self._environment()
        if found is None:
            return int(self._client.post("/environment/create", **form)), "created the environment"
        if found["config"] == config:
            return int(found["code"]), ""
        self._client.post("/environment/update", code=found["code"], **form)
        return int(found["code"]), "updated the environment"

    # --- workflows and schedules

    def _definitions(self, project: int, words: Words) -> dict[str, dict[str, Any]]:
        found = self._client.listed(f"/projects/{project}/{words.definitions}", searchVal=PREFIX)
        return {each["name"]: each for each in found if each["name"].startswith(PREFIX)}

    def _ensure_workflow(self, project: int, words: Words, workflow: Workflow, environment: int, tenant: str) -> str:
        path = f"/projects/{project}/{words.definitions}"
        found = self._definitions(project, words).get(workflow.name)
        if found is None:
            code = int(self._client.post(path, **self._form(project, workflow, {}, environment, tenant))["code"])
            verb = "created"
        else:
            code, verb = int(found["code"]), "updated"
            if found["description"] == workflow.description and found["releaseState"] == "ONLINE":
                return self._ensure_schedule(project, words, workflow, code, tenant)
            self._release(project, words, found["name"], code, "OFFLINE")
            known = self._client.get(f"{path}/{code}")["taskDefinitionList"] or []
            codes = {task["name"]: int(task["code"]) for task in known}
            self._client.put(f"{path}/{code}", **self._form(project, workflow, codes, environment, tenant))
        self._release(project, words, workflow.name, code, "ONLINE")
        self._ensure_schedule(project, words, workflow, code, tenant)
        return f"{verb} the workflow {workflow.name}"

    def _form(
        self, project: int, workflow: Workflow, known: dict[str, int], environment: int, tenant: str
    ) -> dict[str, Any]:
        new = [task.name for task in workflow.tasks if task.name not in known]
        made = self._client.get(f"/projects/{project}/task-definition/gen-task-codes", genNum=len(new)) if new else []
        codes = {**known, **dict(zip(new, map(int, made), strict=True))}
        parameters = [
            {"prop": name, "value": value, "direct": "IN", "type": "VARCHAR"}
            for name, value in workflow.parameters.items()
        ]
        return {
            "name": workflow.name,
            "description": workflow.description,
            "globalParams": json.dumps(parameters),
            "locations": json.dumps(workflows.locations(workflow, codes)),
            "timeout": 0,
            "tenantCode": tenant,
            "taskRelationJson": json.dumps(workflows.relations(workflow, codes)),
            "taskDefinitionJson": json.dumps(workflows.task_definitions(workflow, codes, environment)),
            "executionType": DISCARD,
        }

    def _release(self, project: int, words: Words, name: str, code: int, state: str) -> None:
        self._client.post(f"/projects/{project}/{words.definitions}/{code}/release", name=name, releaseState=state)

    def _schedules(self, project: int, words: Words, code: int) -> list[dict[str, Any]]:
        return self._client.listed(f"/projects/{project}/schedules", **{words.definition_code: code})

    def _ensure_schedule(self, project: int, words: Words, workflow: Workflow, code: int, tenant: str) -> str:
        """One schedule that is online, or none. A second one for the same workflow would break its release."""
        path = f"/projects/{project}/schedules"
        found = self._schedules(project, words, code)
        wanted = workflow.when.as_quartz if workflow.when else None
        kept = next((each for each in found if each["crontab"] == wanted), None)
        for each in found:
            if each is not kept:
                self._delete_schedule(project, each)
        if wanted is None:
            return ""
        if kept is None:
            # A start in the past delays the first run.
            start = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
            times = {"startTime": start, "endTime": END, "crontab": wanted, "timezoneId": "UTC"}
            form = {
                words.definition_code: code,
                "schedule": json.dumps(times),
                "warningType": "NONE",
                "warningGroupId": 0,
                "failureStrategy": "END",
                "workerGroup": "default",
                "environmentCode": -1,
                "tenantCode": tenant,
                words.priority: "MEDIUM",
            }
            kept = self._client.post(path, **form)
        if kept.get("releaseState") != "ONLINE":
            self._client.post(f"{path}/{kept['id']}/online")
            return f"put the schedule of {workflow.name} online"
        return ""

    def _delete_schedule(self, project: int, schedule: dict[str, Any]) -> None:
        path = f"/projects/{project}/schedules/{schedule['id']}"
        if schedule.get("releaseState") == "ONLINE":
            self._client.post(f"{path}/offline")
        self._client.delete(path)

    def _delete(self, project: int, words: Words, definition: dict[str, Any]) -> None:
        code = int(definition["code"])
        for schedule in self._schedules(project, words, code):
            self._delete_schedule(project, schedule)
        if definition["releaseState"] == "ONLINE":
            self._release(project, words, definition["name"], code, "OFFLINE")
        path = f"/projects/{project}/{words.definitions}/{code}"
        tasks = self._client.get(path)["taskDefinitionList"] or []
        self._client.delete(path)
        for task in tasks:
            # 3.1 keeps the tasks of a deleted workflow; newer releases delete them. One that is left prevents the deletion of
            # the environment.
            with suppress(DolphinSchedulerError):
                self._client.delete(f"/projects/{project}/task-definition/{task['code']}")

    def _shown_schedule(self, project: int, words: Words, code: int) -> str | None:
        found = self._schedules(project, words, code)
        return ", ".join(f"{each['crontab']} ({each['releaseState'].lower()})" for each in found) or None

    def _last_run(self, project: int, words: Words, code: int) -> str | None:
        query = {words.instances_of: code, "pageNo": 1, "pageSize": 1}
        found = (self._client.get(f"/projects/{project}/{words.instances}", **query) or {}).get("totalList") or []
        return f"{found[0]['state']} {found[0].get('startTime') or ''}".strip() if found else None


def _quoted(text: str) -> str:
    """As one word of a shell. Raises DolphinSchedulerError for what can't be one."""
    if "'" in text or "\n" in text:
        raise DolphinSchedulerError("the address, the key and its path may have no quote and no line break")
    return f"'{text}'"
