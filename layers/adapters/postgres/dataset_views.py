"""Views of datasets in PostgreSQL, and the logins that read them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from layers.adapters.postgres.database import Database, load_queries
from layers.domain.dataset_view import Column
from layers.ports.dataset_views import OutdatedView

QUERIES = Path(__file__).with_name("dataset_views.sql")
MOST_CONNECTIONS = 5
STATEMENT_S = 300


class PostgresDatasetViews:
    """The port `DatasetViews`. Its queries are in `dataset_views.sql`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = load_queries(QUERIES)

    def outdated(self, limit: int, tenant_id: str | None = None) -> list[OutdatedView]:
        rows = self._database.rows(self._sql["outdated_views"], limit=limit, tenant_id=tenant_id)
        return [OutdatedView(**row) for row in rows]

    def replace(self, view: OutdatedView, names: Sequence[str], columns: Sequence[Column]) -> str | None:
        of_view = {"dataset_id": view.dataset_id, "tenant_id": view.tenant_id}
        listed = Jsonb([column._asdict() for column in columns])
        with self._database.connection() as connection, connection.transaction():
            run = connection.execute
            run(self._sql["lock_views"])
            free = run(self._sql["free_view_name"], {**of_view, "names": list(names)}).fetchone()
            name = free["name"] if free else None
            row = run(
                self._sql["replace_view"], {**of_view, "old": view.view_name, "new": name, "columns": listed}
            ).fetchone()
            problem: str | None = row["problem"] if row else None
            if problem:
                run(self._sql["keep_problem"], {**of_view, "problem": problem})
            else:
                made = {"view_name": name, "name": view.name, "schema_version": view.schema_version if name else None}
                run(self._sql["keep_view"], {**of_view, **made})
        return problem


# --- logins, as the owner of the database -------------------------------------------------------------


class UnknownTenant(Exception):
    """There is no tenant with this name or id."""


class MayNotGive(Exception):
    """The owner of the database may not create logins, or a login could do harm. The message says what to do."""


NO_CREATEROLE = (
    "{owner}, the owner of the database, may not create logins. Somebody who may has to run:"
    " ALTER ROLE {owner} CREATEROLE"
)
OPEN_SCHEMA = (
    "Every login may create objects in the schema public of this database, where it could replace what Fairway calls."
    " A superuser has to run in it: ALTER SCHEMA public OWNER TO {owner}; REVOKE CREATE ON SCHEMA public FROM PUBLIC"
)


def role_of(tenant_id: UUID | str) -> str:
    """The role that reads the views of a tenant. `fairway.reader_tenant` finds the tenant in it."""
    return f"fairway_reader_{UUID(str(tenant_id)).hex}"


def give_reader(owner_url: str, tenant: str, password: str) -> tuple[UUID, str]:
    """Let a role read the views of a tenant, by name or id, and log in with this password. Returns the tenant's id and the
    role. A former password ends. Raises UnknownTenant, MayNotGive and psycopg's errors."""
    with psycopg.connect(owner_url) as connection:
        _check_owner(connection)
        tenant_id = _tenant(connection, tenant)
        name = role_of(tenant_id)
        role = sql.Identifier(name)
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone():
            connection.execute(sql.SQL("CREATE ROLE {} NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS").format(role))
        options: list[sql.Composable] = [
            sql.SQL("LOGIN PASSWORD {} CONNECTION LIMIT {}").format(
                sql.Literal(password), sql.Literal(MOST_CONNECTIONS)
            ),
            sql.SQL("SET search_path = fairway"),
            sql.SQL("SET default_transaction_read_only = on"),
            sql.SQL("SET statement_timeout = {}").format(sql.Literal(f"{STATEMENT_S}s")),
        ]
        for option in options:
            connection.execute(sql.SQL("ALTER ROLE {} ").format(role) + option)
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA fairway TO {}").format(role))
        connection.execute(sql.SQL("GRANT SELECT ON fairway.all_datasets TO {}").format(role))
        connection.execute("SET LOCAL ROLE fairway_worker")
        connection.execute("INSERT INTO readers (tenant_id) VALUES (%s) ON CONFLICT DO NOTHING", [tenant_id])
    return tenant_id, name


def _check_owner(connection: psycopg.Connection[Any]) -> None:
    """Raise MayNotGive if the owner may not create logins, or if logins may create objects beside Fairway's functions.

    Before PostgreSQL 15 the schema `public` belongs to a superuser, so that a migration by another owner can't close it.
    """
    row = connection.execute(
        "SELECT quote_ident(r.rolname), r.rolsuper OR r.rolcreaterole, EXISTS ("
        " SELECT FROM pg_namespace n, aclexplode(n.nspacl) a"
        "  WHERE n.nspname = 'public' AND a.grantee = 0 AND a.privilege_type = 'CREATE')"
        " FROM pg_roles r WHERE r.rolname = current_user"
    ).fetchone()
    assert row
    owner, may_create, is_open = row
    if not may_create:
        raise MayNotGive(NO_CREATEROLE.format(owner=owner))
    if is_open:
        raise MayNotGive(OPEN_SCHEMA.format(owner=owner))


def forget_reader(owner_url: str, tenant: str) -> UUID:
    """Let the login of a tenant read nothing more; `drop_login` deletes it. Returns the tenant's id."""
    with psycopg.connect(owner_url) as connection:
        tenant_id = _tenant(connection, tenant)
        role = sql.Identifier(role_of(tenant_id))
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role_of(tenant_id)]).fetchone():
            connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN PASSWORD NULL").format(role))
            connection.execute(sql.SQL("REVOKE USAGE ON SCHEMA fairway FROM {}").format(role))
            # Only a superuser or a member of the role may end its connections.
            connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(role))
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [role_of(tenant_id)]
            )
        connection.execute("SET LOCAL ROLE fairway_worker")
        connection.execute("DELETE FROM readers WHERE tenant_id = %s", [tenant_id])
    return tenant_id


def drop_login(owner_url: str, tenant_id: UUID) -> None:
    """Drop the role of a tenant's reader, which must have been forgotten."""
    name = role_of(tenant_id)
    with psycopg.connect(owner_url) as connection:
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone():
            return
        role = sql.Identifier(name)
        connection.execute(sql.SQL("DROP OWNED BY {}").format(role))
        connection.execute(sql.SQL("DROP ROLE {}").format(role))


def find_tenant(owner_url: str, tenant: str) -> UUID:
    """The id of a tenant by its name or id. Raises UnknownTenant."""
    with psycopg.connect(owner_url) as connection:
        return _tenant(connection, tenant)


def views_of(owner_url: str, tenant_id: UUID) -> list[dict[str, Any]]:
    """The views of a tenant: dataset, view and, if it could not be replaced, why."""
    with psycopg.connect(owner_url) as connection:
        connection.execute("SET LOCAL ROLE fairway_worker")
        rows = connection.execute(
            "SELECT dataset_name, quote_ident(view_name), problem FROM dataset_views "
            "WHERE tenant_id = %s AND coalesce(view_name, problem) IS NOT NULL ORDER BY dataset_name, view_name",
            [tenant_id],
        ).fetchall()
    return [{"dataset": row[0], "view": row[1] and f"fairway.{row[1]}", "problem": row[2]} for row in rows]


def _tenant(connection: psycopg.Connection[Any], tenant: str) -> UUID:
    """The id of a tenant by its name or id, as a worker, because row-level security hides the rows from the owner."""
    connection.execute("SET LOCAL ROLE fairway_worker")
    row = connection.execute(
        "SELECT tenant_id FROM tenants WHERE name = %s OR tenant_id::text = %s ORDER BY name <> %s LIMIT 1",
        [tenant] * 3,
    ).fetchone()
    connection.execute("RESET ROLE")
    if row is None:
        raise UnknownTenant(f"There is no tenant with the name or id {tenant}")
    return UUID(str(row[0]))
