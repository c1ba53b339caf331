"""Counts what this process sends to PostgreSQL, Redis, the object store and the queues, and what PostgreSQL writes."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

import psycopg
import redis
import urllib3
from psycopg.pq import Trace

from benchmarks.starting import ROOT
from functions.api import rates
from layers.adapters.postgres.database import load_queries
from layers.adapters.redis import breakers
from layers.attempts import attempt, dispatching, recording

QUERIES = ROOT / "layers" / "adapters" / "postgres"
ENDS_A_TRIP = {"Sync", "Query"}  # the messages of a client after which it waits for the server
ROWS_WRITTEN = "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables"
WAL_POSITION = "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"
TIMED_TABLES = {"lane_clocks"}  # the floor of a step's lanes rises once a second
COMMANDS_OF_THE_BENCHMARK = {"info", "llen"}
LISTINGS = {"versions", "list-type", "uploads"}

Counts = dict[str, Counter[str]]


class Tally:
    """Counts of this process and of its servers. `folder` is for files of its own; the URLs are those of the database's
    owner and of Redis, to ask the servers."""

    def __init__(self, folder: Path, owner_url: str, redis_url: str) -> None:
        self._folder = folder
        self._owner = psycopg.Connection.connect(owner_url, autocommit=True)
        self._redis = redis.Redis.from_url(redis_url)
        self._connections: list[tuple[psycopg.Connection[Any], Path]] = []
        self._sent: Counts = {"statements": Counter(), "S3 calls": Counter(), "queue calls": Counter()}
        self._counted: Counts = {}
        self.is_paused = False

    def since_last(self) -> Counts:
        """What was counted since the last call, by group and by name."""
        now = self._all()
        found = {group: counts - self._counted.get(group, Counter()) for group, counts in now.items()}
        self._counted = now
        return found

    def count_statement(self, query: Any) -> None:
        if not self.is_paused:
            self._sent["statements"][_query_names().get(query) or " ".join(str(query).split())[:60]] += 1

    def count_http_call(self, method: str, url: str, headers: Mapping[str, str] | None) -> None:
        if target := (headers or {}).get("X-Amz-Target"):
            self._sent["queue calls"][target.rpartition(".")[2]] += 1
        else:
            named = parse_qs(urlsplit(url).query, keep_blank_values=True).keys()
            kind = "DELETE" if "delete" in named else "LIST" if named & LISTINGS else method
            self._sent["S3 calls"][kind] += 1

    def add_connection(self, connection: psycopg.Connection[Any]) -> None:
        """Let the client library write the messages of a new connection to a file."""
        path = self._folder / f"{len(self._connections)}.messages"
        connection.pgconn.trace(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
        connection.pgconn.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS)
        self._connections.append((connection, path))

    def close(self) -> None:
        self._owner.close()
        self._redis.close()

    def _all(self) -> Counts:
        self._flush_statistics()
        trips = sum(_trips(path) for _, path in self._connections)
        rows = [(table, count) for table, count in self._owner.execute(ROWS_WRITTEN) if table not in TIMED_TABLES]
        wal = self._owner.execute(WAL_POSITION).fetchall()
        commands = {key.removeprefix("cmdstat_"): found for key, found in self._redis.info("commandstats").items()}
        calls = {name: found["calls"] for name, found in commands.items() if name not in COMMANDS_OF_THE_BENCHMARK}
        return {
            **{group: Counter(counts) for group, counts in self._sent.items()},
            "round trips": Counter({"PostgreSQL": trips}),
            "rows written": Counter(dict(rows)),
            "WAL bytes": Counter({"all": int(wal[0][0])}),
            "Redis calls": Counter(calls),
        }

    def _flush_statistics(self) -> None:
        """Let each backend report the rows that it has written: otherwise it does so once a second."""
        self.is_paused = True
        for connection, _ in self._connections:
            if not connection.closed:
                connection.execute("SELECT pg_stat_force_next_flush()")
        self.is_paused = False


@contextmanager
def counting(tally: Tally) -> Iterator[None]:
    """Count everything that this process sends inside of the block."""
    connect, urlopen = psycopg.connect, urllib3.HTTPConnectionPool.urlopen

    class Cursor(psycopg.Cursor[Any]):
        def execute(self, query: Any, *args: Any, **options: Any) -> Any:
            tally.count_statement(query)
            return super().execute(query, *args, **options)

    def connect_and_count(*args: Any, **options: Any) -> psycopg.Connection[Any]:
        connection = connect(*args, **options, cursor_factory=Cursor)
        tally.add_connection(connection)
        return connection

    def call_and_count(pool: Any, method: str, url: str, body: Any = None, headers: Any = None, **options: Any) -> Any:
        tally.count_http_call(method, url, headers)
        return urlopen(pool, method, url, body, headers, **options)

    with (
        patch.object(psycopg, "connect", connect_and_count),
        patch.object(urllib3.HTTPConnectionPool, "urlopen", call_and_count),
    ):
        yield


@contextmanager
def without_clocks() -> Iterator[None]:
    """Leave out what depends on how fast the machine is, inside of the block.

    Attempts take no time: their lanes are not corrected, bundles are recorded once, no part is requeued because it takes
    long. Backlogs are measured once, and circuit breakers, quotas and counts of requests are read once; otherwise that is
    done every few seconds.
    """
    with ExitStack() as patches:
        for module, name, replacement in (
            (attempt, "time", SimpleNamespace(monotonic=lambda: 0.0)),
            (attempt, "short_limit_s", lambda _estimate_s: math.inf),
            (recording, "correction", lambda _estimate_s, _measured_s: 0.0),
            (dispatching, "BACKLOG_SAMPLE_EVERY_S", 100_000.0),
            (breakers, "FRESH_S", math.inf),
            (rates, "CACHED_S", math.inf),
            (rates, "WINDOW_S", 1_000_000_000),
        ):
            patches.enter_context(patch.object(module, name, replacement))
        yield


@cache
def _query_names() -> dict[str, str]:
    return {text: name for path in QUERIES.glob("*.sql") for name, text in load_queries(path).items()}


def _trips(path: Path) -> int:
    """How often the client waited for the server, by the messages that it sent."""
    return sum(
        fields[0] == "F" and fields[1].isdigit() and fields[2] in ENDS_A_TRIP
        for line in path.read_text(errors="replace").splitlines()
        if len(fields := line.split(maxsplit=3)) > 2
    )
