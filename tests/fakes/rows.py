"""The rows of the store in memory, and the queries that all its parts use."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from layers.domain.fairness import Lanes
from layers.domain.file import File, PageSummary
from layers.domain.fleet import Registration
from layers.domain.lifecycle import FOLLOWS
from layers.domain.page import Extraction, Note, Page
from layers.domain.step import Artifact, State
from layers.ports import Claim

Key = tuple[str, str, int]  # (file_id, step, part)


@dataclass
class StepRow:
    """A part of a step. `since` is when it became ready or queued, when it is due, or when its lease expires.

    Refuses changes of state that `FOLLOWS` does not allow, except by `restart`, which is for redrives and for the undo of
    a removal.
    """

    state: State
    cost_estimate_s: float = 0.0
    page_numbers: tuple[int, ...] = ()
    attempt: int = 0
    failures: int = 0
    snoozes: int = 0
    losses: float = 0.0
    since: float = 0.0
    lease_id: str = ""
    owner: str = ""
    rides: bool = False
    error: tuple[str, str] | None = None
    redrives: int = 0
    stopped_from: State | None = None  # the state to which an undo restores it

    def __setattr__(self, name: str, value: object) -> None:
        before = self.__dict__.get("state")
        if name == "state" and before is not None and value != before:
            assert value in FOLLOWS[before], f"a step that is {before} became {value}"
        object.__setattr__(self, name, value)

    def restart(self, state: State) -> None:
        object.__setattr__(self, "state", state)


@dataclass
class FileRow:
    file: File
    upload_until: float
    announced_at: float
    weight: float = 1.0
    state: str = "uploading"
    removal_id: str | None = None
    pages: dict[int, Page] = field(default_factory=dict)
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    has_arrived: bool = False
    record: Extraction | None = None
    record_is_complete: bool = True
    windows: dict[tuple[str, int], Extraction] = field(default_factory=dict)
    notes: dict[tuple[str, int], tuple[Note, ...]] = field(default_factory=dict)
    used: list[dict[str, int]] = field(default_factory=list)
    error: tuple[str, str, str] | None = None
    attempts: list[tuple[str, int, int, str]] = field(default_factory=list)
    members: dict[int, str] = field(default_factory=dict)


class MemoryRows:
    """Files, steps and lanes. One lock replaces PostgreSQL's transactions: each method of the store is atomic."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.RLock()
        self._lanes: dict[str, Lanes] = {}
        self.files: dict[str, FileRow] = {}
        self.steps: dict[Key, StepRow] = {}
        self.tombstones: dict[str, str] = {}
        self.workers: dict[str, tuple[Registration, float]] = {}  # with the time of the last beat
        self.duties: dict[str, float] = {}  # when each was last taken

    def _ready(self, key: Key, row: StepRow) -> None:
        of = self.files[key[0]]
        row.state, row.since = State.READY, self._now()
        self.steps[key] = row
        lanes = self._lanes.setdefault(key[1], Lanes())
        lanes.ready(of.file.tenant_id, of.file.batch_id, f"{key[0]}:{key[2]}", row.cost_estimate_s, of.weight)

    def _held(self, claim: Claim) -> StepRow | None:
        row = self.steps.get((claim.file.file_id, claim.step, claim.part))
        return row if row and row.state == State.RUNNING and row.lease_id == claim.lease_id else None

    def _rows_of(self, claim: Claim) -> list[StepRow]:
        return [row for key, row in self.steps.items() if key[:2] == (claim.file.file_id, claim.step)]

    def _claims(self, chosen: Callable[[StepRow], bool]) -> list[Claim]:
        with self._lock:
            return [self._claim(key) for key, row in self.steps.items() if row.state == State.RUNNING and chosen(row)]

    def _claim(self, key: Key) -> Claim:
        row = self.steps[key]
        parts = sum(other[:2] == key[:2] for other in self.steps)
        facts = self._facts(self.files[key[0]])
        file = replace(facts, page_numbers=row.page_numbers, part=key[2], part_count=parts, redrives=row.redrives)
        return Claim(
            file,
            key[1],
            key[2],
            row.attempt,
            row.lease_id,
            row.failures,
            row.cost_estimate_s,
            row.snoozes,
            row.losses,
            row.owner,
        )

    def _facts(self, of: FileRow) -> File:
        failed = {key[1]: row.error for key, row in self.steps.items() if key[0] == of.file.file_id and row.error}
        pages = tuple(
            PageSummary(page.number, page.source, page.confidence, len(page.text.encode()))
            for _, page in sorted(of.pages.items())
        )
        notes = tuple(note for _, some in sorted(of.notes.items()) for note in some)
        text = of.artifacts.get("text")
        return replace(
            of.file,
            pages=pages,
            failures=failed,
            notes=notes,
            record_is_complete=of.record_is_complete,
            text_sha256=text.sha256 if text else None,
            waiting=frozenset(
                key[1] for key, row in self.steps.items() if key[0] == of.file.file_id and row.state == State.WAITING
            ),
        )
