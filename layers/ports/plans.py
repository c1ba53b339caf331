"""Plans in the status store: dry runs, files that are processed again, and their former records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from layers.domain.differences import Found
from layers.domain.file import File
from layers.domain.step import PlannedStep


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan as a worker needs it. `schema` is None if the dataset keeps its own, and `settings` has those that it does not
    keep: `reading`, `date_order`, `several`, `sure_from`. `sample` is None for all files."""

    plan_id: str
    tenant_id: str
    dataset_id: str
    state: str
    from_step: str
    schema: Mapping[str, Any] | None
    settings: Mapping[str, Any]
    chosen: Mapping[str, Any]
    sample: int | None
    found: Mapping[str, Any]
    outcome: Mapping[str, Any]
    shards: int


@dataclass(frozen=True, slots=True)
class SettledFile:
    """A file that was processed again, with what was found in it before and after."""

    file_id: str
    before: Found
    after: Found
    has_failed: bool


class PlanRow(NamedTuple):
    """A plan as the API shows it."""

    plan_id: UUID
    dataset_id: UUID
    state: str
    from_step: str
    schema: dict[str, Any] | None
    settings: dict[str, Any]
    chosen: dict[str, Any]
    sample: int | None
    former_version: int | None
    schema_version: int | None
    found: dict[str, Any]
    outcome: dict[str, Any]
    shards: int
    shards_done: list[int]
    created_at: datetime


class Plans(Protocol):
    """Plans, for workers. Raises StoreUnreachable."""

    def plan(self, plan_id: str) -> Plan | None: ...

    def count_chosen(self, plan: Plan) -> int:
        """How many files the plan chooses."""

    def chosen_files(self, plan: Plan, after: str, shard: int, shards: int, limit: int) -> list[str]:
        """The next files that the plan chooses, of one shard."""

    def id_range(self, dataset_id: str) -> tuple[str, str] | None:
        """The first and the last id of a dataset's files; None without files."""

    def file(self, file_id: str) -> File: ...

    def found_in_record(self, file_id: str) -> Found:
        """What extraction has found in a file."""

    def step_costs(self, tenant_id: str) -> Mapping[str, float]:
        """The mean seconds of an attempt at each step."""

    def save_dry_run(self, plan_id: str, found: Mapping[str, Any], *, ended: bool) -> None:
        """Save what the dry run has found so far."""

    def apply_schema(self, plan_id: str) -> None:
        """Give the dataset the plan's schema as a new version, and its settings; another call does nothing."""

    def process_again(
        self,
        plan_id: str,
        shard: int,
        file_id: str,
        steps: Sequence[str],
        earlier: Sequence[str],
        forgotten_sources: Sequence[str],
        planner: Callable[[File], list[PlannedStep]],
    ) -> str:
        """Keep a file's record and run its steps again. Returns `started`, `done` if that was done before, or
        `impossible`."""

    def ended_files(self, plan_id: str, shard: int, limit: int) -> list[SettledFile]:
        """Files whose processing has ended and that are not counted in the outcome yet."""

    def count_applying(self, plan_id: str, shard: int) -> int:
        """How many files of a shard are being processed."""

    def save_outcome(
        self, plan_id: str, shard: int, outcome: Mapping[str, Any], counted: Sequence[str], *, ended: bool
    ) -> bool:
        """Save what has changed in a shard so far, with the files that are counted now. Once all shards have ended, the
        plan is applied. Returns False, and saves nothing, if another worker has counted some of these files."""

    def restore_records(self, plan_id: str, limit: int) -> tuple[int, int]:
        """Restore the former records of the next files. Returns how many were restored, and how many are left."""

    def restore_schema(self, plan_id: str) -> None:
        """Give the dataset its former schema and settings back, unless they were changed since, and end the rollback."""


class PlanCatalog(Protocol):
    """The part of a request's transaction that concerns plans."""

    def create_plan(
        self,
        dataset_id: str,
        from_step: str,
        schema: Mapping[str, Any] | None,
        settings: Mapping[str, Any],
        chosen: Mapping[str, Any],
        sample: int | None,
    ) -> PlanRow | None:
        """The new plan; None if there is no such dataset."""

    def plan(self, plan_id: str, *, for_update: bool = False) -> PlanRow | None: ...

    def plans(self, dataset_id: str, after: str | None, limit: int) -> list[PlanRow]:
        """A page of a dataset's plans, newest first."""

    def change_plan(self, plan_id: str, state: str, shards: int) -> None:
        """Set a plan's state and the number of its shards."""

    def plan_job(self, plan_id: str, kind: str, shard: int) -> UUID | None:
        """The latest job of a kind for a shard of a plan that was not cancelled and has not failed."""

    def has_open_jobs(self, plan_id: str) -> bool: ...


class NoPlans:
    """Has no plans."""

    def plan(self, plan_id: str) -> Plan | None:
        return None

    def __getattr__(self, name: str) -> Any:
        raise NotImplementedError(name)
