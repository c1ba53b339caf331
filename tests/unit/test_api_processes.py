"""Several processes serve one port: each gets clients, a lost one is replaced, and none outlives the parent."""

from __future__ import annotations

import gc
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from infra import http as api

PROGRAM = """
import os
from infra.api_processes import Processes, listen
from infra.http_server import Server
listener = listen("127.0.0.1", 0)
print(listener.getsockname()[1], flush=True)
def application(environ, start_response):
    body = str(os.getpid()).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
def serve(ready):
    server = Server(application, host="127.0.0.1", port=0, threads=2, connections=50, most_body_bytes=1000, listener=listener)
    ready()
    server.run()
    return 0
raise SystemExit(Processes(2, serve).run())
"""
WITHIN_S = 30.0


@pytest.fixture
def served() -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The parent of two processes that serve a port, and the port."""
    parent = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True)
    try:
        assert parent.stdout
        yield parent, int(parent.stdout.readline())
    finally:
        with suppress(ProcessLookupError):
            parent.terminate()
        parent.wait(WITHIN_S)


def answering(port: int, clients: int = 20) -> set[int]:
    """The processes that answer this many clients, who stay connected."""
    connections = [http.client.HTTPConnection("127.0.0.1", port, timeout=WITHIN_S) for _ in range(clients)]
    try:
        for connection in connections:
            connection.request("GET", "/health")
        return {int(connection.getresponse().read()) for connection in connections}
    finally:
        for connection in connections:
            connection.close()


def until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def both(port: int) -> set[int]:
    """The two processes that serve a port."""
    found: set[int] = set()

    def have_answered() -> bool:
        with suppress(OSError, http.client.HTTPException):
            found.update(answering(port))
        return len(found) >= 2

    until(have_answered)
    return found


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_each_process_gets_clients(served: tuple[subprocess.Popen[str], int]) -> None:
    parent, port = served
    assert parent.pid not in both(port)


def test_a_lost_process_is_replaced(served: tuple[subprocess.Popen[str], int]) -> None:
    _, port = served
    lost = min(both(port))
    os.kill(lost, signal.SIGKILL)
    replaced: set[int] = set()

    def have_answered() -> bool:
        with suppress(OSError, http.client.HTTPException):
            replaced.update(answering(port))
        return len(replaced - {lost}) >= 2

    until(have_answered)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_parent(served: tuple[subprocess.Popen[str], int], number: signal.Signals) -> None:
    parent, port = served
    pids = both(port)
    parent.send_signal(number)
    assert parent.wait(WITHIN_S) == (0 if number == signal.SIGTERM else -signal.SIGKILL)
    until(lambda: not any(map(is_alive, pids)))
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))  # the port is free


def test_the_api_starts_without_what_its_processes_could_have_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_credentials() -> set[str]:
        raise ConnectionError("there are no credentials")

    monkeypatch.setattr(api, "store_origins", without_credentials)
    try:
        api.load_before_fork()
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
