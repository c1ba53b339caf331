"""PostgreSQL: a small pool of connections shared by threads, and SQL that has a home of its own."""

from __future__ import annotations

import re
import select
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from layers.domain.errors import StoreUnreachable

Row = dict[str, Any]
LONGEST_WAIT_S = 10.0
MOST_DEADLOCKS = 3


@cache
def load_queries(path: Path) -> dict[str, str]:
    """The queries of a file by name: each stands after a line `-- name --` and a line saying what it does."""
    text = path.read_text()
    parts = re.split(r"^-- (\w+) --$", text, flags=re.MULTILINE)[1:]
    return {name: _with_named_parameters(query) for name, query in zip(parts[::2], parts[1::2], strict=True)}


def _with_named_parameters(query: str) -> str:
    bare = re.sub(r"^--.*$", "", query, flags=re.MULTILINE).strip()
    return re.sub(r"(?<![:\w]):([a-z]\w*)", r"%(\1)s", bare.replace("%", "%%"))


class Database:
    """At most `most` connections, opened at first use, one a thread at a time, and kept for the next.

    A thread that finds none free waits for one; it must hold none itself. Every failure to reach the server raises StoreUnreachable; the broken connection is dropped.
    """

    def __init__(
        self,
        url: str,
        *,
        connect_timeout_s: int = 5,
        most: int = 32,
        prepares: bool = True,
        given: Callable[[], dict[str, str]] = dict,
    ) -> None:
        """`given` is asked at each new connection for what the URL lacks, such as a password that soon expires.

        A proxy that shares its connections among clients keeps one for whoever `prepares` a statement by name.
        """
        self._url = url
        self._connect_timeout_s = connect_timeout_s
        self._prepare_threshold = 2 if prepares else None
        self._given = given
        self._places = threading.BoundedSemaphore(most)
        self._idle: list[psycopg.Connection[Row]] = []
        self._lock = threading.Lock()

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection[Row]]:
        """A connection in autocommit mode; use `transaction()` of it for more than one statement."""
        if not self._places.acquire(timeout=LONGEST_WAIT_S):
            raise StoreUnreachable(f"no connection to the database became free within {LONGEST_WAIT_S:.0f} seconds")
        try:
            connection = self._take()
            try:
                yield connection
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                connection.close()
                raise StoreUnreachable(str(error).strip()) from error
            finally:
                self._give_back(connection)
        finally:
            self._places.release()

    def rows(self, query: str, **parameters: Any) -> list[Row]:
        with self.connection() as connection:
            return _executed(connection, query, parameters).fetchall()

    def row(self, query: str, **parameters: Any) -> Row | None:
        with self.connection() as connection:
            return _executed(connection, query, parameters).fetchone()

    def run(self, query: str, **parameters: Any) -> int:
        """Run a statement that answers nothing; the number of rows it touched."""
        with self.connection() as connection:
            return _executed(connection, query, parameters).rowcount

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _take(self) -> psycopg.Connection[Row]:
        with self._lock:
            while self._idle:
                connection = self._idle.pop()
                if not _was_hung_up(connection):
                    return connection
                connection.close()
        try:
            return psycopg.connect(
                self._url,
                autocommit=True,
                row_factory=dict_row,
                connect_timeout=self._connect_timeout_s,
                prepare_threshold=self._prepare_threshold,
                **self._given(),  # type: ignore[arg-type]
            )
        except psycopg.OperationalError as error:
            raise StoreUnreachable(str(error).strip()) from error

    def _give_back(self, connection: psycopg.Connection[Row]) -> None:
        if connection.closed or connection.broken:
            return
        if connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            connection.close()
            return
        with self._lock:
            self._idle.append(connection)


def _executed(connection: psycopg.Connection[Row], query: str, parameters: Row) -> psycopg.Cursor[Row]:
    """A statement by itself; one that the server ended, since it and another waited for each other, is run again."""
    for _ in range(MOST_DEADLOCKS):
        try:
            return connection.execute(query, parameters)
        except psycopg.errors.DeadlockDetected:
            continue
    return connection.execute(query, parameters)


def _was_hung_up(connection: psycopg.Connection[Row]) -> bool:
    """Whether the server ended an idle connection: it then has something to read, which is its end."""
    readable, _, _ = select.select([connection.fileno()], [], [], 0)
    return bool(readable)
