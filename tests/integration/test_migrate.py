"""Migrations on a real PostgreSQL."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from infra.migrate import SCHEMA, MigrationBlocked, MigrationChanged, migrate
from layers.adapters.postgres.database import Database
from layers.domain.errors import StoreUnreachable
from tests.making import Urls

THREADS = 4
PROBE = """
CREATE OR REPLACE FUNCTION probe() RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO probes AS p (a, b) VALUES (1, 1) ON CONFLICT ({key}) DO UPDATE SET hits = p.hits + 1;
    RETURN 1;
END $$;
"""


def test_migrating_again_changes_nothing(database_url: str) -> None:
    assert migrate(database_url) == []


def test_a_changed_migration_is_refused(database_url: str, tmp_path: Path) -> None:
    schema = copy_of_schema(tmp_path)
    first = sorted((schema / "migrations").glob("*.sql"))[0]
    first.write_text(first.read_text() + "\n-- changed\n")
    with pytest.raises(MigrationChanged, match=first.name):
        migrate(database_url, schema)


def test_no_statement_runs_an_older_function_on_newer_tables(database_urls: Urls, tmp_path: Path) -> None:
    schema = copy_of_schema(tmp_path)
    (schema / "migrations" / "9001_probes.sql").write_text(
        "CREATE TABLE probes (a integer PRIMARY KEY, b integer, hits integer NOT NULL DEFAULT 0);"
        "GRANT SELECT, INSERT, UPDATE ON probes TO fairway_worker;"
    )
    (schema / "functions" / "probe.sql").write_text(PROBE.format(key="a"))
    migrate(database_urls.owner, schema)

    (schema / "migrations" / "9002_longer_key.sql").write_text(
        "ALTER TABLE probes DROP CONSTRAINT probes_pkey, ADD PRIMARY KEY (a, b); SELECT pg_sleep(0.5);"
    )
    (schema / "functions" / "probe.sql").write_text(PROBE.format(key="a, b"))
    worker = Database(database_urls.worker, prepares=not database_urls.is_pooled)
    is_over = threading.Event()

    def probe() -> int:
        """Call the function until the migration is over. Returns how often the database seemed to be away."""
        away = 0
        while not is_over.is_set():
            try:
                worker.row("SELECT probe()")
            except StoreUnreachable:
                away += 1
        return away

    with ThreadPoolExecutor(THREADS) as pool:
        probing = [pool.submit(probe) for _ in range(THREADS)]
        try:
            assert migrate(database_urls.owner, schema) == ["9002_longer_key", "functions"]
        finally:
            is_over.set()
        assert sum(probe.result() for probe in probing) <= THREADS
    assert worker.row("SELECT probe()") == {"probe": 1}
    worker.close()


def test_a_migration_that_others_block_changes_nothing_and_names_them(database_urls: Urls, tmp_path: Path) -> None:
    schema = copy_of_schema(tmp_path)
    (schema / "migrations" / "9003_blocked.sql").write_text("CREATE TABLE blocked (a integer);")
    with psycopg.connect(database_urls.owner) as other:
        other.execute("LOCK TABLE files IN ACCESS SHARE MODE")
        with pytest.raises(MigrationBlocked, match=f"pid {other.info.backend_pid} of "):
            migrate(database_urls.owner, schema, patience_s=0)
        assert other.execute("SELECT to_regclass('blocked')").fetchone() == (None,)
    assert "9003_blocked" in migrate(database_urls.owner, schema)


def copy_of_schema(folder: Path) -> Path:
    return Path(shutil.copytree(SCHEMA, folder / "schema"))
