"""Connections to PostgreSQL: a few serve many threads, and one that the server closed is replaced without an error."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from layers.adapters.postgres import database
from layers.adapters.postgres.database import Database
from layers.domain.errors import StoreUnreachable
from tests.making import Urls

OWN_PID = "SELECT pg_backend_pid() AS pid, pg_sleep(0.01)"


def test_many_threads_share_a_few_connections(database_urls: Urls) -> None:
    few = Database(database_urls.worker, max_connections=2)
    with ThreadPoolExecutor(20) as pool:
        pids = list(pool.map(lambda _: few.rows(OWN_PID)[0]["pid"], range(100)))
    few.close()
    assert len(pids) == 100 and len(set(pids)) == 2


def test_waiting_too_long_for_a_connection_is_store_unreachable(
    database_urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "MAX_WAIT_S", 0.05)
    pool_of_one = Database(database_urls.worker, max_connections=1)
    with pool_of_one.connection(), pytest.raises(StoreUnreachable, match="became free"), ThreadPoolExecutor(1) as pool:
        pool.submit(pool_of_one.rows, "SELECT 1").result()
    assert pool_of_one.rows("SELECT 1 AS n") == [{"n": 1}]
    pool_of_one.close()


def test_a_connection_that_the_server_closed_is_replaced(database_urls: Urls) -> None:
    kept = Database(database_urls.worker)
    (row,) = kept.rows(OWN_PID)
    Database(database_urls.owner).rows("SELECT pg_terminate_backend(%(pid)s, 5000)", pid=row["pid"])
    assert kept.rows(OWN_PID)[0]["pid"] != row["pid"]
    kept.close()


@pytest.mark.parametrize("limit", ["transaction_timeout", "idle_in_transaction_session_timeout"])
def test_a_transaction_that_the_server_has_ended_is_store_unreachable(database_urls: Urls, limit: str) -> None:
    kept = Database(database_urls.worker)
    with pytest.raises(StoreUnreachable, match="terminating connection"), kept.connection() as connection:
        connection.execute(f"SET {limit} = 20")
        with connection.transaction():
            connection.execute("SELECT 1")
            time.sleep(0.1)
            connection.execute("SELECT pg_sleep(1)")
    assert kept.rows("SELECT 1 AS n") == [{"n": 1}]
    kept.close()


def test_an_error_of_a_statement_is_not_store_unreachable(database_urls: Urls) -> None:
    kept = Database(database_urls.worker)
    (before,) = kept.rows(OWN_PID)
    with pytest.raises(psycopg.errors.DivisionByZero):
        kept.rows("SELECT 1 / 0")
    with pytest.raises(psycopg.errors.FeatureNotSupported):
        kept.rows("SELECT count(*) FROM files FOR UPDATE")
    assert kept.rows(OWN_PID)[0]["pid"] == before["pid"]
    kept.close()


def test_both_statements_of_a_deadlock_are_carried_out(database_urls: Urls) -> None:
    crosswise = "SELECT pg_advisory_xact_lock(%(first)s), pg_sleep(0.5), pg_advisory_xact_lock(%(second)s), 1 AS n"
    shared = Database(database_urls.worker)
    with ThreadPoolExecutor(2) as pool:
        results = [pool.submit(shared.row, crosswise, first=a, second=b) for a, b in ((7001, 7002), (7002, 7001))]
    for result in results:
        row = result.result()
        assert row and row["n"] == 1
    shared.close()


@pytest.fixture
def widened(database_urls: Urls) -> Iterator[Callable[[], int]]:
    """A table with the column `a` for a worker, and a call that adds `b`."""
    owner = Database(database_urls.owner)
    owner.run("CREATE TABLE widened AS SELECT 1 AS a")
    owner.run("GRANT SELECT ON widened TO fairway_worker")
    yield lambda: owner.run("ALTER TABLE widened ADD COLUMN b integer DEFAULT 2")
    owner.run("DROP TABLE widened")
    owner.close()


def test_a_prepared_statement_goes_on_after_its_table_got_another_column(
    database_urls: Urls, widened: Callable[[], int]
) -> None:
    kept = Database(database_urls.worker, max_connections=1)
    for _ in range(5):
        assert kept.row("SELECT * FROM widened") == {"a": 1}
    widened()
    assert kept.row("SELECT * FROM widened") == {"a": 1, "b": 2}
    kept.close()


def test_a_transaction_with_a_statement_prepared_before_a_migration_fails_once(
    database_urls: Urls, widened: Callable[[], int]
) -> None:
    kept = Database(database_urls.worker, max_connections=1)

    def read() -> dict[str, Any] | None:
        with kept.connection() as connection, connection.transaction():
            return connection.execute("SELECT * FROM widened").fetchone()

    for _ in range(5):
        assert read() == {"a": 1}
    widened()
    with pytest.raises(StoreUnreachable, match="cached plan"):
        read()
    assert read() == {"a": 1, "b": 2}
    kept.close()


def test_a_server_that_refuses_connections_is_unreachable_at_once() -> None:
    database = Database("postgresql://worker:password@127.0.0.1:9/fairway")
    began = time.monotonic()
    with pytest.raises(StoreUnreachable, match="refused"):
        database.rows("SELECT 1")
    assert time.monotonic() - began < 1
