"""Scans files for malware with a ClamAV daemon: its INSTREAM command over TCP or a local socket.

Source: clamd(8), section COMMANDS.
"""

from __future__ import annotations

import socket
import struct
from pathlib import Path

from layers.domain.errors import DependencyDown, PermanentError

CONNECT_S = 3.0
ANSWER_S = 45.0
CHUNK_BYTES = 1 << 17
MAX_ANSWER_BYTES = 4096
DEFAULT_PORT = 3310


class ClamavScanner:
    """`address` is `host:port`, `[ipv6]:port`, a host, or the path of a Unix socket."""

    def __init__(self, address: str) -> None:
        self._address = address

    def scan(self, path: Path) -> str | None:
        """The name of the malware found in the file, or None. Raises DependencyDown, and PermanentError `too_large`."""
        try:
            with self._connect() as connection, path.open("rb") as stream:
                try:
                    connection.sendall(b"zINSTREAM\0")
                    while chunk := stream.read(CHUNK_BYTES):
                        connection.sendall(struct.pack(">I", len(chunk)) + chunk)
                    connection.sendall(bytes(4))
                except (BrokenPipeError, ConnectionResetError):
                    pass  # the daemon may have answered before it closed the connection
                answer = _read_answer(connection)
        except OSError as error:
            raise DependencyDown("scanner", f"the malware scanner did not answer ({error})") from error
        if answer.endswith("FOUND"):
            return answer.removeprefix("stream:").removesuffix("FOUND").strip() or "unnamed"
        if answer == "stream: OK":
            return None
        if "size limit exceeded" in answer:
            raise PermanentError("too_large", "the file is larger than the malware scanner accepts")
        raise DependencyDown("scanner", f"the malware scanner answered `{answer[:100]}`")

    def is_up(self) -> bool:
        try:
            with self._connect() as connection:
                connection.sendall(b"zPING\0")
                return _read_answer(connection) == "PONG"
        except OSError:
            return False

    def _connect(self) -> socket.socket:
        if self._address.startswith("/"):
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.settimeout(CONNECT_S)
            try:
                connection.connect(self._address)
            except OSError:
                connection.close()
                raise
        else:
            connection = socket.create_connection(_host_and_port(self._address), CONNECT_S)
        connection.settimeout(ANSWER_S)
        return connection


def _host_and_port(address: str) -> tuple[str, int]:
    host, colon, port = address.rpartition(":")
    if not colon or port.endswith("]"):
        return address.strip("[]"), DEFAULT_PORT
    return host.strip("[]"), int(port)


def _read_answer(connection: socket.socket) -> str:
    content = b""
    while b"\0" not in content and len(content) < MAX_ANSWER_BYTES and (chunk := connection.recv(MAX_ANSWER_BYTES)):
        content += chunk
    return content.partition(b"\0")[0].decode("utf-8", "replace").strip()
