"""SQS over plain HTTP with its JSON protocol, at less than half of the SDK's CPU time."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

from layers.adapters.aws import http_pools
from layers.adapters.aws.presigning import signed_headers


class Unanswered(Exception):
    """SQS did not answer, or refused the call."""


class SqsHttp:
    """`make_client` makes the SDK client at first use, which has the endpoint and renews the credentials."""

    def __init__(self, make_client: Callable[[], Any]) -> None:
        self._make_client = make_client
        self._lock = threading.Lock()
        self._clients: tuple[Any, Any] | None = None

    def call(self, action: str, **arguments: Any) -> dict[str, Any]:
        """The response of an API action. Raises Unanswered."""
        from urllib3.exceptions import HTTPError

        client, pool = self._parts()
        body = json.dumps(arguments).encode()
        try:
            answer = pool.request("POST", _root(client), body=body, headers=_headers(client, action, body))
        except HTTPError as error:
            raise Unanswered(f"SQS did not answer ({type(error).__name__})") from error
        if answer.status != 200:
            raise Unanswered(f"SQS answered {answer.status}: {answer.data[:200].decode('utf-8', 'replace')}")
        return json.loads(answer.data) if answer.data else {}

    def _parts(self) -> tuple[Any, Any]:
        with self._lock:
            if self._clients is None:
                # A call whose response was lost is repeated. A message may then exist twice, which consumers expect.
                self._clients = self._make_client(), http_pools.pool("POST")
            return self._clients


def _root(client: Any) -> str:
    return str(client.meta.endpoint_url).rstrip("/") + "/"


def _headers(client: Any, action: str, body: bytes) -> dict[str, str]:
    credentials = http_pools.credentials_of(client)
    return signed_headers(
        _root(client),
        {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"AmazonSQS.{action}"},
        body,
        service="sqs",
        access_key=credentials.access_key,
        secret_key=credentials.secret_key,
        session_token=credentials.token,
        region=client.meta.region_name,
        now_s=time.time(),
    )
