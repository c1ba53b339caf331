"""Chooses TCP ports on 127.0.0.1, preferably those of the last start, so that bookmarks stay valid."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterable
from pathlib import Path

from infra.local.home import read_json, write_json

ADDRESS = "127.0.0.1"
# Below the kernel's range for outgoing connections, which could take a port between two starts.
CANDIDATES = range(20_000, 32_000)
MAX_TRIES = 200


class PortTaken(Exception):
    """The requested port is in use by another program."""


def choose_ports(path: Path, names: Iterable[str], api_port: int) -> dict[str, int]:
    """A port for each name and for `api`, saved at `path`. `api_port` 0 means any free one. Raises PortTaken."""
    if api_port and not is_free(api_port):
        raise PortTaken(f"Port {api_port} is in use by another program. Set FAIRWAY_PORT=0 to use any free port.")
    saved = {name: port for name, port in read_json(path).items() if isinstance(port, int)}
    chosen = {"api": api_port} if api_port else {}
    for name in (*names, *(() if api_port else ("api",))):
        chosen[name] = _keep_or_pick(saved.get(name), set(chosen.values()))
    write_json(path, {**saved, **{name: port for name, port in chosen.items() if name != "api" or not api_port}})
    return chosen


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError:
            return False
    return True


def _keep_or_pick(saved: int | None, taken: set[int]) -> int:
    if saved and saved not in taken and is_free(saved):
        return saved
    for port in random.sample(CANDIDATES, MAX_TRIES):
        if port not in taken and is_free(port):
            return port
    raise PortTaken("No free port was found on 127.0.0.1.")
