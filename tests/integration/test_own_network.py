"""A program in a network of its own: what it reaches, who reaches it, and what is left of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from infra.cluster import own_network
from infra.local import process_table
from infra.local.ports import choose_ports
from infra.local.process import Process, Running
from tests.listening import EVERYWHERE, listening, sockets_of

NOBODY = 65534
START_S = 20.0
# It answers with what a server of the host answers, and listens on all addresses.
PROGRAM = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.request import urlopen

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = urlopen(f"http://127.0.0.1:{sys.argv[2]}/").read()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"inside " + body)

    def log_message(self, *_):
        pass

HTTPServer(("0.0.0.0", int(sys.argv[1])), Handler).serve_forever()
"""
ANSWER = b"x" * 3_000_000


class OfHost(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, *_: Any) -> None:
        return


@dataclass(frozen=True)
class User:
    """A user, as (uid, gid) where it is not the current one, and a Python that it may run."""

    ids: tuple[int, int] | None
    python: str


@pytest.fixture(params=["root", "nobody"])
def user(request: pytest.FixtureRequest) -> User:
    if request.param == "root":
        if os.geteuid():
            pytest.skip("needs root")
        return User(None, sys.executable)
    if os.geteuid():
        return allowed(User(None, sys.executable))
    return allowed(User((NOBODY, NOBODY), "/usr/bin/python3"))


def allowed(user: User) -> User:
    identity: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if user.ids else {}
    _python, *arguments = own_network.ITSELF
    try:
        subprocess.run([user.python, *arguments, own_network.TRY], check=True, capture_output=True, **identity)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"this host allows no network namespace without root: {error}")
    return user


@contextmanager
def running(folder: Path, user: User) -> Iterator[tuple[int, int, int]]:
    """The pid of a program that runs as a user in its own network, its port, and the port of the host's server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), OfHost) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        served, reached = choose_ports(folder / "ports.json", ["served"], 0)["served"], server.server_port
        program = [user.python, "-I", "-c", PROGRAM, str(served), str(reached)]
        _python, *arguments = own_network.argv(served, [reached], program)
        environment = {"PATH": os.defpath}
        process = Process("served", [user.python, *arguments], environment, Path("/"), user=user.ids)
        started = Running(process, generation=1)
        child = started.spawn(folder / "log")
        try:
            yield child.pid, served, reached
        finally:
            child.kill()
            child.wait()
            server.shutdown()


def answer(port: int) -> bytes:
    deadline = time.monotonic() + START_S
    while True:
        try:
            with urlopen(f"http://127.0.0.1:{port}/", timeout=START_S) as response:
                return bytes(response.read())
        except (URLError, ConnectionError):
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_a_program_in_its_own_network_serves_one_port_and_reaches_the_named_servers(tmp_path: Path, user: User) -> None:
    with running(tmp_path, user) as (pid, served, _reached):
        assert answer(served) == b"inside " + ANSWER
        assert (EVERYWHERE, served) in listening(pid).values()
        own = sockets_of([pid, *(entry.pid for entry in process_table.descendants([pid]))])
        assert [place for inode, place in listening("self").items() if inode in own] == [("127.0.0.1", served)]


def test_nothing_is_left_of_a_program_in_its_own_network_that_is_killed(tmp_path: Path, user: User) -> None:
    with running(tmp_path, user) as (pid, served, _reached):
        answer(served)
        helpers = process_table.descendants([pid])
        assert len(helpers) == 2
        os.kill(pid, signal.SIGKILL)
        assert process_table.await_end(helpers, START_S) == []
        assert ("127.0.0.1", served) not in listening("self").values()


def test_a_program_in_its_own_network_gets_the_signal_to_stop(tmp_path: Path, user: User) -> None:
    with running(tmp_path, user) as (pid, served, _reached):
        answer(served)
        os.kill(pid, signal.SIGTERM)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGTERM
