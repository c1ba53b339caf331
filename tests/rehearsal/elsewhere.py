"""An emulator that stands already, such as LocalStack: where it is, and how its functions reach this machine.

`localstack-client` picks the endpoint: AWS_ENDPOINT_URL, or LOCALSTACK_HOST (`name:port`) with USE_SSL=1 where it
speaks TLS. FAIRWAY_REHEARSAL_ADDRESS is the address by which its functions reach this machine where they don't run on
it: for containers that of the bridge, 172.17.0.1 as a rule.
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
    """The emulator that the environment names, or None."""
    if os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("LOCALSTACK_HOST"):
        return str(get_service_endpoint("cloudformation"))
    return None


def authorities() -> Path | None:
    """Who signed its certificate, where that is not known anyway."""
    path = os.environ.get("AWS_CA_BUNDLE")
    return Path(path) if path else None


def credentials() -> tuple[str, str]:
    """The key's id and the key that the environment names; LocalStack takes any."""
    found = boto3.session.Session().get_credentials()
    return (found.access_key, found.secret_key) if found else ("test", "test")


class Reach:
    """Lets functions reach services of this machine's loopback address at another of its addresses."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._servers: dict[int, socket.socket] = {}

    @classmethod
    @contextmanager
    def given(cls) -> Iterator[Reach]:
        reach = cls(os.environ.get("FAIRWAY_REHEARSAL_ADDRESS", ADDRESS))
        try:
            yield reach
        finally:
            for server in reach._servers.values():
                server.close()

    def url(self, url: str) -> str:
        """The same service's address for functions."""
        to = urlsplit(url)
        if self._address == ADDRESS or to.port is None:
            return url
        who, separator, _ = to.netloc.rpartition("@")
        return urlunsplit(to._replace(netloc=f"{who}{separator}{self._address}:{self._port(to.port)}"))

    def _port(self, port: int) -> int:
        if port not in self._servers:
            self._servers[port] = socket.create_server((self._address, 0))
            threading.Thread(target=_forward, args=(self._servers[port], port), daemon=True).start()
        taken: int = self._servers[port].getsockname()[1]
        return taken


def _forward(server: socket.socket, port: int) -> None:
    with suppress(OSError):  # the server is closed
        while True:
            caller, _ = server.accept()
            with suppress(OSError):
                called = socket.create_connection((ADDRESS, port))
                for one, other in ((caller, called), (called, caller)):
                    threading.Thread(target=_pump, args=(one, other), daemon=True).start()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(CHUNK_BYTES):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
