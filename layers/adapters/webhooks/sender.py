"""Sends webhooks over HTTP: to a pinned address, without redirects or proxies, within limits of time and size."""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from layers.domain.webhook import Sent
from layers.domain.webhook_address import Network, is_deliverable, is_in

TIMEOUT_S = 10.0  # of a whole attempt: connecting, sending and reading the response
MOST_RESPONSE_BYTES = 64 * 1024
MOST_ADDRESSES = 3
LONGEST_DELAY = 12  # digits of a Retry-After

Resolve = Callable[[str, int], Sequence[str]]


class Unsent(Exception):
    """There is no response. The text is one of the words that the log shows."""


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host name. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[4][0]) for address in found))


class HttpWebhookSender:
    """The port `WebhookSender`. `allowed` are private networks to which webhooks may be delivered."""

    def __init__(
        self, allowed: Sequence[Network], agent: str, *, timeout_s: float = TIMEOUT_S, resolve: Resolve = resolve
    ) -> None:
        self._allowed = allowed
        self._agent = agent
        self._timeout_s = timeout_s
        self._resolve = resolve
        self._tls = ssl.create_default_context()

    def connect(self, url: str) -> PinnedConnection:
        return PinnedConnection(url, self._allowed, self._agent, self._timeout_s, self._resolve, self._tls)


class PinnedConnection:
    """The port `WebhookConnection`. The host name is resolved once; every request goes to the addresses found then."""

    def __init__(
        self,
        url: str,
        allowed: Sequence[Network],
        agent: str,
        timeout_s: float,
        resolve: Resolve,
        tls: ssl.SSLContext,
    ) -> None:
        parts = urlsplit(url)
        self._host, self._uses_tls = parts.hostname or "", parts.scheme == "https"
        self._port = parts.port or (443 if self._uses_tls else 80)
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._allowed, self._agent, self._timeout_s, self._resolve, self._tls = allowed, agent, timeout_s, resolve, tls
        self._addresses: Sequence[str] = ()
        self._socket: _TimedSocket | None = None
        self._http: http.client.HTTPConnection | None = None

    def post(self, headers: Mapping[str, str], body: bytes) -> Sent:
        began = time.monotonic()
        try:
            status, retry_after_s = self._post(headers, body, began + self._timeout_s)
        except Unsent as error:
            self.close()
            return Sent(None, str(error), time.monotonic() - began)
        except Exception:  # whatever a server made of the connection must not stop the deliveries of others
            self.close()
            return Sent(None, "response", time.monotonic() - began)
        return Sent(status, None, time.monotonic() - began, retry_after_s)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.shut()
        self._socket = self._http = None

    def _post(self, headers: Mapping[str, str], body: bytes, deadline: float) -> tuple[int, float | None]:
        if self._http is not None:
            try:
                return self._exchange(headers, body, deadline)
            except (ConnectionError, http.client.BadStatusLine):
                # The server has closed the idle connection before it read this request, or something is left of the last
                # response.
                self.close()
        try:
            return self._exchange(headers, body, deadline)
        except ConnectionError:
            raise Unsent("closed") from None
        except http.client.BadStatusLine:
            raise Unsent("response") from None

    def _exchange(self, headers: Mapping[str, str], body: bytes, deadline: float) -> tuple[int, float | None]:
        """Send a request and read its response. Raises Unsent; ConnectionError if the connection was closed, and
        BadStatusLine if something else than a response came."""
        connection, timed = self._open(deadline)
        timed.begin(deadline)
        try:
            connection.request("POST", self._target, body, {"User-Agent": self._agent, **headers})
            response = connection.getresponse()
        except (ConnectionError, http.client.BadStatusLine):
            raise
        except TimeoutError:
            raise Unsent("timeout") from None
        except (http.client.HTTPException, OSError, ValueError):
            raise Unsent("response") from None
        try:
            response.read(MOST_RESPONSE_BYTES)
            is_read = response.isclosed()
        except (http.client.HTTPException, OSError, ValueError):
            is_read = False  # the status has arrived, and nothing else matters
        if response.will_close or not is_read:
            self.close()
        return response.status, _seconds(response.headers.get("Retry-After"))

    def _open(self, deadline: float) -> tuple[http.client.HTTPConnection, _TimedSocket]:
        if self._http is not None and self._socket is not None:
            return self._http, self._socket
        self._addresses = self._addresses or self._checked_addresses()
        timed = _TimedSocket(self._connected(deadline))
        connection = http.client.HTTPConnection(self._host, self._port)
        connection.default_port = 443 if self._uses_tls else 80  # type: ignore[misc]
        connection.sock = timed  # type: ignore[assignment]
        self._socket, self._http = timed, connection
        return connection, timed

    def _checked_addresses(self) -> Sequence[str]:
        try:
            addresses = self._resolve(self._host, self._port)
        except (OSError, UnicodeError):
            raise Unsent("dns") from None
        if not addresses:
            raise Unsent("dns")
        for address in addresses:
            # Without TLS only the networks that the operator has allowed.
            if not (is_deliverable(address, self._allowed) if self._uses_tls else is_in(address, self._allowed)):
                raise Unsent("address_refused")
        return addresses[:MOST_ADDRESSES]

    def _connected(self, deadline: float) -> socket.socket:
        """A socket that is connected to the first address that accepts, with TLS if the URL asks for it."""
        for address in self._addresses:
            try:
                plain = socket.create_connection((address, self._port), timeout=_left(deadline))
                break
            except TimeoutError:
                raise Unsent("timeout") from None
            except OSError:
                continue
        else:
            raise Unsent("connect")
        if not self._uses_tls:
            return plain
        try:
            plain.settimeout(_left(deadline))
            return self._tls.wrap_socket(plain, server_hostname=self._host)
        except TimeoutError:
            plain.close()
            raise Unsent("timeout") from None
        except (OSError, ValueError):
            plain.close()
            raise Unsent("tls") from None


class _TimedSocket:
    """A socket for `http.client` whose request and response together take no longer than until a deadline, and whose
    response, with its headers, has at most `MOST_RESPONSE_BYTES`. A timeout of a socket alone begins anew with each byte."""

    def __init__(self, inner: socket.socket) -> None:
        self._inner = inner
        self._deadline, self._room = 0.0, 0

    def begin(self, deadline: float) -> None:
        self._deadline, self._room = deadline, MOST_RESPONSE_BYTES

    def sendall(self, content: Any) -> None:
        self._inner.settimeout(_left(self._deadline))
        self._inner.sendall(content)

    def receive(self, buffer: Any) -> int:
        if self._room <= 0:
            raise http.client.HTTPException("the response is too large")
        self._inner.settimeout(_left(self._deadline))
        count = self._inner.recv_into(buffer)
        self._room -= count
        return count

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self))

    def close(self) -> None:
        """`http.client` calls this before the response is read; `shut` closes the socket."""

    def shut(self) -> None:
        self._inner.close()


class _Reader(io.RawIOBase):
    def __init__(self, timed: _TimedSocket) -> None:
        self._timed = timed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._timed.receive(buffer)


def _left(deadline: float) -> float:
    """The seconds until a deadline. Raises TimeoutError after it."""
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return left_s


def _seconds(retry_after: str | None) -> float | None:
    """The seconds of a Retry-After; None for a date or nonsense."""
    text = (retry_after or "").strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST_DELAY else None
