"""The proxy of the scenarios: it forwards, resets, refuses, stays silent and delays."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from infra.local.ports import ADDRESS
from tests.scenarios.faults import TcpProxy

SOON_S = 0.3  # long enough for data on this machine


@pytest.fixture
def proxy() -> Iterator[TcpProxy]:
    """A proxy before a server that sends back what it gets."""
    listener = socket.create_server((ADDRESS, 0))
    threading.Thread(target=_echo_all, args=(listener,), daemon=True).start()
    made = TcpProxy(listener.getsockname()[1])
    yield made
    made.close()
    listener.close()


def _echo_all(listener: socket.socket) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_echo, args=(connection,), daemon=True).start()


def _echo(connection: socket.socket) -> None:
    with suppress(OSError), connection:
        while data := connection.recv(1000):
            connection.sendall(data)


def connect(proxy: TcpProxy) -> socket.socket:
    return socket.create_connection((ADDRESS, proxy.port), timeout=10)


def answer(connection: socket.socket, within_s: float = 10.0) -> bytes | None:
    """The answer to a byte; None if there is none in time."""
    connection.settimeout(within_s)
    connection.sendall(b"x")
    try:
        return connection.recv(10)
    except TimeoutError:
        return None


def ends(connection: socket.socket) -> bool:
    """Whether a connection is closed or reset, after the answers that were already sent."""
    found: bytes | None = b"x"
    with suppress(ConnectionError):
        while found == b"x":
            found = answer(connection)
        return found == b""
    return True


def test_torn_connections_end_and_new_ones_work(proxy: TcpProxy) -> None:
    with connect(proxy) as torn:
        assert answer(torn) == b"x"
        proxy.cut()
        assert ends(torn)
    with connect(proxy) as new:
        assert answer(new) == b"x"


def test_a_blocked_proxy_refuses_connections(proxy: TcpProxy) -> None:
    proxy.block()
    with connect(proxy) as refused:
        assert ends(refused)
    proxy.unblock()
    with connect(proxy) as new:
        assert answer(new) == b"x"


def test_a_silent_proxy_holds_what_is_sent_until_it_speaks_again(proxy: TcpProxy) -> None:
    with connect(proxy) as before:
        assert answer(before) == b"x"
        proxy.silence()
        with connect(proxy) as during:
            assert answer(before, SOON_S) is None
            assert answer(during, SOON_S) is None
            proxy.unsilence()
            before.settimeout(10)
            assert before.recv(10) == b"x"


def test_a_delay_makes_data_late_and_ends_at_once(proxy: TcpProxy) -> None:
    with connect(proxy) as connection:
        proxy.delay(60.0)
        assert answer(connection, SOON_S) is None
        proxy.undelay()
        connection.settimeout(10)
        assert connection.recv(10) == b"x"
