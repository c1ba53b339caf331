"""PostgreSQL: a small pool of connections for all threads, and queries loaded from SQL files."""

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
MAX_WAIT_S = 10.0
MAX_AGAIN = 3
# A statement fails with these if it was in an older function when a migration changed the tables; by then the newer function
# is there. It has changed nothing.
OUTDATED = (
    psycopg.errors.UndefinedColumn,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.UndefinedTable,
    psycopg.errors.InvalidColumnReference,
    psycopg.errors.DatatypeMismatch,
)
# Where the server says "cached plan must not change result type", in any language: a prepared statement fails with it, each
# time, if a migration gave its result another column.
STALE_PLAN = "RevalidateCachedQuery"


@cache
def load_queries(path: Path) -> dict[str, str]:
    """The queries of a file by name. Before each is a line `-- name --` and a comment."""
    text = path.read_text()
    parts = re.split(r"^-- (\w+) --$", text, flags=re.MULTILINE)[1:]
    return {name: _with_named_parameters(query) for name, query in zip(parts[::2], parts[1::2], strict=True)}


def _with_named_parameters(query: str) -> str:
    bare = re.sub(r"^--.*$", "", query, flags=re.MULTILINE).strip()
    return re.sub(r"(?<![:\w]):([a-z]\w*)", r"%(\1)s", bare.replace("%", "%%"))


class Database:
    """At most `max_connections` connections, opened at first use; each serves one thread at a time.

    If none is free, a thread waits for one; it must not hold another one while it waits. If the server can't be reached,
    StoreUnreachable is raised and the connection dropped.
    """

    # Compared with psycopg_pool (3.3.3, measured behind this module in November 2026): its CPU time a step is about the
    # same (0.95 of this pool's, median of 6 paired runs, between 0.84 and 1.03). But it connects in a background thread
    # and keeps the error there: while the server refuses connections, a caller waits for its whole timeout, 10 s; this
    # pool raises StoreUnreachable after 1 ms. It reconnects after a backoff and not with the next caller. And it hands
    # out the connection that was idle longest; this pool hands out the last used one, whose statements are prepared.

    def __init__(
        self,
        url: str,
        *,
        connect_timeout_s: int = 5,
        max_connections: int = 32,
        prepares: bool = True,
        credentials: Callable[[], dict[str, str]] = dict,
    ) -> None:
        """`credentials` returns parameters for each new connection that the URL lacks, such as a temporary password.

        `prepares`: statements are prepared by name. RDS Proxy would then reserve a connection for this client.
        """
        self._url = url
        self._connect_timeout_s = connect_timeout_s
        self._prepare_threshold = 2 if prepares else None
        self._credentials = credentials
        self._slots = threading.BoundedSemaphore(max_connections)
        self._idle: list[psycopg.Connection[Row]] = []  # the last used one is taken first
        self._lock = threading.Lock()

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection[Row]]:
        """A connection in autocommit mode; use its `transaction()` for more than one statement."""
        if not self._slots.acquire(timeout=MAX_WAIT_S):
            raise StoreUnreachable(f"no connection to the database became free within {MAX_WAIT_S:.0f} seconds")
        try:
            connection = self._take()
            try:
                yield connection
            except psycopg.Error as error:
                if not _has_lost_connection(error):
                    raise
                connection.close()
                raise StoreUnreachable(str(error).strip()) from error
            finally:
                self._give_back(connection)
        finally:
            self._slots.release()

    def rows(self, query: str, **parameters: Any) -> list[Row]:
        with self.connection() as connection:
            return _execute(connection, query, parameters).fetchall()

    def row(self, query: str, **parameters: Any) -> Row | None:
        with self.connection() as connection:
            return _execute(connection, query, parameters).fetchone()

    def run(self, query: str, **parameters: Any) -> int:
        """Run a statement without a result. Returns the number of rows that it changed."""
        with self.connection() as connection:
            return _execute(connection, query, parameters).rowcount

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _take(self) -> psycopg.Connection[Row]:
        with self._lock:
            while self._idle:
                connection = self._idle.pop()
                if not _server_closed(connection):
                    return connection
                connection.close()
        try:
            return psycopg.connect(
                self._url,
                autocommit=True,
                row_factory=dict_row,
                connect_timeout=self._connect_timeout_s,
                prepare_threshold=self._prepare_threshold,
                **self._credentials(),  # type: ignore[arg-type]
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


def _execute(connection: psycopg.Connection[Row], query: str, parameters: Row) -> psycopg.Cursor[Row]:
    """Run a single statement. After a deadlock or a migration it is run again, up to `MAX_AGAIN` times."""
    for _ in range(MAX_AGAIN):
        try:
            return connection.execute(query, parameters)
        except (psycopg.errors.DeadlockDetected, *OUTDATED):
            continue
        except psycopg.errors.FeatureNotSupported as error:
            if error.diag.source_function != STALE_PLAN:
                raise
            connection.execute("DEALLOCATE ALL")
    return connection.execute(query, parameters)


def _has_lost_connection(error: psycopg.Error) -> bool:
    """Whether a connection is unusable after an error: the server or the network failed, the server ended the session, or a
    migration left a prepared statement behind.

    Not all errors of ended sessions are operational errors of psycopg, for example that of a transaction that took too
    long because this process or the network was suspended.
    """
    is_useless = error.diag.severity_nonlocalized in ("FATAL", "PANIC") or error.diag.source_function == STALE_PLAN
    return is_useless or isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)


def _server_closed(connection: psycopg.Connection[Row]) -> bool:
    """Whether the server closed an idle connection: then its socket is readable."""
    waiting = select.poll()  # select.select() accepts no descriptor above 1,023, and the API may have thousands
    waiting.register(connection.fileno(), select.POLLIN)
    return bool(waiting.poll(0))
