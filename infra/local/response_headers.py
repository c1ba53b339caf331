"""Sets the response headers that a presigned URL names: S3 does this, the embedded store does not."""

from __future__ import annotations

from urllib.parse import parse_qsl

from infra.local.store_filter import App, Message, Receive, Scope, Send

OVERRIDES = {
    "response-content-disposition": b"content-disposition",
    "response-content-type": b"content-type",
}


class ResponseHeaders:
    """ASGI middleware behind the filter, which has already checked that the query is signed."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        query = scope.get("query_string", b"")
        if scope["type"] != "http" or b"response-content-" not in query:
            await self._app(scope, receive, send)
            return
        overrides = {
            OVERRIDES[name]: value.encode("latin-1", "replace").translate(None, b"\r\n")
            for name, value in parse_qsl(query.decode("latin-1"))
            if name in OVERRIDES
        }

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in (200, 206):
                headers = [(name, value) for name, value in message["headers"] if bytes(name).lower() not in overrides]
                message = {**message, "headers": [*headers, *overrides.items()]}
            await send(message)

        await self._app(scope, receive, send_with_headers)
