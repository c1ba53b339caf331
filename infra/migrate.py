"""Migrates a database: `python -m infra.migrate URL`."""

from __future__ import annotations

import sys

from layers.adapters.postgres.migration import SCHEMA, MigrationChanged, give_login, migrate

__all__ = ["SCHEMA", "MigrationChanged", "give_login", "migrate"]

if __name__ == "__main__":
    applied = migrate(sys.argv[1])
    print("Applied:", ", ".join(applied) if applied else "nothing, the database is up to date")
