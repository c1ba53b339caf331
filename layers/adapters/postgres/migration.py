"""Brings a database to the current schema: applies each numbered migration once, and replaces the SQL functions."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from layers.domain.keys import hash_key

SCHEMA = Path(__file__).resolve().parents[3] / "schema"
LOCK = 7_240_115_901
OLDEST_SERVER = 14
FUNCTIONS = "functions"  # the name under which the digest of all SQL functions is kept
PATIENCE_S = 300.0  # CloudFormation gives the migration 600 s
PAUSE_S = 1.0

# By default, a role called `fairway` creates everything in the schema of its name, which has the views of datasets.
IN_PUBLIC = "SELECT set_config('search_path', 'public', true)"
# While a lock on a table is waited for, everybody who comes later waits as well; so it is waited for briefly, and all is
# tried again. The order is that of Fairway's transactions. `migrations` stays readable for health checks.
HOLD_TABLES = """
DO $$
DECLARE
    held regclass;
BEGIN
    SET LOCAL lock_timeout = '3s';
    FOR held IN SELECT oid FROM pg_class
                 WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname <> 'migrations'
                   AND pg_has_role(relowner, 'USAGE')
                 ORDER BY array_position('{files,steps,file_changes}', relname::text), relname LOOP
        EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', held);
    END LOOP;
END $$
"""
NOTE_APPLIED = """
INSERT INTO public.migrations (name, digest) VALUES (%s, %s)
ON CONFLICT (name) DO UPDATE SET digest = excluded.digest, applied_at = now()
"""
# A waiting statement may be in an older function already, and would go on in it. If another one comes before the commit, its
# `Database` runs it again; older releases and transactions of several statements fail.
CANCEL_WAITING = """
SELECT pg_cancel_backend(pid)
  FROM (SELECT DISTINCT pid FROM pg_locks
         WHERE NOT granted AND locktype = 'relation'
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) waiting
  JOIN pg_stat_activity USING (pid)
 WHERE usename IN ('fairway_worker', 'fairway_api') AND pg_has_role(usesysid, 'USAGE')
"""
LONG_TRANSACTIONS = """
SELECT format('pid %s of %s %s, in a transaction since %s', pid, usename, application_name, xact_start::timestamptz(0))
  FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start < now() - interval '1 second'
   AND pid IN (SELECT pid FROM pg_locks WHERE granted AND locktype = 'relation')
 ORDER BY xact_start
"""

Connection = psycopg.Connection[tuple[Any, ...]]


class NotMigrated(Exception):
    """The database stays as it was. The message says why, and what to do."""


class ServerTooOld(NotMigrated):
    """The server is older than the oldest version that Fairway supports."""


class MigrationBlocked(NotMigrated):
    """Others use the tables, and never stop. The message names their sessions."""


class MigrationChanged(NotMigrated):
    """A migration was edited after it was applied. Migrations only go forward: add a new one."""


def migrate(database_url: str, schema: Path = SCHEMA, *, patience_s: float = PATIENCE_S) -> list[str]:
    """Apply the missing migrations, in order, and replace the SQL functions if they differ: all of it, or nothing.

    Returns the names of what was applied. It can run while Fairway works, though an older function fails on newer tables:
    one transaction makes all changes while it holds all tables, and those who wait for one are cancelled at its end. To
    workers and the API this looks as if the database had been away for a moment.

    Raises MigrationBlocked if the tables were in use for `patience_s` seconds without a gap, MigrationChanged if the
    file of an applied migration was changed since, and ServerTooOld.
    """
    # The lock has a separate transaction: a pooler may use another connection for each transaction.
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
            "CREATE TABLE IF NOT EXISTS public.migrations ("
            "name text PRIMARY KEY, digest text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        applied: dict[str, str] = dict(connection.execute("SELECT name, digest FROM public.migrations").fetchall())
        _refuse_changed(applied, schema)
        names = pending(applied, schema)
        give_up_at = time.monotonic() + patience_s
        while names:
            try:
                _apply(connection, names, schema)
                break
            except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
                if time.monotonic() > give_up_at:
                    raise MigrationBlocked(_who_blocks(connection)) from None
                time.sleep(PAUSE_S)
        return names


def pending(applied: Mapping[str, str], schema: Path = SCHEMA) -> list[str]:
    """The names of the migrations that a database lacks; `functions` if its SQL functions differ from these.

    `applied` has the digest of each applied migration.
    """
    missing = [path.stem for path in sorted((schema / "migrations").glob("*.sql")) if path.stem not in applied]
    return missing if applied.get(FUNCTIONS) == _digest(_functions(schema)) else [*missing, FUNCTIONS]


def _refuse_changed(applied: Mapping[str, str], schema: Path) -> None:
    for name, digest in applied.items():
        path = schema / "migrations" / f"{name}.sql"
        if path.exists() and _digest([path]) != digest:
            raise MigrationChanged(
                f"{path.name} was changed after it was applied to this database; restore it and add a new migration instead"
            )


def _apply(connection: Connection, names: list[str], schema: Path) -> None:
    with connection.transaction():
        connection.execute(IN_PUBLIC)
        connection.execute(HOLD_TABLES)
        for name in names:
            paths = _functions(schema) if name == FUNCTIONS else [schema / "migrations" / f"{name}.sql"]
            for path in paths:
                connection.execute(path.read_bytes())
            connection.execute(NOTE_APPLIED, [name, _digest(paths)])
        connection.execute(CANCEL_WAITING)


def _who_blocks(connection: Connection) -> str:
    """What to tell the person who migrates: the sessions whose transactions use tables for longer than any of Fairway's."""
    sessions = "; ".join(str(row[0]) for row in connection.execute(LONG_TRANSACTIONS).fetchall())
    return (
        "the tables were in use all the time; nothing was changed. Migrate again once these sessions have ended: "
        + (sessions or "none is left")
    )


def _functions(schema: Path) -> list[Path]:
    return sorted((schema / "functions").glob("*.sql"))


def _digest(paths: list[Path]) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


@dataclass(frozen=True, slots=True)
class Admin:
    """The first key with the role `admin`, and the tenant that it belongs to."""

    key: str
    pepper: str
    tenant: str = "operations"


def prepare(database_url: str, logins: Mapping[str, str | None], admin: Admin | None = None) -> list[str]:
    """Migrate, let roles log in with these passwords (None: with IAM tokens only), and create the admin.

    `database_url` is the owner's. Returns the changes. Raises NotMigrated and psycopg's errors.
    """
    applied = migrate(database_url)
    changed = [f"applied {len(applied)} migrations: {', '.join(applied)}"] if applied else []
    for role, password in logins.items():
        if password is None:
            give_token_login(database_url, role)
        elif not logs_in(database_url, role, password):
            give_login(database_url, role, password)
            changed.append(f"{role} can log in with its password")
    if admin and ensure_admin(database_url, admin):
        changed.append(f"created the admin of the tenant {admin.tenant}")
    return changed


def ensure_database(database_url: str) -> bool:
    """Create the database in the URL if it does not exist. Returns whether it was created."""
    name = conninfo_to_dict(database_url).get("dbname") or ""
    with psycopg.connect(make_conninfo(database_url, dbname="postgres"), autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            return False
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(str(name))))
    return True


def logs_in(database_url: str, role: str, password: str) -> bool:
    """Whether a role can log in to the database of this URL with this password."""
    try:
        psycopg.connect(make_conninfo(database_url, user=role, password=password), connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


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


def ensure_admin(database_url: str, admin: Admin) -> bool:
    """Create the tenant and its admin key if they do not exist. Returns whether the key was created."""
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "SET LOCAL ROLE fairway_worker"
        )  # row-level security hides the rows from the owner of the tables
        connection.execute("INSERT INTO tenants (name) VALUES (%s) ON CONFLICT (name) DO NOTHING", [admin.tenant])
        return bool(
            connection.execute(
                "INSERT INTO api_keys (tenant_id, key_hash, role) SELECT tenant_id, %s, 'admin' FROM tenants "
                "WHERE name = %s ON CONFLICT (key_hash) DO NOTHING",
                [hash_key(admin.key, admin.pepper), admin.tenant],
            ).rowcount
        )


def has_admin(database_url: str) -> bool:
    """Whether any key with the role `admin` works."""
    with psycopg.connect(database_url) as connection:
        connection.execute("SET LOCAL ROLE fairway_worker")
        found = connection.execute("SELECT 1 FROM api_keys WHERE role = 'admin' AND revoked_at IS NULL LIMIT 1")
        return found.fetchone() is not None
