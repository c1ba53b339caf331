"""Chooses TCP ports of 127.0.0.1: the ones of the last start where they are still free, so that bookmarks survive."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterable
from pathlib import Path

from infra.local.home import read_json, write_json

ADDRESS = "127.0.0.1"
# Below the range from which the kernel takes ports for outgoing connections: those could take a kept one.
CHOICES = range(20_000, 32_000)
MOST_TRIES = 200


class PortTaken(Exception):
    """The port that was asked for is another program's."""


def choose_ports(path: Path, names: Iterable[str], api_port: int) -> dict[str, int]:
    """A port for each name and for `api`, kept at `path`. `api_port` 0 means any; raises PortTaken."""
    if api_port and not is_free(api_port):
        raise PortTaken(f"port {api_port} is taken by another program; FAIRWAY_PORT=0 picks a free one")
    kept = {name: port for name, port in read_json(path).items() if isinstance(port, int)}
    chosen = {"api": api_port} if api_port else {}
    for name in (*names, *(() if api_port else ("api",))):
        chosen[name] = _keep_or_pick(kept.get(name), set(chosen.values()))
    write_json(path, {**kept, **{name: port for name, port in chosen.items() if name != "api" or not api_port}})
    return chosen


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError:
            return False
    return True


def _keep_or_pick(kept: int | None, taken: set[int]) -> int:
    if kept and kept not in taken and is_free(kept):
        return kept
    for port in random.sample(CHOICES, MOST_TRIES):
        if port not in taken and is_free(port):
            return port
    raise PortTaken("no free port was found")
