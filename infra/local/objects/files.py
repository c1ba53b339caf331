"""Versioned objects in a folder: an index in SQLite, small bodies in it, larger ones as files beside it.

A change is on disk before it is acknowledged: the body is flushed first, then the row that names it. Rows of many
requests share one transaction, so that they share its flush to disk. Nothing is held in memory: a write that the disk
refuses fails the request, with nothing stored.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import queue
import shutil
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

Result = TypeVar("Result")
Change = Callable[[sqlite3.Connection], Any]

SMALL_BYTES = 64 * 1024  # bodies up to this size are stored in the index: one flush to disk instead of three
CHANGES_A_COMMIT = 128
COPY_BYTES = 1024 * 1024
RESERVE_BYTES = 4 * 1024 * 1024
SCHEMA = """
CREATE TABLE IF NOT EXISTS versions (
    number     INTEGER PRIMARY KEY AUTOINCREMENT, -- the higher, the newer
    key        TEXT NOT NULL,
    version_id TEXT NOT NULL UNIQUE,
    is_marker  INTEGER NOT NULL DEFAULT 0, -- of a deletion
    size_bytes INTEGER NOT NULL DEFAULT 0,
    etag       TEXT NOT NULL DEFAULT '',
    media_type TEXT NOT NULL DEFAULT '',
    sha256     TEXT, -- as the client announced it, in base64
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
-- Files whose rows are gone, until they are deleted as well.
CREATE TABLE IF NOT EXISTS garbage (file_name TEXT PRIMARY KEY) WITHOUT ROWID;
"""


class NoSpace(Exception):
    """The disk is full, or would be with what is to be stored."""


class Exists(Exception):
    """The key has an object already, and the request asked for none to be replaced."""


class NoUpload(Exception):
    """There is no such multipart upload: it was completed, was aborted, or never began."""


class WrongParts(Exception):
    """The parts that are to be joined are not those that are stored."""


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


class Incoming:
    """A body that is being received: in memory while it is small, in a file once it is not.

    Close it in the end, whatever became of it; what was not stored is deleted.
    """

    def __init__(self, folder: Path, *, small_bytes: int = SMALL_BYTES) -> None:
        self.file_name = uuid.uuid4().hex
        self.size_bytes = 0
        self._small_bytes = small_bytes
        self._path = folder / self.file_name
        self._chunks: list[bytes] = []
        self._file: IO[bytes] | None = None
        self._is_stored = False

    def write(self, chunk: bytes) -> None:
        """Raises NoSpace."""
        self.size_bytes += len(chunk)
        if self._file is None and self.size_bytes <= self._small_bytes:
            self._chunks.append(chunk)
            return
        with refusing_full_disk():
            if self._file is None:
                self._file = open(self._path, "xb")
                self._file.writelines(self._chunks)
                self._chunks.clear()
            self._file.write(chunk)

    def flush(self) -> bytes | None:
        """Bring a file to disk; the body itself where it is small. Raises NoSpace."""
        if self._file is None:
            return b"".join(self._chunks)
        with refusing_full_disk():
            self._file.flush()
            os.fsync(self._file.fileno())
            flush_folder(self._path.parent)
        return None

    def stored(self) -> None:
        """Its row is committed: the file stays."""
        self._is_stored = True

    def close(self) -> None:
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            if not self._is_stored:
                self._path.unlink(missing_ok=True)


class ObjectFiles:
    """The objects of one bucket in a folder. Threads may share it."""

    def __init__(self, folder: Path, *, free_bytes: int = 0) -> None:
        """`free_bytes` of the disk are left free: what would take more is refused before it is received."""
        self._folder = folder
        self._free_bytes = free_bytes
        self._arriving, self._bodies = folder / "arriving", folder / "bodies"
        self._reserve = folder / "reserve"
        for path in (folder, self._arriving, self._bodies):
            path.mkdir(mode=0o700, exist_ok=True)
        self._local = threading.local()
        self._changes: queue.SimpleQueue[tuple[Change, Future[Any]] | None] = queue.SimpleQueue()
        try:
            self._open()
        except sqlite3.Error as error:
            if not is_full(error):
                raise
            self._reserve.unlink(missing_ok=True)
            self._open()
        self._refill_reserve()
        # Connected here: a thread that failed to would leave every change waiting for good.
        self._writing = self._connect(shared=True)
        self._writer = threading.Thread(target=self._write, name="object-index", daemon=True)
        self._writer.start()

    def close(self) -> None:
        self._changes.put(None)
        self._writer.join()

    def _open(self) -> None:
        connection = self._connect()
        try:
            connection.executescript(SCHEMA)
            self._recover(connection)
        finally:
            connection.close()

    # --- one object ----------------------------------------------------------------------------------

    def receive(self, size_bytes: int) -> Incoming:
        """Begin to receive a body of this size. Raises NoSpace where it would leave too little of the disk free."""
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
            if only_new and _latest(connection, key) is not None:
                raise Exists(key)
            _insert(connection, version)
            if body is not None:
                connection.execute("INSERT INTO bodies VALUES (?, ?)", (version.version_id, body))

        self._change(insert)
        incoming.stored()
        if body is None:
            self._settle(version.version_id)
        return version

    def find(self, key: str, version_id: str | None = None) -> Version | None:
        """A version of a key, by default the latest; None where there is none, or it records a deletion."""
        found = _latest(self._reader(), key) if version_id is None else _version(self._reader(), key, version_id)
        return None if found is None or found.is_marker else found

    def open(self, version: Version) -> IO[bytes]:
        """A version's body, as a seekable file. Raises FileNotFoundError where it is gone."""
        row = self._reader().execute("SELECT body FROM bodies WHERE version_id = ?", (version.version_id,)).fetchone()
        if row is not None:
            return io.BytesIO(row[0])
        try:
            return open(self._place(version.version_id), "rb")
        except FileNotFoundError:
            return open(self._arriving / version.version_id, "rb")  # its row was committed a moment ago

    def delete(self, chosen: Sequence[tuple[str, str | None]]) -> list[tuple[str, str]]:
        """Delete versions for good; a key without a version gets a marker. The key and version id of each."""
        done: list[tuple[str, str]] = []

        def remove(connection: sqlite3.Connection) -> None:
            done.clear()
            for key, version_id in chosen:
                if version_id is None:
                    marker = Version(key, uuid.uuid4().hex, True, 0, "", "", None, time.time())
                    _insert(connection, marker)
                    done.append((key, marker.version_id))
                else:
                    _remove(connection, key, version_id)
                    done.append((key, version_id))

        self._free(remove)
        return done

    # --- listings ------------------------------------------------------------------------------------

    def keys(self, prefix: str, after: str, limit: int) -> list[Version]:
        """The latest version of each key under a prefix after a given one, in order, deleted ones left out."""
        found: list[Version] = []
        while len(found) < limit:
            rows = self._reader().execute(NEWEST_OF_EACH_KEY, (after, prefix, _end(prefix), limit)).fetchall()
            found += [version for version in map(_made, rows) if not version.is_marker]
            if len(rows) < limit:
                break
            after = rows[-1][0]
        return found[:limit]

    def versions(self, prefix: str, key_marker: str, version_marker: str, limit: int) -> list[Version]:
        """All versions under a prefix, by key, the newest of each first; after a key, or after one version of it."""
        connection = self._reader()
        below = None
        if version_marker:
            row = connection.execute("SELECT number FROM versions WHERE version_id = ?", (version_marker,)).fetchone()
            below = row[0] if row else 0
        found: list[Version] = []
        if below is not None:
            found += _rows(connection, "key = ? AND number < ?", (key_marker, below), limit)
        left = limit - len(found)
        if left > 0:
            found += _rows(connection, "key > ? AND key >= ? AND key < ?", (key_marker, prefix, _end(prefix)), left)
        return found

    # --- multipart uploads ---------------------------------------------------------------------------

    def begin_upload(self, key: str, media_type: str) -> str:
        """The id of a new multipart upload. Raises NoSpace."""
        upload_id = uuid.uuid4().hex
        row = (upload_id, key, media_type, time.time())
        self._change(lambda connection: connection.execute("INSERT INTO uploads VALUES (?, ?, ?, ?)", row))
        return upload_id

    def receive_part(self, size_bytes: int) -> Incoming:
        """As `receive`, for a part, which is always a file."""
        self._check_room(size_bytes)
        return Incoming(self._arriving, small_bytes=-1)

    def store_part(self, incoming: Incoming, key: str, upload_id: str, number: int, etag: str) -> None:
        """Store a part; an earlier one of its number is replaced. Raises NoUpload, NoSpace."""
        if incoming.size_bytes == 0:
            incoming.write(b"")
        incoming.flush()

        def insert(connection: sqlite3.Connection) -> None:
            _existing_upload(connection, key, upload_id)
            _drop_parts(connection, upload_id, number)
            row = (upload_id, number, incoming.file_name, incoming.size_bytes, etag)
            connection.execute("INSERT INTO parts VALUES (?, ?, ?, ?, ?)", row)

        self._change(insert)
        incoming.stored()
        self._settle(incoming.file_name)
        self._collect()

    def parts(self, key: str, upload_id: str, after: int, limit: int) -> list[StoredPart]:
        """The parts of an upload that are stored, in order. Raises NoUpload."""
        _existing_upload(self._reader(), key, upload_id)
        rows = self._reader().execute(
            "SELECT number, size_bytes, etag FROM parts WHERE upload_id = ? AND number > ? ORDER BY number LIMIT ?",
            (upload_id, after, limit),
        )
        return [StoredPart(*row) for row in rows]

    def complete_upload(
        self, key: str, upload_id: str, chosen: Sequence[tuple[int, str]], *, only_new: bool
    ) -> Version:
        """Join parts, given by number and etag, to the newest version of the key.

        Raises NoUpload, WrongParts, Exists, NoSpace.
        """
        media_type = _existing_upload(self._reader(), key, upload_id)
        rows = self._reader().execute(
            "SELECT number, etag, file_name, size_bytes FROM parts WHERE upload_id = ? ORDER BY number", (upload_id,)
        )
        stored = {row[0]: row[1:] for row in rows}
        numbers = [number for number, _ in chosen]
        if not chosen or numbers != sorted(set(numbers)) or any(stored.get(n, ("",))[0] != e for n, e in chosen):
            raise WrongParts(f"the parts {numbers} are not those that are stored")
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
                _existing_upload(connection, key, upload_id)
                if only_new and _latest(connection, key) is not None:
                    raise Exists(key)
                _insert(connection, version)
                _drop_upload(connection, upload_id)

            self._change(insert)
            incoming.stored()
        finally:
            incoming.close()
        self._settle(version.version_id)
        self._collect()
        return version

    def abort_upload(self, key: str, upload_id: str) -> None:
        """Delete an upload and its parts. Raises NoUpload."""

        def drop(connection: sqlite3.Connection) -> None:
            _existing_upload(connection, key, upload_id)
            _drop_upload(connection, upload_id)

        self._free(drop)

    def uploads(
        self, prefix: str, limit: int, *, after_key: str = "", after_id: str = ""
    ) -> list[tuple[str, str, float]]:
        """Unfinished multipart uploads under a prefix, by key and id: key, id, time of the beginning.

        They begin after all uploads of `after_key` or, where `after_id` is given, after that one of them.
        """
        rows = self._reader().execute(
            "SELECT key, upload_id, begun_at FROM uploads WHERE key >= ?1 AND key < ?2"
            " AND key >= ?3 AND (key > ?3 OR (?4 <> '' AND upload_id > ?4)) ORDER BY key, upload_id LIMIT ?5",
            (prefix, _end(prefix), after_key, after_id, limit),
        )
        return [tuple(row) for row in rows]

    # --- the index -----------------------------------------------------------------------------------

    def _connect(self, *, shared: bool = False) -> sqlite3.Connection:
        """A connection for the calling thread or, if it is shared, for another one."""
        connection = sqlite3.connect(
            self._folder / "index.sqlite", timeout=30, isolation_level=None, check_same_thread=not shared
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # a commit is on disk before it returns
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # erased bodies leave no trace in the file
        return connection

    def _reader(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect()
        return connection

    def _change(self, change: Callable[[sqlite3.Connection], Result]) -> Result:
        """Carry out a change and return once it is on disk. Raises what the change raises, or NoSpace."""
        done: Future[Result] = Future()
        self._changes.put((change, done))
        return done.result()

    def _free(self, change: Change) -> None:
        """Carry out a change that deletes files. On a full disk it uses the space that is kept in reserve."""
        try:
            self._change(change)
        except NoSpace:
            self._reserve.unlink(missing_ok=True)
            self._change(change)
        self._collect()
        self._refill_reserve()

    def _write(self) -> None:
        connection = self._writing
        is_open = True
        while is_open:
            batch = [self._changes.get()]
            while len(batch) < CHANGES_A_COMMIT and not self._changes.empty():
                batch.append(self._changes.get())
            is_open = None not in batch
            self._commit(connection, [change for change in batch if change is not None])
        connection.close()

    def _commit(self, connection: sqlite3.Connection, batch: Sequence[tuple[Change, Future[Any]]]) -> None:
        """Carry out changes in one transaction; one that fails takes no other with it."""
        outcomes: list[tuple[Future[Any], Any, BaseException | None]] = []
        try:
            connection.execute("BEGIN IMMEDIATE")
            for change, done in batch:
                connection.execute("SAVEPOINT one")
                try:
                    outcomes.append((done, change(connection), None))
                except sqlite3.Error:
                    raise
                except Exception as error:
                    connection.execute("ROLLBACK TO one")
                    outcomes.append((done, None, error))
                connection.execute("RELEASE one")
            connection.execute("COMMIT")
        except BaseException as error:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            failure = NoSpace(str(error)) if is_full(error) else error
            for _, done in batch:
                done.set_exception(failure)
            return
        for done, result, failed in outcomes:
            if failed is not None:
                done.set_exception(failed)
            else:
                done.set_result(result)

    # --- files ---------------------------------------------------------------------------------------

    def _place(self, file_name: str) -> Path:
        return self._bodies / file_name[:2] / file_name

    def _file(self, file_name: str) -> Path:
        path = self._place(file_name)
        return path if path.exists() else self._arriving / file_name

    def _settle(self, file_name: str) -> None:
        """Move a file whose row is committed to where it stays. A crash before leaves that to the next start."""
        path = self._place(file_name)
        with suppress(OSError):
            path.parent.mkdir(mode=0o700, exist_ok=True)
            (self._arriving / file_name).replace(path)

    def _collect(self) -> None:
        """Delete the files whose rows are gone."""
        names = [row[0] for row in self._reader().execute("SELECT file_name FROM garbage LIMIT 1000")]
        if not names:
            return
        for name in names:
            for path in (self._place(name), self._arriving / name):
                path.unlink(missing_ok=True)
        self._change(
            lambda connection: connection.executemany("DELETE FROM garbage WHERE file_name = ?", [(n,) for n in names])
        )

    def _recover(self, connection: sqlite3.Connection) -> None:
        """After a crash: keep the files that have a row, delete the others and those that were to be deleted."""
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
            self._place(name).unlink(missing_ok=True)
        if garbage:
            connection.execute("DELETE FROM garbage")

    def _refill_reserve(self) -> None:
        """Keep some space that only a deletion and a start on a full disk use."""
        if self._reserve.exists() or shutil.disk_usage(self._folder).free < 4 * RESERVE_BYTES:
            return
        with suppress(OSError), open(self._reserve, "wb") as file:
            file.write(bytes(RESERVE_BYTES))

    @classmethod
    def damaged_in(cls, folder: Path) -> Iterator[tuple[str, str]]:
        """As `damaged`, of a folder that another process may be using: nothing in it is changed."""
        files = cls.__new__(cls)
        files._arriving, files._bodies = folder / "arriving", folder / "bodies"
        files._local = threading.local()
        files._local.connection = sqlite3.connect(f"{(folder / 'index.sqlite').as_uri()}?mode=ro", uri=True)
        try:
            for key, version_id in files.damaged():
                if _version(files._local.connection, key, version_id):  # else it was deleted meanwhile
                    yield key, version_id
        finally:
            files._local.connection.close()

    def damaged(self) -> Iterator[tuple[str, str]]:
        """Each version whose body is missing, or is not of the size that its row says: key and version id."""
        for number in self._numbers():
            version = _by_number(self._reader(), number)
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
            rows := self._reader()
            .execute("SELECT number FROM versions WHERE number > ? ORDER BY number LIMIT 1000", (after,))
            .fetchall()
        ):
            for row in rows:
                yield row[0]
            after = rows[-1][0]


COLUMNS = "key, version_id, is_marker, size_bytes, etag, media_type, sha256, stored_at"
# One statement, so that it sees each version that it lists: another thread may delete versions at the same time.
NEWEST_OF_EACH_KEY = f"""
SELECT {COLUMNS} FROM versions
 WHERE number IN (SELECT max(number) FROM versions WHERE key > ? AND key >= ? AND key < ?
                  GROUP BY key ORDER BY key LIMIT ?)
 ORDER BY key
"""


def _insert(connection: sqlite3.Connection, version: Version) -> None:
    values = (version.key, version.version_id, version.is_marker, version.size_bytes, version.etag)
    values += (version.media_type, version.sha256, version.stored_at)  # type: ignore[assignment]
    connection.execute(f"INSERT INTO versions ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)


def _made(row: Sequence[Any], *, is_latest: bool = True) -> Version:
    key, version_id, is_marker, size_bytes, etag, media_type, sha256, stored_at = row[:8]
    return Version(key, version_id, bool(is_marker), size_bytes, etag, media_type, sha256, stored_at, is_latest)


def _latest(connection: sqlite3.Connection, key: str) -> Version | None:
    """The newest version of a key; None where there is none or it records a deletion."""
    row = connection.execute(
        f"SELECT {COLUMNS} FROM versions WHERE key = ? ORDER BY number DESC LIMIT 1", (key,)
    ).fetchone()
    return None if row is None or row[2] else _made(row)


def _version(connection: sqlite3.Connection, key: str, version_id: str) -> Version | None:
    row = connection.execute(
        f"SELECT {COLUMNS} FROM versions WHERE version_id = ? AND key = ?", (version_id, key)
    ).fetchone()
    return _made(row) if row else None


def _by_number(connection: sqlite3.Connection, number: int) -> Version | None:
    row = connection.execute(f"SELECT {COLUMNS} FROM versions WHERE number = ?", (number,)).fetchone()
    return _made(row) if row else None


def _rows(connection: sqlite3.Connection, condition: str, values: tuple[Any, ...], limit: int) -> list[Version]:
    found = connection.execute(
        f"SELECT {COLUMNS}, NOT EXISTS (SELECT 1 FROM versions n WHERE n.key = v.key AND n.number > v.number)"
        f" FROM versions v WHERE {condition} ORDER BY key, number DESC LIMIT ?",
        (*values, limit),
    )
    return [_made(row, is_latest=bool(row[8])) for row in found]


def _remove(connection: sqlite3.Connection, key: str, version_id: str) -> None:
    row = connection.execute(
        "DELETE FROM versions WHERE version_id = ? AND key = ? RETURNING is_marker", (version_id, key)
    ).fetchone()
    if row is None or row[0]:
        return
    in_index = connection.execute("DELETE FROM bodies WHERE version_id = ? RETURNING 1", (version_id,)).fetchone()
    if not in_index:
        connection.execute("INSERT OR IGNORE INTO garbage VALUES (?)", (version_id,))


def _existing_upload(connection: sqlite3.Connection, key: str, upload_id: str) -> str:
    """The media type of an upload. Raises NoUpload."""
    row = connection.execute(
        "SELECT media_type FROM uploads WHERE upload_id = ? AND key = ?", (upload_id, key)
    ).fetchone()
    if row is None:
        raise NoUpload(upload_id)
    return str(row[0])


def _drop_parts(connection: sqlite3.Connection, upload_id: str, number: int | None = None) -> None:
    which, values = ("", (upload_id,)) if number is None else (" AND number = ?", (upload_id, number))
    connection.execute(f"INSERT OR IGNORE INTO garbage SELECT file_name FROM parts WHERE upload_id = ?{which}", values)
    connection.execute(f"DELETE FROM parts WHERE upload_id = ?{which}", values)


def _drop_upload(connection: sqlite3.Connection, upload_id: str) -> None:
    _drop_parts(connection, upload_id)
    connection.execute("DELETE FROM uploads WHERE upload_id = ?", (upload_id,))


def _end(prefix: str) -> str:
    """What sorts after everything that begins with a prefix."""
    return prefix + "\U0010ffff"


class refusing_full_disk:
    """Turns what the system says of a full disk, a full quota or a file too large into NoSpace."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None and is_full(error):
            raise NoSpace(str(error)) from error


def is_full(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return isinstance(error, sqlite3.OperationalError) and (
        "full" in str(error) or "disk I/O error" in str(error)  # SQLite's word for a write that ENOSPC cut short
    )


def flush_folder(folder: Path) -> None:
    """Bring a folder's entries to disk, so that a file just made in it survives a crash of the machine."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
