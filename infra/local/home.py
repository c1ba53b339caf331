"""FAIRWAY_HOME: the folder with all data, secrets and chosen ports of an embedded start."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

SECRET_BYTES = 24


class AlreadyRuns(Exception):
    """Another start uses this home. The message names its process and how to stop it."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """Random secrets, created at the first start of a home. Any user who can read the home can read them."""

    database_password: str
    api_role_password: str
    worker_role_password: str
    redis_password: str
    store_key_id: str
    store_secret: str
    api_key: str
    key_pepper: str


class Home:
    """The paths of one home. Only `open_lock`, `release_lock` and `secrets` access the disk."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.logs = self.path / "logs"
        self.objects = self.path / "objects"
        self.postgres = self.path / "postgres"
        self.endpoint = self.path / "endpoint.json"
        self.run_record = self.path / "run.json"
        self._lock: IO[str] | None = None

    def open_lock(self) -> None:
        """Create the folder if missing and lock it for this process until the process ends. Raises AlreadyRuns."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.logs.mkdir(mode=0o700, exist_ok=True)
        lock = open(os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600), "r+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = lock.read().strip() or "unknown"
            lock.close()
            raise AlreadyRuns(
                f"Fairway is already running on {self.path} (process {holder}). "
                f"Stop it with Ctrl-C or `kill {holder}`, or set another FAIRWAY_HOME."
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        self._lock = lock

    def release_lock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def secrets(self) -> Secrets:
        path = self.path / "secrets.json"
        # A damaged file raises: with new passwords the existing database could not be opened.
        stored: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        values = {name: stored.get(name) or _new_secret(name) for name in Secrets.__slots__}
        if values != stored:
            write_json(path, values)
        return Secrets(**values)


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file; empty if the file is missing or damaged."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_json(path: Path, content: Any) -> None:
    """Replace a file atomically, readable by its owner only."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _new_secret(name: str) -> str:
    if name == "store_key_id":
        return "FW" + secrets.token_hex(9).upper()
    return ("fw_" if name == "api_key" else "") + secrets.token_urlsafe(SECRET_BYTES)
