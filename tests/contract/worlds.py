"""One face for two status stores: what a contract test must make and see beside the port itself."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any, Protocol

from layers.adapters.memory import MemoryStore
from layers.domain.file import File, original_key
from layers.domain.message import Arrival, WakeUp
from layers.domain.step import PlannedStep
from layers.ports import Claim, FilePlan, Store
from tests.making import INTAKE_DONE, Bench, Urls

States = dict[tuple[str, int], str]


class World(Protocol):
    @property
    def store(self) -> Store: ...
    def tenant(self, weight: float = 1.0) -> str: ...
    def promised(self, count: int, tenant_id: str | None = None) -> list[tuple[str, str]]: ...
    def remove(self, file_id: str) -> str: ...
    def upload_times_out(self) -> None: ...
    def states(self, file_id: str) -> States: ...
    def file_state(self, file_id: str) -> str: ...
    def attempts(self, file_id: str) -> list[tuple[str, int, int, str]]: ...
    def fields(self, file_id: str) -> dict[str, Any] | None: ...


class PostgresWorld:
    def __init__(self, urls: Urls) -> None:
        self.bench = Bench.on(urls)
        self.bench.empty()
        self.store = self.bench.store

    def tenant(self, weight: float = 1.0) -> str:
        return self.bench.tenant(weight)

    def promised(self, count: int, tenant_id: str | None = None) -> list[tuple[str, str]]:
        tenant_id = tenant_id or self.tenant()
        dataset_id = self.bench.dataset(tenant_id)
        return self.bench.files(tenant_id, dataset_id, self.bench.batch(tenant_id, dataset_id), count)

    def remove(self, file_id: str) -> str:
        file = self._file(file_id)
        row = self.bench.asked(
            str(file["tenant_id"]),
            "remove_files",
            dataset_id=file["dataset_id"],
            file_ids=[file_id],
            batch_id=None,
            undo_s=0,
        )
        assert row
        return str(row["removal_id"])

    def upload_times_out(self) -> None:
        self.bench.database.run("UPDATE files SET upload_until = now() - interval '1 s'")

    def states(self, file_id: str) -> States:
        return self.bench.states(file_id)

    def file_state(self, file_id: str) -> str:
        return str(self._file(file_id)["state"])

    def attempts(self, file_id: str) -> list[tuple[str, int, int, str]]:
        query = "SELECT step, part, attempt, outcome FROM attempts WHERE file_id = %(id)s ORDER BY ended_at"
        rows = self.bench.database.rows(query, id=file_id)
        return [(row["step"], row["part"], row["attempt"], row["outcome"]) for row in rows]

    def fields(self, file_id: str) -> dict[str, Any] | None:
        row = self.bench.database.row("SELECT fields FROM records WHERE file_id = %(id)s", id=file_id)
        return row["fields"] if row else None

    def _file(self, file_id: str) -> dict[str, Any]:
        row = self.bench.database.row("SELECT * FROM files WHERE file_id = %(id)s", id=file_id)
        assert row
        return row


@dataclass
class MemoryWorld:
    store: MemoryStore = field(default_factory=MemoryStore)
    weights: dict[str, float] = field(default_factory=dict)

    def tenant(self, weight: float = 1.0) -> str:
        tenant_id = str(uuid.uuid4())
        self.weights[tenant_id] = weight
        return tenant_id

    def promised(self, count: int, tenant_id: str | None = None) -> list[tuple[str, str]]:
        tenant_id, batch_id = tenant_id or self.tenant(), str(uuid.uuid4())
        made = []
        for place in range(count):
            file_id = str(uuid.uuid4())
            key = original_key(tenant_id, file_id)
            file = File(file_id, tenant_id, str(uuid.uuid4()), batch_id, f"{place}.txt", key, None, 10, None)
            self.store.promise(file, weight=self.weights[tenant_id])
            made.append((file_id, key))
        return made

    def remove(self, file_id: str) -> str:
        return self.store.remove([file_id])

    def upload_times_out(self) -> None:
        for row in self.store.files.values():
            row.upload_until = -1.0

    def states(self, file_id: str) -> States:
        return {key[1:]: str(row.state) for key, row in self.store.steps.items() if key[0] == file_id}

    def file_state(self, file_id: str) -> str:
        return self.store.files[file_id].state

    def attempts(self, file_id: str) -> list[tuple[str, int, int, str]]:
        return self.store.files[file_id].attempts

    def fields(self, file_id: str) -> dict[str, Any] | None:
        record = self.store.files[file_id].record
        return dict(record.fields) if record else None


def arrived(world: World, count: int = 1, tenant_id: str | None = None) -> list[str]:
    """New files whose objects have arrived."""
    files = world.promised(count, tenant_id)
    world.store.arrive([Arrival(key, "v1") for _, key in files])
    return [file_id for file_id, _ in files]


def intake_of(world: World) -> WakeUp:
    """The wake-up for a new file's intake."""
    arrived(world)
    (wake_up,) = world.store.dispatch({"intake": 10})
    return wake_up


def claim(world: World, wake_up: WakeUp, lease_s: float = 60) -> Claim:
    claimed = world.store.claim(wake_up, "worker", lease_s, durably=False)
    assert claimed is not None
    return claimed


def planned(world: World, count: int, steps: list[PlannedStep]) -> list[WakeUp]:
    """Files past intake with these steps planned; the wake-ups of their ready parts."""
    arrived(world, count)
    for wake_up in world.store.dispatch({"intake": 1000}):
        world.store.record(claim(world, wake_up), INTAKE_DONE, lambda _: FilePlan(steps), cost_s=0.0, host="h")
    return world.store.dispatch({one.step: 1000 for one in steps if isinstance(one.plan, tuple)})
