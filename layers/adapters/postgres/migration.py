"""Brings a database to the present schema: numbered migrations once each, SQL functions put in place again."""

from __future__ import annotations

import hashlib
from pathlib import Path

import psycopg
from psycopg import sql

from layers.domain.keys import hash_key

SCHEMA = Path(__file__).resolve().parents[3] / "schema"
LOCK = 7_240_115_901


class MigrationChanged(Exception):
    """A migration that was applied before no longer reads as it did: migrations only go forward."""


def migrate(database_url: str, schema: Path = SCHEMA) -> list[str]:
    """Apply what is missing, in order, under an advisory lock; the names of what was applied now."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        connection.execute(
            "CREATE TABLE IF NOT EXISTS migrations ("
            "name text PRIMARY KEY, digest text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        applied: dict[str, str] = dict(connection.execute("SELECT name, digest FROM migrations").fetchall())
        return [
            path.stem for path in sorted((schema / "migrations").glob("*.sql")) if _apply(connection, path, applied)
        ] + (_put_functions(connection, schema, applied))


def _apply(connection: psycopg.Connection[tuple[str, ...]], path: Path, applied: dict[str, str]) -> bool:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if path.stem in applied:
        if applied[path.stem] != digest:
            raise MigrationChanged(f"{path.name} was changed after it was applied; add a new migration instead")
        return False
    with connection.transaction():
        connection.execute(path.read_bytes())
        connection.execute("INSERT INTO migrations (name, digest) VALUES (%s, %s)", [path.stem, digest])
    return True


def _put_functions(connection: psycopg.Connection[tuple[str, ...]], schema: Path, applied: dict[str, str]) -> list[str]:
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
    """Let a role log in by this password, and by no other."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        statement = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(password))
        connection.execute(statement)


def give_token_login(database_url: str, role: str) -> None:
    """Let a role log in by tokens of AWS, and by no password."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        role_name = sql.Identifier(role)
        connection.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD NULL").format(role_name))
        connection.execute(sql.SQL("GRANT rds_iam TO {}").format(role_name))


def ensure_local_tenant(database_url: str, api_key: str, pepper: str, name: str = "local") -> str:
    """The tenant of this name with this admin key, made where missing; its id."""
    with psycopg.connect(database_url) as connection:
        connection.execute("SET ROLE fairway_worker")  # who owns the tables may not see what is in them
        connection.execute("INSERT INTO tenants (name) VALUES (%s) ON CONFLICT (name) DO NOTHING", [name])
        row = connection.execute("SELECT tenant_id FROM tenants WHERE name = %s", [name]).fetchone()
        assert row is not None
        connection.execute(
            "INSERT INTO api_keys (tenant_id, key_hash, role) VALUES (%s, %s, 'admin') ON CONFLICT (key_hash) DO NOTHING",
            [row[0], hash_key(api_key, pepper)],
        )
        return str(row[0])
