"""Checks PostgreSQL: whether it answers, its schema, its clock and its free connections."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg

from infra.doctor import clocks
from infra.setup import servers
from infra.setup.results import Result, ok, warning, wrong
from layers.adapters.postgres.migration import pending
from layers.settings import Settings

FULL = 0.9
SHOWN = 3


def check(settings: Settings) -> Iterator[Result]:
    """Raises Unusable if PostgreSQL does not answer."""
    yield servers.postgres(settings.database_url, "FAIRWAY_DATABASE_URL")
    if settings.api_database_url:
        yield servers.postgres(settings.api_database_url, "FAIRWAY_API_DATABASE_URL")
    with psycopg.connect(settings.database_url, autocommit=True, connect_timeout=servers.ANSWER_S) as connection:
        yield _migrations(connection)
        yield clocks.compare("PostgreSQL", lambda: _value(connection, "SELECT extract(epoch FROM clock_timestamp())"))
        yield _connections(connection)


def _migrations(connection: psycopg.Connection[tuple[object, ...]]) -> Result:
    try:
        rows = connection.execute("SELECT name, digest FROM applied_migrations()").fetchall()
    except psycopg.errors.UndefinedFunction:
        return wrong("The database has not been set up for this version of Fairway: run `python -m infra.setup`")
    missing = pending({str(name): str(digest) for name, digest in rows})
    if missing:
        more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
        return wrong(
            f"The database lacks migrations of this version: {', '.join(missing[:SHOWN])}{more}. "
            "Run `python -m infra.setup`"
        )
    return ok("the database has all migrations")


def _connections(connection: psycopg.Connection[tuple[object, ...]]) -> Result:
    used = _value(connection, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")
    most = _value(connection, "SELECT current_setting('max_connections')::integer")
    text = f"{used:.0f} of {most:.0f} connections of PostgreSQL are in use"
    if used > FULL * most:
        return warning(f"{text}: raise max_connections, or put pgbouncer in transaction mode before it")
    return ok(text)


def _value(connection: psycopg.Connection[tuple[object, ...]], query: str) -> float:
    (value,) = connection.execute(query.encode()).fetchone() or (0,)
    return float(str(value))
