"""Daily reports in PostgreSQL."""

from __future__ import annotations

from datetime import date

from layers.adapters.postgres.database import Database, load_queries
from layers.adapters.postgres.jobs import QUERIES

KEPT_DAYS = 400


class PostgresReports:
    """The port `Reports`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = load_queries(QUERIES)

    def make_report(self, day: date, first_id: str, until_id: str) -> int:
        row = self._database.rows(
            self._sql["make_report"], day=day, first_id=first_id, until=until_id, kept_days=KEPT_DAYS
        )[0]
        return int(row["datasets"])
