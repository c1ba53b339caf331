"""Versioned objects in a folder: an index in SQLite with small bodies, and files with larger ones.

A change is on disk before it is acknowledged: the body is flushed first, then the row that names it. Rows of many
requests share one transaction and so its flush to disk. Nothing is kept in memory only: if the disk refuses a write, the
request fails and nothing is stored.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import sqlite3
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import IO, cast

from infra.local.objects import index
from infra.local.objects.disk import Incoming, NoSpace, is_full
from infra.local.objects.index import StoredPart, Version
from infra.local.objects.transactions import Change, ReadOnly, Transactions, connect

INDEX = "index.sqlite"
COPY_BYTES = 1024 * 1024
RESERVE_BYTES = 4 * 1024 * 1024


class Exists(Exception):
    """The key already has an object, and the request allows no replacement."""


class WrongParts(Exception):
    """The parts that the request joins are not the stored ones."""


class ObjectFiles:
    """The objects of one bucket in a folder. Threads may share it."""

    def __init__(self, folder: Path, *, free_bytes: int = 0) -> None:
        """`free_bytes` of the disk are left free: a body that needs them is refused before it is received."""
        self._folder = folder
        self._free_bytes = free_bytes
        self._arriving, self._bodies = folder / "arriving", folder / "bodies"
        self._reserve = folder / "reserve"
        for path in (folder, self._arriving, self._bodies):
            path.mkdir(mode=0o700, exist_ok=True)
        try:
            self._open()
        except sqlite3.Error as error:
            if not is_full(error):
                raise
            self._reserve.unlink(missing_ok=True)
            self._open()
        self._refill_reserve()
        self._transactions = Transactions(folder / INDEX)

    def close(self) -> None:
        self._transactions.close()

    def _open(self) -> None:
        with closing(connect(self._folder / INDEX)) as connection:
            connection.executescript(index.SCHEMA)
            self._recover(connection)

    # --- one object ----------------------------------------------------------------------------------

    def receive(self, size_bytes: int) -> Incoming:
        """Begin to receive a body of this size. Raises NoSpace if too little of the disk would be left free."""
        self._check_room(size_bytes)
        return Incoming(self._arriving)

    def _check_room(self, size_bytes: int) -> None:
        if shutil.disk_usage(self._folder).free - size_bytes < self._free_bytes:
            raise NoSpace(f"{size_bytes} bytes would leave less than {self._free_bytes} bytes of the disk free")

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
            self._settle(version.version_id)
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
        row = (
            self._transactions.reader()
            .execute("SELECT body FROM bodies WHERE version_id = ?", (version.version_id,))
            .fetchone()
        )
        if row is not None:
            return io.BytesIO(row[0])
        try:
            return open(self._body_path(version.version_id), "rb")
        except FileNotFoundError:
            return open(
                self._arriving / version.version_id, "rb"
            )  # its row was just committed, and the file is moved next

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

        self._free(remove)
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

    # --- multipart uploads ---------------------------------------------------------------------------

    def begin_upload(self, key: str, media_type: str) -> str:
        """The id of a new multipart upload. Raises NoSpace."""
        upload_id = uuid.uuid4().hex
        row = (upload_id, key, media_type, time.time())
        self._transactions.change(lambda connection: connection.execute("INSERT INTO uploads VALUES (?, ?, ?, ?)", row))
        return upload_id

    def receive_part(self, size_bytes: int) -> Incoming:
        """Like `receive`, for a part, which is always written to a file."""
        self._check_room(size_bytes)
        return Incoming(self._arriving, small_bytes=-1)

    def store_part(self, incoming: Incoming, key: str, upload_id: str, number: int, etag: str) -> None:
        """Store a part. It replaces an earlier one with its number. Raises NoUpload, NoSpace."""
        if incoming.size_bytes == 0:
            incoming.write(b"")
        incoming.flush()

        def insert(connection: sqlite3.Connection) -> None:
            index.existing_upload(connection, key, upload_id)
            index.drop_parts(connection, upload_id, number)
            row = (upload_id, number, incoming.file_name, incoming.size_bytes, etag)
            connection.execute("INSERT INTO parts VALUES (?, ?, ?, ?, ?)", row)

        self._transactions.change(insert)
        incoming.stored()
        self._settle(incoming.file_name)
        self._collect()

    def parts(self, key: str, upload_id: str, after: int, limit: int) -> list[StoredPart]:
        """The stored parts of an upload, in order. Raises NoUpload."""
        index.existing_upload(self._transactions.reader(), key, upload_id)
        rows = self._transactions.reader().execute(
            "SELECT number, size_bytes, etag FROM parts WHERE upload_id = ? AND number > ? ORDER BY number LIMIT ?",
            (upload_id, after, limit),
        )
        return [StoredPart(*row) for row in rows]

    def complete_upload(
        self, key: str, upload_id: str, chosen: Sequence[tuple[int, str]], *, only_new: bool
    ) -> Version:
        """Join parts, selected by number and etag, into a new version of the key.

        Raises NoUpload, WrongParts, Exists, NoSpace.
        """
        media_type = index.existing_upload(self._transactions.reader(), key, upload_id)
        rows = self._transactions.reader().execute(
            "SELECT number, etag, file_name, size_bytes FROM parts WHERE upload_id = ? ORDER BY number", (upload_id,)
        )
        stored = {row[0]: row[1:] for row in rows}
        numbers = [number for number, _ in chosen]
        if not chosen or numbers != sorted(set(numbers)) or any(stored.get(n, ("",))[0] != e for n, e in chosen):
            raise WrongParts(f"the parts {numbers} are not the stored ones")
        size_bytes = sum(stored[number][2] for number in numbers)
        incoming = self.receive_part(size_bytes)
        try:
            for number in numbers:
                with open(self._file(stored[number][1]), "rb") as part:
                    while chunk := part.read(COPY_BYTES):
                        incoming.write(chunk)
            incoming.write(b"")
            incoming.flush()
            digest = hashlib.md5(b"".join(bytes.fromhex(stored[n][0]) for n in numbers), usedforsecurity=False)
            etag = f"{digest.hexdigest()}-{len(numbers)}"
            version = Version(key, incoming.file_name, False, size_bytes, etag, media_type, None, time.time())

            def insert(connection: sqlite3.Connection) -> None:
                index.existing_upload(connection, key, upload_id)
                if only_new and index.latest(connection, key) is not None:
                    raise Exists(key)
                index.insert(connection, version)
                index.drop_upload(connection, upload_id)

            self._transactions.change(insert)
            incoming.stored()
        finally:
            incoming.close()
        self._settle(version.version_id)
        self._collect()
        return version

    def abort_upload(self, key: str, upload_id: str) -> None:
        """Delete an upload and its parts. Raises NoUpload."""

        def drop(connection: sqlite3.Connection) -> None:
            index.existing_upload(connection, key, upload_id)
            index.drop_upload(connection, upload_id)

        self._free(drop)

    def uploads(
        self, prefix: str, limit: int, *, after_key: str = "", after_id: str = ""
    ) -> list[tuple[str, str, float]]:
        """Unfinished multipart uploads under a prefix, by key and id: key, id, time of the beginning.

        They begin after all uploads of `after_key` or, if `after_id` is set, after this upload of it.
        """
        rows = self._transactions.reader().execute(
            "SELECT key, upload_id, begun_at FROM uploads WHERE key >= ?1 AND key < ?2"
            " AND key >= ?3 AND (key > ?3 OR (?4 <> '' AND upload_id > ?4)) ORDER BY key, upload_id LIMIT ?5",
            (prefix, index.end_of(prefix), after_key, after_id, limit),
        )
        return [tuple(row) for row in rows]

    # --- files ---------------------------------------------------------------------------------------

    def _free(self, change: Change) -> None:
        """Carry out a change that deletes files. On a full disk it uses the reserved space."""
        try:
            self._transactions.change(change)
        except NoSpace:
            self._reserve.unlink(missing_ok=True)
            self._transactions.change(change)
        self._collect()
        self._refill_reserve()

    def _body_path(self, file_name: str) -> Path:
        return self._bodies / file_name[:2] / file_name

    def _file(self, file_name: str) -> Path:
        path = self._body_path(file_name)
        return path if path.exists() else self._arriving / file_name

    def _settle(self, file_name: str) -> None:
        """Move a file whose row is committed to its final path. After a crash the next start does it."""
        path = self._body_path(file_name)
        with suppress(OSError):
            path.parent.mkdir(mode=0o700, exist_ok=True)
            (self._arriving / file_name).replace(path)

    def _collect(self) -> None:
        """Delete the files whose rows are gone."""
        names = [row[0] for row in self._transactions.reader().execute("SELECT file_name FROM garbage LIMIT 1000")]
        if not names:
            return
        for name in names:
            for path in (self._body_path(name), self._arriving / name):
                path.unlink(missing_ok=True)
        self._transactions.change(
            lambda connection: connection.executemany("DELETE FROM garbage WHERE file_name = ?", [(n,) for n in names])
        )

    def _recover(self, connection: sqlite3.Connection) -> None:
        """After a crash, keep the files that have a row, and delete the others and the garbage."""
        for path in list(self._arriving.iterdir()):
            has_row = connection.execute(
                "SELECT 1 FROM versions WHERE version_id = ?1 UNION ALL SELECT 1 FROM parts WHERE file_name = ?1",
                (path.name,),
            ).fetchone()
            if has_row:
                self._settle(path.name)
            else:
                path.unlink(missing_ok=True)
        garbage = connection.execute("SELECT file_name FROM garbage").fetchall()
        for (name,) in garbage:
            self._body_path(name).unlink(missing_ok=True)
        if garbage:
            connection.execute("DELETE FROM garbage")

    def _refill_reserve(self) -> None:
        """Reserve some space, which only deletions and starts on a full disk use."""
        if self._reserve.exists() or shutil.disk_usage(self._folder).free < 4 * RESERVE_BYTES:
            return
        with suppress(OSError), open(self._reserve, "wb") as file:
            file.write(bytes(RESERVE_BYTES))

    @classmethod
    def damaged_in(cls, folder: Path) -> Iterator[tuple[str, str]]:
        """Like `damaged`, for a folder that another process may be using. Changes nothing in it."""
        files = cls.__new__(cls)
        files._arriving, files._bodies = folder / "arriving", folder / "bodies"
        with closing(ReadOnly(folder / INDEX)) as reading:
            files._transactions = cast(Transactions, reading)
            for key, version_id in files.damaged():
                if index.find_version(reading.reader(), key, version_id):  # otherwise it was deleted in the meantime
                    yield key, version_id

    def damaged(self) -> Iterator[tuple[str, str]]:
        """Each version whose body is missing or does not have the size in its row: key and version id."""
        for number in self._numbers():
            version = index.by_number(self._transactions.reader(), number)
            if version is None or version.is_marker:
                continue
            try:
                with self.open(version) as body:
                    if body.seek(0, os.SEEK_END) == version.size_bytes:
                        continue
            except FileNotFoundError:
                pass
            yield version.key, version.version_id

    def _numbers(self) -> Iterable[int]:
        after = 0
        while (
            rows := self._transactions.reader()
            .execute("SELECT number FROM versions WHERE number > ? ORDER BY number LIMIT 1000", (after,))
            .fetchall()
        ):
            for row in rows:
                yield row[0]
            after = rows[-1][0]
