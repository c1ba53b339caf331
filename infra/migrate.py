"""Migrates a database: `python -m infra.migrate URL`."""

from __future__ import annotations

import sys

from layers.adapters.postgres.migration import (
    SCHEMA,
    MigrationBlocked,
    MigrationChanged,
    NotMigrated,
    give_login,
    migrate,
)

__all__ = ["SCHEMA", "MigrationBlocked", "MigrationChanged", "give_login", "migrate"]

if __name__ == "__main__":
    try:
        applied = migrate(sys.argv[1])
    except NotMigrated as error:
        sys.exit(f"The database was not migrated: {error}")
    print("Applied:", ", ".join(applied) if applied else "nothing, the database is up to date")
