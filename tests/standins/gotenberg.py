"""A stand-in for Gotenberg, the preview service, with outages and failures on command."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FORM = re.compile(
    rb'name="(?P<name>\w+)"(?:; filename="(?P<file>[^"]*)")?\r\n(?:[^\r\n]+\r\n)*\r\n(?P<content>.*?)\r\n--', re.S
)


@dataclass
class Gotenberg:
    """Its answers, and what it received: the fields of each form and the names of the files."""

    pdf: bytes = b""
    status: int = 200
    works: bool = True
    hangs_up: bool = False
    refusal: str = "no"
    headers: dict[str, str] = field(default_factory=dict)
    url: str = ""
    forms: list[dict[str, bytes]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)


@contextmanager
def serving(gotenberg: Gotenberg) -> Iterator[Gotenberg]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(200 if gotenberg.works and self.path == "/health" else 503, b"{}")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path != "/forms/libreoffice/convert":
                return self._answer(404, b"")
            parts = list(FORM.finditer(body))
            gotenberg.forms.append({part["name"].decode(): part["content"] for part in parts})
            gotenberg.names += [part["file"].decode() for part in parts if part["file"] is not None]
            if gotenberg.hangs_up:
                return self.connection.close()
            self._answer(gotenberg.status, gotenberg.pdf if gotenberg.status == 200 else gotenberg.refusal.encode())
            return None

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            for name, value in gotenberg.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    gotenberg.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield gotenberg
    finally:
        server.shutdown()
        server.server_close()
