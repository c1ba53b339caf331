"""Creates tenants and announced files like the API, for benchmarks without the API."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.servers import value_of
from layers.adapters.postgres.catalog import PostgresCatalog
from layers.adapters.postgres.database import Database
from layers.ports.rows import NewFile


class Tenants:
    """Creates tenants in a migrated database, and batches of files that have not arrived yet."""

    def __init__(self, owner_url: str, api_url: str) -> None:
        self._owner, self._api = Database(owner_url), Database(api_url)
        self._catalog = PostgresCatalog(self._api)

    def close(self) -> None:
        self._owner.close()
        self._api.close()

    def empty(self) -> None:
        """Delete everything."""
        self._owner.run("TRUNCATE tenants, file_changes, file_counts, count_deltas, lane_clocks CASCADE")
        self._owner.run("TRUNCATE step_samples, step_outlooks, lane_backlogs")

    def add(self, name: str, weight: float = 1.0) -> str:
        insert = "INSERT INTO tenants (name, weight) VALUES (%(name)s, %(weight)s) RETURNING tenant_id"
        return str(value_of(self._owner, insert, name=name, weight=weight))

    def announce(self, tenant_id: str, sizes_bytes: Sequence[int]) -> list[str]:
        """Create a batch with one file for each size; returns the object keys."""
        with self._catalog.transaction() as catalog:
            catalog.act_as(tenant_id)
            dataset = catalog.create_dataset("d", {"type": "object", "properties": {}})
            batch = catalog.create_batch(str(dataset.dataset_id), allow_duplicates=True)
            assert batch
            described = [NewFile(f"{index}.txt", size) for index, size in enumerate(sizes_bytes)]
            return [row.object_key for row in catalog.create_files(batch, described, 3600)]
