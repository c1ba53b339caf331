"""Migrations on a real PostgreSQL."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from infra.migrate import SCHEMA, MigrationChanged, migrate


def test_migrating_again_changes_nothing(database_url: str) -> None:
    assert migrate(database_url) == []


def test_a_changed_migration_is_refused(database_url: str, tmp_path: Path) -> None:
    schema = tmp_path / "schema"
    shutil.copytree(SCHEMA, schema)
    first = sorted((schema / "migrations").glob("*.sql"))[0]
    first.write_text(first.read_text() + "\n-- changed\n")
    with pytest.raises(MigrationChanged, match=first.name):
        migrate(database_url, schema)
