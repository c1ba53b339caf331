"""The REST API of DolphinScheduler: 3.1 and 3.2, and 3.3.1 and newer, which call processes workflows."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

TIMEOUT_S = 30.0
PAGE = 100


class DolphinSchedulerError(Exception):
    """A call was refused, or DolphinScheduler can't be reached."""


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a release in its paths and parameters."""

    definitions: str
    definition: str
    definition_code: str
    instances: str
    start: str
    priority: str
    instances_of: str


BEFORE_3_3 = Words(
    definitions="process-definition",
    definition="processDefinition",
    definition_code="processDefinitionCode",
    instances="process-instances",
    start="start-process-instance",
    priority="processInstancePriority",
    instances_of="processDefineCode",
)
SINCE_3_3 = Words(
    definitions="workflow-definition",
    definition="workflowDefinition",
    definition_code="workflowDefinitionCode",
    instances="workflow-instances",
    start="start-workflow-instance",
    priority="workflowInstancePriority",
    instances_of="workflowDefinitionCode",
)


class Client:
    """Calls DolphinScheduler at `url`, which ends in `/dolphinscheduler`, with a user's access token, or with the
    session of a login."""

    def __init__(self, url: str, token: str = "", session: str = "") -> None:
        self._url = url.rstrip("/")
        self._access = {"sessionId": session, "Cookie": f"sessionId={session}"} if session else {"token": token}

    def get(self, path: str, **query: Any) -> Any:
        """The `data` of an answer. Raises DolphinSchedulerError."""
        return self._data("GET", path + (f"?{urlencode(query)}" if query else ""), None)

    def post(self, path: str, **form: Any) -> Any:
        return self._data("POST", path, form)

    def put(self, path: str, **form: Any) -> Any:
        return self._data("PUT", path, form)

    def delete(self, path: str) -> Any:
        return self._data("DELETE", path, None)

    def listed(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """All items of a listing."""
        items: list[dict[str, Any]] = []
        while True:
            page = self.get(path, pageNo=len(items) // PAGE + 1, pageSize=PAGE, **query) or {}
            found = page.get("totalList") or []
            items += found
            if len(found) < PAGE:
                return items

    def words(self, project_code: int) -> Words:
        """The words of the server's release: older ones have no path of this name."""
        status, body = self._answer(
            "GET", f"/projects/{project_code}/{SINCE_3_3.definitions}?pageNo=1&pageSize=1", None
        )
        return SINCE_3_3 if status == 200 and body.get("code") == 0 else BEFORE_3_3

    def _data(self, method: str, path: str, form: Mapping[str, Any] | None) -> Any:
        status, body = self._answer(method, path, form)
        if status == 401:
            raise DolphinSchedulerError("the access token is unknown or has expired")
        if status >= 300 or body.get("code") != 0:
            where = path.partition("?")[0]
            message = f"{body.get('code', '')} {body.get('msg', '')}".strip()
            raise DolphinSchedulerError(f"{method} {where} was answered with {status} {message}")
        return body.get("data")

    def _answer(self, method: str, path: str, form: Mapping[str, Any] | None) -> tuple[int, dict[str, Any]]:
        data = urlencode(form).encode() if form is not None else None
        headers = {**self._access, "Accept": "application/json"}
        request = urllib.request.Request(self._url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                return answer.status, _as_object(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, _as_object(error.read())
        except OSError as error:
            raise DolphinSchedulerError(f"DolphinScheduler at {self._url} can't be reached: {error}") from None


def _as_object(content: bytes) -> dict[str, Any]:
    try:
        body = json.loads(content or b"{}")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
