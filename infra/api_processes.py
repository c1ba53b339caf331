"""Several processes that serve the API on one port: they are forked with the same listening socket, and each accepts from it.

The parent serves nothing. It starts a process again when it ends, and ends all of them when it is stopped.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from infra.readiness import report_ready
from layers.telemetry.log import log

PR_SET_PDEATHSIG = 1
BACKLOG = 1024
BIND_S = 5.0  # how long to wait for a port that processes of an earlier start are still closing
START_S = 60.0
STOP_S = 3.0
CHECK_S = 0.2
RESTART_S = 1.0


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens at this address; port 0 picks a free one. Raises OSError."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    deadline = time.monotonic() + BIND_S
    while True:
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen(BACKLOG)
        except OSError:
            listener.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(CHECK_S)
        else:
            return listener


@dataclass
class Processes:
    """`serve(ready)` runs in each process: it calls `ready` once it accepts requests, and returns the exit code."""

    count: int
    serve: Callable[[Callable[[], None]], int]
    stop: threading.Event = field(default_factory=threading.Event)
    running: dict[int, float] = field(default_factory=dict)  # when each was started

    def run(self) -> int:
        """Run until SIGTERM or SIGINT. Returns the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop.set())
        ready = [self._start() for _ in range(self.count)]
        if not all(self._has_started(pipe) for pipe in ready):
            self._end_all()
            return 0 if self.stop.is_set() else 1
        report_ready()
        while not self.stop.wait(CHECK_S):
            for pid in self._ended():
                began = self.running.pop(pid)
                log("api_process_ended", pid=pid)
                if not self.stop.wait(max(0.0, RESTART_S - (time.monotonic() - began))):
                    os.close(self._start())
        self._end_all()
        return 0

    def _start(self) -> int:
        """Fork a process. Returns the pipe on which it reports that it accepts requests."""
        reading, writing = os.pipe()
        parent, pid = os.getpid(), os.fork()
        if pid:
            os.close(writing)
            self.running[pid] = time.monotonic()
            return reading
        code = 1
        try:
            os.close(reading)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            _end_with(parent)
            code = self.serve(lambda: _report(writing))
        except SystemExit as error:
            code = int(error.code or 0)
        except BaseException as error:
            log("api_process_failed", error=error)
        finally:
            os._exit(code)

    def _has_started(self, pipe: int) -> bool:
        """Wait until a process reports. Returns False if it ended, took too long, or all are to stop."""
        deadline = time.monotonic() + START_S
        poll = select.poll()  # select() refuses descriptors above 1,023
        poll.register(pipe, select.POLLIN)
        try:
            while not self.stop.is_set() and time.monotonic() < deadline:
                if poll.poll(CHECK_S * 1000):
                    return os.read(pipe, 1) != b""
            return False
        finally:
            os.close(pipe)

    def _ended(self) -> list[int]:
        return [pid for pid in list(self.running) if os.waitpid(pid, os.WNOHANG)[0]]

    def _end_all(self) -> None:
        for number, within_s in ((signal.SIGTERM, STOP_S), (signal.SIGKILL, STOP_S)):
            for pid in self.running:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
            deadline = time.monotonic() + within_s
            while self.running and time.monotonic() < deadline:
                for pid in self._ended():
                    del self.running[pid]
                time.sleep(0.02)


def _end_with(parent: int) -> None:
    """Let the kernel end this process when its parent ends, however it ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)


def _report(pipe: int) -> None:
    with suppress(OSError):  # the parent does not wait for a process that it has started again
        os.write(pipe, b"1")
    os.close(pipe)
