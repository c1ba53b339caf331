"""Brings a database to the current schema: applies each numbered migration once, and creates the SQL functions again."""

from __future__ import annotations

import hashlib
from pathlib import Path

import psycopg
from psycopg import sql

from layers.domain.keys import hash_key

SCHEMA = Path(__file__).resolve().parents[3] / "schema"
LOCK = 7_240_115_901
OLDEST_SERVER = 14


class ServerTooOld(Exception):
    """The server is older than the oldest version that Fairway supports."""


class MigrationChanged(Exception):
    """A migration was edited after it was applied. Migrations only go forward: add a new one."""


def migrate(database_url: str, schema: Path = SCHEMA) -> list[str]:
    """Apply the missing migrations, in order, under an advisory lock; the names of those that were applied.

    Raises MigrationChanged if the file of an applied migration differs from what was applied, and ServerTooOld.
    """
    # The lock belongs to a transaction of its own: a pooler may serve each transaction by another connection.
    with (
        psycopg.connect(database_url) as lock,
        psycopg.connect(database_url, autocommit=True, prepare_threshold=None) as connection,
    ):
        lock.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        if connection.info.server_version < OLDEST_SERVER * 10_000:
            raise ServerTooOld(
                f"PostgreSQL {OLDEST_SERVER} or newer is needed; the server has version "
                f"{connection.info.server_version // 10_000}"
            )
        connection.execute((schema / "prepare.sql").read_bytes())
        connection.execute(
            "CREATE TABLE IF NOT EXISTS migrations ("
            "name text PRIMARY KEY, digest text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        applied: dict[str, str] = dict(connection.execute("SELECT name, digest FROM migrations").fetchall())
        return [
            path.stem for path in sorted((schema / "migrations").glob("*.sql")) if _apply(connection, path, applied)
        ] + (_create_functions(connection, schema, applied))


def _apply(connection: psycopg.Connection[tuple[str, ...]], path: Path, applied: dict[str, str]) -> bool:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if path.stem in applied:
        if applied[path.stem] != digest:
            raise MigrationChanged(
                f"{path.name} was changed after it was applied to this database; restore it and add a new migration instead"
            )
        return False
    with connection.transaction():
        connection.execute(path.read_bytes())
        connection.execute("INSERT INTO migrations (name, digest) VALUES (%s, %s)", [path.stem, digest])
    return True


def _create_functions(
    connection: psycopg.Connection[tuple[str, ...]], schema: Path, applied: dict[str, str]
) -> list[str]:
    paths = sorted((schema / "functions").glob("*.sql"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()
    if applied.get("functions") == digest:
        return []
    with connection.transaction():
        for path in paths:
            connection.execute(path.read_bytes())
        connection.execute(
            "INSERT INTO migrations (name, digest) VALUES ('functions', %s) "
            "ON CONFLICT (name) DO UPDATE SET digest = excluded.digest, applied_at = now()",
            [digest],
        )
    return ["functions"]


def give_login(database_url: str, role: str, password: str) -> None:
    """Let a role log in with this password only."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        statement = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(password))
        connection.execute(statement)


def give_token_login(database_url: str, role: str) -> None:
    """Let a role log in with IAM tokens only."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        role_name = sql.Identifier(role)
        connection.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD NULL").format(role_name))
        connection.execute(sql.SQL("GRANT rds_iam TO {}").format(role_name))


def ensure_local_tenant(database_url: str, api_key: str, pepper: str, name: str = "local") -> str:
    """Create the tenant of this name and its admin key where they are missing; the tenant's id."""
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "SET LOCAL ROLE fairway_worker"
        )  # row-level security hides the rows from the owner of the tables
        connection.execute("INSERT INTO tenants (name) VALUES (%s) ON CONFLICT (name) DO NOTHING", [name])
        row = connection.execute("SELECT tenant_id FROM tenants WHERE name = %s", [name]).fetchone()
        assert row is not None
        connection.execute(
            "INSERT INTO api_keys (tenant_id, key_hash, role) VALUES (%s, %s, 'admin') ON CONFLICT (key_hash) DO NOTHING",
            [row[0], hash_key(api_key, pepper)],
        )
        return str(row[0])
