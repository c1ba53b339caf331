"""The index of the object store: its tables in SQLite, and the statements on them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS versions (
    number     INTEGER PRIMARY KEY AUTOINCREMENT, -- ascending with time
    key        TEXT NOT NULL,
    version_id TEXT NOT NULL UNIQUE,
    is_marker  INTEGER NOT NULL DEFAULT 0, -- it marks a deletion
    size_bytes INTEGER NOT NULL DEFAULT 0,
    etag       TEXT NOT NULL DEFAULT '',
    media_type TEXT NOT NULL DEFAULT '',
    sha256     TEXT, -- in base64, as announced by the client
    stored_at  REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS versions_by_key ON versions (key, number);
CREATE TABLE IF NOT EXISTS bodies (version_id TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uploads (
    upload_id  TEXT PRIMARY KEY,
    key        TEXT NOT NULL,
    media_type TEXT NOT NULL,
    begun_at   REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS uploads_by_key ON uploads (key);
CREATE TABLE IF NOT EXISTS parts (
    upload_id  TEXT NOT NULL REFERENCES uploads ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    file_name  TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    etag       TEXT NOT NULL,
    PRIMARY KEY (upload_id, number)
) WITHOUT ROWID;
-- Files whose rows were deleted, until the files are deleted too.
CREATE TABLE IF NOT EXISTS garbage (file_name TEXT PRIMARY KEY) WITHOUT ROWID;
"""


class Exists(Exception):
    """The key already has an object, and the request allows no replacement."""


class NoUpload(Exception):
    """There is no such multipart upload: it was completed or aborted, or never began."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an object. `stored_at` is in seconds since 1970; a marker records a deletion and has no body."""

    key: str
    version_id: str
    is_marker: bool
    size_bytes: int
    etag: str
    media_type: str
    sha256: str | None
    stored_at: float
    is_latest: bool = True


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A part of a multipart upload."""

    number: int
    size_bytes: int
    etag: str


COLUMNS = "key, version_id, is_marker, size_bytes, etag, media_type, sha256, stored_at"
# One statement, because another thread may delete versions between two.
NEWEST_OF_EACH_KEY = f"""
SELECT {COLUMNS} FROM versions
 WHERE number IN (SELECT max(number) FROM versions WHERE key > ? AND key >= ? AND key < ?
                  GROUP BY key ORDER BY key LIMIT ?)
 ORDER BY key
"""


def insert(connection: sqlite3.Connection, version: Version) -> None:
    values = (version.key, version.version_id, version.is_marker, version.size_bytes, version.etag)
    values += (version.media_type, version.sha256, version.stored_at)  # type: ignore[assignment]
    connection.execute(f"INSERT INTO versions ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)


def version_of(row: Sequence[Any], *, is_latest: bool = True) -> Version:
    key, version_id, is_marker, size_bytes, etag, media_type, sha256, stored_at = row[:8]
    return Version(key, version_id, bool(is_marker), size_bytes, etag, media_type, sha256, stored_at, is_latest)


def latest(connection: sqlite3.Connection, key: str) -> Version | None:
    """The newest version of a key. None if there is none, or if it is a deletion marker."""
    row = connection.execute(
        f"SELECT {COLUMNS} FROM versions WHERE key = ? ORDER BY number DESC LIMIT 1", (key,)
    ).fetchone()
    return None if row is None or row[2] else version_of(row)


def find_version(connection: sqlite3.Connection, key: str, version_id: str) -> Version | None:
    row = connection.execute(
        f"SELECT {COLUMNS} FROM versions WHERE version_id = ? AND key = ?", (version_id, key)
    ).fetchone()
    return version_of(row) if row else None


def by_number(connection: sqlite3.Connection, number: int) -> Version | None:
    row = connection.execute(f"SELECT {COLUMNS} FROM versions WHERE number = ?", (number,)).fetchone()
    return version_of(row) if row else None


def list_versions(connection: sqlite3.Connection, condition: str, values: tuple[Any, ...], limit: int) -> list[Version]:
    found = connection.execute(
        f"SELECT {COLUMNS}, NOT EXISTS (SELECT 1 FROM versions n WHERE n.key = v.key AND n.number > v.number)"
        f" FROM versions v WHERE {condition} ORDER BY key, number DESC LIMIT ?",
        (*values, limit),
    )
    return [version_of(row, is_latest=bool(row[8])) for row in found]


def remove(connection: sqlite3.Connection, key: str, version_id: str) -> None:
    row = connection.execute(
        "DELETE FROM versions WHERE version_id = ? AND key = ? RETURNING is_marker", (version_id, key)
    ).fetchone()
    if row is None or row[0]:
        return
    body_in_index = connection.execute("DELETE FROM bodies WHERE version_id = ? RETURNING 1", (version_id,)).fetchone()
    if not body_in_index:
        connection.execute("INSERT OR IGNORE INTO garbage VALUES (?)", (version_id,))


def existing_upload(connection: sqlite3.Connection, key: str, upload_id: str) -> str:
    """The media type of an upload. Raises NoUpload."""
    row = connection.execute(
        "SELECT media_type FROM uploads WHERE upload_id = ? AND key = ?", (upload_id, key)
    ).fetchone()
    if row is None:
        raise NoUpload(upload_id)
    return str(row[0])


def drop_parts(connection: sqlite3.Connection, upload_id: str, number: int | None = None) -> None:
    condition, values = ("", (upload_id,)) if number is None else (" AND number = ?", (upload_id, number))
    connection.execute(
        f"INSERT OR IGNORE INTO garbage SELECT file_name FROM parts WHERE upload_id = ?{condition}", values
    )
    connection.execute(f"DELETE FROM parts WHERE upload_id = ?{condition}", values)


def drop_upload(connection: sqlite3.Connection, upload_id: str) -> None:
    drop_parts(connection, upload_id)
    connection.execute("DELETE FROM uploads WHERE upload_id = ?", (upload_id,))


def end_of(prefix: str) -> str:
    """A key that sorts after all keys with a prefix."""
    return prefix + "\U0010ffff"
