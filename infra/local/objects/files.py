"""Versioned objects in a folder: an index in SQLite with small bodies, and files with larger ones.

A change is on disk before it is acknowledged: the body is flushed first, then the row that names it. Rows of many
requests share one transaction and so its flush to disk. Nothing is kept in memory only: if the disk refuses a write, the
request fails and nothing is stored.
"""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import IO

from infra.local.objects import damage, garbage, index
from infra.local.objects.body_files import BodyFiles
from infra.local.objects.disk import Incoming, is_full
from infra.local.objects.index import Exists, Version
from infra.local.objects.multipart import MultipartUploads
from infra.local.objects.reading import open_body
from infra.local.objects.transactions import INDEX, Transactions, connect


class ObjectFiles:
    """The objects of one bucket in a folder. Threads may share it."""

    def __init__(self, folder: Path, *, free_bytes: int = 0) -> None:
        """`free_bytes` of the disk are left free: a body that needs them is refused before it is received."""
        self._index = folder / INDEX
        self.bodies = BodyFiles(folder, free_bytes)
        self.bodies.create_folders()
        try:
            self._open()
        except sqlite3.Error as error:
            if not is_full(error):
                raise
            self.bodies.release_reserve()
            self._open()
        self.bodies.refill_reserve()
        self._transactions = Transactions(self._index)
        self.multipart = MultipartUploads(self.bodies, self._transactions)

    def close(self) -> None:
        self._transactions.close()

    def _open(self) -> None:
        with closing(connect(self._index)) as connection:
            connection.executescript(index.SCHEMA)
            self.bodies.recover(connection)

    # --- one object ----------------------------------------------------------------------------------

    def receive(self, size_bytes: int) -> Incoming:
        """Begin to receive a body of this size. Raises NoSpace if too little of the disk would be left free."""
        return self.bodies.receive(size_bytes)

    def store(
        self, incoming: Incoming, key: str, etag: str, media_type: str, sha256: str | None, *, only_new: bool
    ) -> Version:
        """Store a body as the newest version of a key. Raises Exists, NoSpace."""
        body = incoming.flush()
        version = Version(key, incoming.file_name, False, incoming.size_bytes, etag, media_type, sha256, time.time())

        def insert(connection: sqlite3.Connection) -> None:
            if only_new and index.latest(connection, key) is not None:
                raise Exists(key)
            index.insert(connection, version)
            if body is not None:
                connection.execute("INSERT INTO bodies VALUES (?, ?)", (version.version_id, body))

        self._transactions.change(insert)
        incoming.stored()
        if body is None:
            self.bodies.settle(version.version_id)
        return version

    def find(self, key: str, version_id: str | None = None) -> Version | None:
        """A version of a key, by default the latest. None if it does not exist or is a deletion marker."""
        found = (
            index.latest(self._transactions.reader(), key)
            if version_id is None
            else index.find_version(self._transactions.reader(), key, version_id)
        )
        return None if found is None or found.is_marker else found

    def open(self, version: Version) -> IO[bytes]:
        """A version's body, as a seekable file. Raises FileNotFoundError if it is missing on disk."""
        return open_body(self._transactions.reader(), self.bodies, version)

    def delete(self, chosen: Sequence[tuple[str, str | None]]) -> list[tuple[str, str]]:
        """Delete versions permanently; a key without a version id gets a deletion marker. Returns all keys and version ids."""
        done: list[tuple[str, str]] = []

        def remove(connection: sqlite3.Connection) -> None:
            done.clear()
            for key, version_id in chosen:
                if version_id is None:
                    marker = Version(key, uuid.uuid4().hex, True, 0, "", "", None, time.time())
                    index.insert(connection, marker)
                    done.append((key, marker.version_id))
                else:
                    index.remove(connection, key, version_id)
                    done.append((key, version_id))

        garbage.delete(self.bodies, self._transactions, remove)
        return done

    # --- listings ------------------------------------------------------------------------------------

    def keys(self, prefix: str, after: str, limit: int) -> list[Version]:
        """The latest version of each key under a prefix and after the key `after`, in order, without deleted objects."""
        found: list[Version] = []
        while len(found) < limit:
            rows = (
                self._transactions.reader()
                .execute(index.NEWEST_OF_EACH_KEY, (after, prefix, index.end_of(prefix), limit))
                .fetchall()
            )
            found += [version for version in map(index.version_of, rows) if not version.is_marker]
            if len(rows) < limit:
                break
            after = rows[-1][0]
        return found[:limit]

    def versions(self, prefix: str, key_marker: str, version_marker: str, limit: int) -> list[Version]:
        """All versions under a prefix, by key, the newest of each key first.

        They begin after all versions of `key_marker` or, if `version_marker` is set, after this version of it.
        """
        connection = self._transactions.reader()
        below = None
        if version_marker:
            row = connection.execute("SELECT number FROM versions WHERE version_id = ?", (version_marker,)).fetchone()
            below = row[0] if row else 0
        found: list[Version] = []
        if below is not None:
            found += index.list_versions(connection, "key = ? AND number < ?", (key_marker, below), limit)
        left = limit - len(found)
        if left > 0:
            found += index.list_versions(
                connection, "key > ? AND key >= ? AND key < ?", (key_marker, prefix, index.end_of(prefix)), left
            )
        return found

    def damaged(self) -> Iterator[tuple[str, str]]:
        """Each version whose body is missing or does not have the size in its row: key and version id."""
        return damage.damaged(self._transactions, self.bodies)
