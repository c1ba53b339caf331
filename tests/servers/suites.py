"""Fairway's queries on older servers, and through a pooler in transaction mode: the suites of the store and the API.

    make servers

For each server the suites run in a separate process, which connects to it by FAIRWAY_TEST_POSTGRES_URL.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PASSWORD
from tests.servers.servers import ADDRESS, OWNER, older_binaries, older_postgres, pgbouncer

pytestmark = pytest.mark.timeout(1200)
ROOT = Path(__file__).parent.parent.parent
SUITES = (
    "tests/contract/test_store.py",
    "tests/contract/test_fleet.py",
    "tests/integration/test_store_life.py",
    "tests/integration/test_store_races.py",
    "tests/integration/test_upkeep.py",
    "tests/integration/test_removal.py",
    "tests/integration/test_operations.py",
    "tests/integration/test_tenancy.py",
    "tests/integration/test_tenant_data.py",
    "tests/integration/test_dataset_views.py",
    "tests/integration/test_migrate.py",
    "tests/integration/test_owners.py",
)
OLDER = older_binaries()
POOLED = 12  # connections to the server for all clients together


def run_suites(**environment: str) -> None:
    """Run the suites in a process with these variables; fails with their output."""
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "not memory", *SUITES]
    result = subprocess.run(argv, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-2000:]


@pytest.mark.skipif(not OLDER, reason="no older PostgreSQL is installed (apt-get install postgresql)")
@pytest.mark.parametrize("version", sorted(OLDER))
def test_an_older_server_runs_everything(version: int) -> None:
    with older_postgres(OLDER[version]) as port:
        run_suites(FAIRWAY_TEST_POSTGRES_URL=f"postgresql://{OWNER}@{ADDRESS}:{port}")


@pytest.mark.skipif(
    not OLDER or shutil.which("pgbouncer") is None,
    reason="pgbouncer or a PostgreSQL of Debian is missing (apt-get install pgbouncer postgresql)",
)
def test_a_pooler_in_transaction_mode_runs_everything() -> None:
    users = dict.fromkeys(("fairway_worker", "fairway_api", OWNER), PASSWORD)
    with older_postgres(OLDER[max(OLDER)]) as port, pgbouncer(port, users, POOLED) as pooled_port:
        run_suites(
            FAIRWAY_TEST_POSTGRES_URL=f"postgresql://{OWNER}@{ADDRESS}:{port}",
            FAIRWAY_TEST_POOLER=f"{ADDRESS}:{pooled_port}",
        )
