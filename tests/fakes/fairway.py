"""A Fairway and its object store in memory, as the clients see them over HTTP."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import httpx
from fairway_client import Client

PAGE = 3


class FakeFairway:
    """Takes manifests and objects. `answer` may replace the response to a request; None leaves it as it is.

    An object counts as arrived at once if `sends_events`; otherwise never.
    """

    def __init__(self, *, sends_events: bool = True, room: int = 10**9) -> None:
        self.manifests: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, tuple[bytes, str]] = {}
        self.objects: dict[str, bytes] = {}
        self.puts: list[str] = []
        self.requests: list[str] = []
        self.known: dict[str, str] = {}
        self.sends_events, self.room = sends_events, room
        self.answer: Callable[[httpx.Request], httpx.Response | None] = lambda request: None

    def client(self) -> Client:
        client = Client("http://fairway.test", "fw_test")
        transport = httpx.MockTransport(self._handle)
        client._http = httpx.Client(transport=transport, base_url="http://fairway.test")
        client.store = httpx.Client(transport=transport)
        return client

    def names(self) -> list[str]:
        """The names of all files that were made, one for each."""
        return sorted(line["name"] for manifest in self.manifests.values() for line in manifest["lines"])

    def _handle(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.requests.append(f"{request.method} {path}")
        request.read()
        if answered := self.answer(request):
            return answered
        if request.url.host == "store.test":
            return self._put(path.removeprefix("/"), request.content)
        if path == "/me":
            return httpx.Response(200, json={"limits": {"lines_a_manifest": 100, "takes_gzip": True}})
        if path.startswith("/datasets/") and request.method == "POST":
            return self._create(request)
        if path.startswith("/datasets/") and path.count("/") == 2:
            return httpx.Response(200, json={"id": path.rpartition("/")[2], "routing": {}})
        manifest_id = path.split("/")[2]
        if manifest_id not in self.manifests:
            return problem(404, "not_found")
        if path.endswith("/uploads"):
            return self._uploads(manifest_id, int(request.url.params.get("cursor", -1)))
        return httpx.Response(200, json=self._view(manifest_id))

    def _create(self, request: httpx.Request) -> httpx.Response:
        key, content = request.headers["idempotency-key"], request.content
        if request.headers.get("content-encoding") == "gzip":
            content = gzip.decompress(content)
        if key in self.keys:
            before, manifest_id = self.keys[key]
            return httpx.Response(201, json=self._view(manifest_id)) if before == content else problem(409, "conflict")
        lines = [json.loads(line) for line in content.splitlines()]
        if len(lines) > self.room:
            return problem(429, "quota_exceeded")
        self.room -= len(lines)
        manifest_id = f"m{len(self.manifests)}"
        self.manifests[manifest_id] = {"lines": lines, "name": request.url.params.get("name")}
        self.keys[key] = (content, manifest_id)
        return httpx.Response(201, json=self._view(manifest_id))

    def _view(self, manifest_id: str) -> dict[str, Any]:
        lines = self.manifests[manifest_id]["lines"]
        duplicates = [
            {"line": number, "duplicate_of": self.known[line["sha256"]]}
            for number, line in enumerate(lines)
            if line["sha256"] in self.known
        ]
        return {"id": manifest_id, "batch_id": f"b-{manifest_id}", "duplicates": duplicates, "next_cursor": None}

    def _uploads(self, manifest_id: str, after: int) -> httpx.Response:
        awaited = [
            (number, line)
            for number, line in enumerate(self.manifests[manifest_id]["lines"])
            if number > after
            and line["sha256"] not in self.known
            and not (self.sends_events and f"{manifest_id}-{number}" in self.objects)
        ]
        uploads = [
            {
                "line": number,
                "id": f"{manifest_id}-{number}",
                "name": line["name"],
                "upload": {"method": "PUT", "url": f"http://store.test/{manifest_id}-{number}", "headers": {}},
            }
            for number, line in awaited[:PAGE]
        ]
        cursor = str(awaited[PAGE - 1][0]) if len(awaited) > PAGE else None
        return httpx.Response(200, json={"uploads": uploads, "next_cursor": cursor})

    def _put(self, name: str, content: bytes) -> httpx.Response:
        self.puts.append(name)
        if name in self.objects:
            return httpx.Response(412)
        self.objects[name] = content
        return httpx.Response(200)


def problem(status: int, code: str) -> httpx.Response:
    return httpx.Response(status, json={"status": status, "code": code, "detail": f"{code}, it says"})
