"""The base of the stand-in servers: a port, a log of requests, and a path that controls the behaviour.

`GET /_standin` shows settings, counts and the last requests; `PUT /_standin` with a JSON object changes settings;
`DELETE /_standin` resets everything. A test can run one in its own process: `with Served(standin) as url`.
"""

from __future__ import annotations

import argparse
import json
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CONTROL = "/_standin"
MOST_KEPT = 500


@dataclass
class Answer:
    """A response. `hang_up`: the connection is closed without one."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    hang_up: bool = False


@dataclass
class Settings:
    """The settings of every stand-in.

    `next` is a queue of behaviours, one for each call; when it is empty, `always` is used. A behaviour is a word from the
    documentation of the stand-in, a number of seconds to wait before the right answer, or {"status", "body", "headers"}
    of a response. `calls_per_s` limits the rate (0: no limit), after `burst` calls at once.
    """

    always: Any = "right"
    next: list[Any] = field(default_factory=list)
    calls_per_s: float = 0.0
    burst: int = 1
    delay_s: float = 0.0


class Standin:
    """A service. A subclass has the type of its settings, `answer`, and `throttled` for calls over the limit."""

    settings_type: type[Settings] = Settings
    content_type = "application/json"

    def __init__(self, **settings: Any) -> None:
        self._initial = settings
        self.lock = threading.RLock()
        self.reset()

    def reset(self) -> None:
        self.settings = self.settings_type(**json.loads(json.dumps(self._initial)))
        self.counts: Counter[str] = Counter()
        self.asked: deque[tuple[str, Any]] = deque(maxlen=MOST_KEPT)
        self.called_at: list[float] = []  # time.monotonic(), without probes
        self.served_at: list[float] = []
        self._tokens, self._filled_at = float(self.settings.burst), time.monotonic()

    def change(self, **settings: Any) -> None:
        known = {field.name for field in fields(self.settings)}
        if unknown := set(settings) - known:
            raise ValueError(f"no such settings: {', '.join(sorted(unknown))}")
        with self.lock:
            for name, value in settings.items():
                setattr(self.settings, name, value)
            self._tokens = float(self.settings.burst)

    def shown(self) -> dict[str, Any]:
        with self.lock:
            shown = {field.name: getattr(self.settings, field.name) for field in fields(self.settings)}
            return {"settings": shown, "counts": dict(self.counts), "asked": [list(call) for call in self.asked]}

    def handle(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer to one call, by the next behaviour."""
        with self.lock:
            self.counts["calls"] += 1
            is_probe = self.is_probe(method, path, body)
            if not is_probe:
                self.called_at.append(time.monotonic())
            if not self._has_token():
                self.counts["throttled"] += 1
                return self.throttled()
            due = self.settings.next.pop(0) if self.settings.next and not is_probe else self.settings.always
            if due == "right" and not is_probe:
                self.served_at.append(time.monotonic())
        if self.settings.delay_s:
            time.sleep(self.settings.delay_s)
        if isinstance(due, int | float) and not isinstance(due, bool):
            time.sleep(due)
            due = "right"
        if isinstance(due, dict) and "status" in due:
            return Answer(due["status"], due.get("body", {}), dict(due.get("headers", {})))
        if due == "hang_up":
            return Answer(0, hang_up=True)
        return self.answer(due, method, path, headers, body)

    def answer(self, due: Any, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        raise NotImplementedError

    def is_probe(self, method: str, path: str, body: bytes) -> bool:
        """Whether a call only checks if the service is up: it takes nothing from `next`."""
        return False

    def throttled(self) -> Answer:
        return Answer(429, {"error": {"message": "slow down"}})

    def _has_token(self) -> bool:
        if not self.settings.calls_per_s:
            return True
        now = time.monotonic()
        gained = (now - self._filled_at) * self.settings.calls_per_s
        self._tokens, self._filled_at = min(self.settings.burst, self._tokens + gained), now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Served:
    """A stand-in on a free port, for the duration of the block."""

    def __init__(self, standin: Standin, port: int = 0) -> None:
        self.standin = standin
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(standin))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> str:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self.url

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(standin: Standin) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.path == CONTROL:
                self._send(self._control(body), "application/json")
            else:
                answer = standin.handle(self.command, self.path, self.headers, body)
                self._send(answer, standin.content_type)

        do_GET = do_POST = do_PUT = do_DELETE = _do

        def _control(self, body: bytes) -> Answer:
            try:
                if self.command == "PUT":
                    standin.change(**json.loads(body))
                if self.command == "DELETE":
                    standin.reset()
            except (TypeError, ValueError) as error:
                return Answer(400, {"error": str(error)})
            return Answer(200, standin.shown())

        def _send(self, answer: Answer, content_type: str) -> None:
            if answer.hang_up:
                self.close_connection = True
                return
            content = answer.body.encode() if isinstance(answer.body, str) else json.dumps(answer.body).encode()
            with suppress(BrokenPipeError, ConnectionResetError):  # the client may have closed the connection
                self.send_response(answer.status)
                for name, value in ({"Content-Type": content_type} | answer.headers).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


def main(standin: Standin, about: str) -> None:
    """Serve until SIGINT or SIGTERM; the first line on standard output is the address."""
    options = argparse.ArgumentParser(description=about)
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--settings", default="{}", help="a JSON object, as PUT /_standin takes it")
    arguments = options.parse_args()
    standin.change(**json.loads(arguments.settings))
    ended = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: ended.set())
    with Served(standin, arguments.port) as url:
        print(url, flush=True)
        ended.wait()
