"""One transaction of the catalog: runs queries by name and returns their rows."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

import psycopg

from layers.adapters.postgres.database import load_queries

Kind = TypeVar("Kind", bound=tuple[Any, ...])
Values = Sequence[Any]
QUERIES = Path(__file__).with_name("catalog.sql")
PEOPLE_QUERIES = Path(__file__).with_name("people.sql")
MANIFEST_QUERIES = Path(__file__).with_name("manifests.sql")
MOVE_QUERIES = Path(__file__).with_name("moves.sql")
WEBHOOK_QUERIES = Path(__file__).with_name("webhook_catalog.sql")
AUDIT_LOG_QUERIES = Path(__file__).with_name("audit_log.sql")
API_QUERIES = (QUERIES, PEOPLE_QUERIES, MANIFEST_QUERIES, MOVE_QUERIES, WEBHOOK_QUERIES, AUDIT_LOG_QUERIES)
STORE_QUERIES = Path(__file__).with_name("queries.sql")
# Planned again for each call: a generic plan could use the index of a filter that is absent.
PLANNED_EACH_TIME = {
    "files",
    "file_ids",
    "find_rows",
    "changes",
    "jobs",
    "deliveries",
    "audit_log_newest_first",
    "audit_log_oldest_first",
}


@cache
def _maker(kind: Any, columns: tuple[str, ...]) -> Callable[[Values], Any]:
    """Makes rows of a kind from values in the order of these columns; columns that the kind lacks are left out."""
    if columns == kind._fields:
        return kind._make  # type: ignore[no-any-return]
    missing = set(kind._fields) - set(columns)
    if missing:
        raise ValueError(f"the query for {kind.__name__} lacks the columns {', '.join(sorted(missing))}")
    positions = [columns.index(name) for name in kind._fields]
    if len(positions) == 1:
        return lambda values: kind(values[positions[0]])
    chosen = itemgetter(*positions)
    return lambda values: kind._make(chosen(values))


def rows_of(kind: Any) -> Callable[[psycopg.Cursor[Any]], Callable[[Values], Any]]:
    """A row factory of psycopg."""
    return lambda cursor: _maker(kind, _columns(cursor))


def _columns(cursor: psycopg.Cursor[Any]) -> tuple[str, ...]:
    """The names of a result's columns; `description`, which has types and sizes too, takes longer for a page of rows."""
    result = cursor.pgresult
    return tuple((result.fname(index) or b"").decode() for index in range(result.nfields)) if result else ()


@cache
def _all_queries() -> dict[str, str]:
    return {name: query for path in API_QUERIES for name, query in load_queries(path).items()}


class Transaction:
    """Runs queries by name in one transaction; they get the tenant's id by themselves."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._sql = _all_queries()
        self._tenant_id: str | None = None

    def _rows(self, kind: type[Kind], query: str, /, **parameters: Any) -> list[Kind]:
        prepare = False if query in PLANNED_EACH_TIME else None
        cursor = self._connection.cursor(row_factory=rows_of(kind))
        values = {"tenant_id": self._tenant_id, **parameters}
        return cursor.execute(self._sql[query], values, prepare=prepare).fetchall()

    def _row(self, kind: type[Kind], query: str, /, **parameters: Any) -> Kind | None:
        return next(iter(self._rows(kind, query, **parameters)), None)

    def _one(self, kind: type[Kind], query: str, /, **parameters: Any) -> Kind:
        """The row of a query that always has one."""
        return self._rows(kind, query, **parameters)[0]

    def _tuples(self, query: str, /, **parameters: Any) -> list[tuple[Any, ...]]:
        prepare = False if query in PLANNED_EACH_TIME else None
        cursor = self._connection.cursor(row_factory=psycopg.rows.tuple_row)
        values = {"tenant_id": self._tenant_id, **parameters}
        return cursor.execute(self._sql[query], values, prepare=prepare).fetchall()

    def _value(self, query: str, /, **parameters: Any) -> Any:
        """The first column of the first row, or None."""
        row = next(iter(self._tuples(query, **parameters)), None)
        return row[0] if row else None

    def _run(self, query: str, /, **parameters: Any) -> None:
        self._connection.execute(self._sql[query], {"tenant_id": self._tenant_id, **parameters})


def array_text(values: Sequence[str | None]) -> str:
    """An array as PostgreSQL writes it. psycopg takes ten times as long for arrays of thousands of texts."""
    quoted = ["NULL" if each is None else '"' + each.replace("\\", "\\\\").replace('"', '\\"') + '"' for each in values]
    return "{" + ",".join(quoted) + "}"


def pattern_of(name: str) -> str:
    """A pattern for ILIKE that matches any name that contains this one literally.

    `search_files` compares names in the same normal form. The name is normalised before wildcards are escaped, since
    normalisation can turn another character into a wildcard.
    """
    escaped = (
        unicodedata.normalize("NFKC", name)
        .replace("\x00", "")
        .replace("\\", "\\\\")
        .replace("%", "\\%")
        .replace("_", "\\_")
    )
    return f"%{escaped}%"
