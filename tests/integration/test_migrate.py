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
from tests.making import Urls

THREADS = 4
PROBE = """
CREATE OR REPLACE FUNCTION probe() RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO probes AS p (a, b) VALUES (1, 1) ON CONFLICT ({key}) DO UPDATE SET hits = p.hits + 1;
    RETURN 1;
END $$;
"""
LONGER_KEY = """
ALTER TABLE probes DROP CONSTRAINT probes_pkey, ADD PRIMARY KEY (a, b);
DO $$ BEGIN
    FOR tenth IN 1..100 LOOP
        EXIT WHEN (SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'probes'::regclass) = {waiting};
        PERFORM pg_sleep(0.1);
    END LOOP;
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


def test_a_statement_that_waits_for_a_migration_is_cancelled(database_urls: Urls, tmp_path: Path) -> None:
    schema = with_probe(database_urls, tmp_path, waiting=THREADS)
    is_over = threading.Event()

    def first_error() -> str:
        """Call the function until it fails or the migration is over. Returns the name of the error."""
        with psycopg.connect(database_urls.worker, autocommit=True, prepare_threshold=None) as worker:
            while not is_over.is_set():
                try:
                    worker.execute("SELECT probe()")
                except psycopg.Error as error:
                    return type(error).__name__
        return "none"

    with ThreadPoolExecutor(THREADS) as pool:
        probing = [pool.submit(first_error) for _ in range(THREADS)]
        try:
            assert migrate(database_urls.owner, schema) == ["9002_longer_key", "functions"]
        finally:
            is_over.set()
        assert [each.result() for each in probing] == ["QueryCanceled"] * THREADS


def test_a_statement_that_meets_newer_tables_in_an_older_function_runs_again(
    database_urls: Urls, tmp_path: Path
) -> None:
    schema = with_probe(database_urls, tmp_path, waiting=1)
    worker = Database(database_urls.worker, prepares=not database_urls.is_pooled)
    with ThreadPoolExecutor(1) as pool, psycopg.connect(database_urls.owner) as owner:
        # A migration that cancels nobody.
        owner.execute("LOCK TABLE probes IN ACCESS EXCLUSIVE MODE")
        probing = pool.submit(worker.row, "SELECT probe()")
        for path in (schema / "migrations" / "9002_longer_key.sql", schema / "functions" / "probe.sql"):
            owner.execute(path.read_bytes())
        owner.commit()
        assert probing.result() == {"probe": 1}
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


def with_probe(urls: Urls, folder: Path, *, waiting: int) -> Path:
    """Migrate to a schema with a function `probe`. Returns a newer one: its table gets another key once `waiting` wait."""
    schema = copy_of_schema(folder)
    older, newer = (schema / "migrations" / name for name in ("9001_probes.sql", "9002_longer_key.sql"))
    function = schema / "functions" / "probe.sql"
    older.write_text(
        "DROP TABLE IF EXISTS probes;"
        "CREATE TABLE probes (a integer PRIMARY KEY, b integer, hits integer NOT NULL DEFAULT 0);"
        "GRANT SELECT, INSERT, UPDATE ON probes TO fairway_worker;"
    )
    function.write_text(PROBE.format(key="a"))
    with psycopg.connect(urls.owner) as owner:
        owner.execute("DELETE FROM migrations WHERE name LIKE '9%'")
    migrate(urls.owner, schema)
    newer.write_text(LONGER_KEY.format(waiting=waiting))
    function.write_text(PROBE.format(key="a, b"))
    return schema


def copy_of_schema(folder: Path) -> Path:
    return Path(shutil.copytree(SCHEMA, folder / "schema"))
