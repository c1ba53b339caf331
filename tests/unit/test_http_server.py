"""Thousands of idle or slow connections neither end the API nor prevent it from answering `/health`."""

from __future__ import annotations

import errno
import http.client
import json
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from infra.http_server import BUSY_BODY, Server, connection_limit
from infra.http_threads import HEALTH_PATH, Dispatcher, ThreadsEnded

WANTED = 5_000  # idle connections
HELD = 20  # connections of the server whose threads are all busy

# The server in a separate process with limited descriptors: (soft, hard), connections per mille of its limit.
PROGRAM = """
import resource, sys
soft, hard = int(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
from infra.http import MOST_BODY_BYTES
from infra.http_server import Server, connection_limit, raise_descriptor_limit
most = connection_limit(raise_descriptor_limit()) if sys.argv[3] == "bounded" else 10 ** 6
def application(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
server = Server(application, host="127.0.0.1", port=0, threads=4, connections=most, most_body_bytes=MOST_BODY_BYTES)
print(server.effective_port, flush=True)
server.run()
"""


@contextmanager
def server_process(log: Path, soft: int, hard: int, mode: str = "bounded") -> Iterator[int]:
    """The port of a server with these limits of descriptors."""
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(soft), str(hard), mode], stdout=subprocess.PIPE, stderr=stderr
        )
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        assert process.poll() is None, log.read_text()
    finally:
        process.kill()
        process.wait()


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=30)


def status(port: int, path: str = HEALTH_PATH) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


@contextmanager
def descriptors_for(count: int) -> Iterator[int]:
    """Let this process open this many sockets, or as many as the host allows. Returns their number."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = hard if hard != resource.RLIM_INFINITY else count + 1000
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(allowed, max(soft, count + 1000)), hard))
    try:
        yield max(1, min(count, allowed - 1000))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_health_is_answered_while_thousands_of_connections_are_idle(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with descriptors_for(WANTED) as count, ExitStack() as opened:
        port = opened.enter_context(server_process(tmp_path / "log", min(1024, hard), hard))
        for index in range(count):
            opened.enter_context(connect(port))
            if index % 500 == 0:
                assert status(port) == 200
        assert status(port) == status(port, "/other") == 200
        record_property("idle connections", count)
        if count < WANTED:
            print(f"tried with {count} idle connections instead of {WANTED}: the host allows {hard} descriptors")
    assert len((tmp_path / "log").read_text().splitlines()) < 10


def test_descriptors_above_1023_are_served(tmp_path: Path) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if connection_limit(hard) < 1_100:
        pytest.skip(f"the host allows {hard} descriptors, so the server holds fewer than 1,024 connections")
    with descriptors_for(1_100) as count, ExitStack() as opened:
        port = opened.enter_context(server_process(tmp_path / "log", 1024, hard))
        connections = [opened.enter_context(connect(port)) for _ in range(count)]
        for connection in (connections[0], connections[-1]):
            connection.sendall(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("mode", ["bounded", "unbounded"])
def test_few_descriptors_neither_stop_the_server_nor_fill_its_log(tmp_path: Path, mode: str) -> None:
    with ExitStack() as opened:
        port = opened.enter_context(server_process(tmp_path / "log", 100, 100, mode))
        for _ in range(400):
            opened.enter_context(connect(port))
        assert status(port) == 200
    assert len((tmp_path / "log").read_text().splitlines()) < 10


def test_clients_that_send_a_part_of_a_request_make_room_too(tmp_path: Path) -> None:
    with ExitStack() as opened:
        port = opened.enter_context(server_process(tmp_path / "log", 100, 100))
        for _ in range(200):
            opened.enter_context(connect(port)).send(b"POST /datasets HTTP/1.1\r\nContent-Length: 1000\r\n\r\nx")
        assert status(port) == 200


class Held:
    """A server that holds every request but those for `/health` until `release` is set."""

    def __init__(self, *, connections: int = HELD, threads: int = 2, run: bool = True) -> None:
        self.release = threading.Event()
        self._sent, self._most, self._threads = 0, connections, threads
        self.server = Server(
            self._answer, host="127.0.0.1", port=0, threads=threads, connections=connections, most_body_bytes=10**6
        )
        self.port = int(self.server.effective_port)
        if run:
            threading.Thread(target=self.server.run, daemon=True).start()

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        if environ["PATH_INFO"] != HEALTH_PATH:
            self.release.wait(60)
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    def _busy(self) -> int:
        return sum(1 for channel in list(self.server.active_channels.values()) if channel.requests)

    def request(self, path: str = "/held") -> socket.socket:
        connection = connect(self.port)
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        self._sent += 1
        taken = min(self._sent, self._most)
        while self._busy() < taken or len(self.server.task_dispatcher.queue) > max(0, taken - self._threads):
            time.sleep(0.01)
        return connection


@pytest.fixture
def held() -> Iterator[Held]:
    held = Held()
    try:
        yield held
    finally:
        held.release.set()
        held.server.task_dispatcher.shutdown()
        held.server.close()


def test_health_does_not_wait_behind_requests_that_hold_all_threads(held: Held) -> None:
    with ExitStack() as opened:
        for _ in range(HELD // 2):
            opened.enter_context(held.request())
        assert status(held.port) == 200


def test_beyond_the_limit_of_busy_connections_clients_get_503_and_health_is_answered(held: Held) -> None:
    with ExitStack() as opened:
        busy = [opened.enter_context(held.request()) for _ in range(HELD)]
        refused = opened.enter_context(held.request())
        answer = b"".join(iter(lambda: refused.recv(4096), b""))
        assert answer.startswith(b"HTTP/1.1 503")
        assert status(held.port) == 200
        held.release.set()
        assert all(connection.recv(100).startswith(b"HTTP/1.1 200") for connection in busy)
    assert json.loads(BUSY_BODY)["code"] == "unavailable"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("path", ["/held", HEALTH_PATH])
def test_a_thread_that_has_ended_ends_the_server(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr("waitress.adjustments.Adjustments.cleanup_interval", 0.05)
    held, ended = Held(run=False), threading.Event()

    def run() -> None:
        with pytest.raises(ThreadsEnded, match="request-"):
            held.server.run()
        ended.set()

    threading.Thread(target=run, daemon=True).start()
    held.release.set()
    assert status(held.port) == 200
    # As if the report of a request's error had failed itself.
    monkeypatch.setattr("waitress.channel.HTTPChannel.service", lambda _: 1 / 0)
    monkeypatch.setattr("waitress.task.ThreadedTaskDispatcher.logger", None)
    with connect(held.port) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert ended.wait(30)
    held.server.close()


def test_threads_that_were_stopped_have_not_ended_by_themselves() -> None:
    threads = Dispatcher(3)
    assert threads.ended_threads() == []
    threads.shutdown()
    assert threads.ended_threads() == []


def test_a_queue_that_is_full_is_answered_503(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.http_threads.MOST_QUEUED", 3)
    with ExitStack() as opened:
        taken = [opened.enter_context(held.request()) for _ in range(5)]  # two run, three wait
        refused = opened.enter_context(connect(held.port))
        refused.sendall(b"GET /held HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b"".join(iter(lambda: refused.recv(4096), b""))
        assert answer.startswith(b"HTTP/1.1 503") and answer.endswith(BUSY_BODY) and b"Retry-After" in answer
        held.release.set()
        assert all(connection.recv(100).startswith(b"HTTP/1.1 200") for connection in taken)


def test_bodies_that_are_being_received_hold_a_bounded_amount_of_memory(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.http_server.MOST_HELD_BYTES", 100_000)
    with ExitStack() as opened:
        for _ in range(10):
            connection = opened.enter_context(connect(held.port))
            connection.sendall(b"POST /x HTTP/1.1\r\nContent-Length: 90000\r\n\r\n")
            try:
                connection.sendall(b"x" * 50_000)
            except OSError:  # refused while it sent
                continue
            assert held.server._held_bytes <= 100_000
        assert status(held.port) == 200
    assert held.server._held_bytes <= 100_000


def test_a_server_without_descriptors_pauses_and_logs_once(
    held: Held, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def accept() -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(held.server, "accept", accept)
    for _ in range(100):
        held.server.handle_accept()
        assert not held.server.readable()
    assert capsys.readouterr().err.count("out_of_descriptors") == 1


def test_the_limit_of_connections_leaves_descriptors_for_files() -> None:
    assert connection_limit(20_000) == connection_limit(resource.RLIM_INFINITY) == 2_000
    assert connection_limit(1_024) == 512
    assert all(1 <= connection_limit(descriptors) < max(2, descriptors) for descriptors in range(1, 5_000))


@pytest.mark.parametrize(
    ("request_text", "code"),
    [
        (b"POST /x HTTP/1.1\r\nContent-Length: 2000000\r\n\r\n", "too_large"),
        (b"GET /x HTTP/1.1\r\nA: ".ljust(262_144, b"x"), "too_large"),
        (b"GET /x HTTP/1.1\r\nnonsense\r\n\r\n", "invalid_request"),
    ],
)
def test_requests_that_the_server_refuses_itself_get_problem_details(
    held: Held, request_text: bytes, code: str
) -> None:
    with connect(held.port) as connection:
        connection.sendall(request_text)
        head, _, body = b"".join(iter(lambda: connection.recv(4096), b"")).partition(b"\r\n\r\n")
        assert b"Content-Type: application/problem+json" in head
        assert json.loads(body)["code"] == code
