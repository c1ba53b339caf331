"""FAIRWAY_HOME: the folder with all data, secrets and chosen ports of an embedded start.

Only its owner has access to it. A folder with files of another user is refused.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

SECRET_BYTES = 24
PROBE_BYTES = 1024 * 1024
OTHERS_MAY_ACCESS, OTHERS_MAY_WRITE = 0o077, 0o022
OF_THE_DISK = {"lost+found"}  # in the root folder of a disk


class AlreadyRuns(Exception):
    """Another start uses this home. The message names its process and how to stop it."""


class HomeUnusable(Exception):
    """The folder can't be used as a home. The message gives the reason and what to do."""


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
    """The paths of one home. Only the methods access the disk."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.logs = self.path / "logs"
        self.objects = self.path / "objects"
        self.postgres = self.path / "postgres"
        self.endpoint = self.path / "endpoint.json"
        self.run_record = self.path / "run.json"
        self._lock: IO[str] | None = None

    def open_lock(self) -> None:
        """Create the folder if missing and lock it for this process until the process ends.

        Raises AlreadyRuns, HomeUnusable and OSError.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._make_private()
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
        try:
            lock.truncate(0)
            os.write(lock.fileno(), f"{os.getpid()}\n".encode())
        except OSError:
            lock.close()
            raise
        self._lock = lock

    def _make_private(self) -> None:
        """Remove other users' access to the folder. Raises HomeUnusable if they may have put something into it.

        If everything in it belongs to this user, a home that was accessible by mistake is made private and used. The
        permissions of any other folder are not changed, because other users may need it, like /tmp.
        """
        status = os.stat(self.path)
        entries = {entry.name: entry.stat(follow_symlinks=False) for entry in os.scandir(self.path)}
        # The data of PostgreSQL, of another owner, are in a subfolder. Root may use every user's home.
        owners = {os.geteuid(), 0, *((status.st_uid,) if os.geteuid() == 0 else ())}
        foreign = [name for name, entry in entries.items() if entry.st_uid not in owners]
        if status.st_uid not in owners or foreign:
            named = f"{self.path / foreign[0]} belongs" if foreign else f"{self.path} belongs"
            raise HomeUnusable(f"{named} to another user, who could have put anything there. Set another FAIRWAY_HOME.")
        if not status.st_mode & OTHERS_MAY_ACCESS:
            return
        is_home = "lock" in entries or not entries.keys() - OF_THE_DISK
        if is_home and not status.st_mode & stat.S_ISVTX and os.geteuid() in (0, status.st_uid):
            self.path.chmod(0o700)
        elif status.st_mode & OTHERS_MAY_WRITE:
            raise HomeUnusable(f"Other users may write to {self.path}. Set FAIRWAY_HOME to a folder of its own.")

    def problem(self) -> OSError | None:
        """Write a file of 1 MiB in this folder. Returns the error of the disk, or None."""
        path = self.path / f".probe.{os.getpid()}"
        try:
            with open(path, "wb") as probe:
                probe.write(bytes(PROBE_BYTES))
                probe.flush()
                os.fsync(probe.fileno())
        except OSError as error:
            return error
        finally:
            with suppress(OSError):
                path.unlink(missing_ok=True)
        return None

    def release_lock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def secrets(self) -> Secrets:
        """The stored secrets. Creates those that are missing. Raises HomeUnusable, OSError."""
        path = self.path / "secrets.json"
        try:
            stored: Any = json.loads(path.read_text()) if path.exists() else {}
        except ValueError:
            stored = None
        if not isinstance(stored, dict):
            raise HomeUnusable(f"{path} is damaged. Restore it from a backup, or set another FAIRWAY_HOME.")
        if not stored and (self.postgres / "data").exists():
            # With new passwords the existing database could not be opened.
            raise HomeUnusable(f"{path} is missing. Restore it from a backup, or set another FAIRWAY_HOME.")
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
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(content, file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def explain(error: OSError, home: Path) -> str:
    """A sentence for the person who starts Fairway: why the folder can't be used, and what to do."""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return f"The disk of {home} is full ({error}). Free some of it, or set FAIRWAY_HOME to another disk."
        case errno.EROFS:
            return f"{home} is on a read-only disk ({error}). Set FAIRWAY_HOME to a folder that can be written."
        case errno.EACCES | errno.EPERM:
            return f"This user has no access to {home} ({error}). Set FAIRWAY_HOME to a folder of this user."
        case errno.ENOTDIR | errno.EEXIST:
            return f"{home} is not a folder ({error}). Set FAIRWAY_HOME to a folder."
    return f"{home} can't be used ({error}). Set another FAIRWAY_HOME."


def _new_secret(name: str) -> str:
    if name == "store_key_id":
        return "FW" + secrets.token_hex(9).upper()
    return ("fw_" if name == "api_key" else "") + secrets.token_urlsafe(SECRET_BYTES)
