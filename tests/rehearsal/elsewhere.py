"""A running emulator of AWS, such as LocalStack: its endpoint, and how its functions reach this machine.

`localstack-client` finds the endpoint in AWS_ENDPOINT_URL, or in LOCALSTACK_HOST (`name:port`, with USE_SSL=1 for TLS).
If functions run in containers, FAIRWAY_REHEARSAL_ADDRESS is this machine's address for them, usually 172.17.0.1.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import boto3
from localstack_client.config import get_service_endpoint

from infra.local.ports import ADDRESS

CHUNK_BYTES = 65_536


def endpoint_url() -> str | None:
    """The URL of the emulator in the environment, or None."""
    if os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("LOCALSTACK_HOST"):
        return str(get_service_endpoint("cloudformation"))
    return None


def authorities() -> Path | None:
    """The CA bundle for the emulator's certificate, if it needs one."""
    path = os.environ.get("AWS_CA_BUNDLE")
    return Path(path) if path else None


def credentials() -> tuple[str, str]:
    """The access key in the environment, or any: LocalStack accepts all keys."""
    found = boto3.session.Session().get_credentials()
    return (found.access_key, found.secret_key) if found else ("test", "test")


class Reach:
    """Forwards ports, so that functions reach services on the loopback address at another address of this machine."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._servers: dict[int, socket.socket] = {}

    @classmethod
    @contextmanager
    def from_environment(cls) -> Iterator[Reach]:
        reach = cls(os.environ.get("FAIRWAY_REHEARSAL_ADDRESS", ADDRESS))
        try:
            yield reach
        finally:
            for server in reach._servers.values():
                server.close()

    def url(self, url: str) -> str:
        """The URL at which functions reach the service with this URL."""
        to = urlsplit(url)
        if self._address == ADDRESS or to.port is None:
            return url
        login, separator, _ = to.netloc.rpartition("@")
        return urlunsplit(to._replace(netloc=f"{login}{separator}{self._address}:{self._port(to.port)}"))

    def _port(self, port: int) -> int:
        if port not in self._servers:
            self._servers[port] = socket.create_server((self._address, 0))
            threading.Thread(target=_forward, args=(self._servers[port], port), daemon=True).start()
        forwarded: int = self._servers[port].getsockname()[1]
        return forwarded


def _forward(server: socket.socket, port: int) -> None:
    with suppress(OSError):  # the server is closed
        while True:
            caller, _ = server.accept()
            with suppress(OSError):
                called = socket.create_connection((ADDRESS, port))
                for source, other in ((caller, called), (called, caller)):
                    threading.Thread(target=_pump, args=(source, other), daemon=True).start()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(CHUNK_BYTES):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
