"""Malware scanning by a ClamAV daemon: its INSTREAM command over TCP or a local socket.

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
MOST_ANSWER_BYTES = 4096
DEFAULT_PORT = 3310


class ClamavScanner:
    """`address` is `host:port`, `[ipv6]:port`, a host, or the path of a socket."""

    def __init__(self, address: str) -> None:
        self._address = address

    def scan(self, path: Path) -> str | None:
        """The name of what was found in the file, or None. Raises DependencyDown, and PermanentError `too_large`."""
        try:
            with self._connected() as link, path.open("rb") as stream:
                try:
                    link.sendall(b"zINSTREAM\0")
                    while chunk := stream.read(CHUNK_BYTES):
                        link.sendall(struct.pack(">I", len(chunk)) + chunk)
                    link.sendall(bytes(4))
                except (BrokenPipeError, ConnectionResetError):
                    pass  # it may have said why it hung up
                answer = _answer(link)
        except OSError as error:
            raise DependencyDown("scanner", f"the malware scanner did not answer ({error})") from error
        if answer.endswith("FOUND"):
            return answer.removeprefix("stream:").removesuffix("FOUND").strip() or "unnamed"
        if answer == "stream: OK":
            return None
        if "size limit exceeded" in answer:
            raise PermanentError("too_large", "the file is larger than the malware scanner takes")
        raise DependencyDown("scanner", f"the malware scanner answered `{answer[:100]}`")

    def is_up(self) -> bool:
        try:
            with self._connected() as link:
                link.sendall(b"zPING\0")
                return _answer(link) == "PONG"
        except OSError:
            return False

    def _connected(self) -> socket.socket:
        if self._address.startswith("/"):
            link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            link.settimeout(CONNECT_S)
            try:
                link.connect(self._address)
            except OSError:
                link.close()
                raise
        else:
            link = socket.create_connection(_host_and_port(self._address), CONNECT_S)
        link.settimeout(ANSWER_S)
        return link


def _host_and_port(address: str) -> tuple[str, int]:
    host, colon, port = address.rpartition(":")
    if not colon or port.endswith("]"):
        return address.strip("[]"), DEFAULT_PORT
    return host.strip("[]"), int(port)


def _answer(link: socket.socket) -> str:
    parts = b""
    while b"\0" not in parts and len(parts) < MOST_ANSWER_BYTES and (part := link.recv(MOST_ANSWER_BYTES)):
        parts += part
    return parts.partition(b"\0")[0].decode("utf-8", "replace").strip()
