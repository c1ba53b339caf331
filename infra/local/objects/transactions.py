"""Transactions of the object store's index: one thread writes, and each thread has a connection to read."""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from infra.local.objects.disk import NoSpace, is_full

Result = TypeVar("Result")
Change = Callable[[sqlite3.Connection], Any]
INDEX = "index.sqlite"
CHANGES_A_COMMIT = 128


class Transactions:
    """Changes of the index. One thread writes: changes of many threads share a commit, and so its flush to disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._changes: queue.SimpleQueue[tuple[Change, Future[Any]] | None] = queue.SimpleQueue()
        # Connected here: if the thread failed to connect, every change would wait forever.
        self._writing = connect(path, shared=True)
        self._writer = threading.Thread(target=self._write, name="object-index", daemon=True)
        self._writer.start()

    def close(self) -> None:
        self._changes.put(None)
        self._writer.join()

    def reader(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = connect(self._path)
        return connection

    def change(self, change: Callable[[sqlite3.Connection], Result]) -> Result:
        """Carry out a change and return once it is on disk. Raises what the change raises, or NoSpace."""
        done: Future[Result] = Future()
        self._changes.put((change, done))
        return done.result()

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
        """Carry out changes in one transaction. A change that fails does not affect the others."""
        outcomes: list[tuple[Future[Any], Any, BaseException | None]] = []
        try:
            connection.execute("BEGIN IMMEDIATE")
            for change, done in batch:
                connection.execute("SAVEPOINT change")
                try:
                    outcomes.append((done, change(connection), None))
                except sqlite3.Error:
                    raise
                except Exception as error:
                    connection.execute("ROLLBACK TO change")
                    outcomes.append((done, None, error))
                connection.execute("RELEASE change")
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


class ReadOnly:
    """Reads the index of a store that another process may be using. One thread may use it."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)

    def reader(self) -> sqlite3.Connection:
        return self._connection

    def close(self) -> None:
        self._connection.close()


def connect(path: Path, *, shared: bool = False) -> sqlite3.Connection:
    """A connection for the calling thread or, if it is shared, for another thread."""
    connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=not shared)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # a commit is on disk before it returns
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")  # erased bodies leave no trace in the file
    return connection
