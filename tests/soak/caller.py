"""A client of the API and the object store that expects faults: it repeats each call until it is answered."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any

import httpx

AGAIN_S = 1.0
MOST_TRIES = 600
TIMEOUT = httpx.Timeout(20, connect=5)
TEMPORARY = {429, 502, 503, 507}  # statuses after which a call is repeated


class GaveUp(Exception):
    """A call was not answered in time. The message has the call and the last answer."""


class Caller:
    """A client with one key. A repeated request keeps its Idempotency-Key. `answers` counts answers by status.

    A call is limited by its tries, not by time, because this process itself may be stopped for a while.
    """

    def __init__(self, api_url: str, api_key: str) -> None:
        self._url, self._key = api_url, api_key
        self._local = threading.local()
        self.answers: Counter[str] = Counter()
        self.unexpected: list[str] = []

    def call(self, method: str, path: str, body: Any = None, *, key: str = "", **query: Any) -> httpx.Response:
        """The answer, even if it is a refusal. Raises GaveUp."""
        headers = {"Authorization": f"Bearer {self._key}"} | ({"Idempotency-Key": key} if key else {})
        last = ""
        for _ in range(MOST_TRIES):
            try:
                answer = self._http.request(method, self._url + path, json=body, params=query, headers=headers)
            except httpx.TransportError as error:
                last = type(error).__name__
            else:
                self.answers[f"api {answer.status_code}"] += 1
                if answer.status_code == 500:
                    self.unexpected.append(f"{method} {path}: {answer.text[:200]}")
                elif answer.status_code not in TEMPORARY:
                    return answer
                last = str(answer.status_code)
            self.answers[f"api {last}"] += not last.isdigit()
            time.sleep(AGAIN_S)
        raise GaveUp(f"{method} {path}: {last}")

    def json(self, method: str, path: str, body: Any = None, *, key: str = "", **query: Any) -> Any:
        """The JSON of a successful answer. Raises GaveUp, and httpx.HTTPStatusError for a refusal."""
        return self.call(method, path, body, key=key, **query).raise_for_status().json()

    def put(self, url: str, content: bytes, headers: dict[str, str]) -> str:
        """Send a body once. Returns the status code, or the name of the error."""
        try:
            answer = self._http.put(url, content=content, headers=headers)
        except httpx.TransportError as error:
            result = type(error).__name__
        else:
            result = str(answer.status_code)
        self.answers[f"put {result}"] += 1
        return result

    def get(self, url: str) -> httpx.Response:
        """Get a presigned URL once."""
        return self._http.get(url)

    @property
    def _http(self) -> httpx.Client:
        client: httpx.Client | None = getattr(self._local, "http", None)
        if client is None:
            client = self._local.http = httpx.Client(timeout=TIMEOUT, trust_env=False)
        return client
