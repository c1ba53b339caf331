"""The sender of webhooks: it connects only to addresses that are allowed, once resolved, and bounds what servers can do."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from layers.adapters.webhooks.sender import HttpWebhookSender
from layers.domain.webhook_address import networks
from tests.integration.webhook_receiver import receiving

LOOPBACK = networks("127.0.0.0/8")


def sender(*addresses: str, allowed: str = "127.0.0.0/8", timeout_s: float = 10) -> tuple[HttpWebhookSender, list[str]]:
    """A sender for which every name has these addresses, or its own, and the names that it has resolved."""
    asked: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return list(addresses) or [host]

    return HttpWebhookSender(networks(allowed), "Fairway/test", timeout_s=timeout_s, resolve=resolve), asked


@contextmanager
def raw_server(serve: Callable[[socket.socket], object]) -> Iterator[str]:
    """A server that does this with each connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        done = threading.Event()

        def accept() -> None:
            while not done.is_set():
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    try:
                        serve(connection)
                    except OSError:
                        pass

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            done.set()


@pytest.mark.parametrize("addresses", [("127.0.0.1",), ("1.1.1.1", "10.0.0.1"), ("::1",), ("169.254.169.254",)])
def test_a_name_with_an_address_that_is_not_public_is_refused_without_a_connection(addresses: tuple[str, ...]) -> None:
    with receiving() as receiver:
        port = receiver.url.rpartition(":")[2]
        sent = sender(*addresses, allowed="")[0].connect(f"https://hooks.example:{port}/").post({}, b"{}")
        assert (sent.status, sent.error, receiver.requests) == (None, "address_refused", [])


def test_without_tls_a_public_address_is_refused() -> None:
    assert sender("1.1.1.1")[0].connect("http://hooks.example/").post({}, b"{}").error == "address_refused"


def test_the_name_is_resolved_once_and_later_requests_go_to_the_same_address() -> None:
    with receiving() as receiver:
        answers = [["127.0.0.1"], ["10.0.0.1"]]
        asked: list[str] = []

        def resolve(host: str, _port: int) -> list[str]:
            asked.append(host)
            return answers.pop(0)

        port = receiver.url.rpartition(":")[2]
        connection = HttpWebhookSender(LOOPBACK, "a", resolve=resolve).connect(f"http://hooks.example:{port}/x?y=1")
        receiver.answer = lambda _: 200
        assert connection.post({}, b"1").status == 200
        connection.close()  # the next request needs a new connection
        assert connection.post({}, b"2").status == 200
        assert asked == ["hooks.example"]
        assert [received.headers["host"] for received in receiver.requests] == [f"hooks.example:{port}"] * 2


def test_a_redirect_is_the_answer_and_not_followed() -> None:
    with receiving() as receiver:
        receiver.answer = lambda _: 302
        assert sender()[0].connect(receiver.url).post({}, b"{}").status == 302
        assert len(receiver.requests) == 1


def test_a_connection_that_the_server_has_closed_meanwhile_is_opened_again() -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with raw_server(serve) as url:
        connection = sender()[0].connect(url)
        assert [connection.post({}, b"{}").status for _ in range(3)] == [204] * 3


def test_what_is_left_of_a_response_does_not_spoil_the_next_request() -> None:
    def serve(connection: socket.socket) -> None:
        for _ in range(2):
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            connection.sendall(b"a body that a 204 must not have")

    with raw_server(serve) as url:
        connection = sender()[0].connect(url)
        assert [connection.post({}, b"{}").status for _ in range(3)] == [204] * 3


def test_nobody_who_listens_is_an_error_that_names_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    assert sender()[0].connect(f"http://127.0.0.1:{port}/").post({}, b"{}").error == "connect"

    def unknown(_host: str, _port: int) -> list[str]:
        raise socket.gaierror

    assert HttpWebhookSender((), "a", resolve=unknown).connect("https://x.invalid/").post({}, b"").error == "dns"


def test_a_server_that_sends_its_response_byte_by_byte_is_left_at_the_deadline() -> None:
    stop = threading.Event()

    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        while not stop.wait(0.02):
            connection.sendall(b"H")

    with raw_server(serve) as url:
        assert sender(timeout_s=0.4)[0].connect(url).post({}, b"{}").error in ("timeout", "response")
        stop.set()


def test_a_silent_server_is_left_at_the_deadline() -> None:
    stop = threading.Event()
    with raw_server(lambda _: stop.wait(10)) as url:
        assert sender(timeout_s=0.2)[0].connect(url).post({}, b"{}").error == "timeout"
        stop.set()


@pytest.mark.parametrize("sent", [b"x" * 200_000, b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 50_000, b"SSH-2.0-x\r\n", b""])
def test_a_response_that_is_no_http_or_has_endless_headers_is_a_failure(sent: bytes) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(sent)

    with raw_server(serve) as url:
        answer = sender()[0].connect(url).post({}, b"{}")
        assert answer.status is None and answer.error in ("response", "closed")


def test_of_a_large_response_only_a_part_is_read() -> None:
    read: list[int] = []

    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        connection.settimeout(5)
        while True:
            read.append(connection.send(b"x" * 65536))

    with raw_server(serve) as url:
        assert sender()[0].connect(url).post({}, b"{}").status == 200
    assert sum(read) < 50_000_000


def test_retry_after_is_read_as_seconds() -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 503 Busy\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n")

    with raw_server(serve) as url:
        sent = sender()[0].connect(url).post({}, b"{}")
        assert (sent.status, sent.retry_after_s) == (503, 120.0)


def test_a_server_without_a_valid_certificate_gets_nothing() -> None:
    with receiving() as receiver:  # speaks no TLS
        port = receiver.url.rpartition(":")[2]
        sent = sender("127.0.0.1")[0].connect(f"https://hooks.example:{port}/").post({}, b"{}")
        assert (sent.error, receiver.requests) == ("tls", [])


def test_the_certificate_has_to_name_the_host_and_not_the_address() -> None:
    context = HttpWebhookSender((), "a")._tls
    assert context.verify_mode is ssl.CERT_REQUIRED and context.check_hostname
