"""Creates rows for tests: tenants, datasets, batches and files, as the API creates them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from layers.adapters.postgres.catalog import PostgresCatalog
from layers.adapters.postgres.database import Database
from layers.adapters.postgres.store import PostgresStore
from layers.domain.file import File
from layers.domain.message import Arrival, WakeUp
from layers.domain.page import Identity
from layers.domain.separation import Separation
from layers.domain.step import Done, Part, PlannedStep
from layers.ports import Claim, FilePlan
from layers.ports.catalog import Catalog
from layers.ports.rows import NewFile


@dataclass(frozen=True)
class Urls:
    """The URLs of a migrated database for its owner, its workers and its API; `is_pooled`: the last two are those of a
    pooler in transaction mode."""

    owner: str
    worker: str
    api: str
    is_pooled: bool = False


@dataclass(frozen=True)
class Bench:
    """A store on a migrated database, as workers use it, and functions that create rows in it.

    `database` is the owner's connection, which may read and change every row.
    """

    database: Database
    store: PostgresStore
    catalog: PostgresCatalog

    @classmethod
    def on(cls, urls: Urls, most: int = 32) -> Bench:
        owner = Database(urls.owner, max_connections=most)
        worker, api = (
            Database(url, max_connections=most, prepares=not urls.is_pooled) for url in (urls.worker, urls.api)
        )
        return cls(owner, PostgresStore(worker), PostgresCatalog(api))

    @contextmanager
    def tenants(self, tenant_id: str) -> Iterator[Catalog]:
        """A transaction of the API as this tenant."""
        with self.catalog.transaction() as catalog:
            catalog.act_as(tenant_id)
            yield catalog

    def remove(self, tenant_id: str, dataset_id: str, file_ids: list[str], undo_s: float = 0) -> str:
        """Remove files. Returns the removal's id."""
        with self.tenants(tenant_id) as catalog:
            return str(catalog.remove_files(dataset_id, file_ids, None, undo_s).removal_id)

    def undo(self, tenant_id: str, removal_id: str) -> int | None:
        """Undo a removal. Returns the number of its files, or None if it is too late."""
        with self.tenants(tenant_id) as catalog:
            return catalog.undo_removal(removal_id)

    def cancel(self, tenant_id: str, batch_id: str) -> int:
        """Cancel a batch. Returns the number of files that were cancelled."""
        with self.tenants(tenant_id) as catalog:
            return catalog.cancel_batch(batch_id)

    def empty(self) -> None:
        """Delete all rows."""
        self.database.run(
            "TRUNCATE tenants, file_changes, file_counts, count_deltas, lane_clocks, workers, duties, webhook_events,"
            " webhook_deliveries, webhook_attempts, settled_batch_checks CASCADE"
        )

    def tenant(self, weight: float = 1.0) -> str:
        row = self.database.row(
            "INSERT INTO tenants (name, weight) VALUES (%(name)s, %(weight)s) RETURNING tenant_id",
            name=uuid.uuid4().hex,
            weight=weight,
        )
        assert row
        return str(row["tenant_id"])

    def dataset(self, tenant_id: str) -> str:
        with self.tenants(tenant_id) as catalog:
            return str(catalog.create_dataset("d", {"type": "object", "properties": {}}).dataset_id)

    def batch(
        self, tenant_id: str, dataset_id: str, priority: str = "normal", separation: Separation | None = None
    ) -> str:
        with self.tenants(tenant_id) as catalog:
            how = separation and separation.as_json()
            batch = catalog.create_batch(dataset_id, priority=priority, separation=how)
        assert batch
        return str(batch.batch_id)

    def files(self, tenant_id: str, dataset_id: str, batch_id: str, count: int) -> list[tuple[str, str]]:
        """Create files. Returns their (file_id, object_key)s in order."""
        described = [NewFile(f"file {index}.txt", 10) for index in range(count)]
        with self.tenants(tenant_id) as catalog:
            batch = catalog.batch(batch_id)
            assert batch and str(batch.dataset_id) == dataset_id
            rows = catalog.create_files(batch, described, 3600)
        return [(str(row.file_id), row.object_key) for row in rows]

    def arrived(self, count: int = 1, tenant_id: str | None = None) -> list[tuple[str, str]]:
        """Create files in a new batch whose objects have arrived. Returns their (file_id, object_key)s."""
        tenant_id = tenant_id or self.tenant()
        dataset_id = self.dataset(tenant_id)
        files = self.files(tenant_id, dataset_id, self.batch(tenant_id, dataset_id), count)
        self.store.arrive([Arrival(key, "v1") for _, key in files])
        return files

    def claim(self, wake_up: WakeUp, lease_s: float = 60) -> Claim:
        claim = self.store.claim(wake_up, "worker", lease_s, durably=False)
        assert claim is not None
        return claim

    def planned(self, count: int, steps: list[PlannedStep]) -> list[WakeUp]:
        """Create files whose intake is done, with these steps planned. Returns the wake-ups of their ready parts."""
        self.arrived(count)
        for wake_up in self.store.dispatch({"intake": 1000}):
            self.store.record(self.claim(wake_up), INTAKE_DONE, lambda _: FilePlan(steps), cost_s=0.0, host="h")
        return self.store.dispatch({step.step: 1000 for step in steps if isinstance(step.plan, tuple)})

    def states(self, file_id: str) -> dict[tuple[str, int], str]:
        rows = self.database.rows("SELECT step, part, state FROM steps WHERE file_id = %(file_id)s", file_id=file_id)
        return {(row["step"], row["part"]): row["state"] for row in rows}


INTAKE_DONE = Done(identity=Identity("text/plain", None), sha256="0" * 64, size_bytes=10)
ONE_PART = (Part(cost_estimate_s=1.0),)


def nothing_follows(_file: File) -> FilePlan:
    return FilePlan()
