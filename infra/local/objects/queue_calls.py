"""Calls the embedded queues inside their own process, without a network connection."""

from __future__ import annotations

import json
from typing import Any

from infra.local.asgi import App, Message


class QueueCalls:
    """`app` is an ASGI app that speaks the protocol of SQS."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, action: str, **parameters: Any) -> dict[str, Any]:
        """The response to an action. Raises RuntimeError if the queues refuse it."""
        body = json.dumps(parameters).encode()
        headers = {
            "host": "queues",
            "content-type": "application/x-amz-json-1.0",
            "content-length": str(len(body)),
            "x-amz-target": f"AmazonSQS.{action}",
        }
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/",
            "raw_path": b"/",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 0),
            "server": ("127.0.0.1", 0),
        }
        status, parts = 0, []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            parts.append(message.get("body", b""))

        await self._app(scope, receive, send)
        response = b"".join(parts)
        if status != 200:
            raise RuntimeError(f"the queues answered {action} with {status}: {response[:300].decode(errors='replace')}")
        return dict(json.loads(response or b"{}"))
