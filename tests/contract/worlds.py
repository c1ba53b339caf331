"""One interface to two status stores: the operations that contract tests need in addition to the port."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import Any, Protocol

from functions.pipelines import STEPS
from layers.adapters.postgres.database import Database
from layers.domain.file import File, file_from_facts, original_key
from layers.domain.lifecycle import FOLLOWS
from layers.domain.message import Arrival, WakeUp
from layers.domain.separation import Separation
from layers.domain.step import ENDED, PlannedStep, State
from layers.ports import Claim, FilePlan, Store
from tests.fakes import MemoryStore
from tests.making import INTAKE_DONE, Bench, Urls

States = dict[tuple[str, int], str]
Plan = Callable[[File], Sequence[PlannedStep]]


@dataclass(frozen=True)
class FileSnapshot:
    """A file's state, whether it is removed, and each part's (state, attempt, redrives)."""

    state: str
    removed: bool
    parts: dict[tuple[str, int], tuple[str, int, int]]


MAIN_ENDS_WITH = "extraction"
TIMES = {
    "workers": ("beat_at",),
    "fleets": ("counted_at",),
    "duties": ("taken_at",),
    "steps": ("ready_at", "queued_at", "due_at", "lease_expires_at"),
    "batch_lanes": ("ready_mark",),
    "lane_clocks": ("floor_at", "in_flight_since"),
    "removals": ("erase_after", "sweep_after"),
    "files": ("upload_until", "created_at", "updated_at"),
    "audits": ("ended_at",),
}


# In addition to FOLLOWS, users may restart a step: by a redrive, or by undoing a removal.
RESTARTS = {(before, State.WAITING) for before in ENDED | {State.RETRYING, State.PARKED}} | {
    (State.CANCELLED, State.READY)
}

# Refuses every transition that is not allowed. The role shows who makes it: a worker, or the API for a person. The
# owner is a test that arranges its rows.
GUARD = """
CREATE TABLE IF NOT EXISTS allowed_transitions (before text, after text, only_by text, PRIMARY KEY (before, after));
CREATE OR REPLACE FUNCTION refuse_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_user LIKE 'fairway%%' AND NOT EXISTS (
        SELECT 1 FROM allowed_transitions a
         WHERE a.before = old.state AND a.after = new.state AND coalesce(a.only_by, current_user) = current_user) THEN
        RAISE 'the % step went from % to % as %', new.step, old.state, new.state, current_user;
    END IF;
    RETURN new;
END $$;
CREATE OR REPLACE TRIGGER refuse_transition BEFORE UPDATE ON steps
    FOR EACH ROW WHEN (old.state <> new.state) EXECUTE FUNCTION refuse_transition();
TRUNCATE allowed_transitions;
"""
ALLOW = "INSERT INTO allowed_transitions VALUES (%(before)s, %(after)s, %(only_by)s) ON CONFLICT DO NOTHING"


class World(Protocol):
    @property
    def store(self) -> Store: ...
    def tenant(self, weight: float = 1.0) -> str: ...
    def promised(
        self, count: int, tenant_id: str | None = None, separation: Separation | None = None
    ) -> list[tuple[str, str]]: ...
    def remove(self, file_id: str, undo_s: float = 0) -> str: ...
    def undo(self, removal_id: str) -> int | None: ...
    def cancel(self, file_id: str) -> int: ...
    def redrive(self, file_id: str, steps: list[str], earlier: list[str], plan: Plan) -> bool: ...
    def time_passes(self, seconds: float) -> None: ...
    def everything(self) -> dict[str, FileSnapshot]: ...
    def upload_times_out(self) -> None: ...
    def force(self, wake_up: WakeUp, state: State) -> None: ...
    def states(self, file_id: str) -> States: ...
    def file_state(self, file_id: str) -> str: ...
    def attempts(self, file_id: str) -> list[tuple[str, int, int, str]]: ...
    def fields(self, file_id: str) -> dict[str, Any] | None: ...


@cache
def _bench(urls: Urls) -> Bench:
    """One for all worlds of a database, since each would keep its own connections open. Its steps obey FOLLOWS."""
    bench = Bench.on(urls)
    with bench.database.connection() as connection:
        connection.execute(GUARD.replace("%%", "%"))
        follows = {(before, after): None for before, afters in FOLLOWS.items() for after in afters}
        allowed = dict.fromkeys(RESTARTS, "fairway_api") | follows
        for (before, after), only_by in allowed.items():
            connection.execute(ALLOW, {"before": before, "after": after, "only_by": only_by})
    return bench


class PostgresWorld:
    def __init__(self, urls: Urls) -> None:
        self.bench = _bench(urls)
        self.bench.empty()
        self.store = self.bench.store

    def tenant(self, weight: float = 1.0) -> str:
        return self.bench.tenant(weight)

    def promised(
        self, count: int, tenant_id: str | None = None, separation: Separation | None = None
    ) -> list[tuple[str, str]]:
        tenant_id = tenant_id or self.tenant()
        dataset_id = self.bench.dataset(tenant_id)
        batch_id = self.bench.batch(tenant_id, dataset_id, separation=separation)
        return self.bench.files(tenant_id, dataset_id, batch_id, count)

    def remove(self, file_id: str, undo_s: float = 0) -> str:
        file = self._file(file_id)
        return self.bench.remove(str(file["tenant_id"]), str(file["dataset_id"]), [file_id], undo_s)

    def undo(self, removal_id: str) -> int | None:
        query = "SELECT tenant_id FROM removals WHERE removal_id = %(id)s"
        removal = self.bench.database.row(query, id=removal_id)
        assert removal
        return self.bench.undo(str(removal["tenant_id"]), removal_id)

    def cancel(self, file_id: str) -> int:
        file = self._file(file_id)
        return self.bench.cancel(str(file["tenant_id"]), str(file["batch_id"]))

    def redrive(self, file_id: str, steps: list[str], earlier: list[str], plan: Plan) -> bool:
        with self.bench.tenants(str(self._file(file_id)["tenant_id"])) as catalog:
            is_main = steps[-1] == MAIN_ENDS_WITH
            planner = lambda facts: list(plan(file_from_facts(facts)))  # noqa: E731
            return catalog.redrive(file_id, steps, earlier, is_main, sources_of(steps), planner)

    def time_passes(self, seconds: float) -> None:
        """Move all times in the rows into the past; a negative number is a clock that steps back."""
        for table, columns in TIMES.items():
            moved = ", ".join(f"{column} = {column} - make_interval(secs => %(s)s)" for column in columns)
            self.bench.database.run(f"UPDATE {table} SET {moved}", s=seconds)

    def everything(self) -> dict[str, FileSnapshot]:
        files = self.bench.database.rows("SELECT file_id, state, removed_at IS NOT NULL AS removed FROM files")
        found = {str(file["file_id"]): FileSnapshot(file["state"], file["removed"], {}) for file in files}
        for row in self.bench.database.rows("SELECT file_id, step, part, state, attempt, redrives FROM steps"):
            part = row["state"], row["attempt"], row["redrives"]
            found[str(row["file_id"])].parts[row["step"], row["part"]] = part
        return found

    def force(self, wake_up: WakeUp, state: State) -> None:
        """Set a part's state as a faulty store would."""
        worker: Database = self.store._database
        query = "UPDATE steps SET state = %(state)s WHERE (file_id, step, part) = (%(file_id)s, %(step)s, %(part)s)"
        worker.run(query, state=state, file_id=wake_up.file_id, step=wake_up.step, part=wake_up.part)

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


class MemoryWorld:
    def __init__(self) -> None:
        self.now_s = 0.0
        self.store = MemoryStore(lambda: self.now_s)
        self.weights: dict[str, float] = {}
        self._ids = count(1)

    def _id(self) -> str:
        return str(uuid.UUID(int=next(self._ids)))

    def tenant(self, weight: float = 1.0) -> str:
        tenant_id = self._id()
        self.weights[tenant_id] = weight
        return tenant_id

    def promised(
        self, count: int, tenant_id: str | None = None, separation: Separation | None = None
    ) -> list[tuple[str, str]]:
        tenant_id, batch_id = tenant_id or self.tenant(), self._id()
        made = []
        for index in range(count):
            file_id = self._id()
            key = original_key(tenant_id, file_id)
            file = File(
                file_id, tenant_id, self._id(), batch_id, f"{index}.txt", key, None, 10, None, separation=separation
            )
            self.store.promise(file, weight=self.weights[tenant_id])
            made.append((file_id, key))
        return made

    def remove(self, file_id: str, undo_s: float = 0) -> str:
        return self.store.remove([file_id], undo_s)

    def undo(self, removal_id: str) -> int | None:
        return self.store.undo(removal_id)

    def cancel(self, file_id: str) -> int:
        return self.store.cancel(self.store.files[file_id].file.batch_id)

    def redrive(self, file_id: str, steps: list[str], earlier: list[str], plan: Plan) -> bool:
        return self.store.redrive(file_id, steps, earlier, steps[-1] == MAIN_ENDS_WITH, sources_of(steps), plan)

    def time_passes(self, seconds: float) -> None:
        self.now_s += seconds

    def everything(self) -> dict[str, FileSnapshot]:
        found = {f: FileSnapshot(row.state, row.removal_id is not None, {}) for f, row in self.store.files.items()}
        for (file_id, step, part), row in self.store.steps.items():
            found[file_id].parts[step, part] = str(row.state), row.attempt, row.redrives
        return found

    def force(self, wake_up: WakeUp, state: State) -> None:
        self.store.steps[wake_up.file_id, wake_up.step, wake_up.part].state = state

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


def sources_of(steps: Sequence[str]) -> list[str]:
    """The sources of the pages that these steps read."""
    return [source for step in steps if (source := STEPS[step].page_source)]


def arrived(world: World, count: int = 1, tenant_id: str | None = None) -> list[str]:
    """Create files whose objects have arrived. Returns their ids."""
    files = world.promised(count, tenant_id)
    world.store.arrive([Arrival(key, "v1") for _, key in files])
    return [file_id for file_id, _ in files]


def intake_of(world: World) -> WakeUp:
    """Create a file. Returns the wake-up for its intake."""
    arrived(world)
    (wake_up,) = world.store.dispatch({"intake": 10})
    return wake_up


def claim(world: World, wake_up: WakeUp, lease_s: float = 60) -> Claim:
    claimed = world.store.claim(wake_up, "worker", lease_s, durably=False)
    assert claimed is not None
    return claimed


def planned(world: World, count: int, steps: list[PlannedStep]) -> list[WakeUp]:
    """Create files whose intake is done, with these steps planned. Returns the wake-ups of their ready parts."""
    arrived(world, count)
    for wake_up in world.store.dispatch({"intake": 1000}):
        world.store.record(claim(world, wake_up), INTAKE_DONE, lambda _: FilePlan(steps), cost_s=0.0, host="h")
    return world.store.dispatch({step.step: 1000 for step in steps if isinstance(step.plan, tuple)})
