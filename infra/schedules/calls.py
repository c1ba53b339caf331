"""Makes the calls of a schedule, and waits for the jobs that they request."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from functions.schedules import Call, Schedule

REQUEST_TIMEOUT_S = 60.0
LONGEST_S = 3600.0
CHECK_EVERY_S = 5.0
MOST_SHOWN = 2_000


class CallFailed(Exception):
    """A call was refused, its job has failed or did not end in time, or the API can't be reached."""


class Caller:
    """Calls the API at `url` with a scheduler's key."""

    def __init__(self, url: str, key: str, wait: Callable[[float], None] = time.sleep) -> None:
        self._url = url.rstrip("/")
        self._key = key
        self._wait = wait

    def run(self, schedule: Schedule) -> list[Any]:
        """Make a schedule's calls. Returns their responses. Raises CallFailed at the first that fails."""
        return [self._run(call) for call in schedule.calls]

    def _run(self, call: Call) -> Any:
        path = call.path.format(yesterday=(datetime.now(UTC) - timedelta(days=1)).date().isoformat())
        status, body = self._request(call.method, path)
        return self._ended(body) if status == 202 and call.kind else body

    def _ended(self, job: Any) -> Any:
        """The job once it has ended."""
        deadline = time.monotonic() + LONGEST_S
        while job["ended_at"] is None:
            if time.monotonic() > deadline:
                raise CallFailed(f"the job {job['id']} has not ended within {LONGEST_S:.0f} seconds; it goes on")
            self._wait(CHECK_EVERY_S)
            _, job = self._request("GET", f"/operations/jobs/{job['id']}")
        if job["state"] != "done":
            raise CallFailed(f"the job {job['id']} ended as {job['state']}: {job['error']}")
        return job

    def _request(self, method: str, path: str) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self._key}", "Accept": "application/json"}
        request = urllib.request.Request(self._url + path, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=REQUEST_TIMEOUT_S) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            detail = error.read().decode("utf-8", "replace")[:MOST_SHOWN]
            raise CallFailed(f"{method} {path} was answered with {error.code}: {detail}") from None
        except (OSError, ValueError) as error:
            raise CallFailed(f"{method} {path}: {error}") from None
