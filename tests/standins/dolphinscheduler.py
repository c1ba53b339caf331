"""A stand-in for DolphinScheduler's REST API, with its rules about names, states and schedules, in the words of 3.1 or 3.3."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from infra.dolphinscheduler.client import BEFORE_3_3, SINCE_3_3, Words

TOKEN = "a token"
NAME_EXISTS, NOT_FOUND = 10168, 50003
Row = dict[str, Any]


class DolphinScheduler:
    """Its rows, by kind and id. `changes` lists every call that changed something."""

    def __init__(self, words: Words = BEFORE_3_3) -> None:
        self.words = words
        self.codes = count(1001)
        self.projects: dict[int, Row] = {}
        self.environments: dict[int, Row] = {}
        self.tenants: list[Row] = []
        self.definitions: dict[int, Row] = {}
        self.schedules: dict[int, Row] = {}
        self.task_environments: dict[int, int] = {}  # the environment of each task, by the task's code
        self.changes: list[str] = []

    def answer(self, method: str, path: str, form: dict[str, str]) -> Row:
        """The body that answers a call."""
        if method != "GET":
            self.changes.append(f"{method} {path}")
        if match := re.fullmatch(r"/projects/(\d+)/(.+)", path):
            return self._of_project(method, match[2], form)
        if match := re.fullmatch(r"/projects/(\d+)", path):
            return _success(self.projects.pop(int(match[1])))
        if path == "/projects":
            return self._create_project(form) if method == "POST" else _page(self.projects.values())
        if path == "/tenants":
            return (
                _success(self.tenants.append({"tenantCode": form["tenantCode"]}))
                if method == "POST"
                else _page(self.tenants)
            )
        return self._environment(method, path, form)

    def _create_project(self, form: dict[str, str]) -> Row:
        code = next(self.codes)
        self.projects[code] = {"code": code, "name": form["projectName"]}
        return _success(self.projects[code])

    def _environment(self, method: str, path: str, form: dict[str, str]) -> Row:
        if path == "/environment/list-paging":
            return _page(self.environments.values())
        if path == "/environment/delete":
            if int(form["environmentCode"]) in self.task_environments.values():
                return _failure(120014, "tasks use this environment")
            return _success(self.environments.pop(int(form["environmentCode"])))
        code = next(self.codes) if path == "/environment/create" else int(form["code"])
        self.environments[code] = {"code": code, "name": form["name"], "config": form["config"]}
        return _success(code)

    def _of_project(self, method: str, path: str, form: dict[str, str]) -> Row:
        if path == "task-definition/gen-task-codes":
            return _success([next(self.codes) for _ in range(int(form["genNum"]))])
        if match := re.fullmatch(r"task-definition/(\d+)", path):
            return self._delete_task(int(match[1]))
        kind, _, rest = path.partition("/")
        if kind == self.words.definitions:
            return self._definition(method, rest, form)
        if kind == "schedules":
            return self._schedule(method, rest, form)
        if kind == self.words.instances:
            return _page([{"state": "SUCCESS", "startTime": "2026-01-15 02:00:00"}])
        return {"code": 404, "msg": "no such path"}

    def _definition(self, method: str, rest: str, form: dict[str, str]) -> Row:
        if not rest:
            return self._create_definition(form) if method == "POST" else _page(self.definitions.values())
        number, _, action = rest.partition("/")
        row = self.definitions.get(int(number))
        if row is None:
            return _failure(NOT_FOUND, "workflow definition does not exist")
        if action == "release":
            row["releaseState"] = form["releaseState"]
            for schedule in self.schedules.values():
                if schedule["definition"] == row["code"] and form["releaseState"] == "OFFLINE":
                    schedule["releaseState"] = "OFFLINE"
            return _success(True)
        if method == "GET":
            return _success({self.words.definition: row, "taskDefinitionList": row["tasks"]})
        if row["releaseState"] == "ONLINE":
            return _failure(50022, "an online workflow can't be changed")
        if method == "DELETE":
            if any(schedule["definition"] == row["code"] for schedule in self.schedules.values()):
                return _failure(50023, "it has a schedule")
            if self.words is SINCE_3_3:
                for task in row["tasks"]:
                    del self.task_environments[task["code"]]
            return _success(self.definitions.pop(row["code"]))
        return _success(self._write(row, form))

    def _delete_task(self, code: int) -> Row:
        if any(task["code"] == code for row in self.definitions.values() for task in row["tasks"]):
            return _failure(50056, "a workflow uses the task")
        if self.task_environments.pop(code, None) is None:
            return _failure(50030, "task definition does not exist")
        return _success(None)

    def _create_definition(self, form: dict[str, str]) -> Row:
        if any(row["name"] == form["name"] for row in self.definitions.values()):
            return _failure(NAME_EXISTS, "a workflow has this name")
        code = next(self.codes)
        self.definitions[code] = {"code": code, "releaseState": "OFFLINE"}
        return _success(self._write(self.definitions[code], form))

    def _write(self, row: Row, form: dict[str, str]) -> Row:
        tasks, relations = json.loads(form["taskDefinitionJson"]), json.loads(form["taskRelationJson"])
        codes = {task["code"] for task in tasks}
        assert {relation["postTaskCode"] for relation in relations} == codes, "a task is not connected"
        assert {relation["preTaskCode"] for relation in relations} <= codes | {0}
        assert all(task["environmentCode"] in self.environments for task in tasks)
        self.task_environments |= {task["code"]: task["environmentCode"] for task in tasks}
        row |= {name: form[name] for name in ("name", "description", "executionType", "globalParams")}
        return _updated(row, tasks, relations)

    def _schedule(self, method: str, rest: str, form: dict[str, str]) -> Row:
        if not rest and method == "GET":
            code = int(form[self.words.definition_code])
            return _page([row for row in self.schedules.values() if row["definition"] == code])
        if not rest:
            code, number = int(form[self.words.definition_code]), next(self.codes)
            if self.definitions[code]["releaseState"] != "ONLINE":
                return _failure(50004, "the workflow is not online")
            crontab = json.loads(form["schedule"])["crontab"]
            self.schedules[number] = {"id": number, "definition": code, "crontab": crontab, "releaseState": "OFFLINE"}
            return _success(self.schedules[number])
        number, _, action = rest.partition("/")
        row = self.schedules[int(number)]
        if action:
            row["releaseState"] = action.upper()
            return _success(True)
        if row["releaseState"] == "ONLINE":
            return _failure(50022, "an online schedule can't be deleted")
        return _success(self.schedules.pop(int(number)))


def _updated(row: Row, tasks: list[Row], relations: list[Row]) -> Row:
    row.update(tasks=tasks, relations=relations)
    return row


def _success(data: Any) -> Row:
    return {"code": 0, "msg": "success", "data": data}


def _failure(code: int, message: str) -> Row:
    return {"code": code, "msg": message, "data": None}


def _page(rows: Any) -> Row:
    return _success({"totalList": list(rows)})


@contextmanager
def serving(stand_in: DolphinScheduler) -> Iterator[str]:
    """The address of a server that answers as the stand-in does."""

    class Handler(BaseHTTPRequestHandler):
        def _respond(self) -> None:
            parts = urlsplit(self.path)
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            form = dict(parse_qsl(parts.query, keep_blank_values=True)) | dict(
                parse_qsl(content, keep_blank_values=True)
            )
            if self.headers.get("token") != TOKEN:
                return self._send(401, {})
            return self._send(200, stand_in.answer(self.command, parts.path.removeprefix("/dolphinscheduler"), form))

        do_GET = do_POST = do_PUT = do_DELETE = _respond

        def _send(self, status: int, body: Row) -> None:
            encoded = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(encoded)))
            self.end_headers()
            self.wfile.write(encoded)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/dolphinscheduler"
    finally:
        server.shutdown()
        server.server_close()
