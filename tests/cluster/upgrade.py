"""A rolling upgrade: an older release works beside the current one during the migration: `make test-cluster`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fairway_client import Client

from infra.local import embedded
from infra.local.api_and_workers import ROOT
from infra.local.installation import API_ROLE, WORKER_ROLE, Installation
from layers.adapters.postgres import migration
from tests.cluster.ground import Ground
from tests.cluster.releases import export, older_release

pytestmark = pytest.mark.timeout(600)
TEXTS = 30
SAMPLES = ("receipt-hardware.jpg", "Invoice INV-2023-03-0008.pdf", "order-confirmation.eml", "two-receipts.tiff")
RAN = {"done", "skipped", "snoozed", "later"}  # outcomes that spend no attempt


@dataclass
class Upgrade:
    ground: Ground
    tree: Path
    old: Client


@pytest.fixture(scope="module")
def upgrade(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upgrade]:
    """A cluster with an API and a worker of an older release."""
    tree = export(older_release(), tmp_path_factory.mktemp("older"))
    ground = Ground(
        tmp_path_factory.mktemp("cluster") / "home", apis=(), prepare=lambda installed: prepare_as(tree, installed)
    )
    try:
        ground.start_host("host-old", tree)
        yield Upgrade(ground, tree, ground.start_api("api", tree))
    finally:
        ground.stop()


def prepare_as(tree: Path, installation: Installation) -> None:
    """Migrate the database with the code of an older release, and create the logins."""
    subprocess.run([sys.executable, "-m", "infra.migrate", installation.database_url], cwd=tree, check=True)
    secrets = installation.secrets
    migration.give_login(installation.database_url, API_ROLE, secrets.api_role_password)
    migration.give_login(installation.database_url, WORKER_ROLE, secrets.worker_role_password)
    migration.ensure_admin(installation.database_url, migration.Admin(secrets.api_key, secrets.key_pepper, "local"))


def test_old_and_new_processes_work_side_by_side_during_the_migration(upgrade: Upgrade, tmp_path: Path) -> None:
    ground, old = upgrade.ground, upgrade.old
    before = upload(ground, old, tmp_path / "before")
    embedded.bring_up_to_date(ground.cluster.installation)  # while the old release works on these files
    after = upload(ground, old, tmp_path / "after")
    batches = [(old, before), (old, after)]
    settle(ground, batches)  # by the old release alone

    ground.start_host("host-new")
    new = ground.start_api("api-2")
    batches += [(old, upload(ground, old, tmp_path / "by-old")), (new, upload(ground, new, tmp_path / "by-new"))]
    settle(ground, batches)
    for host in ("host-old", "host-new"):
        assert ground.events("attempt", host), f"{host} ran no attempt"

    last = upload(ground, old, tmp_path / "last")
    for name in ("host-old", "api"):
        ground.stop_host(name)
    batches = [(new, batch) for _, batch in batches] + [(new, last)]
    files = settle(ground, batches)
    assert len(files) == len(batches) * (TEXTS + len(SAMPLES))
    spent = [one for file in files for one in history(new, file) if one["outcome"] not in RAN]
    assert not spent, spent
    for dataset_id, batch_id in (batch for _, batch in batches):
        records = {record["file_id"] for record in new.records(dataset_id)}
        assert records == {file["id"] for file in files if file["batch_id"] == batch_id}
    ground.client = new
    ground.balance()


def upload(ground: Ground, client: Client, folder: Path) -> tuple[str, str]:
    samples = [ROOT / "events" / "samples" / name for name in SAMPLES]
    return ground.upload(folder, TEXTS, client=client, more=samples)


def settle(ground: Ground, batches: list[tuple[Client, tuple[str, str]]]) -> list[dict[str, Any]]:
    return [file for client, batch in batches for file in ground.settled(*batch, client=client)]


def history(client: Client, file: dict[str, Any]) -> list[dict[str, Any]]:
    attempts: list[dict[str, Any]] = client.call("GET", f"/files/{file['id']}/history")["attempts"]
    return attempts
