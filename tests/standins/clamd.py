"""A stand-in for ClamAV's daemon, with the commands PING and INSTREAM."""

from __future__ import annotations

import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.hostile.hostile_files import EICAR


@dataclass
class Clamd:
    """The files that were scanned; `instead` replaces the result of each scan."""

    address: str = ""
    most_bytes: int = 1 << 20
    instead: bytes | None = None
    scanned: list[bytes] = field(default_factory=list)


class _Conversation(socketserver.StreamRequestHandler):
    clamd: Clamd

    def handle(self) -> None:
        command = self._until_nul()
        if command == b"zPING":
            self.wfile.write(b"PONG\0")
        elif command == b"zINSTREAM":
            self._scan()
        else:
            self.wfile.write(b"UNKNOWN COMMAND\0")

    def _scan(self) -> None:
        content = b""
        while length := struct.unpack(">I", self.rfile.read(4))[0]:
            content += self.rfile.read(length)
            if len(content) > self.clamd.most_bytes:
                self.wfile.write(b"INSTREAM size limit exceeded. ERROR\0")
                return
        self.clamd.scanned.append(content)
        found = b"stream: Eicar-Test-Signature FOUND\0" if EICAR in content else b"stream: OK\0"
        self.wfile.write(self.clamd.instead if self.clamd.instead is not None else found)

    def _until_nul(self) -> bytes:
        command = b""
        while (byte := self.rfile.read(1)) not in (b"", b"\0"):
            command += byte
        return command


@contextmanager
def clamd(at: Path | None = None) -> Iterator[Clamd]:
    """A running stand-in, on a free port or on a Unix socket."""
    clamd = Clamd()
    handler = type("Conversation", (_Conversation,), {"clamd": clamd})
    if at:
        server: socketserver.BaseServer = socketserver.ThreadingUnixStreamServer(str(at), handler)
        clamd.address = str(at)
    else:
        tcp = socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler)
        server, clamd.address = tcp, f"127.0.0.1:{tcp.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield clamd
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
