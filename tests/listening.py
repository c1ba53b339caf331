"""The TCP ports on which processes listen, from /proc."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from pathlib import Path

EVERYWHERE = "0.0.0.0"
LISTENS = "0A"


def listening(pid: int | str) -> dict[int, tuple[str, int]]:
    """Address and port of each listening socket in the network of a process, by inode. IPv6 addresses are not decoded."""
    found: dict[int, tuple[str, int]] = {}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            _number, local, _remote, state, *_counts, inode = line.split()[:10]
            address, port = local.split(":")
            if state == LISTENS:
                four = socket.inet_ntoa(bytes.fromhex(address)[::-1]) if table == "tcp" else address
                found[int(inode)] = (four, int(port, 16))
    return found


def sockets_of(pids: Iterable[int]) -> set[int]:
    """The inodes of all sockets that these processes have open."""
    found = set()
    for pid in pids:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = str(link.readlink())
            except FileNotFoundError:
                continue
            if target.startswith("socket:["):
                found.add(int(target[8:-1]))
    return found
