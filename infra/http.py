"""Serves the API outside of Lambda: Chalice's routes behind a WSGI server.

Chalice's local gateway is made for development. This module adds what many clients need: a separate request for each
thread, decoded path parameters, problem details for unknown routes and methods, and CORS headers on every response.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from chalice.local import LocalChalice, LocalGateway

from functions.api.answering import ADDRESS_HEADER, as_text, problem_response
from functions.api.changes import MOST_WAITING
from functions.api.origins import READ_HEADERS, SENT_HEADERS, readable_by
from functions.api.problems import TITLES, Problem
from infra.api_processes import Processes, listen
from infra.compression import compress
from infra.http_server import Server, connection_limit, raise_descriptor_limit
from infra.http_threads import ThreadsEnded
from infra.readiness import report_ready
from infra.web import WebPage, installed_page
from layers import bootstrap
from layers.telemetry.log import log

MOST_BODY_BYTES = 10 * 1024 * 1024
# A body that is only a little too large is read before it is refused: a client that is still sending could miss the
# response.
SLACK_BYTES = 1024 * 1024
# Each call that waits for changes occupies a thread; the remaining threads serve all other requests.
THREADS = MOST_WAITING + 16
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")
StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class Application:
    """A WSGI application over a Chalice app, and the web page where it is installed."""

    def __init__(self, app: Any, allowed_origins: str = "*", page: WebPage | None = None) -> None:
        # Chalice stores the current request in one attribute; LocalChalice stores one for each thread.
        if not isinstance(app, LocalChalice):
            app.__class__ = type("App", (LocalChalice, app.__class__), {})
        self._gateway = LocalGateway(app, _config())
        self._routes = {tuple(route.split("/")): set(methods) for route, methods in app.routes.items()}
        self._allowed_origins = allowed_origins
        self._page = page

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        began = time.monotonic()
        method = environ["REQUEST_METHOD"]
        path = str(environ.get("REQUEST_URI") or environ["PATH_INFO"]).split("?", 1)[0]
        try:
            request_headers = _headers(environ)
            page = self._page.answer(method, path, request_headers) if self._page else None
            status, headers, body = page or self._answer(method, path, request_headers, environ)
        except Exception as error:
            log("request_failed", method=method, error=error)
            page = None
            status, headers, body = _problem(
                Problem("internal_error", "this is a fault in Fairway; it has been logged")
            )
        if page is None:
            headers |= self._cors_headers(environ)
            body = compress(headers, body, str(environ.get("HTTP_ACCEPT_ENCODING", "")))
        if status != 304:
            headers["Content-Length"] = str(len(body))
        reason = next((title for code, title in TITLES.values() if code == status), "OK")
        duration_ms = round((time.monotonic() - began) * 1000, 1)
        headers["Server-Timing"] = f"app;dur={duration_ms}"
        start_response(f"{status} {reason}", list(headers.items()))
        log("request", method=method, path=path[:200], status=status, ms=duration_ms)
        return [] if method == "HEAD" else [body]

    def _answer(
        self, method: str, path: str, request_headers: dict[str, str], environ: dict[str, Any]
    ) -> tuple[int, dict[str, str], bytes]:
        parts = tuple(path.rstrip("/").split("/")) if path != "/" else ("", "")
        route = next((route for route in self._routes if _fits(route, parts)), None)
        if route is None:
            return _problem(Problem("not_found", "there is no such path; see GET /openapi.json"))
        allowed = self._routes[route]
        if method == "OPTIONS":
            return 204, {"Allow": ", ".join(sorted(allowed | {"OPTIONS"}))}, b""
        effective = "GET" if method == "HEAD" else method
        if effective not in allowed:
            allow = ", ".join(sorted(allowed | {"OPTIONS"}))
            return _problem(Problem("method_not_allowed", f"this path allows {allow}", Allow=allow))
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if length > MOST_BODY_BYTES:
            return _problem(Problem("too_large", f"the body of a request may have at most {MOST_BODY_BYTES} bytes"))
        query = environ.get("QUERY_STRING", "")
        # Chalice parses the path again, so each part is decoded and then quoted: a decoded `/` or `?` would split it.
        quoted = "/".join(quote(unquote(part), safe="") for part in parts)
        response = self._gateway.handle_request(
            method=effective,
            path=quoted + (f"?{query}" if query else ""),
            headers=request_headers,
            body=environ["wsgi.input"].read(length) if length else b"",
        )
        body = response["body"]
        headers = {name: str(value) for name, value in response["headers"].items() if name.lower() != "content-length"}
        return response["statusCode"], headers, body if isinstance(body, bytes) else str(body).encode()

    def _cors_headers(self, environ: dict[str, Any]) -> dict[str, str]:
        headers = {
            **readable_by(str(environ.get("HTTP_ORIGIN", "")), self._allowed_origins),
            "Access-Control-Expose-Headers": ", ".join(READ_HEADERS),
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        }
        if environ["REQUEST_METHOD"] == "OPTIONS":
            headers |= {
                "Access-Control-Allow-Methods": ", ".join(METHODS),
                "Access-Control-Allow-Headers": ", ".join(SENT_HEADERS),
                "Access-Control-Max-Age": "600",
            }
        return headers


def _fits(route: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    return len(route) == len(parts) and all(
        (pattern.startswith("{") and part != "") or pattern == part for pattern, part in zip(route, parts, strict=True)
    )


def _headers(environ: dict[str, Any]) -> dict[str, str]:
    headers = {
        name[5:].replace("_", "-").lower(): str(value).encode("latin-1", "replace").decode("utf-8", "replace")
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    # Every body is read as JSON: Chalice would refuse other content types without problem details.
    return headers | {"content-type": "application/json", ADDRESS_HEADER: str(environ.get("REMOTE_ADDR", ""))}


def _problem(problem: Problem) -> tuple[int, dict[str, str], bytes]:
    response = problem_response(problem)
    return response.status, {"Content-Type": response.media_type, **response.headers}, as_text(response).encode()


def _config() -> Any:
    from chalice.config import Config

    return Config(chalice_stage="local", config_from_disk={"stages": {"local": {}}})


def store_origins() -> set[str]:
    """The origins to which presigned URLs lead, which the page's policy has to allow."""
    objects = bootstrap.objects()
    signed = [objects.presign_get(f"{prefix}/0", None) for prefix in ("originals", "artifacts")]
    return {"{0.scheme}://{0.netloc}".format(urlsplit(url)) for url in signed}


def load_before_fork() -> None:
    """Load what every process needs and takes much memory, above all the SDK's client of the object store. The processes then
    share its memory, which collecting garbage must not write to."""
    try:
        store_origins()
    except Exception as error:  # for example without credentials: the requests that need them say so
        log("not_loaded_before_fork", detail=str(error))
    gc.collect()
    gc.freeze()


def serve(
    application: Application,
    port: int,
    *,
    host: str = "127.0.0.1",
    threads: int = THREADS,
    connections: int = 1000,
    listener: socket.socket | None = None,
) -> Server:
    """A server at this address and port; port 0 picks a free one. Its `run` serves until `close`. `listener`: a socket that
    it shares with other processes."""
    return Server(
        application,
        host=host,
        port=port,
        threads=threads,
        connections=connections,
        most_body_bytes=MOST_BODY_BYTES + SLACK_BYTES,
        listener=listener,
    )


def main() -> int:
    """Serve until SIGTERM or SIGINT, with as many processes as the settings say. Returns the exit code."""
    import app

    settings = bootstrap.settings()
    application = Application(app.app, settings.allowed_origins, installed_page(store_origins))
    processes = settings.number_of_api_processes
    if processes == 1:
        return _serve(application, None, report_ready)
    load_before_fork()
    # Nothing is connected and no thread runs yet: each process builds its other adapters at its first request.
    listener = listen(settings.host, settings.port)
    return Processes(processes, lambda ready: _serve(application, listener, ready)).run()


def _serve(application: Application, listener: socket.socket | None, ready: Callable[[], None]) -> int:
    settings = bootstrap.settings()
    connections = connection_limit(raise_descriptor_limit())
    server = serve(application, settings.port, host=settings.host, connections=connections, listener=listener)

    def stop(*_: Any) -> None:
        threading.Thread(target=server.close, daemon=True).start()
        raise SystemExit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    log("api_ready", host=settings.host, port=int(server.effective_port), connections=connections)
    ready()
    try:
        server.run()
    except ThreadsEnded as error:
        log("thread_ended", worker="api", threads=str(error))
        os._exit(1)  # a new process, which has all its threads, is started
    return 0


if __name__ == "__main__":
    sys.exit(main())
