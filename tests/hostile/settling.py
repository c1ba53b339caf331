"""Runs a file through intake and all pipelines with real decoders and in-memory ports."""

from __future__ import annotations

import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from functions.arrivals import take_arrivals
from functions.pipelines import INTAKE, PIPELINES
from layers.adapters.extraction.rules_extractor import RulesExtractor
from layers.attempts.runner import Runner
from layers.decoding.documents import Documents
from layers.domain.file import File, original_key
from layers.domain.message import Arrival
from layers.ports import Ports, Scanner
from tests.fakes import MemoryObjects, MemoryStore, MemoryTopics

TENANT = str(uuid.uuid4())
SCHEMA = {"type": "object", "properties": {"total": {"type": "number", "x-labels": ["Total"]}}}


class Bench:
    """One worker without servers."""

    def __init__(self, documents: Documents, scanner: Scanner | None = None) -> None:
        self.store = MemoryStore()
        self.objects, self.topics = MemoryObjects(), MemoryTopics()
        ports = Ports(self.store, self.objects, self.topics, documents, RulesExtractor(), None, scanner=scanner)
        self._runner = Runner(ports, INTAKE, PIPELINES, {}, chance=lambda: 0.0)

    def settle(self, name: str, content: bytes) -> Any:
        """The file's row in the store after it has settled."""
        file_id = str(uuid.uuid4())
        key = original_key(TENANT, file_id)
        self.store.promise(File(file_id, TENANT, "d", "b", name, key, None, len(content), None, schema=SCHEMA))
        self.objects.objects[key] = content
        take_arrivals(self._runner, [Arrival(key)])
        while self.topics.published:
            self._runner.run(self.topics.published.pop(0))
            self.store.wake_due(100)
            self._runner.dispatch(self.store.steps_with_backlog())
        return self.store.files[file_id]


class Listener:
    """A local server that records requests, such as those that a document may make a decoder send."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.calls: list[bytes] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(1)
                try:
                    self.calls.append(connection.recv(200))
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                except OSError:
                    self.calls.append(b"")

    def close(self) -> None:
        self._socket.close()


@contextmanager
def listening() -> Iterator[Listener]:
    listener = Listener()
    try:
        yield listener
    finally:
        listener.close()


def end_of(row: Any) -> str:
    """`done`, `partial`, or the code of a failure."""
    return str(row.state if row.state != "failed" else row.error[1])
