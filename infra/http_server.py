"""The WSGI server of the API: waitress, with bounds on connections, descriptors, queued requests and bodies in memory.

Waitress alone stops accepting connections at its limit, so idle connections can block all other clients, `/health`
included. This server closes the longest idle connections instead, and answers requests that it can't take with 503.
Requests for `/health` have separate threads.
"""

from __future__ import annotations

import errno
import json
import logging
import resource
import socket
import time
from collections.abc import Callable, Iterable
from typing import Any

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask

from functions.api.problems import MEDIA_TYPE, Problem
from infra.http_threads import Dispatcher, ThreadsEnded
from layers.telemetry.log import log

WsgiApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

MOST_CONNECTIONS = 2000
# Descriptors for everything except client connections: PostgreSQL, the object store, and one connection to Redis for
# each thread and adapter. A process with few descriptors reserves half of them.
OTHER_DESCRIPTORS = 2000
MOST_HELD_BYTES = 256 * 1024 * 1024  # of requests that are being received or wait
# Connections beyond the limit that are accepted while all others are busy: they may only request `/health`.
EXTRA_CONNECTIONS = 32
CLOSED_AT_ONCE = 0.02  # of the limit: idle connections that are closed together, to do so rarely
ACCEPTED_AT_ONCE = 64
PAUSE_S = 0.5  # after the process or the host ran out of descriptors
LOG_AGAIN_S = 60.0
OUT_OF_DESCRIPTORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
# The problem's code for each status with which this server itself answers.
CODES = {413: "too_large", 431: "too_large", 503: "unavailable"}
BUSY = Problem("unavailable", "the server has too many requests; try again in a few seconds", Retry_After="5")
BUSY_BODY = json.dumps(BUSY.body()).encode()
BUSY_RESPONSE = (
    b"HTTP/1.1 503 Temporarily unavailable\r\nContent-Type: %s\r\nRetry-After: 5\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (MEDIA_TYPE.encode(), len(BUSY_BODY), BUSY_BODY)
)


def raise_descriptor_limit() -> int:
    """Raise the limit of open descriptors as far as allowed. Returns the limit that now applies."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ValueError, OSError) as error:
        log("descriptor_limit_kept", limit=soft, detail=str(error))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def connection_limit(descriptors: int) -> int:
    """The number of client connections for a process with this many descriptors."""
    if descriptors == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return max(1, min(MOST_CONNECTIONS, descriptors - min(OTHER_DESCRIPTORS, descriptors // 2)))


class ProblemTask(ErrorTask):  # type: ignore[misc]
    """Answers a request that this server itself refused, with problem details."""

    def execute(self) -> None:
        error = self.request.error
        code = CODES.get(error.code, "internal_error" if error.code == 500 else "invalid_request")
        problem = BUSY if code == "unavailable" else Problem(code, str(error.body)[:500] or error.reason)
        body = json.dumps(problem.body()).encode()
        self.status = f"{problem.status} {problem.body()['title']}"
        self.response_headers += [("Content-Type", MEDIA_TYPE), *problem.headers.items()]
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class Channel(HTTPChannel):  # type: ignore[misc]
    """A client's connection."""

    error_task_class = ProblemTask
    held_bytes = 0
    is_extra = False

    def received(self, data: bytes) -> bool:
        if not self.server.hold(self, len(data)):
            self.server.refuse_connection(self)
            return False
        return bool(super().received(data))

    def service(self) -> None:
        super().service()
        if not self.requests:
            self.server.release(self)

    def handle_close(self) -> None:
        super().handle_close()
        self.server.release(self)

    @property
    def is_idle(self) -> bool:
        """No request of this connection waits or runs. It may be receiving one, or sending the last response."""
        return not self.requests


class Server(TcpWSGIServer):  # type: ignore[misc]
    """Serves a WSGI application to at most `connections` clients at a time."""

    channel_class = Channel
    next_channel_cleanup: float = 0

    def __init__(
        self,
        application: WsgiApplication,
        *,
        host: str,
        port: int,
        threads: int,
        connections: int,
        most_body_bytes: int,
        listener: socket.socket | None = None,
    ) -> None:
        """`listener`: a socket that listens already, and that other processes accept from too."""
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # it logs a line for each request that waits
        self._connections = connections
        self._held_bytes = 0
        self._paused_until = 0.0
        self._logged_at: dict[str, float] = {}
        settings = Adjustments(
            host=host,
            port=port,
            threads=threads,
            asyncore_use_poll=True,  # select() takes no descriptor above 1,023
            log_socket_errors=False,
            ident=None,
            max_request_body_size=most_body_bytes,
            inbuf_overflow=most_body_bytes
            + 1,  # keeps bodies in memory, which is bounded here: a file needs a descriptor
            clear_untrusted_proxy_headers=True,
        )
        # Of a shared socket a process takes one client at a time, so that each gets its share of them.
        self._accepted_at_once = ACCEPTED_AT_ONCE if listener is None else 1
        shared: dict[str, Any] = {}
        if listener is not None:
            address = (listener.family, listener.type, listener.proto, listener.getsockname())
            shared = {"_sock": listener, "sockinfo": address, "bind_socket": False}
        super().__init__(application, adj=settings, dispatcher=Dispatcher(threads), **shared)

    # --- connections

    def readable(self) -> bool:
        now = time.time()
        if now >= self.next_channel_cleanup:
            self.next_channel_cleanup = now + self.adj.cleanup_interval
            self.maintenance(now)
        return bool(self.accepting) and time.monotonic() >= self._paused_until

    def handle_accept(self) -> None:
        # Accept several clients after each poll, because a poll takes longer the more connections there are.
        for _ in range(self._accepted_at_once):
            if not self._accept_one():
                return

    def _accept_one(self) -> bool:
        """Accept a client. Returns False if none waits, or no descriptor is left."""
        try:
            accepted = self.accept()
        except OSError as error:
            if error.errno in OUT_OF_DESCRIPTORS:
                self._pause(error)
            return False
        if accepted is None:
            return False
        connection, address = accepted
        excess = len(self.active_channels) - self._connections
        if excess >= 0:
            excess -= self._close_idle()
        if excess >= EXTRA_CONNECTIONS:
            self._log_sometimes("connection_refused", connections=len(self.active_channels))
            _refuse(connection)
            return True
        try:
            self.set_socket_options(connection)
            channel = self.channel_class(self, connection, self.fix_addr(address), self.adj, map=self._map)
        except OSError:  # the client has left already
            connection.close()
            return True
        channel.is_extra = excess >= 0
        return True

    def maintenance(self, now: float) -> None:
        """Close the connections that have been idle for too long. They are closed at once, because waitress never closes
        the connection of a client that does not read its response. Raises ThreadsEnded."""
        if dead := self.task_dispatcher.ended_threads():
            raise ThreadsEnded(", ".join(dead))
        oldest = now - self.adj.channel_timeout
        channels = list(self.active_channels.values())
        for channel in [channel for channel in channels if channel.is_idle and channel.last_activity < oldest]:
            channel.handle_close()

    def _close_idle(self) -> int:
        """Close the connections that have been idle for longest, to make room. Returns their number."""
        idle = sorted((channel for channel in self.active_channels.values() if channel.is_idle), key=_last_activity)
        closed = idle[: max(1, round(self._connections * CLOSED_AT_ONCE))]
        for channel in closed:
            channel.handle_close()
        if closed:
            self._log_sometimes("idle_connections_closed", connections=len(self.active_channels))
        return len(closed)

    def _pause(self, error: OSError) -> None:
        """Accept nothing for a moment: the client stays in the kernel's queue, and every poll would report it again."""
        self._close_idle()
        self._paused_until = time.monotonic() + PAUSE_S
        self._log_sometimes("out_of_descriptors", detail=str(error), connections=len(self.active_channels))

    # --- memory

    def hold(self, channel: Channel, size_bytes: int) -> bool:
        """Count received bytes. Returns False if requests already use too much memory."""
        if self._held_bytes + size_bytes > MOST_HELD_BYTES:
            return False
        with self.task_dispatcher.lock:
            channel.held_bytes += size_bytes
            self._held_bytes += size_bytes
        return True

    def release(self, channel: Channel) -> None:
        """Stop counting what a channel has received."""
        with self.task_dispatcher.lock:
            self._held_bytes -= channel.held_bytes
            channel.held_bytes = 0

    def refuse_connection(self, channel: Channel) -> None:
        """Answer a request that does not fit in memory with 503, and close its connection."""
        self._log_sometimes("request_refused", held_bytes=self._held_bytes)
        if channel.is_idle and not channel.total_outbufs_len:
            _answer_busy(channel.socket)
        channel.handle_close()

    def _log_sometimes(self, event: str, **fields: Any) -> None:
        """Log an event at most once a minute."""
        now = time.monotonic()
        if now - self._logged_at.get(event, -LOG_AGAIN_S) >= LOG_AGAIN_S:
            self._logged_at[event] = now
            log(event, **fields)


def _last_activity(channel: Channel) -> float:
    return float(channel.last_activity)


def _answer_busy(connection: socket.socket) -> None:
    try:
        connection.setblocking(False)
        connection.send(BUSY_RESPONSE)
        connection.shutdown(socket.SHUT_WR)
    except OSError:  # the client has left, or reads nothing
        return


def _refuse(connection: socket.socket) -> None:
    _answer_busy(connection)
    connection.close()
