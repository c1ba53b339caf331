"""What an upload remembers on disk, so that it continues after a crash: checksums, manifests, and which lines were sent."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import sqlite3
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairway_client.folder import Found

SCHEMA = """
CREATE TABLE IF NOT EXISTS checksums (
    name TEXT PRIMARY KEY, size_bytes INTEGER NOT NULL, modified_ns INTEGER NOT NULL, sha256 TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS manifests (
    number INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, id TEXT, batch_id TEXT, created_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS lines (
    manifest INTEGER NOT NULL, line INTEGER NOT NULL, name TEXT NOT NULL, size_bytes INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL, text TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'open', PRIMARY KEY (manifest, line))
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS done (name TEXT PRIMARY KEY, size_bytes INTEGER NOT NULL, modified_ns INTEGER NOT NULL);
"""
# The API remembers an Idempotency-Key for 24 hours.
KEY_S = 23 * 3600.0
OPEN, SENT, DUPLICATE = "open", "sent", "duplicate"


class Busy(Exception):
    """Another process uploads from the same source into the same dataset."""


@dataclass(frozen=True, slots=True)
class KeptManifest:
    """A manifest that was begun. `manifest_id` is None until the API has answered."""

    number: int
    key: str
    manifest_id: str | None
    batch_id: str | None
    created_at: float

    @property
    def may_continue(self) -> bool:
        """Whether the API still recognises the request, if its answer was never received."""
        return self.manifest_id is not None or time.time() - self.created_at < KEY_S


@dataclass(frozen=True, slots=True)
class KeptLine:
    line: int
    name: str
    size_bytes: int
    modified_ns: int
    text: str
    state: str


def state_folder() -> Path:
    """Where states are kept: `$XDG_STATE_HOME/fairway`, by default `~/.local/state/fairway`."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "fairway"


def path_of(api_url: str, dataset_id: str, source: str | Path) -> Path:
    """The state of uploads from this source, such as a folder, into this dataset."""
    name = str(source.resolve()) if isinstance(source, Path) else source
    identity = json.dumps([api_url.rstrip("/"), dataset_id, name])
    return state_folder() / f"{hashlib.sha256(identity.encode()).hexdigest()[:24]}.sqlite3"


class Memory:
    """The state in one SQLite file, which one process at a time may use. Raises Busy."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = path
        self._lock = path.with_suffix(".lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise Busy("another process uploads from the same source into this dataset; wait for its end") from None
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;" + SCHEMA)

    def close(self) -> None:
        self._connection.close()
        self._lock.close()

    def discard(self) -> None:
        """Delete the file: nothing is to be continued."""
        self._connection.close()
        for suffix in (".sqlite3", ".sqlite3-wal", ".sqlite3-shm", ".lock"):
            self._path.with_suffix(suffix).unlink(missing_ok=True)

    def __enter__(self) -> Memory:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- checksums

    def checksums(self) -> dict[str, tuple[int, int, str]]:
        """Size, time of the last change and checksum of each file whose checksum is known, by name."""
        rows = self._connection.execute("SELECT name, size_bytes, modified_ns, sha256 FROM checksums")
        return {name: (size_bytes, modified_ns, sha256) for name, size_bytes, modified_ns, sha256 in rows}

    def keep_checksums(self, known: Iterable[tuple[Found, str]]) -> None:
        rows = [(found.name, found.size_bytes, found.modified_ns, sha256) for found, sha256 in known]
        self._many("INSERT OR REPLACE INTO checksums VALUES (?, ?, ?, ?)", rows)

    # --- files of a watched folder

    def done(self) -> dict[str, tuple[int, int]]:
        """Size and time of the last change of files that were uploaded, by name."""
        rows = self._connection.execute("SELECT name, size_bytes, modified_ns FROM done")
        return {name: (size_bytes, modified_ns) for name, size_bytes, modified_ns in rows}

    def keep_done(self, found: Found) -> None:
        self._many("INSERT OR REPLACE INTO done VALUES (?, ?, ?)", [(found.name, found.size_bytes, found.modified_ns)])

    # --- manifests

    def manifests(self) -> list[KeptManifest]:
        """The manifests that were begun and have not ended, oldest first."""
        rows = self._connection.execute("SELECT number, key, id, batch_id, created_at FROM manifests ORDER BY number")
        return [KeptManifest(*row) for row in rows]

    def begin(self, described: Sequence[tuple[Found, dict[str, Any]]]) -> KeptManifest:
        """Keep a manifest before it is sent, so that the same request can be sent again."""
        key = str(uuid.uuid4())
        self._connection.execute("BEGIN")
        cursor = self._connection.execute("INSERT INTO manifests (key, created_at) VALUES (?, ?)", (key, time.time()))
        number = cursor.lastrowid
        self._connection.executemany(
            "INSERT INTO lines (manifest, line, name, size_bytes, modified_ns, text) VALUES (?, ?, ?, ?, ?, ?)",
            (
                (number, line, found.name, found.size_bytes, found.modified_ns, json.dumps(text))
                for line, (found, text) in enumerate(described)
            ),
        )
        self._connection.execute("COMMIT")
        return next(kept for kept in self.manifests() if kept.number == number)

    def keep_answer(self, number: int, manifest_id: str, batch_id: str) -> None:
        self._connection.execute(
            "UPDATE manifests SET id = ?, batch_id = ? WHERE number = ?", (manifest_id, batch_id, number)
        )

    def lines(self, number: int) -> list[KeptLine]:
        rows = self._connection.execute(
            "SELECT line, name, size_bytes, modified_ns, text, state FROM lines WHERE manifest = ? ORDER BY line",
            (number,),
        )
        return [KeptLine(*row) for row in rows]

    def mark(self, number: int, lines: Iterable[int], state: str) -> None:
        """Keep that lines were sent, or need not be."""
        self._many(
            "UPDATE lines SET state = ? WHERE manifest = ? AND line = ?", [(state, number, line) for line in lines]
        )

    def forget(self, number: int) -> None:
        """Forget a manifest, which has ended or was refused."""
        self._connection.execute("BEGIN")
        self._connection.execute("DELETE FROM lines WHERE manifest = ?", (number,))
        self._connection.execute("DELETE FROM manifests WHERE number = ?", (number,))
        self._connection.execute("COMMIT")

    def _many(self, query: str, rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            self._connection.execute("BEGIN")
            self._connection.executemany(query, rows)
            self._connection.execute("COMMIT")
